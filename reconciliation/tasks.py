"""What django-q2 runs: each task makes one service call.

Every task may run twice and at the same time as itself; the services see to that.
"""

from django.utils import timezone

from reconciliation.services import booking, calendar, close, comparing, completeness, runs
from sync.services import lanes


def match_settlement() -> None:
    lanes.awake(task=runs.TASK)
    runs.run(at=timezone.now())


def match_all_settlement() -> None:
    runs.run(at=timezone.now(), whole=True)


def book_settlement() -> None:
    booking.prepare(at=timezone.now())


def compare_documents() -> None:
    comparing.run(clock=timezone.now)


def sweep_days() -> None:
    completeness.sweep(clock=timezone.now)


def watch_close() -> None:
    calendar.extend(at=timezone.now())
    close.watch(clock=timezone.now)
