"""Bulk approval: previewed pair by pair, only what was shown and ticked, and undone at once."""

import pytest
from django.urls import reverse
from django.utils import timezone

from mapping.models import Decision, DuplicatePair, SkuMapping, StoredSuggestion
from mapping.services import decisions
from sync.models import Invoice
from sync.services import inbox
from tests.factories import (
    make_catalogue_read,
    make_item,
    make_listing,
    make_seller,
    make_tax_codes,
    make_worker,
)
from tests.payloads import invoice_node, line_node

pytestmark = pytest.mark.django_db

BULK = "/unmapped/bulk/"


@pytest.fixture(autouse=True)
def alive():
    make_catalogue_read()
    make_tax_codes()
    make_worker(beat_at=timezone.now())


@pytest.fixture
def seller():
    return make_seller(business_name="Saltbush")


def suggested(seller, at, confidence, *, conflict="", verdict="suggest", **listing):
    one, item = make_listing(seller=seller, **listing), make_item()
    mark = {"name": conflict, "verdict": "conflict", "left": "M", "right": "L", "sentence": "x"}
    StoredSuggestion.objects.create(
        listing=one,
        verdict=verdict,
        candidates=[
            {
                "item": item.pk,
                "sku": item.sku,
                "rank": 1,
                "confidence": confidence,
                "auto": False,
                "vetoes": [],
                "evidence": [mark] if conflict else [],
                "features": {},
            }
        ],
        item=item,
        confidence=confidence,
        model_version="as shipped",
        computed_at=at,
        items_at=at,
    )
    return one


def order(number, listing, at):
    lines = [line_node(number, listing=listing)]
    inbox.receive_nodes(nodes=[invoice_node(number, seller=listing.seller, lines=lines)], at=at)
    inbox.process(clock=lambda: at)


def test_the_preview_shows_what_would_be_mapped_and_what_is_left(operations, client_of, seller, at):
    sure = suggested(seller, at, 0.97)
    suggested(seller, at, 0.80)
    suggested(seller, at, 0.99, verdict="ambiguous")
    torn = suggested(seller, at, 0.96, conflict="size")
    asked = suggested(seller, at, 0.99)
    decisions.no_such_item(listing=asked, by=operations, at=at)
    twin = suggested(seller, at, 0.98)
    pair = sorted((twin.suggestion.item, make_item()), key=lambda item: item.pk)
    DuplicatePair.objects.create(left=pair[0], right=pair[1], found_at=at)
    order(1, sure, at)

    page = client_of(operations).get(BULK, {"at_least": 95}).context["page"]

    assert [row.stored.listing for row in page.ready] == [sure]
    assert {row.stored.listing: row.held for row in page.held} == {
        torn: "conflict in size",
        twin: "the item may be a duplicate",
    }
    assert (page.orders, page.money) == (1, 60)
    assert SkuMapping.objects.count() == 0


def test_what_is_ticked_is_mapped_its_orders_go_and_all_of_it_is_undone(
    operations, client_of, seller, at
):
    first, second, third = (suggested(seller, at, 0.97) for _ in range(3))
    order(1, first, at)
    client = client_of(operations)
    rows = client.get(BULK, {"at_least": 95}).context["page"].ready
    keys = [row.key for row in rows if row.stored.listing != third]

    answer = client.post(
        reverse("sync:unmapped-bulk-approve"), {"at_least": 95, "seller": "", "pair": keys}
    )
    page = client.get(answer.url)

    assert "2 listings mapped. 1 order, £60.00 released." in page.text
    assert set(SkuMapping.objects.values_list("listing", flat=True)) == {first.pk, second.pk}
    assert Decision.objects.filter(bulk=True, choice="APPROVED").count() == 2
    assert Invoice.objects.get().state == "QUEUED"

    undone = client.post(
        reverse("sync:unmapped-undo"),
        {"pk": list(SkuMapping.objects.values_list("pk", flat=True)), "next": "/unmapped/"},
    )

    assert undone.status_code == 303
    assert SkuMapping.objects.filter(state="CONFIRMED").count() == 0
    assert Invoice.objects.get().state == "PARKED"


def test_a_pair_that_changed_since_it_was_shown_is_not_mapped(operations, client_of, seller, at):
    listing = suggested(seller, at, 0.97)
    client = client_of(operations)
    key = client.get(BULK, {"at_least": 95}).context["page"].ready[0].key
    other = make_item()
    stored = listing.suggestion
    stored.candidates[0]["item"], stored.item = other.pk, other
    stored.save()

    answer = client.post(
        reverse("sync:unmapped-bulk-approve"), {"at_least": 95, "seller": "", "pair": [key]}
    )

    assert (answer.status_code, SkuMapping.objects.count()) == (422, 0)
    assert "what was shown has changed" in answer.text


def test_a_viewer_sees_the_preview_and_may_not_approve(viewer, client_of, seller, at):
    listing = suggested(seller, at, 0.97)
    client = client_of(viewer)
    assert "Map the ticked listings" not in client.get(BULK).text

    key = f"{listing.pk}-{listing.suggestion.item_id}"
    answer = client.post(reverse("sync:unmapped-bulk-approve"), {"at_least": 95, "pair": [key]})

    assert (answer.status_code, SkuMapping.objects.count()) == (403, 0)
