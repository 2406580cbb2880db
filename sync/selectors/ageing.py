"""How long exceptions stand and how fast they are fixed, in figures."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from mkterp.core.money import from_minor
from mkterp.core.screens.words import age_text
from sync.domain.cases import KINDS, CaseKind
from sync.models import ExceptionCase

State = ExceptionCase.State


def open_by_kind() -> list[dict[str, Any]]:
    """`kind`, `many`, `money` (held, as last weighed), `late` (escalated), `oldest`, and
    `at_stake`: by how much the two sides differ, [(currency, amount)], no part of the money held.
    """
    rows: Any = (
        ExceptionCase.objects.filter(state=State.OPEN)
        .order_by()
        .values("kind", "at_stake_currency")
        .annotate(
            many=Count("pk"),
            money=Sum("held_money"),
            late=Count("pk", filter=Q(escalated_at__isnull=False)),
            oldest=Min("opened_at"),
            minor=Sum("at_stake_minor"),
        )
        .order_by("kind", "at_stake_currency")
    )
    kinds: dict[str, dict[str, Any]] = {}
    for row in rows:
        currency, minor = row.pop("at_stake_currency"), int(row.pop("minor"))
        known = kinds.setdefault(row["kind"], {**row, "many": 0, "money": 0, "late": 0})
        for name in ("many", "money", "late"):
            known[name] += row[name]
        known["oldest"] = min(known["oldest"], row["oldest"])
        sums = known.setdefault("at_stake", [])
        if minor:
            sums.append((currency, from_minor(minor, currency)))
    return sorted(kinds.values(), key=lambda row: (-row["money"], -row["many"], row["kind"]))


def closed_counts() -> dict[str, int]:
    """How many cases were ever resolved and dismissed."""
    rows = ExceptionCase.objects.exclude(state=State.OPEN).order_by().values_list("state")
    return dict(rows.annotate(many=Count("pk")))


@dataclass(frozen=True)
class TimeToFix:
    """One kind's cases that were closed in a span: how many, how fast, and how many in time."""

    kind: str
    label: str
    closed: int
    by_itself: int  # the system saw that the cause was gone
    median: timedelta
    slowest: timedelta  # of nine in ten
    in_time: int

    @property
    def median_text(self) -> str:
        return _span(self.median)

    @property
    def slowest_text(self) -> str:
        return _span(self.slowest)

    @property
    def in_time_percent(self) -> int:
        return round(100 * self.in_time / self.closed)


def _span(span: timedelta) -> str:
    """ "41 s", "38 min", "3 h", "2 d": as ages are written everywhere."""
    return age_text(EPOCH, EPOCH + span)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_TO_FIX = """
SELECT kind, count(*), count(*) FILTER (WHERE closed_by_id IS NULL),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY closed_at - opened_at),
       percentile_cont(0.9) WITHIN GROUP (ORDER BY closed_at - opened_at),
       count(*) FILTER (WHERE due_at IS NULL OR closed_at <= due_at)
  FROM sync_exceptioncase
 WHERE closed_at >= %s AND state <> 'OPEN'
 GROUP BY kind ORDER BY count(*) DESC, kind
"""


def time_to_fix(*, since: datetime) -> list[TimeToFix]:
    """By kind, the commonest first, of the cases closed since then."""
    with connection.cursor() as cursor:
        cursor.execute(_TIME_TO_FIX, [since])
        rows = cursor.fetchall()
    return [TimeToFix(kind, KINDS[CaseKind(kind)].label, *rest) for kind, *rest in rows]


def ageing(*, at: datetime) -> list[tuple[str, int]]:
    """How many open cases have stood how long: under an hour, a day, three, a week, longer."""
    edges = (
        ("under 1 h", timedelta(hours=1)),
        ("1 to 24 h", timedelta(days=1)),
        ("1 to 3 d", timedelta(days=3)),
        ("3 to 7 d", timedelta(days=7)),
    )
    bands: dict[str, Q] = {}
    newest = at
    for label, age in edges:
        bands[label] = Q(opened_at__gt=at - age, opened_at__lte=newest)
        newest = at - age
    bands["over 7 d"] = Q(opened_at__lte=newest)
    rows = ExceptionCase.objects.filter(state=State.OPEN).order_by()
    found = rows.aggregate(
        **{f"band{n}": Count("pk", filter=band) for n, band in enumerate(bands.values())}
    )
    return [(label, found[f"band{n}"]) for n, label in enumerate(bands)]


def opened_and_closed(*, at: datetime, days: int) -> list[tuple[date, int, int]]:
    """Each day's opened and closed cases, in the company's time zone, oldest first."""
    return came_and_went(ExceptionCase.objects.all(), "opened_at", "closed_at", at=at, days=days)


def came_and_went(
    rows: QuerySet[Any], came: str, went: str, *, at: datetime, days: int
) -> list[tuple[date, int, int]]:
    """How many rows have either moment on each day of the company's, today the last one."""
    zone = settings.COMPANY_TIME_ZONE
    today = at.astimezone(zone).date()
    every = [today - timedelta(days=days - 1 - n) for n in range(days)]
    start = datetime(every[0].year, every[0].month, every[0].day, tzinfo=zone)
    counts = {}
    for field in (came, went):
        counts[field] = dict(
            rows.filter(**{f"{field}__gte": start})
            .order_by()
            .annotate(its_day=TruncDate(F(field), tzinfo=zone))
            .values_list("its_day")
            .annotate(many=Count("pk"))
        )
    return [(day, counts[came].get(day, 0), counts[went].get(day, 0)) for day in every]
