"""Marketplacer's JSON becomes our values, or an Unreadable that names the field."""

import contextlib
import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.marketplacer import parse, webhook
from tests.payloads import invoice_node, line_node


class _Seller:
    marketplacer_id, legacy_id, business_name = "seller-1", 58, "Northline Living"


NODE = invoice_node(seller=_Seller, lines=[line_node(1, gross=25_800, quantity=2), line_node(2)])


def test_reads_an_invoice_whole():
    value = parse.invoice(NODE)

    assert (value.marketplacer_id, value.legacy_id) == ("invoice-41207", 41207)
    assert value.created_at.utcoffset() is not None
    assert [line.quantity for line in value.lines] == [2, 1]
    assert value.total_minor == sum(line.total_minor for line in value.lines)
    assert value.shipping_address.country == "GB"


@pytest.mark.parametrize(
    ("name", "bad", "words"),
    [
        ("id", None, "id is missing"),
        ("totalCents", 12.5, "totalCents is float"),
        ("totalCents", "1250", "totalCents is str"),
        ("totalCents", True, "totalCents is true or false"),
        ("totalCents", 10**20, "beyond any amount"),
        ("createdAt", "yesterday", "createdAt is not a time"),
        ("createdAt", "2026-11-01T09:00:00", "createdAt has no time zone"),
        ("lineItems", {"nodes": []}, "lineItems is an object, not a list"),
        ("seller", "Northline", "seller is str"),
    ],
)
def test_names_the_field_it_cannot_read(name, bad, words):
    with pytest.raises(parse.Unreadable, match=words):
        parse.invoice({**NODE, name: bad})


def test_a_fraction_of_a_piece_is_read_and_left_to_the_domain():
    node = {**NODE, "lineItems": [line_node(quantity=1.5)]}

    assert str(parse.invoice(node).lines[0].quantity) == "1.5"


def test_a_country_without_code_is_known_by_its_name():
    address = {**NODE["shippingAddress"], "country": {"name": "Australia"}}

    assert parse.invoice({**NODE, "shippingAddress": address}).shipping_address.country == "AU"


def test_unknown_fields_and_flags_are_no_trouble():
    value = parse.invoice({**NODE, "newField": {"deep": [1]}, "statusFlags": ["PAID", "HOVERING"]})

    assert value.status_flags == {"PAID", "HOVERING"}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.data(), anything)
def test_whatever_comes_it_is_read_or_unreadable(data, junk):
    node = copy.deepcopy(NODE)
    target = data.draw(st.sampled_from([node, node["lineItems"][0], node["shippingAddress"]]))
    target[data.draw(st.sampled_from(sorted(target)))] = junk

    with contextlib.suppress(parse.Unreadable):
        parse.invoice(node)


@given(anything)
def test_an_event_of_any_shape_is_read_or_unreadable(junk):
    with contextlib.suppress(parse.Unreadable):
        webhook.read({}, json.dumps(junk).encode())


def test_a_deleted_advert_marks_its_listings_deleted():
    node = {
        "__typename": "DeletedAdvert",
        "id": "advert-1",
        "updatedAt": "2026-11-01T09:00:00Z",
        "variants": {"nodes": [{"id": "variant-1"}]},
    }

    (listing,) = parse.listings(node)

    assert (listing.deleted, listing.published) == (True, False)


def test_an_unpublished_advert_keeps_its_details():
    node = {
        "__typename": "UnpublishedAdvert",
        "id": "advert-1",
        "details": {"title": "Oak lamp", "seller": {"id": "seller-1"}},
        "variants": {"nodes": [{"id": "variant-1", "sku": "LAMP"}]},
    }

    (listing,) = parse.listings(node)

    assert (listing.title, listing.seller_id, listing.published) == ("Oak lamp", "seller-1", False)
