"""Exception cases: opened once per cause, counted up, resolved when the cause is gone.

What people do with an open one (take, snooze, comment) is in `sync.services.case_desk`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from mapping.models import Listing, Seller
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from sync.domain.cases import CaseKind
from sync.domain.priority import due_at, service_levels
from sync.models import ExceptionCase, Invoice
from sync.services import notices, weighing


@dataclass(frozen=True)
class Cause:
    kind: CaseKind
    key: str
    sentence: str
    quote: str = ""
    listing: Listing | None = None
    seller: Seller | None = None


def open_case(*, cause: Cause, at: datetime) -> ExceptionCase:
    """The open case for this cause: the one there is, counted up, or a new one.

    A cause that comes back after its case was closed gets a new case that points at the old one.
    """
    return open_cases(causes=[cause], at=at)[cause.kind, cause.key]


@transaction.atomic
def open_cases(
    *, causes: Iterable[Cause], at: datetime
) -> Mapping[tuple[CaseKind, str], ExceptionCase]:
    """`open_case` for many causes at once, in a fixed number of queries for those that exist."""
    wanted = {(cause.kind, cause.key): cause for cause in causes}
    found: dict[tuple[CaseKind, str], ExceptionCase] = {}
    new: list[int] = []
    # In one order everywhere, so that two workers cannot lock two cases crosswise.
    for identity in sorted(wanted):
        cause = wanted[identity]
        case = _existing(cause)
        if case is None:
            try:
                with transaction.atomic():
                    case = _new(cause, at)
                new.append(case.pk)
            except IntegrityError:  # another worker opened it this instant
                case = _existing(cause)
                if case is None:
                    raise
        else:
            ExceptionCase.objects.filter(pk=case.pk).update(
                occurrences=F("occurrences") + 1, last_seen_at=at, cause=cause.sentence
            )
        found[identity] = case
    if new:
        weighing.weigh(at=at, case_pks=new)
        fresh = [case for case in found.values() if case.pk in new]
        notices.announce(news=map(notices.opened, fresh), at=at)
    return found


def _existing(cause: Cause) -> ExceptionCase | None:
    return (
        ExceptionCase.objects.select_for_update(of=("self",))
        .filter(kind=cause.kind, key=cause.key, state=ExceptionCase.State.OPEN)
        .first()  # at most one: case_one_open_per_cause
    )


def _new(cause: Cause, at: datetime) -> ExceptionCase:
    previous = ExceptionCase.objects.filter(kind=cause.kind, key=cause.key).order_by("-id").first()
    return ExceptionCase.objects.create(
        kind=cause.kind,
        key=cause.key,
        cause=cause.sentence,
        quote=cause.quote,
        opened_at=at,
        last_seen_at=at,
        previous=previous,
        listing=cause.listing,
        seller=cause.seller,
        due_at=due_at(cause.kind, at, service_levels(settings.SERVICE_LEVEL_HOURS)),
    )


@transaction.atomic
def resolve(
    *,
    case: ExceptionCase,
    resolution: str,
    at: datetime,
    by: User | None = None,
    proof: Mapping[str, str] | None = None,
) -> ExceptionCase:
    """Close a case whose cause is gone; resolving a closed case changes nothing.

    `proof` is what was seen instead of the cause, by name, in words for people. Without one it is
    what every case shows: that it holds up nothing any more, counted now.
    """
    locked = ExceptionCase.objects.select_for_update(of=("self",)).get(pk=case.pk)
    if locked.state == ExceptionCase.State.OPEN:
        _close(locked, ExceptionCase.State.RESOLVED, resolution, at, by, proof)
    return locked


@transaction.atomic
def dismiss(*, case: ExceptionCase, by: User, at: datetime, reason: str) -> ExceptionCase:
    """A person closes a case although its cause may still stand; the documents stay as they are.

    Refused when it still blocks orders: dismissing would hide them, not help them.
    """
    if not reason.strip():
        raise Refused("Say why this case is dismissed.")
    locked = ExceptionCase.objects.select_for_update(of=("self",)).get(pk=case.pk)
    if locked.state != ExceptionCase.State.OPEN:
        raise Refused(f"{locked} is already {locked.get_state_display()}.")
    blocked = _still_held(locked)
    if blocked:
        raise Refused(f"{locked} still blocks {blocked} orders; put the cause right instead.")
    _close(locked, ExceptionCase.State.DISMISSED, reason, at, by)
    return locked


def _still_held(case: ExceptionCase) -> int:
    done = [Invoice.State.POSTED, Invoice.State.CANCELLED]
    return Invoice.objects.filter(cases=case).exclude(state__in=done).count()


def _close(
    case: ExceptionCase,
    state: ExceptionCase.State,
    resolution: str,
    at: datetime,
    by: User | None,
    proof: Mapping[str, str] | None = None,
) -> None:
    case.state, case.resolution, case.closed_at, case.closed_by = state, resolution, at, by
    if state == ExceptionCase.State.RESOLVED:
        case.proof = dict(proof or {}) | {"orders still held": str(_still_held(case))}
    case.save(update_fields=["state", "resolution", "closed_at", "closed_by", "proof"])
    audit.record(
        action=f"case.{state.lower()}",
        subject=case,
        by=by,
        at=at,
        before={"state": "OPEN"},
        after={"state": state} | ({"proof": case.proof} if case.proof else {}),
        reason=resolution,
    )
