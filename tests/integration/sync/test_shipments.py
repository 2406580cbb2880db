"""Shipments of the ERP told to Marketplacer, each piece once, and sellers' own mirrored."""

from decimal import Decimal

import pytest

from mkterp.core.errors import Refused
from sync.domain.cases import CaseKind
from sync.models import (
    Carrier,
    CarrierMapping,
    ErpShipment,
    ExceptionCase,
    OutboxMessage,
    Shipment,
)
from sync.services import outbox, shipments, shipments_carriers
from tests.sandbox.marketplacer.ids import global_id

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(world):
    """The world with its carriers read, DPD being Swiftline there."""
    world.carriers()
    mapping = CarrierMapping.objects.get(key="dpd")
    mapping.carrier = Carrier.objects.get(name="Swiftline")
    mapping.save()
    return world


def open_case(kind):
    return ExceptionCase.objects.get(kind=kind, state=ExceptionCase.State.OPEN)


def test_an_erp_shipment_becomes_one_at_marketplacer_with_carrier_and_tracking(shop):
    variant = shop.variants()[0]
    invoice = shop.sell({variant: 2})
    shop.ship(invoice, carrier="DPD", boxes=[("1550 0001", {sku_of(invoice): Decimal(2)})])

    shop.hear_erp()
    shop.tell()

    (parcel,) = shop.parcels_there(invoice)
    assert (parcel["carrier"], parcel["trackingNumber"]) == ("Swiftline", "1550 0001")
    assert [item["quantity"] for item in parcel["items"]] == [2]
    assert "SENT" in shop.there(invoice)["statusFlags"]
    assert parcel["shippedFromNumber"] is None
    shop.read_shipments()
    row = Shipment.objects.get()
    assert (row.legacy_id, row.origin, row.placeholder) == (parcel["number"], "ERP", False)
    assert row.seen_at is not None


def sku_of(invoice, index=0):
    goods = [x for x in invoice.posting.payload["lines"] if x["kind"] == "goods"]
    return goods[index]["sku"]


def test_an_order_leaves_in_parts_and_each_part_is_told(shop):
    first, second = shop.variants()[:2]
    invoice = shop.sell({first: 3, second: 1})
    shop.ship(invoice, {0: 2}, carrier="DPD")
    shop.hear_erp()
    shop.tell()
    assert "PARTIALLY_SENT" in shop.there(invoice)["statusFlags"]

    shop.ship(invoice, carrier="DPD")
    shop.hear_erp()
    shop.tell()

    assert len(shop.parcels_there(invoice)) == 2
    assert shop.pieces_there(invoice) == shop.ordered_there(invoice)
    assert "SENT" in shop.there(invoice)["statusFlags"]


def test_a_pack_of_three_is_told_as_one_piece_when_it_is_whole(shop):
    variant = shop.variants(pack=3)[0]
    invoice = shop.sell({variant: 2})
    shop.ship(invoice, {0: 4}, carrier="DPD")
    shop.hear_erp()
    shop.tell()
    assert list(shop.pieces_there(invoice).values()) == [1]

    shop.ship(invoice, carrier="DPD")
    shop.hear_erp()
    shop.tell()

    assert list(shop.pieces_there(invoice).values()) == [2]


def test_the_same_news_many_times_is_one_shipment(shop):
    invoice = shop.sell({shop.variants()[0]: 1})
    shop.ship(invoice, carrier="DPD")

    for _ in range(5):
        shop.hear_erp()
        shop.tell()

    assert len(shop.parcels_there(invoice)) == 1
    assert Shipment.objects.count() == 1


def test_a_lost_answer_is_looked_for_and_makes_no_second_shipment(shop):
    invoice = shop.sell({shop.variants()[0]: 3})
    shop.ship(invoice, {0: 1}, carrier="DPD")
    shop.hear_erp()
    shop.sandbox.faults.set(
        {"lose_next": 1, "lost_answer_as": "502", "only_operation": "shipmentCreate"}
    )
    shop.tell()
    assert len(shop.parcels_there(invoice)) == 1
    shop.sandbox.faults.set({"reset": True})

    shop.step(minutes=10)
    shop.tell()

    assert len(shop.parcels_there(invoice)) == 1
    message = OutboxMessage.objects.get(operation="create_shipment")
    assert (message.state, message.answer["status"]) == ("DELIVERED", "existed")
    assert Shipment.objects.get().marketplacer_id is not None


def test_goods_without_tracking_go_under_the_declared_placeholder_until_one_comes(shop):
    invoice = shop.sell({shop.variants()[0]: 1})
    shop.ship(invoice, carrier="DPD", boxes=[("", {sku_of(invoice): Decimal(1)})])
    shop.hear_erp()
    shop.tell()
    (parcel,) = shop.parcels_there(invoice)
    assert parcel["trackingNumber"] == "NO-TRACKING"
    assert Shipment.objects.get().placeholder

    (left,) = (one for one in shop.erp._shipments.values() if one.sale.ref == shop.ref(invoice))
    left.boxes = [("1550 0009", left.boxes[0][1])]
    left.touched_at = shop.now()
    shop.hear_erp()
    shop.tell()

    (parcel,) = shop.parcels_there(invoice)
    assert parcel["trackingNumber"] == "1550 0009"
    assert not Shipment.objects.get().placeholder


def test_goods_without_a_carrier_go_under_the_declared_one(shop):
    invoice = shop.sell({shop.variants()[0]: 1})
    shop.ship(invoice)

    shop.hear_erp()
    shop.tell()

    (parcel,) = shop.parcels_there(invoice)
    assert parcel["carrier"] == "Untracked post"


def test_an_unknown_carrier_waits_with_one_case_and_goes_when_it_is_mapped(shop, administrator):
    invoices = [shop.sell({variant: 1}) for variant in shop.variants()[:3]]
    for invoice in invoices:
        shop.ship(invoice, carrier="Parcelforce")
    shop.hear_erp()
    shop.tell()
    case = open_case(CaseKind.UNMAPPED_CARRIER)
    assert case.invoices.count() == 3
    assert "Parcelforce" in case.cause
    assert not any(shop.parcels_there(invoice) for invoice in invoices)

    shipments_carriers.choose(
        mapping=CarrierMapping.objects.get(key="parcelforce"),
        carrier=Carrier.objects.get(name="Northern Couriers"),
        by=administrator,
        at=shop.now(),
    )
    shipments.release_waiting(at=shop.now())
    shop.tell()

    assert [p["carrier"] for i in invoices for p in shop.parcels_there(i)] == [
        "Northern Couriers"
    ] * 3
    case.refresh_from_db()
    assert (case.state, case.closed_by) == ("RESOLVED", administrator)


def test_before_marketplacers_carriers_were_read_goods_wait_without_a_case(world):
    """The two sides come up in any order: a name is unknown only once the other list is here."""
    invoice = world.sell({world.variants()[0]: 1})
    world.ship(invoice, carrier="Swiftline")
    world.hear_erp()
    world.tell()
    assert not ExceptionCase.objects.exists()

    world.carriers()
    shipments.release_waiting(at=world.now())
    world.tell()

    assert [parcel["carrier"] for parcel in world.parcels_there(invoice)] == ["Swiftline"]


def test_a_carrier_that_marketplacer_gets_later_maps_itself_and_closes_its_case(shop):
    invoice = shop.sell({shop.variants()[0]: 1})
    shop.ship(invoice, carrier="Parcelforce")
    shop.hear_erp()
    case = open_case(CaseKind.UNMAPPED_CARRIER)

    there = {row.marketplacer_id: row.name for row in Carrier.objects.all()}
    shipments_carriers.mirror(found={**there, "new": "Parcelforce"}, at=shop.now())
    shipments.release_waiting(at=shop.now())

    case.refresh_from_db()
    assert case.state == "RESOLVED"
    assert OutboxMessage.objects.filter(operation="create_shipment").count() == 1


def test_carriers_of_the_same_name_map_themselves_and_a_file_maps_the_others(shop, administrator):
    at = shop.now()
    assert shipments_carriers.mapped(names={"royal-PARCEL"}, at=at)["royal-PARCEL"] is not None

    rows = [{"erp_carrier": "Royal Mail", "marketplacer_carrier": "royal parcel"}]
    assert shipments_carriers.import_rows(rows=rows, by=administrator, at=at) == 1
    assert shipments_carriers.mapped(names={"Royal Mail"}, at=at)["Royal Mail"] is not None

    bad = [*rows, {"erp_carrier": "DPD", "marketplacer_carrier": "Pigeon"}]
    assert [ok for _, _, ok in shipments_carriers.verdicts(rows=bad)] == [True, False]
    with pytest.raises(Refused, match="Row 3: Marketplacer has no carrier Pigeon"):
        shipments_carriers.import_rows(rows=bad, by=administrator, at=at)


def test_a_carrier_that_marketplacer_no_longer_has_waits_again(shop, administrator):
    shipments_carriers.mirror(found={"only": "Only one"}, at=shop.now())

    assert shipments_carriers.mapped(names={"DPD"}, at=shop.now())["DPD"] is None
    with pytest.raises(Refused, match="no longer has"):
        shipments_carriers.choose(
            mapping=CarrierMapping.objects.get(key="dpd"),
            carrier=Carrier.objects.get(name="Swiftline"),
            by=administrator,
            at=shop.now(),
        )


def test_an_order_to_be_collected_becomes_ready_and_collected_and_never_a_shipment(shop, settings):
    settings.ERP_READY_STATES = ("picked",)
    invoice = shop.sell({shop.variants()[0]: 2}, delivery="CLICK_AND_COLLECT")
    shop.erp.pick(shop.ref(invoice))
    for one in shop.erp._shipments.values():
        one.touched_at = shop.now()
    shop.hear_erp()
    shop.tell()
    assert "READY" in shop.there(invoice)["statusFlags"]
    assert "COLLECTED" not in shop.there(invoice)["statusFlags"]

    shop.ship(invoice)
    shop.hear_erp()
    shop.tell()

    assert "COLLECTED" in shop.there(invoice)["statusFlags"]
    assert shop.parcels_there(invoice) == []
    assert OutboxMessage.objects.filter(state="FAILED").count() == 0


def test_goods_handed_over_at_once_pass_through_both_states(shop):
    invoice = shop.sell({shop.variants()[0]: 1}, delivery="CLICK_AND_COLLECT")
    shop.ship(invoice)

    shop.hear_erp()
    for _ in range(2):
        shop.tell()

    assert {"READY", "COLLECTED"} <= set(shop.there(invoice)["statusFlags"])


def test_an_order_without_dispatch_is_never_told_anything(shop):
    invoice = shop.sell({shop.variants()[0]: 1}, delivery="NO_DISPATCH")
    if shop.erp.shipments(shop.at.replace(year=2020), None).rows:
        shop.ship(invoice)

    shop.hear_erp()
    shop.tell()

    assert shop.parcels_there(invoice) == []
    assert not OutboxMessage.objects.filter(operation="create_shipment").exists()


def test_a_sellers_own_shipment_is_mirrored_and_never_posted(shop):
    variant = shop.variants(seller=1, fulfilled_by="seller", treatment="agent")[0]
    invoice = shop.sell({variant: 1})
    number = shop.there(invoice)["lineNumbers"][0]
    shop.sandbox.graphql(
        """mutation($i: ShipmentCreateMutationInput!) {
             shipmentCreate(input: $i) { errors { field messages } } }""",
        {
            "i": {
                "invoiceId": invoice.marketplacer_id,
                "shippedItems": [{"lineItemId": global_id("LineItem", number), "quantity": 1}],
                "postageCarrierId": global_id("ShipmentCarrier", 1),
                "trackingNumber": "SELLER-1",
                "dispatchedAt": shop.now().isoformat(),
            }
        },
    )

    shop.read_shipments()
    shop.read_shipments()

    row = Shipment.objects.get()
    assert (row.origin, row.tracking, row.carrier) == ("PORTAL", "SELLER-1", "Royal Parcel")
    assert [line["quantity"] for line in row.lines] == [1]
    assert ErpShipment.objects.count() == 0
    assert not OutboxMessage.objects.filter(operation="create_shipment").exists()


def test_what_the_order_does_not_hold_opens_a_case_and_the_rest_is_told(shop):
    invoice = shop.sell({shop.variants()[0]: 2})
    shop.ship(invoice, carrier="DPD")
    (left,) = shop.erp._shipments.values()
    (key,) = left.quantities
    left.quantities[key] = Decimal(5)

    shop.hear_erp()
    shop.tell()

    assert list(shop.pieces_there(invoice).values()) == [2]
    case = open_case(CaseKind.SHIPMENT_UNPLACED)
    assert "more than was ordered" in case.cause
    assert case in invoice.cases.all()


def test_goods_that_left_after_a_cancellation_are_not_told_but_named(shop):
    invoice = shop.sell({shop.variants()[0]: 1})
    shop.ship(invoice, carrier="DPD")
    shop.sandbox.cancel(invoice.legacy_id)
    shop.hear()

    shop.hear_erp()
    shop.tell()

    assert shop.parcels_there(invoice) == []
    assert "cancelled" in open_case(CaseKind.SHIPMENT_UNPLACED).cause


def test_a_parcel_that_somebody_entered_in_the_portal_is_refused_with_reasons(shop, operations):
    invoice = shop.sell({shop.variants()[0]: 1})
    number = shop.there(invoice)["lineNumbers"][0]
    shop.sandbox.graphql(
        """mutation($i: ShipmentCreateMutationInput!) {
             shipmentCreate(input: $i) { errors { field messages } } }""",
        {
            "i": {
                "invoiceId": invoice.marketplacer_id,
                "shippedItems": [{"lineItemId": global_id("LineItem", number), "quantity": 1}],
                "postageCarrierId": global_id("ShipmentCarrier", 1),
                "trackingNumber": "BY HAND",
                "dispatchedAt": shop.now().isoformat(),
            }
        },
    )
    shop.ship(invoice, carrier="DPD")
    shop.hear_erp()
    shop.tell()

    assert len(shop.parcels_there(invoice)) == 1
    case = open_case(CaseKind.SHIPMENT_REFUSED)
    assert "portal" in case.quote
    assert case in invoice.cases.all()
    message = OutboxMessage.objects.get(operation="create_shipment")
    outbox.retry(message=message, by=operations, at=shop.now())
    shop.tell()
    assert len(shop.parcels_there(invoice)) == 1


def test_the_same_key_twice_at_marketplacer_is_a_case(shop):
    invoice = shop.sell({shop.variants()[0]: 3})
    shop.ship(invoice, {0: 1}, carrier="DPD")
    shop.hear_erp()
    shop.tell()
    (parcel,) = shop.parcels_there(invoice)
    twin = {**parcel, "number": 900_001}
    shop.sandbox.store.put("Shipment", twin)
    numbers = [*shop.there(invoice)["shipmentNumbers"], 900_001]
    shop.sandbox.store.change("Invoice", invoice.legacy_id, shipmentNumbers=numbers)
    shop.sandbox.market.touch("Invoice", invoice.legacy_id)

    shop.read_shipments()

    assert "again" in open_case(CaseKind.SHIPMENT_DOUBLED).cause


def test_a_shipment_read_before_its_order_finds_it_later(shop):
    invoice = shop.sell({shop.variants()[0]: 1})
    shop.ship(invoice, carrier="DPD")
    key = invoice.marketplacer_id
    type(invoice).objects.filter(pk=invoice.pk).update(marketplacer_id="not yet")
    shop.hear_erp()
    assert ErpShipment.objects.get().invoice is None

    type(invoice).objects.filter(pk=invoice.pk).update(marketplacer_id=key)
    shipments.release_waiting(at=shop.now())
    shop.tell()

    assert len(shop.parcels_there(invoice)) == 1
