"""A mapping that was wrong: orders not gone are decided again, those gone are named in one case."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from mapping.models import Decision, SellerSettings, SkuMapping
from mapping.services import automatic
from mkterp.core.errors import Refused
from sync.models import ExceptionCase, Invoice, InvoiceLine, OutboxMessage
from sync.services import inbox, remapping, workbench
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


@pytest.fixture(autouse=True)
def alive():
    make_catalogue_read()
    make_tax_codes()
    make_worker(beat_at=timezone.now())


@pytest.fixture
def listing():
    return make_listing(seller=make_seller(business_name="Saltbush"), sku="SB-1")


@pytest.fixture
def item():
    return make_item(sku="LIN-M")


@pytest.fixture
def mapping(listing, item, operations, at):
    return workbench.confirm(listing=listing, item=item, by=operations, at=at).mapping


def order(number, listing, at):
    lines = [line_node(number, listing=listing)]
    inbox.receive_nodes(nodes=[invoice_node(number, seller=listing.seller, lines=lines)], at=at)
    inbox.process(clock=lambda: at)
    return Invoice.objects.get(legacy_id=number)


def gone(invoice):
    """The ERP has it."""
    invoice.posting.state, invoice.posting.attempts = OutboxMessage.State.DELIVERED, 1
    invoice.posting.save()
    Invoice.objects.filter(pk=invoice.pk).update(state=Invoice.State.POSTED)


def items_of(invoice):
    return list(InvoiceLine.objects.filter(invoice=invoice).values_list("item__sku", flat=True))


def test_from_now_on_orders_that_wait_keep_the_mapping_they_were_placed_under(
    operations, listing, mapping, at
):
    waiting = order(1, listing, at)

    remapping.remap(
        mapping=mapping, item=make_item(sku="LIN-L"), by=operations, at=at, reason="size"
    )

    assert items_of(waiting) == ["LIN-M"]
    assert not ExceptionCase.objects.filter(kind="POSTED_AS_OTHER_ITEM").exists()


def test_correcting_earlier_orders_changes_those_that_wait_and_names_those_that_went(
    operations, listing, mapping, at
):
    went, waiting = order(1, listing, at), order(2, listing, at)
    gone(went)

    new, reach = remapping.remap(
        mapping=mapping,
        item=make_item(sku="LIN-L"),
        by=operations,
        at=at,
        reason="it always was",
        correct_earlier=True,
    )

    waiting.refresh_from_db()
    assert (waiting.state, items_of(waiting), items_of(went)) == ("QUEUED", ["LIN-L"], ["LIN-M"])
    assert waiting.posting.payload["lines"][0]["sku"] == "LIN-L"
    assert ([one.pk for one in reach.posted], new.valid_from) == ([went.pk], None)
    case = ExceptionCase.objects.get(kind="POSTED_AS_OTHER_ITEM")
    assert "1 order, £60.00, went to the ERP with LIN-M before SB-1 was remapped to LIN-L" in (
        case.cause
    )
    assert "INV-1" in case.cause
    assert list(case.invoices.all()) == [went]


def test_the_reach_is_foreseen_without_changing_anything(operations, listing, mapping, at):
    went, waiting = order(1, listing, at), order(2, listing, at)
    gone(went)

    reach = remapping.reach(mapping=mapping, moment=None, correct_earlier=True)

    assert [one.pk for one in reach.posted] == [went.pk]
    assert [one.pk for one in reach.waiting] == [waiting.pk]
    assert SkuMapping.objects.filter(state="CONFIRMED").count() == 1
    waiting.refresh_from_db()
    assert waiting.state == "QUEUED"


def test_only_orders_of_the_time_that_changes_hands_are_reached(operations, listing, mapping, at):
    placed = order(1, listing, at).placed_at
    later = remapping.reach(
        mapping=mapping, moment=placed + timedelta(seconds=1), correct_earlier=False
    )
    same = remapping.reach(mapping=mapping, moment=placed, correct_earlier=False)

    assert (len(later.waiting), len(same.waiting)) == (0, 1)


def test_unmapping_makes_its_orders_wait_again(operations, listing, mapping, at):
    waiting = order(1, listing, at)

    remapping.retire(mapping=mapping, by=operations, at=at, reason="wrong", correct_earlier=True)

    waiting.refresh_from_db()
    assert waiting.state == "PARKED"
    assert Decision.objects.filter(choice="RETIRED").count() == 1


def test_one_error_of_the_rule_switches_it_off_and_says_so(administrator, operations, listing, at):
    automatic.switch(seller=listing.seller, on=True, by=administrator, at=at, reason="trial")
    mapping = SkuMapping.objects.create(
        listing=listing, item=make_item(sku="A"), state="CONFIRMED", source="AUTO", made_at=at
    )

    remapping.retire(
        mapping=mapping, by=operations, at=at, reason="wrong one", correct_earlier=True
    )

    assert SellerSettings.objects.get().auto_map is False
    case = ExceptionCase.objects.get(kind="AUTO_MAP_OFF")
    assert "Automatic mapping of Saltbush is off: SB-1 was mapped to A" in case.cause


def test_an_undo_after_posting_points_to_the_correction(operations, listing, mapping, at):
    gone(order(1, listing, at))

    with pytest.raises(Refused, match="correct the earlier orders"):
        workbench.undo(mapping=mapping, by=operations, at=at)


def test_an_order_that_the_erp_refused_waits_again_when_its_mapping_is_undone(
    operations, listing, mapping, at
):
    invoice = order(1, listing, at)
    OutboxMessage.objects.filter(pk=invoice.posting_id).update(state=OutboxMessage.State.FAILED)
    Invoice.objects.update(state=Invoice.State.FAILED)

    assert workbench.undo(mapping=mapping, by=operations, at=at) == 1

    invoice.refresh_from_db()
    assert invoice.state == Invoice.State.PARKED
    assert ExceptionCase.objects.filter(
        kind="UNMAPPED_SKU", state="OPEN", invoices=invoice
    ).exists()


def test_what_changes_at_the_marketplace_after_posting_is_still_found(listing, mapping, at):
    invoice = order(1, listing, at)
    gone(invoice)
    item = InvoiceLine.objects.get(invoice=invoice).item_id

    node = invoice_node(1, seller=listing.seller, lines=[line_node(1, listing=listing)])
    later = at + timedelta(hours=1)
    node |= {"updatedAt": later.isoformat(), "statusFlags": ["PAID", "SENT"]}
    inbox.receive_nodes(nodes=[node], at=later)
    inbox.process(clock=lambda: later)

    assert InvoiceLine.objects.get(invoice=invoice).item_id == item == mapping.item_id
    assert remapping.reach(mapping=mapping, moment=at, correct_earlier=True).posted == [invoice]


def test_the_page_shows_what_it_changes_before_it_does(operations, client_of, listing, mapping, at):
    gone(order(1, listing, at))
    make_item(sku="LIN-L")
    client = client_of(operations)
    url = reverse("sync:mapped-remap", args=[mapping.pk])
    told = {"item": "LIN-L", "pack_quantity": 1, "reason": "size", "correct_earlier": "on"}

    shown = client.post(url, told)
    assert "1 order is in the ERP with the item as it was, " in " ".join(shown.text.split())
    assert SkuMapping.objects.count() == 1

    done = client.post(url, {**told, "sure": "1"})

    assert done.status_code == 303
    assert SkuMapping.objects.get(state="CONFIRMED").item.sku == "LIN-L"
    page = client.get(done.url).text
    assert "1 order in the ERP to be corrected" in page
    assert "never in force" in page


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"item": "NO-SUCH"}, "NO-SUCH is not an active item"),
        ({"reason": ""}, "This field is required"),
        ({"pack_quantity": 0}, "greater than or equal to 1"),
    ],
)
def test_a_change_that_makes_no_sense_is_said_beside_its_field(
    wrong, words, operations, client_of, mapping
):
    told = {"item": mapping.item.sku, "pack_quantity": 2, "reason": "x", **wrong}
    answer = client_of(operations).post(reverse("sync:mapped-remap", args=[mapping.pk]), told)

    assert answer.status_code == 422
    assert words in answer.text


def test_a_viewer_reads_the_history_and_changes_nothing(viewer, client_of, mapping):
    client = client_of(viewer)
    page = client.get(reverse("sync:mapped", args=[mapping.pk]))

    assert page.status_code == 200
    assert "It is another item" not in page.text
    for deed in ("remap", "retire"):
        url = reverse(f"sync:mapped-{deed}", args=[mapping.pk])
        assert client.post(url, {"reason": "x", "sure": "1"}).status_code == 403
