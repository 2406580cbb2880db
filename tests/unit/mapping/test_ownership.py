"""Nothing is ours unless a rule in force says so, and some things never are."""

from datetime import UTC, datetime, timedelta

import pytest

from mapping.domain.ownership import (
    Code,
    DispatchRule,
    Field,
    ListingFacts,
    Owner,
    Rules,
    Scope,
    StockRule,
    may_write,
)

AT = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
SHIRT = ListingFacts(seller_id=1, listing_id=7, sku="AB-100", brand="Kestrel")


def seller_is(owner, **span):
    return StockRule(Scope.SELLER, owner, rule_id=1, seller_id=1, **span)


def within(scope, owner, *, rule_id=2, **about):
    return StockRule(scope, owner, rule_id=rule_id, seller_id=1, **about)


def stock(*rules, listing=SHIRT, at=AT):
    return may_write("stock", listing, Rules(stock=rules), at)


def test_without_a_rule_stock_is_not_ours():
    verdict = stock()

    assert (verdict.allowed, verdict.code) == (False, Code.NO_RULE)
    assert "nobody has said" in verdict.reason


def test_an_operator_managed_seller_is_ours_and_says_by_which_rule():
    verdict = stock(seller_is(Owner.OPERATOR))

    assert (verdict.allowed, verdict.code, verdict.rule_id) == (True, Code.OURS, 1)


def test_the_rule_of_another_seller_says_nothing():
    other = StockRule(Scope.SELLER, Owner.OPERATOR, seller_id=2)

    assert not stock(other).allowed


@pytest.mark.parametrize("scope", [Scope.LISTING, Scope.BRAND, Scope.SKU_PREFIX])
def test_no_narrower_rule_opens_a_seller_managed_seller(scope):
    value = {"brand": "Kestrel", "sku_prefix": "AB-"}.get(scope, "")
    narrow = within(scope, Owner.OPERATOR, listing_id=7, value=value)

    assert stock(seller_is(Owner.SELLER), narrow).code == Code.SELLER_MANAGED
    assert stock(narrow).code == Code.NO_RULE
    assert stock(seller_is(Owner.MIXED), narrow).allowed
    assert stock(seller_is(Owner.OPERATOR), narrow).allowed


def test_a_mixed_seller_gives_only_what_a_rule_names():
    brand = within(Scope.BRAND, Owner.OPERATOR, value="kestrel")
    other = ListingFacts(seller_id=1, listing_id=8, sku="AB-200", brand="Heron")

    assert stock(seller_is(Owner.MIXED), brand).allowed
    assert stock(seller_is(Owner.MIXED), brand, listing=other).code == Code.NOT_IN_MIX


def test_the_narrowest_rule_decides_inside_a_seller():
    brand = within(Scope.BRAND, Owner.OPERATOR, value="Kestrel")
    listing = within(Scope.LISTING, Owner.SELLER, rule_id=3, listing_id=7)
    verdict = stock(seller_is(Owner.OPERATOR), brand, listing)

    assert (verdict.allowed, verdict.rule_id, verdict.scope) == (False, 3, Scope.LISTING)


def test_the_longest_sku_prefix_decides():
    wide = within(Scope.SKU_PREFIX, Owner.OPERATOR, rule_id=9, value="AB")
    narrow = within(Scope.SKU_PREFIX, Owner.SELLER, rule_id=4, value="AB-1")

    assert stock(seller_is(Owner.MIXED), narrow, wide).rule_id == 4


def test_the_marketplace_rule_speaks_for_sellers_without_their_own():
    everyone = StockRule(Scope.MARKETPLACE, Owner.OPERATOR, rule_id=5)

    assert stock(everyone).allowed
    assert not stock(everyone, seller_is(Owner.SELLER)).allowed


def test_a_rule_holds_from_its_first_moment_to_just_before_its_last():
    rule = seller_is(Owner.OPERATOR, valid_from=AT, valid_until=AT + timedelta(hours=1))
    moments = [AT - timedelta(microseconds=1), AT, AT + timedelta(hours=1)]

    assert [stock(rule, at=moment).allowed for moment in moments] == [False, True, False]


@pytest.mark.parametrize(
    "field", [Field.PRICE, Field.CONTENT, Field.PUBLICATION, Field.SHIP_FROM, "seller_stock"]
)
def test_what_is_never_ours_stays_so_under_every_rule(field):
    verdict = may_write(field, SHIRT, Rules(stock=[seller_is(Owner.OPERATOR)]), AT)

    assert not verdict.allowed
    assert verdict.code in (Code.NEVER, Code.UNKNOWN_FIELD)


def test_a_listing_that_is_gone_is_not_written():
    gone = ListingFacts(seller_id=1, listing_id=7, deleted=True)

    assert stock(seller_is(Owner.OPERATOR), listing=gone).code == Code.LISTING_GONE


@pytest.mark.parametrize(
    ("rules", "allowed", "code"),
    [
        ([], False, Code.NO_RULE),
        ([DispatchRule(Owner.OPERATOR, seller_id=1)], True, Code.OURS),
        ([DispatchRule(Owner.SELLER, seller_id=1)], False, Code.SELLER_MANAGED),
        ([DispatchRule(Owner.OPERATOR, seller_id=2)], False, Code.NO_RULE),
        ([DispatchRule(Owner.OPERATOR, seller_id=1, valid_until=AT)], False, Code.NO_RULE),
    ],
)
def test_shipments_are_told_for_sellers_whose_orders_we_dispatch(rules, allowed, code):
    verdict = may_write("shipment", SHIRT, Rules(dispatch=rules), AT)

    assert (verdict.allowed, verdict.code) == (allowed, code)


def test_an_external_id_is_ours_to_write():
    assert may_write("external_id", SHIRT, Rules(), AT).allowed
