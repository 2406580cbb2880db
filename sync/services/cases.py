"""Exception cases: opened once per cause, counted up, resolved when the cause is gone.

What people do with an open one (take, snooze, comment) is in `sync.services.case_desk`.
"""

import functools
import operator
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from mapping.models import Listing, Seller
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from sync.domain.cases import CaseKind
from sync.domain.priority import due_at, service_levels
from sync.models import ExceptionCase, Invoice
from sync.services import notices, weighing


@dataclass(frozen=True)
class Stake:
    """By how much two sides differ: a sum without a sign, of one currency."""

    minor: int
    currency: str


@dataclass(frozen=True)
class Cause:
    kind: CaseKind
    key: str
    sentence: str
    quote: str = ""
    listing: Listing | None = None
    seller: Seller | None = None
    stake: Stake | None = None  # None: nothing is said about it, and what was said before stays


def open_case(*, cause: Cause, at: datetime) -> ExceptionCase:
    """The open case for this cause: the one there is, counted up, or a new one.

    A cause that comes back after its case was closed gets a new case that points at the old one.
    """
    return open_cases(causes=[cause], at=at)[cause.kind, cause.key]


def hold(*, invoice: Invoice, case: ExceptionCase) -> None:
    """The order shows this case, and waits for it unless it is posted already."""
    invoice.cases.add(case)
    weigh_first(held_by=[case], at=case.last_seen_at)


def weigh_first(*, held_by: Iterable[ExceptionCase], at: datetime) -> None:
    """A case weighs from its first order on; what further ones add is weighed within the minute."""
    fresh = [case.pk for case in held_by if not case.held_orders]
    if fresh:
        weighing.weigh(at=at, case_pks=fresh)


@transaction.atomic
def open_cases(
    *, causes: Iterable[Cause], at: datetime
) -> Mapping[tuple[CaseKind, str], ExceptionCase]:
    """`open_case` for many causes at once, in a number of queries that does not grow with them."""
    wanted = {(cause.kind, cause.key): cause for cause in causes}
    found = _open(wanted)
    new: list[ExceptionCase] = []
    while missing := {identity: wanted[identity] for identity in wanted if identity not in found}:
        try:
            with transaction.atomic():
                new = ExceptionCase.objects.bulk_create(_new(missing, at))
        except IntegrityError:  # another worker opened one of them this instant
            theirs = _open(missing)
            if not theirs:
                raise
            found |= theirs
        else:
            break
    _count_up(found, wanted, at)
    if new:
        weighing.weigh(at=at, case_pks=[case.pk for case in new])
        notices.announce(news=map(notices.opened, new), at=at)
    return found | _by_identity(new)


def _by_identity(
    found: Iterable[ExceptionCase],
) -> dict[tuple[CaseKind, str], ExceptionCase]:
    return {(CaseKind(case.kind), case.key): case for case in found}


def _of(identities: Iterable[tuple[CaseKind, str]]) -> QuerySet[ExceptionCase]:
    """Cases of these causes, and of no other that shares a key or a kind with them."""
    keys: dict[CaseKind, list[str]] = {}
    for kind, key in identities:
        keys.setdefault(kind, []).append(key)
    return ExceptionCase.objects.filter(
        functools.reduce(operator.or_, (Q(kind=kind, key__in=keys[kind]) for kind in keys), Q())
    )


def _open(
    identities: Collection[tuple[CaseKind, str]],
) -> dict[tuple[CaseKind, str], ExceptionCase]:
    """The open cases among these, at most one each (case_one_open_per_cause), locked.

    In one order everywhere, so that two workers cannot lock two cases crosswise.
    """
    if not identities:
        return {}
    there = _of(identities).filter(state=ExceptionCase.State.OPEN).order_by("kind", "key")
    return _by_identity(there.select_for_update(no_key=True, of=("self",)))


def _count_up(
    found: Mapping[tuple[CaseKind, str], ExceptionCase],
    wanted: Mapping[tuple[CaseKind, str], Cause],
    at: datetime,
) -> None:
    ExceptionCase.objects.filter(pk__in=[case.pk for case in found.values()]).update(
        occurrences=F("occurrences") + 1, last_seen_at=at
    )
    retold = [case for identity, case in found.items() if case.cause != wanted[identity].sentence]
    for case in retold:
        case.cause = wanted[CaseKind(case.kind), case.key].sentence
    ExceptionCase.objects.bulk_update(retold, ["cause"])
    _put(
        {
            case: stake
            for identity, case in found.items()
            if (stake := wanted[identity].stake) is not None
        },
        at,
    )


@transaction.atomic
def put_at_stake(*, stakes: Mapping[int, Stake], at: datetime) -> int:
    """Say by how much the two sides differ now, of open cases by their ids; no new occurrence.

    Returns how many differ by another sum than before; a second run changes none. A case that was
    closed meanwhile stays as it is.
    """
    there = ExceptionCase.objects.filter(pk__in=stakes, state=ExceptionCase.State.OPEN)
    said = there.values_list("pk", "at_stake_minor", "at_stake_currency")
    # Most have not changed since the last run: those are neither locked nor read whole.
    news = [pk for pk, minor, currency in said if Stake(minor, currency) != stakes[pk]]
    locked = there.filter(pk__in=news).order_by("kind", "key")
    rows = locked.select_for_update(no_key=True, of=("self",)) if news else ()
    return _put({case: stakes[case.pk] for case in rows}, at)


def _put(stakes: Mapping[ExceptionCase, Stake], at: datetime) -> int:
    changed = [
        case
        for case, stake in stakes.items()
        if (case.at_stake_minor, case.at_stake_currency) != (stake.minor, stake.currency)
    ]
    for case in changed:
        case.at_stake_minor = stakes[case].minor
        case.at_stake_currency = stakes[case].currency
    if changed:
        fields = ["at_stake_minor", "at_stake_currency"]
        ExceptionCase.objects.bulk_update(changed, fields, batch_size=500)
        weighing.weigh(at=at, case_pks=[case.pk for case in changed])
    return len(changed)


def _new(causes: Mapping[tuple[CaseKind, str], Cause], at: datetime) -> list[ExceptionCase]:
    earlier = _of(causes).order_by("kind", "key", "-id").distinct("kind", "key")
    previous = _by_identity(earlier)
    levels = service_levels(settings.SERVICE_LEVEL_HOURS)
    return [
        ExceptionCase(
            kind=cause.kind,
            key=cause.key,
            cause=cause.sentence,
            quote=cause.quote,
            opened_at=at,
            last_seen_at=at,
            previous=previous.get(identity),
            listing=cause.listing,
            seller=cause.seller,
            at_stake_minor=cause.stake.minor if cause.stake else 0,
            at_stake_currency=cause.stake.currency if cause.stake else "",
            due_at=due_at(cause.kind, at, levels),
        )
        for identity, cause in sorted(causes.items(), key=lambda known: known[0])
    ]


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
    locked = ExceptionCase.objects.select_for_update(no_key=True, of=("self",)).get(pk=case.pk)
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
    locked = ExceptionCase.objects.select_for_update(no_key=True, of=("self",)).get(pk=case.pk)
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
