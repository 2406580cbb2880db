"""The figures that operations and finance follow over weeks, each chart one question."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from mkterp.overview.charts import Chart, chart
from mkterp.overview.standing import completed_days
from reconciliation.selectors import trends
from sync import selectors
from sync.domain.cases import KINDS, CaseKind

DAYS, PERIODS = 28, 12


@dataclass(frozen=True)
class Insight:
    charts: list[Chart]
    fixes: list[selectors.TimeToFix]
    standing: list[dict[str, Any]]  # open cases by kind, with label and money


def insight(*, at: datetime) -> Insight:
    """Four weeks back from now; a handful of grouped queries, none for each row."""
    days = completed_days(at=at)
    opened = selectors.opened_and_closed(at=at, days=DAYS)
    charts = [
        chart(
            "Are exceptions closed as fast as they open?",
            [("opened", "f-need"), ("closed", "f-done")],
            _by_day(opened),
        ),
        chart(
            "How old are the open exceptions?",
            [("open", "f-accent")],
            [(label, (many,)) for label, many in selectors.ageing(at=at)],
        ),
        chart(
            "Did each day’s orders reach the ERP?",
            [("in the ERP", "f-done"), ("wait for a person", "f-need"), ("on their way", "f-move")],
            [(f"{one.day:%d %b}", (one.posted, one.waiting, one.moving)) for one in days],
        ),
        chart(
            "Are differences with sellers, bank and gateway cleared as fast as they are found?",
            [("found", "f-need"), ("cleared", "f-done")],
            _by_day(trends.differences(at=at, days=DAYS)),
        ),
        chart(
            "Are tax adjustments decided as fast as they are prepared?",
            [("prepared", "f-need"), ("decided", "f-done")],
            _by_day(trends.adjustments(at=at, days=DAYS)),
        ),
        chart(
            "How many days after its end was each period closed?",
            [("closed", "f-accent"), ("due", "f-move")],
            [(name, (max(0, closed), due)) for name, closed, due in trends.closes(periods=PERIODS)],
        ),
    ]
    standing = [
        {**row, "label": KINDS[CaseKind(row["kind"])].label} for row in selectors.open_by_kind()
    ]
    fixes = selectors.time_to_fix(since=at - timedelta(days=DAYS))
    return Insight(charts, fixes, standing)


def _by_day(rows: list[tuple[date, int, int]]) -> list[tuple[str, tuple[int, ...]]]:
    return [(f"{day:%d %b}", (came, went)) for day, came, went in rows]
