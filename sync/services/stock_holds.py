"""Held levels: a person releases or discards them, with a reason, and it stands in the audit."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase, ListingStock, StockHold
from sync.services import cases, stock_queue
from sync.services.cases import Cause

State = StockHold.State
CHUNK = 2000


def case_key(hold: StockHold) -> str:
    return f"hold:{hold.pk}"


@transaction.atomic
def opened(*, hold: StockHold, at: datetime) -> None:
    """A hold was opened: a case says so where people look first."""
    sentence = (
        f"{hold.listings} levels are held: {hold.get_kind_display()},"
        f" {hold.units} units less than shown."
    )
    cases.open_case(cause=Cause(CaseKind.STOCK_HELD, case_key(hold), sentence), at=at)


@transaction.atomic
def release(*, hold: StockHold, by: User, at: datetime, reason: str) -> int:
    """Tell the held levels after all, as they are now; returns how many were queued.

    A level that the ERP does not name is told as zero. Refused without a reason, or when the hold
    is closed already.
    """
    locked = _locked(hold, reason)
    held = list(
        ListingStock.objects.filter(hold=locked).order_by("pk").values_list("pk", flat=True)
    )
    ListingStock.objects.filter(hold=locked).update(
        hold=None, version=F("version") + 1, discarded=None
    )
    queued = sum(
        stock_queue.enqueue(listing_ids=held[start : start + CHUNK], at=at)
        for start in range(0, len(held), CHUNK)
    )
    _close(locked, State.RELEASED, by, at, reason, {"told": queued})
    return queued


@transaction.atomic
def discard(*, hold: StockHold, by: User, at: datetime, reason: str) -> int:
    """The ERP is wrong: do not tell these levels; returns how many listings that leaves as is.

    Each is compared afresh when the ERP names another level. Refused like `release`.
    """
    locked = _locked(hold, reason)
    held = ListingStock.objects.filter(hold=locked).update(
        hold=None, discarded=F("level"), due_at=None
    )
    _close(locked, State.DISCARDED, by, at, reason, {"left": held})
    return held


@transaction.atomic
def close_empty(*, at: datetime) -> int:
    """Holds that nothing hangs on any more: the levels came back by themselves."""
    closed = 0
    for hold in StockHold.objects.select_for_update(no_key=True, of=("self",)).filter(
        state=State.OPEN, held__isnull=True
    ):
        hold.state, hold.closed_at = State.GONE, at
        hold.save(update_fields=["state", "closed_at"])
        _resolve(hold, "The ERP names levels again that are not strange.", at, None)
        closed += 1
    return closed


def _locked(hold: StockHold, reason: str) -> StockHold:
    if not reason.strip():
        raise Refused("Say why.")
    locked = StockHold.objects.select_for_update(no_key=True, of=("self",)).get(pk=hold.pk)
    if locked.state != State.OPEN:
        raise Refused(f"{locked} is already {locked.get_state_display()}.")
    return locked


def _close(
    hold: StockHold, state: str, by: User, at: datetime, reason: str, after: dict[str, int]
) -> None:
    hold.state, hold.closed_at, hold.closed_by, hold.reason = state, at, by, reason
    hold.save(update_fields=["state", "closed_at", "closed_by", "reason"])
    audit.record(
        action=f"stockhold.{state.lower()}",
        subject=hold,
        by=by,
        at=at,
        before={"state": str(State.OPEN), "listings": hold.listings, "units": hold.units},
        after={"state": str(state), **after},
        reason=reason,
    )
    _resolve(hold, f"{hold.get_state_display().capitalize()}: {reason}", at, by)


def _resolve(hold: StockHold, resolution: str, at: datetime, by: User | None) -> None:
    for case in ExceptionCase.objects.filter(
        kind=CaseKind.STOCK_HELD, key=case_key(hold), state=ExceptionCase.State.OPEN
    ):
        cases.resolve(case=case, resolution=resolution, at=at, by=by)
