"""The period in the top bar: which one is worked on, and the days it has left."""

from datetime import date

import pytest
from django.urls import reverse

from mkterp.core.models import AccountingPeriod
from mkterp.frame import left_of

END, DUE = date(2026, 11, 30), date(2026, 12, 5)


@pytest.mark.parametrize(
    ("today", "words"),
    [
        (date(2026, 11, 28), "ends in 2 d"),
        (END, "ends today"),
        (date(2026, 12, 1), "close in 4 d"),
        (DUE, "close today"),
        (date(2026, 12, 7), "2 d overdue"),
    ],
)
def test_the_nearest_of_its_days_is_counted_down(today, words):
    assert left_of(END, DUE, today) == words


@pytest.mark.django_db
def test_the_oldest_period_that_is_over_and_open_stands_on_every_page(viewer, client_of):
    old = AccountingPeriod.objects.create(
        name="Oct 2024", start=date(2024, 10, 1), end=date(2024, 10, 31), due_date=date(2024, 11, 5)
    )
    client, page = client_of(viewer), reverse("reconciliation:journals")

    shown = client.get(page).content.decode()

    board = reverse("reconciliation:close-period", args=[old.pk])
    assert f'class="mk-period" href="{board}"' in shown
    assert "d overdue" in shown
    old.delete()
    assert "mk-period" not in client.get(page).content.decode()
