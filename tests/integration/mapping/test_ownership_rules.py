"""Whose stock it is: previewed, set with a reason, from now or later, never from before."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from mapping import selectors
from mapping.domain.ownership import Code
from mapping.models import ListingOwnership, OwnershipRule, SellerTreatment
from mapping.services import ownership
from mapping.services.ownership import Wanted
from mkterp.core.errors import Refused
from mkterp.core.models import AuditEntry
from tests.factories import make_listing, make_seller

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def seller():
    return make_seller(stock_owner="seller")


@pytest.fixture
def listings(seller):
    brands = ["Kestrel", "Kestrel", "Heron"]
    made = [make_listing(seller=seller, brand=brand) for brand in brands]
    make_listing(seller=seller, brand="Kestrel", deleted=True)
    make_listing(seller=make_seller(), brand="Kestrel")
    return made


def verdicts(listings, at):
    found = selectors.writable(listing_ids=[one.pk for one in listings], field="stock", at=at)
    return [found[one.pk].code for one in listings]


def test_the_preview_counts_what_would_open_and_changes_nothing(seller, listings, at):
    effect = ownership.preview(wanted=Wanted(seller, "operator"), at=at)

    assert (effect.listings, effect.writable_before, effect.writable_after) == (3, 0, 3)
    assert (effect.opened, effect.closed) == (3, 0)
    assert [example.listing for example in effect.examples] == listings
    assert effect.examples[0].before.reason == "seller-managed, by the rule of the seller"
    assert verdicts(listings, at) == [Code.SELLER_MANAGED] * 3


def test_the_preview_says_what_a_rule_really_does(seller, listings, administrator, at):
    wanted = [
        Wanted(seller, "mixed"),
        Wanted(seller, "operator", "brand", "kestrel"),
        Wanted(seller, "seller", "listing", listing=listings[0]),
        Wanted(seller, "operator"),
        Wanted(seller, "seller"),
    ]
    for minute, one in enumerate(wanted):
        moment = at + timedelta(minutes=minute)
        foreseen = ownership.preview(wanted=one, at=moment)
        if one.scope == "seller":
            ownership.set_for_seller(
                seller=seller,
                changes={"stock_owner": one.owner},
                by=administrator,
                at=moment,
                reason="agreed",
            )
        else:
            ownership.set_for_listings(wanted=one, by=administrator, at=moment, reason="agreed")
        ours = verdicts(listings, moment).count(Code.OURS)
        assert ours == foreseen.writable_after, one


def test_a_rule_for_a_brand_opens_that_brand_inside_a_mixed_seller(
    seller, listings, administrator, at
):
    OwnershipRule.objects.update(owner="mixed")
    ownership.set_for_listings(
        wanted=Wanted(seller, "operator", "brand", "Kestrel"),
        by=administrator,
        at=at,
        reason="we hold their stock",
    )

    assert verdicts(listings, at) == [Code.OURS, Code.OURS, Code.NOT_IN_MIX]
    entry = AuditEntry.objects.filter(action="listingownership.set").get()
    assert (entry.by, entry.reason) == (administrator, "we hold their stock")


def test_a_rule_may_begin_later_and_never_in_the_past(seller, listings, administrator, at):
    OwnershipRule.objects.update(owner="mixed")
    wanted = Wanted(seller, "operator", "brand", "Kestrel")
    with pytest.raises(Refused, match="never from before"):
        ownership.set_for_listings(
            wanted=wanted, by=administrator, at=at, reason="x", moment=at - HOUR
        )
    ownership.set_for_listings(wanted=wanted, by=administrator, at=at, reason="x", moment=at + HOUR)

    assert verdicts(listings, at)[0] == Code.NOT_IN_MIX
    assert verdicts(listings, at + HOUR)[0] == Code.OURS


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"scope": "brand", "value": " "}, "Name the brand"),
        ({"scope": "listing"}, "Choose the listing"),
    ],
)
def test_a_rule_about_nothing_is_refused(wanted, words, seller, administrator, at):
    with pytest.raises(Refused, match=words):
        ownership.set_for_listings(
            wanted=Wanted(seller, "operator", **wanted), by=administrator, at=at, reason="x"
        )
    assert not ListingOwnership.objects.exists()


def test_a_rule_replaces_the_one_before_it_and_can_be_ended(seller, listings, administrator, at):
    OwnershipRule.objects.update(owner="mixed")
    brand = Wanted(seller, "operator", "brand", "Kestrel")
    ownership.set_for_listings(wanted=brand, by=administrator, at=at, reason="x")
    again = ownership.set_for_listings(wanted=brand, by=administrator, at=at + HOUR, reason="x")
    assert ListingOwnership.objects.count() == 1

    ownership.end_for_listings(rule=again, by=administrator, at=at + HOUR, reason="given back")

    assert verdicts(listings, at + HOUR)[0] == Code.NOT_IN_MIX
    assert verdicts(listings, at)[0] == Code.OURS


def test_a_planned_change_of_a_seller_is_replaced_by_a_newer_word(seller, administrator, at):
    listing = make_listing(seller=seller)

    def say(owner, at, moment=None):
        ownership.set_for_seller(
            seller=seller,
            changes={"stock_owner": owner},
            by=administrator,
            at=at,
            reason="agreed",
            moment=moment,
        )

    say("operator", at, at + 2 * HOUR)
    say("mixed", at + HOUR)

    codes = [verdicts([listing], at + hours * HOUR)[0] for hours in (0, 1, 3)]
    assert codes == [Code.SELLER_MANAGED, Code.NOT_IN_MIX, Code.NOT_IN_MIX]


def test_the_marketplace_default_can_be_set_and_taken_away(administrator, at):
    listing = make_listing(seller=make_seller(stock_owner=""))
    ownership.set_default(owner="operator", by=administrator, at=at, reason="our own shop")
    assert verdicts([listing], at) == [Code.OURS]

    ownership.set_default(owner="", by=administrator, at=at + HOUR, reason="sellers join")

    assert verdicts([listing], at + HOUR) == [Code.NO_RULE]


def test_finance_say_whose_sale_it_is_and_nothing_of_the_stock(finance, client_of, seller, at):
    client = client_of(finance)
    url = reverse("mapping:seller-rules", args=[seller.pk])
    page = client.get(reverse("mapping:seller", args=[seller.pk])).text
    assert 'name="treatment"' in page
    assert 'name="stock_owner"' not in page

    told = {"treatment": "principal", "reason": "As the contract says.", "sure": "1"}
    assert client.post(url, told).status_code == 303
    refused = client.post(url, {"stock_owner": "operator", "reason": "Mine.", "sure": "1"})

    assert refused.status_code == 422
    rules = SellerTreatment.objects.in_force(timezone.now()).filter(seller=seller)
    assert [(rule.treatment, rule.set_by) for rule in rules] == [("principal", finance)]
    assert [rule.owner for rule in OwnershipRule.objects.filter(seller=seller)] == ["seller"]


def test_the_service_refuses_an_attribute_that_is_not_for_this_person(finance, seller, at):
    with pytest.raises(Refused, match="an administrator who keeps"):
        ownership.set_for_seller(
            seller=seller, changes={"stock_owner": "operator"}, by=finance, at=at, reason="Mine."
        )
