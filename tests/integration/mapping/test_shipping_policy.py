"""How shipping is taxed: dated, with a reason, refused where it makes no sense."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from mapping.models import ShippingTaxPolicy
from mapping.services import shipping
from mkterp.core.errors import Refused
from mkterp.core.models import AuditEntry
from tests.factories import make_tax_codes

pytestmark = pytest.mark.django_db
VAT = Decimal("0.2")


def set_policy(at, by=None, **changes):
    values = {"country": "GB", "rule": "follows_goods", "reason": "ruling of 3 May"} | changes
    return shipping.set_policy(**values, by=by, at=at)


def test_a_policy_holds_from_its_moment_and_ends_the_one_before(finance, at):
    first = set_policy(at, finance)
    second = set_policy(at + timedelta(days=1), finance, rule="as_charged")
    first.refresh_from_db()

    assert (first.valid_from, first.valid_until) == (at, at + timedelta(days=1))
    assert ShippingTaxPolicy.objects.in_force(at + timedelta(hours=1)).get() == first
    assert ShippingTaxPolicy.objects.in_force(at + timedelta(days=2)).get() == second
    assert AuditEntry.objects.filter(action="shippingtaxpolicy.set").count() == 2


def test_setting_what_holds_changes_nothing(finance, at):
    first = set_policy(at, finance)

    assert set_policy(at + timedelta(days=1), finance) == first
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reason": " "}, "why"),
        ({"country": "Great Britain"}, "two letters"),
        ({"rule": "flat"}, "needs its rate"),
        ({"flat_rate": VAT}, "no other rule"),
        ({"rule": "flat", "flat_rate": Decimal("0.07")}, "has no ERP tax in GB"),
        ({"bound_minor": 1_001}, "0 to 1000"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(at, changes, words):
    make_tax_codes()
    with pytest.raises(Refused, match=words):
        set_policy(at, **changes)

    assert not ShippingTaxPolicy.objects.exists()


def test_a_moment_before_one_already_set_is_refused(at):
    set_policy(at)
    with pytest.raises(Refused, match="later policy"):
        set_policy(at, rule="as_charged", moment=at - timedelta(days=1))


def test_the_database_refuses_two_at_once_and_a_flat_rule_without_a_rate(at):
    set_policy(at)
    values = {"country": "GB", "reason": "x", "set_at": at}
    for wrong in ({"rule": "as_charged"}, {"rule": "flat", "country": "IE"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ShippingTaxPolicy.objects.create(**values | wrong)


def test_finance_sets_it_on_its_screen_and_a_viewer_cannot(client, finance, viewer):
    make_tax_codes()
    told = {
        "country": "gb",
        "rule": "flat",
        "flat_rate": "0.20",
        "spread": "as_charged",
        "bound_minor": "10",
        "reason": "ruling of 3 May",
    }
    client.force_login(viewer)
    assert client.post(reverse("mapping:shipping-tax-set"), told).status_code == 403
    assert b"Set it" not in client.get(reverse("mapping:shipping-tax")).content

    client.force_login(finance)
    assert client.post(reverse("mapping:shipping-tax-set"), told).status_code == 303
    page = client.get(reverse("mapping:shipping-tax")).content.decode()
    assert "at one rate" in page
    assert "ruling of 3 May" in page
    made = ShippingTaxPolicy.objects.get()
    assert (made.country, made.flat_rate, made.bound_minor, made.set_by) == ("GB", VAT, 10, finance)


def test_a_form_that_cannot_be_used_says_why(client, finance):
    client.force_login(finance)
    client.post(reverse("mapping:shipping-tax-set"), {"country": "GB", "rule": "never"})

    assert not ShippingTaxPolicy.objects.exists()
    assert "Nothing was set." in client.get(reverse("mapping:shipping-tax")).content.decode()
