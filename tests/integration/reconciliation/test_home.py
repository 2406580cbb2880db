"""Home: how far the close is, and the tax adjustments that wait for this person's approval."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from mkterp.core.models import AccountingPeriod
from mkterp.overview import standing
from reconciliation.selectors import board
from tests.integration.reconciliation.test_finance_trends import prepared

pytestmark = pytest.mark.django_db
NOTHING = "Nothing waits for"


@pytest.fixture
def november():
    return AccountingPeriod.objects.create(
        name="Nov 2026", start=date(2026, 11, 1), end=date(2026, 11, 30), due_date=date(2026, 12, 5)
    )


@pytest.mark.parametrize(
    ("today", "words"),
    [
        (date(2026, 11, 29), "6 days left"),
        (date(2026, 12, 4), "1 day left"),
        (date(2026, 12, 5), "due today"),
        (date(2026, 12, 7), "2 days overdue"),
    ],
)
def test_the_days_are_counted_to_the_day_it_is_due(november, today, words):
    assert standing.days_left(november, today) == words


def test_home_says_how_many_facts_of_the_close_hold(november, viewer, client_of):
    looked = board.board(november, at=timezone.now())

    home = client_of(viewer).get(reverse("home"))

    line = home.context["close"]
    assert (line.period, line.holding, line.total) == (november, looked.holding, len(looked.steps))
    assert 0 < looked.holding < len(looked.steps)
    assert f"{line.holding} of {line.total} facts hold, {line.left}" in home.text
    assert f'href="{reverse("reconciliation:close-period", args=[november.pk])}"' in home.text


def test_a_closed_month_has_no_days_left(november, controller, at):
    november.state, november.closed_at, november.closed_by = "CLOSED", at, controller
    november.save()

    assert standing.close_line(at=at).text.endswith("facts hold, closed")


def test_the_facts_are_looked_at_once_a_minute_and_not_by_everybody(november, at):
    with CaptureQueriesContext(connection) as first:
        one = standing.close_line(at=at)
    with CaptureQueriesContext(connection) as second:
        again = standing.close_line(at=at)

    assert one == again
    assert (len(first) <= 32, len(second) <= 2) == (True, True), (len(first), len(second))


def test_without_a_calendar_home_says_nothing_of_a_close(viewer, client_of):
    home = client_of(viewer).get(reverse("home"))

    assert home.context["close"] is None
    assert 'id="close-line"' not in home.text


def test_home_never_says_that_nothing_waits_while_approvals_do(finance, viewer, client_of, at):
    assert client_of(finance).get(reverse("home")).text.count(NOTHING) == 2
    prepared("GB-STD", at)
    prepared("GB-RED", at)

    home = client_of(finance).get(reverse("home")).text

    assert "2 tax adjustments wait for your approval." in home
    url = f"{reverse('reconciliation:adjustments')}?view=prepared&amp;state=PREPARED"
    assert f'href="{url}"' in home
    assert NOTHING not in home
    assert "for your approval" not in client_of(viewer).get(reverse("home")).text


def test_what_one_prepared_waits_for_somebody_else(finance, controller, at):
    prepared("GB-STD", at, prepared_by=finance, prepared_why="agreed with the auditor")

    assert (standing.to_approve(finance), standing.to_approve(controller)) == (0, 1)
