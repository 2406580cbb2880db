"""What the real cluster executes in these tests; each leaves marks in a file."""

import os
import signal
import time
from pathlib import Path

import httpx
from django.db import transaction
from django.utils import timezone

from sync import connections
from sync.models import OutboxMessage
from sync.services import deliveries, work


def mark(*, path: str, text: str) -> None:
    """One whole line in one write, so that lines of several workers do not mix."""
    with Path(path).open("a") as file:
        file.write(f"{text}\n")


def mark_pid(*, path: str, seconds: float = 0.0) -> None:
    mark(path=path, text=f"began {os.getpid()}")
    time.sleep(seconds)
    mark(path=path, text="ended")


def work_until_empty(*, path: str, seconds: float = 0.0) -> None:
    """Claim, call, record as every lane does; the far side is the file."""
    lane = OutboxMessage.Lane.MARKETPLACER
    while True:
        lease, rows = work.claim(
            deliveries.due(lane),
            at=timezone.now(),
            limit=1,
            state=OutboxMessage.State.IN_FLIGHT,
        )
        if not rows:
            return
        mark(path=path, text=f"{rows[0].key} {os.getpid()}")
        time.sleep(seconds)
        with transaction.atomic():
            for row in work.hold(OutboxMessage, lease=lease, pks=[rows[0].pk]):
                row.state = OutboxMessage.State.DELIVERED
                work.release([row], at=timezone.now())
                row.save()


class Deadly:
    """A marketplace whose answer about one order ends whoever hears it."""

    def __init__(self, path: str) -> None:
        self.path = path

    def set_external_id(self, *, owner: str, **_: str) -> None:
        mark(path=self.path, text=f"{owner} {os.getpid()}")
        if owner == "poison":
            os.kill(os.getpid(), signal.SIGKILL)


def deliver_to_the_deadly(*, path: str) -> None:
    """The product's own lane, with such a marketplace at its end."""
    connections._marketplacer = lambda: Deadly(path)
    deliveries.deliver(lane=OutboxMessage.Lane.MARKETPLACER, clock=timezone.now)


def look_around(*, url: str) -> None:
    """One statement and one call."""
    OutboxMessage.objects.exists()
    httpx.get(url)
