"""Alarms that health raises by itself: a feed that misses its runs, webhooks that fell silent.

They are cases like any other: one for each cause, and gone by themselves with the proof.
"""

from datetime import datetime, timedelta

from django.db import transaction

from sync import selectors
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase, TaskRun
from sync.selectors.evidence import MISSED
from sync.services import cases
from sync.services.cases import Cause

# The task that watches; after a longer pause than this everything looks late at once.
WATCH, NAP = "sync.tasks.tend_cases", timedelta(minutes=4)


@transaction.atomic
def watch(*, at: datetime) -> None:
    """Open a case for each alarm, once; resolve those whose cause is gone.

    Runs in a worker: what no worker is left to do, the health page says by itself.
    """
    _missed_runs(at)
    _silent_webhooks(at)


def _missed_runs(at: datetime) -> None:
    open_keys = _open(CaseKind.MISSED_RUN)
    # While nothing ran, nobody was told; now everything is about to run, and little stays late.
    awake = not _slept(at)
    for feed in [*selectors.feeds(at=at), *selectors.tasks(at=at)]:
        key = f"late:{feed.name}"
        if feed.state == "late" and key not in open_keys:
            if awake:
                cases.open_case(cause=Cause(CaseKind.MISSED_RUN, key, _told(feed)), at=at)
        elif feed.state != "late" and key in open_keys:
            proof = (
                {"last got through": f"{feed.succeeded_at:%d %b %H:%M:%S} UTC"}
                | {f"read {what}": str(many) for what, many in feed.counts.items()}
                if feed.succeeded_at
                else {"state": feed.state}
            )
            cases.resolve(
                case=open_keys[key], resolution=f"It is {feed.state} again.", at=at, proof=proof
            )


def _told(feed: selectors.FeedHealth) -> str:
    since = f"since {feed.succeeded_at:%d %b %H:%M} UTC" if feed.succeeded_at else "ever"
    if feed.minutes and feed.words == MISSED:
        return f"“{feed.label}” has not got through {since}; it runs every {feed.minutes} min."
    return f"“{feed.label}” is late: {feed.words}."


def _slept(at: datetime) -> bool:
    """Whether this watch itself has not run for a while: then no worker did anything."""
    return TaskRun.objects.filter(task=WATCH, succeeded_at__lt=at - NAP).exists()


def _silent_webhooks(at: datetime) -> None:
    open_keys = _open(CaseKind.WEBHOOK_SILENT)
    silence = selectors.webhook_silence(at=at)
    case = open_keys.get("webhooks")
    if silence is not None and case is None:
        text = (
            f"The last webhook came {silence.heard_at:%d %b %H:%M} UTC; since then reading "
            f"brought news that none announced."
        )
        cases.open_case(cause=Cause(CaseKind.WEBHOOK_SILENT, "webhooks", text), at=at)
    elif silence is None and case is not None:
        heard = selectors.last_webhook()
        proof = {"last webhook": f"{heard.received_at:%d %b %H:%M:%S} UTC"} if heard else {}
        cases.resolve(case=case, resolution="Webhooks come again.", at=at, proof=proof)


def _open(kind: CaseKind) -> dict[str, ExceptionCase]:
    found = ExceptionCase.objects.filter(kind=kind, state=ExceptionCase.State.OPEN)
    return {case.key: case for case in found.order_by("pk")}
