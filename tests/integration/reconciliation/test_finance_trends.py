"""Finance's figures on the trends page: what came, what went, and how long a month took."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from mkterp.core.models import AccountingPeriod
from reconciliation.models import TaxAdjustment
from reconciliation.selectors import trends

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 8, 20, 12, tzinfo=UTC)
State = TaxAdjustment.State


def prepared(code, at, *, state=State.PREPARED, decided=None, by=None, **more):
    TaxAdjustment.objects.create(
        kind=TaxAdjustment.Kind.TAX,
        state=state,
        day=at.date(),
        currency="GBP",
        account="4.1.9",
        clearing_account="1.2.1",
        tax_code=code,
        amount_minor=1,
        theirs_minor=1,
        ours_minor=0,
        rule="within a penny",
        prepared_at=at,
        decided_at=decided,
        decided_by=by,
        decided_why="it was looked at" if by else "",
        **more,
    )


def closed(start, end, *, at, by, due):
    AccountingPeriod.objects.create(
        name=f"{start:%b %Y}",
        start=start,
        end=end,
        due_date=due,
        state=AccountingPeriod.State.CLOSED,
        closed_at=at,
        closed_by=by,
    )


def test_adjustments_count_on_the_days_they_were_prepared_and_decided(finance):
    yesterday = NOON - timedelta(days=1)
    prepared("A", yesterday)
    prepared("B", yesterday, state=State.REJECTED, decided=NOON, by=finance)
    prepared("C", NOON, state=State.SUPERSEDED)
    prepared("D", NOON - timedelta(days=5))

    assert trends.adjustments(at=NOON, days=3) == [
        (date(2026, 8, 18), 0, 0),
        (date(2026, 8, 19), 2, 0),
        (date(2026, 8, 20), 0, 1),
    ]


def test_closes_say_how_many_days_each_took_and_had(controller):
    for month, end, at in (
        (6, 30, datetime(2026, 7, 6, 23, 30, tzinfo=UTC)),  # half past midnight in London
        (7, 31, datetime(2026, 8, 3, 9, tzinfo=UTC)),
    ):
        last = date(2026, month, end)
        due = last + timedelta(days=5)
        closed(last.replace(day=1), last, at=at, by=controller, due=due)

    assert trends.closes(periods=12) == [("Jun 2026", 7, 5), ("Jul 2026", 3, 5)]
    assert trends.closes(periods=1) == [("Jul 2026", 3, 5)]


def test_the_page_shows_them(finance, client_of):
    prepared("A", timezone.now())

    charts = client_of(finance).get("/trends/").context["insight"].charts

    assert [chart.question.split()[1] for chart in charts[3:]] == ["differences", "tax", "many"]
    assert charts[4].rows[-1][1] == (1, 0)
    assert charts[5].rows == []
