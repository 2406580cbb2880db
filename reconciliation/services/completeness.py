"""Completeness per day and seller: orders at Marketplacer are booked, on their way, or named.

Both sides are asked by `sync.services.sweeping`; here their answers meet our mirror in one
statement, the sums are stored, and each order that is unaccounted for gets a case.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from mapping.models import Seller
from mkterp.core.models import AccountingPeriod
from mkterp.core.money import Money, digits, from_minor
from reconciliation.models import CompletenessStatement
from reconciliation.services.calendar import company_day
from sync.domain.cases import CaseKind
from sync.models import DaySweep, ExceptionCase, Invoice
from sync.services import cases, sweeping
from sync.services.cases import Cause

# Days are asked for again this long: late payments and deliveries move orders for a while.
AGAIN = timedelta(days=7)

_ROWS = """
WITH ours AS (
    SELECT i.marketplacer_id, i.state, i.seller_id, s.marketplacer_id AS seller_key, i.currency,
           (i.gross * %(factor)s)::bigint AS gross_minor, e.booked_at IS NOT NULL AS booked,
           i.id, i.legacy_id
      FROM sync_invoice i
      LEFT JOIN mapping_seller s ON s.id = i.seller_id
      LEFT JOIN sync_erpdocument e ON e.invoice_id = i.id
     WHERE i.placed_at >= %(start)s AND i.placed_at < %(end)s
), sides AS (
    SELECT coalesce(w.marketplacer_id, o.marketplacer_id) AS marketplacer_id,
           coalesce(o.seller_key, w.seller_key, '') AS seller_key,
           coalesce(o.currency, w.currency) AS currency,
           coalesce(w.gross_minor, o.gross_minor, 0) AS gross_minor,
           w.gross_minor AS theirs_minor, o.gross_minor AS ours_minor,
           o.id, o.legacy_id,
           CASE
               WHEN o.id IS NULL THEN 'not here'
               WHEN NOT coalesce(w.at_marketplacer, false) THEN 'not there'
               WHEN w.gross_minor <> o.gross_minor THEN 'other money'
               WHEN o.state = 'CANCELLED' THEN 'cancelled'
               WHEN w.erp_phase IN ('', 'draft', 'quoted', 'cancelled') AND o.state = 'POSTED'
                   THEN 'not in the ERP'
               WHEN w.erp_phase IN ('accepted', 'booked')
                    AND o.state NOT IN ('POSTED', 'QUEUED', 'FAILED') THEN 'only in the ERP'
               WHEN o.state = 'POSTED' AND (w.erp_phase = 'booked' OR o.booked) THEN 'booked'
               WHEN o.state = 'POSTED' THEN 'accepted'
               WHEN o.state = 'QUEUED' THEN 'moving'
               WHEN o.state = 'WAITING' THEN 'unpaid'
               WHEN o.state = 'HISTORIC' THEN 'historic'
               ELSE 'parked'
           END AS place
      FROM ours o
      FULL JOIN (SELECT * FROM sync_sweptorder WHERE day = %(day)s) w
        ON w.marketplacer_id = o.marketplacer_id
)
"""
_SUMS = f"""{_ROWS}
SELECT seller_key, currency, place, count(*), sum(gross_minor) FROM sides GROUP BY 1, 2, 3
"""
_GAPS = f"""{_ROWS}
SELECT marketplacer_id, id, legacy_id, place, theirs_minor, ours_minor, currency FROM sides
 WHERE place = ANY(%(gaps)s) ORDER BY marketplacer_id LIMIT 500
"""
_ONE = f"""{_ROWS}
SELECT place, theirs_minor, ours_minor, currency FROM sides WHERE marketplacer_id = %(key)s
"""
GAPS = {
    "not here": "is at Marketplacer, and we never took it in.",
    "not there": "is here, and Marketplacer does not list it.",
    "other money": "has another total at Marketplacer than here.",
    "not in the ERP": "counts as posted here, and the ERP does not hold it.",
    "only in the ERP": "is in the ERP, and does not count as posted here.",
}
PLACES = ("booked", "accepted", "moving", "parked", "unpaid", "cancelled", "historic")


@dataclass(frozen=True)
class Gap:
    """One order that is unaccounted for."""

    key: str
    invoice: int | None
    number: str
    place: str
    stake: cases.Stake


def sweep(*, clock: Callable[[], datetime]) -> int:
    """Ask for each day that is over and has to be asked for today; returns how many.

    The nightly proof. A day is asked for daily for a week; after that while it was never asked for
    or has a gap, as long as its period is not closed: the close wants an answer for every day.
    Stops at the first day that a side does not answer for.
    """
    today, done = company_day(clock()), 0
    week_ago = today - AGAIN
    day = max(company_day(settings.GO_LIVE_AT), min(week_ago, _first_open_day() or week_ago))
    asked = dict(DaySweep.objects.filter(day__gte=day).values_list("day", "asked_at"))
    gaps = set(
        CompletenessStatement.objects.filter(day__gte=day, gaps__gt=0).values_list("day", flat=True)
    )
    while day < today:
        last = asked.get(day)
        again = day >= week_ago or day in gaps
        if last is None or (again and company_day(last) < today):
            if not state(day=day, clock=clock):
                return done
            done += 1
        day += timedelta(days=1)
    return done


def _first_open_day() -> date | None:
    """The first day of the oldest period that is not closed."""
    waiting = AccountingPeriod.objects.exclude(state=AccountingPeriod.State.CLOSED)
    return waiting.order_by("start").values_list("start", flat=True).first()


def state(*, day: date, clock: Callable[[], datetime]) -> list[CompletenessStatement]:
    """Ask both sides for a day and state what it amounts to; empty when a side did not answer."""
    if sweeping.ask(day=day, clock=clock) is None:
        return []
    return restate(day=day, at=clock())


@transaction.atomic
def restate(*, day: date, at: datetime) -> list[CompletenessStatement]:
    """State a day anew from the last answers; its gaps open cases, closed gaps resolve them.

    A second run changes nothing but the time.
    """
    asked = DaySweep.objects.select_for_update(no_key=True).get(day=day).asked_at
    values = _values(day)
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, values)
        sums = cursor.fetchall()
        cursor.execute(_GAPS, {**values, "gaps": list(GAPS)})
        gaps = [
            Gap(
                key,
                invoice,
                f"INV-{number}" if number else key,
                place,
                cases.Stake(_at_stake(place, theirs or 0, ours or 0), currency),
            )
            for key, invoice, number, place, theirs, ours, currency in cursor.fetchall()
        ]
    rows = _statements(day, sums, asked)
    if not rows:  # a day without orders is stated too
        rows = [CompletenessStatement(day=day, currency=settings.COMPANY_CURRENCY, asked_at=asked)]
    CompletenessStatement.objects.filter(day=day).delete()
    CompletenessStatement.objects.bulk_create(rows)
    _tell(day, gaps, at)
    return rows


def _values(day: date) -> dict[str, Any]:
    start, end = sweeping.bounds(day)
    factor = 10 ** digits(settings.COMPANY_CURRENCY)
    return {"day": day, "start": start, "end": end, "factor": factor}


def _at_stake(place: str, theirs: int, ours: int) -> int:
    """By how much the sides differ over an order: its whole sum where one of them lacks it."""
    return abs(theirs - ours) if place == "other money" else max(theirs, ours)


def _statements(
    day: date, sums: Sequence[tuple[str, str, str, int, int]], asked: datetime
) -> list[CompletenessStatement]:
    sellers = Seller.objects.in_bulk({row[0] for row in sums}, field_name="marketplacer_id")
    rows: dict[tuple[str, str], CompletenessStatement] = {}
    for key, currency, place, many, minor in sums:
        row = rows.setdefault(
            (key, currency),
            CompletenessStatement(
                day=day,
                seller=sellers.get(key),
                seller_key=key,
                currency=currency,
                asked_at=asked,
            ),
        )
        name = place if place in PLACES else "gaps"
        for field in (name, "orders"):
            setattr(row, field, getattr(row, field) + many)
            setattr(row, f"{field}_minor", getattr(row, f"{field}_minor") + int(minor))
    return [rows[key] for key in sorted(rows)]


def _tell(day: date, gaps: Sequence[Gap], at: datetime) -> None:
    known = dict(
        ExceptionCase.objects.filter(
            kind=CaseKind.COMPLETENESS_GAP, state=ExceptionCase.State.OPEN
        ).values_list("key", "pk")
    )
    stakes = {f"gap:{day}:{gap.key}": gap.stake for gap in gaps}
    cases.put_at_stake(
        stakes={known[key]: stake for key, stake in stakes.items() if key in known}, at=at
    )
    opened = cases.open_cases(
        causes=[
            Cause(
                CaseKind.COMPLETENESS_GAP,
                f"gap:{day}:{gap.key}",
                f"{gap.number} of {day:%d %b %Y} {GAPS[gap.place]}",
                stake=gap.stake,
            )
            for gap in gaps
            if f"gap:{day}:{gap.key}" not in known
        ],
        at=at,
    )
    through = Invoice.cases.through
    through.objects.bulk_create(
        [
            through(
                invoice_id=gap.invoice,
                exceptioncase_id=opened[CaseKind.COMPLETENESS_GAP, f"gap:{day}:{gap.key}"].pk,
            )
            for gap in gaps
            if gap.invoice and (CaseKind.COMPLETENESS_GAP, f"gap:{day}:{gap.key}") in opened
        ],
        ignore_conflicts=True,
    )
    for case in ExceptionCase.objects.filter(
        kind=CaseKind.COMPLETENESS_GAP,
        key__startswith=f"gap:{day}:",
        state=ExceptionCase.State.OPEN,
    ).exclude(key__in=list(stakes)):
        proof = _accounted(day, case.key.removeprefix(f"gap:{day}:"))
        cases.resolve(case=case, resolution="Both sides account for it.", at=at, proof=proof)


def _accounted(day: date, key: str) -> dict[str, str]:
    """Where an order is now and what it amounts to on either side, as the sides answered."""
    with connection.cursor() as cursor:
        cursor.execute(_ONE, {**_values(day), "key": key})
        found = cursor.fetchone()
    if found is None:
        return {"orders under its key": "0"}
    place, theirs, ours, currency = found
    sums = {"at Marketplacer": theirs, "here": ours}
    return {"it is": place} | {
        name: str(Money(from_minor(minor, currency), currency))
        for name, minor in sums.items()
        if minor is not None
    }
