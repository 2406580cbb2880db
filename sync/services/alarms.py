"""Alarms that health raises by itself: a feed that misses its runs, webhooks that fell silent.

They are cases like any other: one for each cause, and gone by themselves with the proof.
"""

from datetime import datetime

from django.db import transaction

from sync import selectors
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase
from sync.services import cases
from sync.services.cases import Cause


@transaction.atomic
def watch(*, at: datetime) -> None:
    """Open a case for each alarm, once; resolve those whose cause is gone.

    Runs in a worker: what no worker is left to do, the health page says by itself.
    """
    _missed_runs(at)
    _silent_webhooks(at)


def _missed_runs(at: datetime) -> None:
    open_keys = _open(CaseKind.MISSED_RUN)
    for feed in selectors.feeds(at=at):
        key = f"late:{feed.name}"
        if feed.state == "late" and key not in open_keys:
            since = f"since {feed.succeeded_at:%d %b %H:%M} UTC" if feed.succeeded_at else "ever"
            text = f"“{feed.label}” has not got through {since}; it runs every {feed.minutes} min."
            cases.open_case(cause=Cause(CaseKind.MISSED_RUN, key, text), at=at)
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
