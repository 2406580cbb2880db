"""Trends: how fast exceptions are fixed, how old they are, and the page that says so."""

from datetime import timedelta

import pytest
from django.utils import timezone

from sync import selectors
from sync.domain.cases import CaseKind
from sync.services import case_desk, cases
from sync.services.cases import Cause

pytestmark = pytest.mark.django_db


def fixed(number, *, at, after, by=None):
    case = cases.open_case(cause=Cause(CaseKind.STOCK_HELD, f"{number}", "Held."), at=at)
    cases.resolve(case=case, resolution="Gone.", at=at + after, by=by)
    return case


def test_time_to_fix_says_how_fast_half_and_nine_in_ten_were_closed_and_how_many_in_time(
    operations, at
):
    for hours in range(1, 11):  # the service level of a held level is four hours
        fixed(hours, at=at, after=timedelta(hours=hours), by=operations if hours > 8 else None)

    (found,) = selectors.time_to_fix(since=at)

    assert (found.closed, found.by_itself, found.in_time) == (10, 8, 4)
    assert found.median == timedelta(hours=5, minutes=30)
    assert (found.median_text, found.slowest_text) == ("5 h", "9 h")
    assert selectors.time_to_fix(since=at + timedelta(days=1)) == []


def test_ages_fall_into_bands_that_hold_every_open_case(at):
    for number, age in enumerate((1, 30, 60 * 5, 60 * 30, 60 * 24 * 5, 60 * 24 * 400)):
        opened = at - timedelta(minutes=age)
        cases.open_case(cause=Cause(CaseKind.STOCK_DRIFT, f"{number}", "x"), at=opened)

    assert [many for _, many in selectors.ageing(at=at)] == [2, 1, 1, 1, 1]


def test_the_page_shows_each_chart_with_its_table(operations, client_of):
    now = timezone.now()
    fixed(1, at=now - timedelta(hours=30), after=timedelta(hours=20))
    overdue = cases.open_case(
        cause=Cause(CaseKind.STOCK_DRIFT, "x", "y"), at=now - timedelta(days=2)
    )
    assert case_desk.escalate(at=now) == [overdue]

    page = client_of(operations).get("/trends/")

    assert page.text.count("As a table") == 5  # no period was closed yet
    assert page.context["insight"].standing[0]["late"] == 1
    assert "20 h" in page.text
