"""Practice: steps tick themselves by facts, for the one who did them, since beginning."""

from datetime import datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from mapping.services import mappings
from mkterp.core import practice as begun
from mkterp.core.errors import Refused
from mkterp.core.models import AuditEntry, PracticeBegun
from mkterp.overview import practice
from sync.models import ExceptionCase, OutboxMessage
from sync.services import case_desk, deliveries
from tests.factories import (
    make_catalogue_read,
    make_item,
    make_listing,
    make_seller,
    make_tax_codes,
)
from tests.integration.sync.test_screens_lists import hear

pytestmark = pytest.mark.django_db


@pytest.fixture
def at() -> datetime:
    """Later than whatever is queued by the clock on the wall."""
    return timezone.now() + timedelta(hours=1)


@pytest.fixture(autouse=True)
def sandbox_company(settings):
    settings.PRACTICE = True
    settings.MARKETPLACER_URL = "http://127.0.0.1:9100/graphql"


def steps(person, key, at):
    standing = next(one for one in practice.standings(person, at=at) if one.exercise.key == key)
    return [step.done for step in standing.steps]


def test_fixing_a_sku_ticks_its_steps_as_it_is_done_and_only_for_who_did_it(
    erp, operations, controller, at
):
    make_catalogue_read()
    make_tax_codes()
    erp.add_item("LIN-CAMP-M")
    hear(1, at=at, listing=(listing := make_listing(seller=make_seller())))
    for person in (operations, controller):
        begun.begin(exercise="fix-a-sku", by=person, at=at)
    assert steps(operations, "fix-a-sku", at) == [False, False, False]

    case_desk.take(case=ExceptionCase.objects.get(kind="UNMAPPED_SKU"), by=operations, at=at)
    assert steps(operations, "fix-a-sku", at) == [True, False, False]

    item = make_item(sku="LIN-CAMP-M")
    mappings.confirm(listing=listing, item=item, by=operations, at=at)
    assert steps(operations, "fix-a-sku", at) == [True, True, False]

    deliveries.deliver(lane=OutboxMessage.Lane.ERP, clock=lambda: at)
    assert [sale.key for sale in erp.orders] == ["invoice-1"]
    assert steps(operations, "fix-a-sku", at) == [True, True, True]
    assert steps(controller, "fix-a-sku", at) == [False, False, False]

    begun.begin(exercise="fix-a-sku", by=operations, at=at + timedelta(minutes=1))
    assert steps(operations, "fix-a-sku", at) == [False, False, False]


def test_an_exercise_that_was_not_begun_has_no_steps(operations, at):
    assert [one.steps for one in practice.standings(operations, at=at)] == [[], [], []]


def test_closing_a_month_says_how_many_facts_hold(finance, at):
    begun.begin(exercise="close-a-month", by=finance, at=at)

    standing = practice.standings(finance, at=at)[2]

    assert [step.done for step in standing.steps] == [False, False, False]
    assert "no month yet" in standing.steps[0].seen


def test_the_page_begins_an_exercise_and_shows_where_it_is_done(operations, client_of):
    client = client_of(operations)
    page = client.get(reverse("practice"))
    assert "Fix a SKU" in page.text
    assert "It needs the role of finance." in page.text
    assert reverse("practice") in [line.url for line in page.context["frame"].foot]

    page = client.post(reverse("practice-begin"), {"exercise": "fix-a-sku"}, follow=True)

    assert f'href="{reverse("sync:unmapped")}"' in page.text
    assert client.post(reverse("practice-begin"), {"exercise": "juggle"}).status_code == 404


def test_looking_writes_nothing(operations, client_of, at):
    begun.begin(exercise="fix-a-sku", by=operations, at=at)
    before = (AuditEntry.objects.count(), PracticeBegun.objects.get().begun_at)

    client_of(operations).get(reverse("practice"))

    assert (AuditEntry.objects.count(), PracticeBegun.objects.get().begun_at) == before


@pytest.mark.parametrize(
    ("told", "marketplace"),
    [
        (False, "http://127.0.0.1:9100/graphql"),
        (True, "https://shop.marketplacer.com/graphql"),
        (True, "https://SHOP.Marketplacer.COM:443/graphql"),
    ],
)
def test_there_is_no_practice_beside_a_real_marketplace(
    operations, client_of, settings, at, told, marketplace
):
    settings.PRACTICE, settings.MARKETPLACER_URL = told, marketplace
    client = client_of(operations)

    page = client.post(reverse("practice-begin"), {"exercise": "fix-a-sku"}, follow=True)

    assert "beside the sandbox company only" in page.text
    assert reverse("practice") not in [line.url for line in page.context["frame"].foot]
    assert not PracticeBegun.objects.exists()
    with pytest.raises(Refused, match="nothing to practise on"):
        begun.begin(exercise="fix-a-sku", by=operations, at=at)
