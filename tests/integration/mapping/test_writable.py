"""Who may write what, asked for many listings at once, by the rules of a moment."""

from datetime import timedelta

import pytest

from mapping import selectors
from mapping.domain.ownership import Code
from mapping.models import ListingOwnership, OwnershipDefault, OwnershipRule
from tests.factories import make_listing, make_seller

pytestmark = pytest.mark.django_db


def narrow(seller, at, **facts):
    defaults = {"owner": "operator", "reason": "agreed", "set_at": at}
    return ListingOwnership.objects.create(seller=seller, **{**defaults, **facts})


def test_every_listing_gets_its_verdict_in_a_fixed_number_of_queries(at, django_assert_num_queries):
    ours, theirs = make_seller(stock_owner="operator"), make_seller(stock_owner="seller")
    nobodys, mixed = make_seller(stock_owner=""), make_seller(stock_owner="mixed")
    narrow(mixed, at, scope="brand", value="kestrel")
    listings = {
        "ours": make_listing(seller=ours),
        "gone": make_listing(seller=ours, deleted=True),
        "theirs": make_listing(seller=theirs),
        "nobody's": make_listing(seller=nobodys),
        "in the mix": make_listing(seller=mixed, brand="Kestrel"),
        "outside the mix": make_listing(seller=mixed, brand="Heron"),
    }
    with django_assert_num_queries(5):
        verdicts = selectors.writable(
            listing_ids=[listing.pk for listing in listings.values()], field="stock", at=at
        )

    assert {name: verdicts[listing.pk].code for name, listing in listings.items()} == {
        "ours": Code.OURS,
        "gone": Code.LISTING_GONE,
        "theirs": Code.SELLER_MANAGED,
        "nobody's": Code.NO_RULE,
        "in the mix": Code.OURS,
        "outside the mix": Code.NOT_IN_MIX,
    }


def test_a_rule_that_has_ended_or_not_begun_gives_nothing(at):
    seller = make_seller(stock_owner="")
    listing = make_listing(seller=seller)
    OwnershipRule.objects.create(
        seller=seller,
        owner="operator",
        valid_from=at,
        valid_until=at + timedelta(days=1),
        reason="agreed",
        set_at=at,
    )

    def allowed(moment):
        return selectors.writable(listing_ids=[listing.pk], field="stock", at=moment)[
            listing.pk
        ].allowed

    moments = [at - timedelta(seconds=1), at, at + timedelta(days=1)]
    assert [allowed(moment) for moment in moments] == [False, True, False]


def test_the_marketplace_default_speaks_only_for_sellers_without_a_rule(at):
    OwnershipDefault.objects.create(owner="operator", reason="agreed", set_at=at)
    silent = make_listing(seller=make_seller(stock_owner=""))
    closed = make_listing(seller=make_seller(stock_owner="seller"))
    verdicts = selectors.writable(listing_ids=[silent.pk, closed.pk], field="stock", at=at)

    assert (verdicts[silent.pk].allowed, verdicts[closed.pk].allowed) == (True, False)


def test_a_listing_that_does_not_exist_is_not_in_the_answer(at):
    assert selectors.writable(listing_ids=[12345], field="stock", at=at) == {}
