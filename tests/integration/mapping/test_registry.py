"""Mappings: confirmed, remapped, retired; one item per listing at any moment."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from mapping import selectors
from mapping.models import NewItemRequest, SkuMapping
from mapping.services import decisions, mappings
from mkterp.core.errors import Refused
from mkterp.core.models import AuditEntry
from tests.factories import make_item, make_listing, make_mapping, make_seller

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def mapped(operations, at):
    return mappings.confirm(listing=make_listing(), item=make_item(), by=operations, at=at - HOUR)


def item_at(listing, moment):
    rows = selectors.mappings_of(variant_ids=[listing.marketplacer_id])
    found = [row for row in rows.get(listing.marketplacer_id, []) if selectors.covers(row, moment)]
    assert len(found) < 2
    return found[0].item if found else None


def test_a_first_mapping_holds_from_the_beginning_of_time(mapped, at):
    assert item_at(mapped.listing, at - timedelta(days=3000)) == mapped.item


def test_a_remap_holds_from_its_moment_and_the_old_one_answers_before_it(operations, mapped, at):
    other = make_item()
    new = mappings.remap(mapping=mapped, item=other, by=operations, at=at, reason="wrong size")

    assert item_at(mapped.listing, at - timedelta(seconds=1)) == mapped.item
    assert item_at(mapped.listing, at) == other
    assert (new.valid_from, new.made_by, new.reason) == (at, operations, "wrong size")
    mapped.refresh_from_db()
    assert (mapped.state, mapped.retired_by, mapped.retire_reason) == (
        "RETIRED",
        operations,
        "wrong size",
    )


def test_a_remap_that_corrects_earlier_orders_holds_for_all_of_its_time(operations, mapped, at):
    other = make_item()
    mappings.remap(
        mapping=mapped, item=other, by=operations, at=at, reason="wrong", correct_earlier=True
    )

    assert item_at(mapped.listing, at - timedelta(days=3000)) == other


def test_a_remap_may_begin_in_the_past_and_not_in_the_future(operations, mapped, at):
    item = make_item()
    with pytest.raises(Refused, match="moment to come"):
        mappings.remap(
            mapping=mapped, item=item, by=operations, at=at, reason="x", moment=at + HOUR
        )
    mappings.remap(mapping=mapped, item=item, by=operations, at=at, reason="x", moment=at - HOUR)

    assert item_at(mapped.listing, at - HOUR) == item


def test_a_remap_needs_a_reason_and_a_change(operations, mapped, at):
    with pytest.raises(Refused, match="Say why"):
        mappings.remap(mapping=mapped, item=make_item(), by=operations, at=at, reason=" ")
    with pytest.raises(Refused, match="already"):
        mappings.remap(mapping=mapped, item=mapped.item, by=operations, at=at, reason="x")


def test_the_same_item_in_another_pack_is_a_remap(operations, mapped, at):
    new = mappings.remap(
        mapping=mapped, item=mapped.item, by=operations, at=at, reason="three", pack_quantity=3
    )

    assert new.pack_quantity == 3


def test_a_retired_listing_is_unmapped_again_and_its_history_stays(operations, mapped, at):
    mappings.retire(mapping=mapped, by=operations, at=at, reason="not sold any more")

    assert mapped.listing in selectors.unmapped(at=at)
    assert item_at(mapped.listing, at - HOUR) == mapped.item
    entry = AuditEntry.objects.filter(action="mapping.retire").get()
    assert (entry.by, entry.reason) == (operations, "not sold any more")


def test_a_mapping_confirmed_after_a_retired_one_begins_where_that_ended(operations, mapped, at):
    mappings.retire(mapping=mapped, by=operations, at=at, reason="gone", moment=at - HOUR / 2)
    new = mappings.confirm(listing=mapped.listing, item=make_item(), by=operations, at=at)

    assert new.valid_from == at - HOUR / 2


def test_the_database_refuses_two_items_for_a_listing_at_one_moment(mapped, at):
    with pytest.raises(IntegrityError), transaction.atomic():
        make_mapping(listing=mapped.listing, valid_from=at, valid_until=at + HOUR)


def test_many_listings_may_be_one_item(operations, mapped, at):
    other = make_listing()
    mappings.confirm(listing=other, item=mapped.item, by=operations, at=at)

    assert item_at(other, at) == mapped.item


def test_one_refusal_does_not_hold_up_the_others(operations, mapped, at):
    free, dead = make_listing(), make_item(active=False)
    made, refused = mappings.confirm_many(
        pairs=[
            mappings.Pair(mapped.listing, make_item()),
            mappings.Pair(free, make_item()),
            mappings.Pair(make_listing(), dead),
        ],
        by=operations,
        at=at,
    )

    assert [mapping.listing for mapping in made] == [free]
    assert sorted(refused.values()) == [
        f"{dead.sku} is not active in the ERP any more.",
        f"{mapped.listing} is already mapped to {mapped.item.sku}.",
    ]


def test_a_mapping_is_carried_over_to_a_new_variant_of_the_same_seller_only(operations, mapped, at):
    mapped.listing.mappings.update(pack_quantity=6)
    mapped.refresh_from_db()
    successor = make_listing(seller=mapped.listing.seller)
    new = mappings.carry_over(mapping=mapped, listing=successor, by=operations, at=at)

    assert (new.item, new.pack_quantity, new.source) == (
        mapped.item,
        6,
        SkuMapping.Source.CARRIED,
    )
    with pytest.raises(Refused, match="two sellers"):
        mappings.carry_over(
            mapping=mapped, listing=make_listing(seller=make_seller()), by=operations, at=at
        )


def test_a_mapping_answers_the_request_for_a_new_item(operations, at):
    listing = make_listing()
    decisions.no_such_item(listing=listing, by=operations, at=at, note="new season")
    item = make_item()
    mappings.confirm(listing=listing, item=item, by=operations, at=at)

    request = NewItemRequest.objects.get()
    assert (request.state, request.item) == (NewItemRequest.State.MADE, item)
