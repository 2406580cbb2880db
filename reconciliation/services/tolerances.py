"""Tolerances: what may differ without a person, set by finance from a day on."""

import re
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import AccountingPeriod, User
from reconciliation.models import DifferenceRule

About = DifferenceRule.About


@dataclass(frozen=True)
class Wanted:
    """A tolerance that somebody means to set, in whole minor units; from None: since ever."""

    about: str
    currency: str
    country: str
    base_minor: int
    per_line_minor: int
    books_tax: bool
    valid_from: date | None


@transaction.atomic
def set_tolerance(*, wanted: Wanted, by: User, at: datetime, reason: str) -> DifferenceRule:
    """This tolerance holds from its day on; the one before it for the same currency and country
    ends there. The next comparison judges every document by it again.

    Ones that were to begin later are taken away, and stay in the audit trail: the new one is the
    last word. Refused without a reason, when it is what holds already, and when it would reach
    into a period that is closed.
    """
    if not reason.strip():
        raise Refused("Say why the tolerance changes.")
    _fits(wanted)
    _leaves_closed_periods(wanted.valid_from)
    start = wanted.valid_from
    rows = DifferenceRule.objects.select_for_update(no_key=True, of=("self",)).filter(
        about=wanted.about, currency=wanted.currency, country=wanted.country
    )
    _changes_something(wanted, rows)
    before = [_told(row) for row in rows.order_by("pk")]
    replaced = rows if start is None else rows.filter(valid_from__gte=start)
    replaced.delete()
    if start is not None:
        rows.filter(Q(valid_until=None) | Q(valid_until__gt=start)).update(valid_until=start)
    row = DifferenceRule.objects.create(
        about=wanted.about,
        currency=wanted.currency,
        country=wanted.country,
        base_minor=wanted.base_minor,
        per_line_minor=wanted.per_line_minor,
        books_tax=wanted.books_tax,
        valid_from=start,
        reason=reason,
        set_by=by,
        set_at=at,
    )
    audit.record(
        action="tolerance.set", subject=row, by=by, at=at, reason=reason,
        before={"rules": before}, after=_told(row),
    )  # fmt: skip
    return row


def _fits(wanted: Wanted) -> None:
    if not re.fullmatch(r"[A-Z]{3}", wanted.currency):
        raise Refused(f"“{wanted.currency}” is no currency; write its three letters, like GBP.")
    if wanted.country and not re.fullmatch(r"[A-Z]{2}", wanted.country):
        raise Refused(f"“{wanted.country}” is no country; write its two letters, like GB.")
    if wanted.about == About.CLEARING and (wanted.country or wanted.per_line_minor):
        raise Refused("The clearing account has one balance: leave country and per line empty.")


def _leaves_closed_periods(start: date | None) -> None:
    closed = AccountingPeriod.objects.filter(state=AccountingPeriod.State.CLOSED)
    reached = (closed if start is None else closed.filter(end__gte=start)).order_by("-end").first()
    if reached is not None:
        raise Refused(
            f"{reached} is closed, and was judged by what held then. Let it begin after "
            f"{reached.end:%d %b %Y}."
        )


def _changes_something(wanted: Wanted, rows: "QuerySet[DifferenceRule]") -> None:
    current = rows.filter(valid_until=None).first()
    if current is None:
        return
    start, since = wanted.valid_from, current.valid_from
    same = (
        (current.base_minor, current.per_line_minor, current.books_tax)
        == (wanted.base_minor, wanted.per_line_minor, wanted.books_tax)
    )  # fmt: skip
    if same and (since is None or (start is not None and since <= start)):
        raise Refused("That is what holds already.")


def _told(row: DifferenceRule) -> dict[str, object]:
    return {
        "about": row.about,
        "currency": row.currency,
        "country": row.country,
        "base_minor": row.base_minor,
        "per_line_minor": row.per_line_minor,
        "books_tax": row.books_tax,
        "valid_from": row.valid_from.isoformat() if row.valid_from else None,
        "valid_until": row.valid_until.isoformat() if row.valid_until else None,
    }
