"""Find one thing by what people have in hand, by look-ups in indexes, within one's role."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from mapping.models import SkuMapping
from mkterp.core.models import User
from mkterp.overview import search
from mkterp.overview.sku import facts
from sync.domain.cases import CaseKind
from sync.models import ErpDocument, Invoice, ListingStock
from sync.services import cases
from sync.services.cases import Cause
from tests.factories import (
    make_catalogue_read,
    make_item,
    make_listing,
    make_mapping,
    make_seller,
    make_tax_codes,
)
from tests.integration.sync.test_screens_lists import hear

pytestmark = pytest.mark.django_db


@pytest.fixture
def shirt():
    make_catalogue_read()
    make_tax_codes()
    seller = make_seller(business_name="Saltbush Linen")
    return make_listing(seller=seller, sku="SB-SHIRT-42", barcode="5012345678900")


@pytest.fixture
def order(shirt, at):
    return hear(1042, at=at, listing=shirt)


def titles(text, user):
    return [(hit.kind, hit.title, hit.exact) for hit in search.find(text, user)]


@pytest.mark.parametrize("text", ["INV-1042", "inv-1042", "1042", "#1042"])
def test_an_order_is_found_by_its_number_however_it_is_written(text, order, operations):
    assert ("Orders", "INV-1042", True) in titles(text, operations)


def test_an_order_is_found_by_the_erps_number(order, operations, at):
    ErpDocument.objects.create(
        invoice=order, erp_ref="7", number="SO-9", erp_state="done", net=1, tax=0, gross=1,
        currency="GBP", accepted_at=at, read_at=at,
    )  # fmt: skip

    assert titles("so-9", operations) == [("Orders", "INV-1042", True)]


@pytest.mark.parametrize(
    ("text", "exact"),
    [("SB-SHIRT-42", True), ("sb-shirt-42", True), ("5012345678900", True), ("SB-SH", False)],
)
def test_a_sku_is_found_by_its_code_its_barcode_and_its_beginning(text, exact, shirt, operations):
    assert titles(text, operations) == [("SKUs", "SB-SHIRT-42", exact)]


def test_an_exception_and_a_seller_are_found(order, operations):
    case = order.cases.get()

    assert titles(f"ex-{case.pk}", operations) == [("Exceptions", str(case), True)]
    assert titles("linen", operations) == [("Sellers", "Saltbush Linen", False)]


def test_only_one_thing_is_meant_and_its_page_opens_at_once(order, operations, client_of):
    client = client_of(operations)

    answer = client.get("/search/", {"q": "INV-1042"})
    assert (answer.status_code, answer.url) == (302, reverse("sync:order", args=[order.pk]))
    assert client.get("/search/", {"q": "saltb"}).status_code == 200
    assert "Nothing is called that" in client.get("/search/", {"q": "zzzz"}).text


def test_nobody_finds_what_his_role_may_not_open(order, client_of):
    nobody = User.objects.create(username="nobody")

    assert search.find("1042", nobody) == []
    palette = client_of(nobody).get("/palette/", {"q": ""}).text
    assert "Exceptions" not in palette


def test_the_palette_goes_to_pages_by_a_part_of_their_name(operations, client_of):
    found = client_of(operations).get("/palette/", {"q": "exce"}).context

    assert [place.label for place in found["pages"]] == ["Exceptions"]


@pytest.mark.parametrize("text", ["", " ", "\x00", "'; drop table", "%", "9" * 300, "ex-"])
def test_no_text_breaks_the_search(text, operations, client_of):
    assert client_of(operations).get("/search/", {"q": text}).status_code in (200, 302)


@pytest.mark.parametrize("text", ["1042", "SB-SHIRT-42", "5012345678900", "EX-1"])
def test_every_question_is_a_look_up_in_an_index(text, order, operations):
    """With sequential scans priced out, a plan that still has one had no index to use."""
    operations.get_all_permissions()
    with CaptureQueriesContext(connection) as asked:
        search.find(text, operations)
    blind = []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for query in asked.captured_queries:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {query['sql']}")
            blind += [node for node in _nodes(cursor.fetchone()[0][0]["Plan"]) if _reads_all(node)]

    assert 3 <= len(asked) <= 11
    assert blind == []


def _nodes(plan):
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _reads_all(node) -> bool:
    """Whether this part of a plan walks through a whole large table or its index."""
    large = ("sync_invoice", "sync_erpdocument", "mapping_listing", "mapping_erpitem")
    conditions = ("Index Cond", "Recheck Cond")
    return node.get("Relation Name") in large and not any(one in node for one in conditions)


# -- the page of one SKU --------------------------------------------------------------------------


def test_the_page_of_a_sku_tells_its_whole_story_in_one_column(shirt, order, operations, client_of):
    at = timezone.now()
    item = make_item(sku="ITM-SHIRT")
    make_mapping(listing=shirt, item=item, pack_quantity=3)
    ListingStock.objects.create(
        listing=shirt, item=item, pack=3, on_hand=120, reserved=8, promised=3, safety=5, level=34,
        told=33, told_at=at - timedelta(hours=1), shown=33, shown_at=at, changed_at=at,
    )  # fmt: skip
    cases.open_case(
        cause=Cause(CaseKind.STOCK_DRIFT, "x", "Somebody wrote 12.", listing=shirt), at=at
    )
    client = client_of(operations)

    page = client.get(reverse("sku", args=["SB-SHIRT-42"])).text

    order_of_flow = [
        "Saltbush Linen", "5012345678900", "3 × ", "ITM-SHIRT", "120 on hand", "shows 33",
        "INV-1042", "Tax", "Settlement", "Somebody wrote 12.",
    ]  # fmt: skip
    places = [page.index(text, page.index("Listings and what they are")) for text in order_of_flow]
    assert places == sorted(places)
    assert client.get(reverse("sku", args=["NOBODY-KNOWS"])).status_code == 404


def test_the_page_of_an_item_shows_every_listing_that_is_it(operations, at):
    item = make_item(sku="ONE-ITEM")
    listings = [make_listing() for _ in range(3)]
    for listing in listings:
        make_mapping(listing=listing, item=item)
    old = make_listing()
    make_mapping(listing=old, item=item, state=SkuMapping.State.RETIRED, valid_until=at)

    found = facts(sku="ONE-ITEM", at=at)

    assert {one.listing for one in found.listings} == set(listings)
    assert all(one.owner is not None for one in found.listings)


def test_the_page_of_a_sku_costs_the_same_for_many_orders_as_for_one(
    shirt, order, operations, client_of, at
):
    client, url = client_of(operations), reverse("sku", args=[shirt.sku])
    client.get(url)
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    for number in range(2000, 2015):
        hear(number, at=at, listing=shirt)
    with CaptureQueriesContext(connection) as many:
        client.get(url)

    assert Invoice.objects.count() == 16
    assert len(many) == len(few)
