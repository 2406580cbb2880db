"""Exception cases: opened once per cause, counted up, resolved when the cause is gone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from mapping.models import Listing, Seller
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase, Invoice


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
    # In one order everywhere, so that two workers cannot lock two cases crosswise.
    for identity in sorted(wanted):
        cause = wanted[identity]
        case = _existing(cause)
        if case is None:
            try:
                with transaction.atomic():
                    case = _new(cause, at)
            except IntegrityError:  # another worker opened it this instant
                case = _existing(cause)
                if case is None:
                    raise
        else:
            ExceptionCase.objects.filter(pk=case.pk).update(
                occurrences=F("occurrences") + 1, last_seen_at=at, cause=cause.sentence
            )
        found[identity] = case
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
    )


@transaction.atomic
def resolve(
    *, case: ExceptionCase, resolution: str, at: datetime, by: User | None = None
) -> ExceptionCase:
    """Close a case whose cause is gone; resolving a closed case changes nothing."""
    locked = ExceptionCase.objects.select_for_update(of=("self",)).get(pk=case.pk)
    if locked.state == ExceptionCase.State.OPEN:
        _close(locked, ExceptionCase.State.RESOLVED, resolution, at, by)
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
    done = [Invoice.State.POSTED, Invoice.State.CANCELLED]
    blocked = Invoice.objects.filter(cases=locked).exclude(state__in=done).count()
    if blocked:
        raise Refused(f"{locked} still blocks {blocked} orders; put the cause right instead.")
    _close(locked, ExceptionCase.State.DISMISSED, reason, at, by)
    return locked


@transaction.atomic
def assign(*, case: ExceptionCase, by: User, at: datetime) -> ExceptionCase:
    """Take a case: it is yours from now on, whoever had it before."""
    locked = ExceptionCase.objects.select_for_update(of=("self",)).get(pk=case.pk)
    if locked.state != ExceptionCase.State.OPEN:
        raise Refused(f"{locked} is already {locked.get_state_display()}.")
    if locked.assigned_to_id != by.pk:
        before = {"assigned_to": locked.assigned_to_id}
        locked.assigned_to = by
        locked.save(update_fields=["assigned_to"])
        audit.record(
            action="case.assign",
            subject=locked,
            by=by,
            at=at,
            before=before,
            after={"assigned_to": by.pk},
        )
    return locked


def _close(
    case: ExceptionCase, state: ExceptionCase.State, resolution: str, at: datetime, by: User | None
) -> None:
    case.state, case.resolution, case.closed_at, case.closed_by = state, resolution, at, by
    case.save(update_fields=["state", "resolution", "closed_at", "closed_by"])
    audit.record(
        action=f"case.{state.lower()}",
        subject=case,
        by=by,
        at=at,
        before={"state": "OPEN"},
        after={"state": state},
        reason=resolution,
    )
