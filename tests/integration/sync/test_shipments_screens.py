"""Shipments, carriers and refunds on screen: what they say, how they act, what they cost."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from sync.models import CarrierMapping, Correction, ExceptionCase, OutboxMessage, Shipment

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"HX-Request": "true"}


@pytest.fixture
def shop(world):
    world.carriers()
    return world


def told(shop, many=1, carrier="", fresh=0):
    """Orders whose goods left and were told, as far as their carrier allows."""
    found = []
    for variant in shop.variants()[fresh : fresh + many]:
        invoice = shop.sell({variant: 1})
        shop.ship(invoice, carrier=carrier or None)
        found.append(invoice)
    shop.hear_erp()
    shop.tell()
    return found


def text_of(response):
    return response.content.decode()


def test_the_shipments_list_says_where_each_parcel_is(shop, client_of, viewer):
    (done,) = told(shop)
    (waiting,) = told(shop, carrier="Parcelforce", fresh=1)
    shop.read_shipments()

    page = text_of(client_of(viewer).get(reverse("sync:shipments")))

    assert done.number in page
    assert "at Marketplacer" in page
    assert "no carrier" in page
    only = text_of(client_of(viewer).get(reverse("sync:shipments") + "?stage=PARKED"))
    assert waiting.number in only
    assert done.number not in only


@pytest.mark.parametrize("find", ["number", "tracking"])
def test_a_shipment_is_found_by_its_order_and_by_its_tracking_number(shop, client_of, viewer, find):
    (invoice, other) = told(shop, 2)
    row = Shipment.objects.get(invoice=invoice)
    Shipment.objects.filter(pk=row.pk).update(tracking="1550 9999")
    word = {"number": invoice.number, "tracking": "9999"}[find]

    page = text_of(client_of(viewer).get(reverse("sync:shipments"), {"q": word}))

    assert invoice.number in page
    assert other.number not in page


def test_the_panel_of_a_shipment_tells_its_pieces_tries_and_both_sides(shop, client_of, viewer):
    told(shop)
    shop.read_shipments()
    row = Shipment.objects.get()

    panel = text_of(
        client_of(viewer).get(reverse("sync:shipment-panel", args=[row.pk]), headers=HTMX)
    )

    assert "Told, and read back from Marketplacer." in panel
    assert f"SHP-{row.legacy_id}" in panel
    assert "Delivered" in panel
    assert "NO-TRACKING" in panel


def test_the_shipments_list_costs_the_same_for_one_parcel_and_for_many(shop, client_of, viewer):
    client = client_of(viewer)
    told(shop, 1)
    client.get(reverse("sync:shipments"))
    with CaptureQueriesContext(connection) as few:
        client.get(reverse("sync:shipments"))
    told(shop, 6, fresh=1)

    with CaptureQueriesContext(connection) as many:
        client.get(reverse("sync:shipments"))

    assert len(many) == len(few)


def test_an_administrator_maps_a_carrier_beside_the_list_and_what_waited_goes(
    shop, client_of, administrator
):
    told(shop, 2, carrier="Parcelforce")
    mapping = CarrierMapping.objects.get(key="parcelforce")
    client = client_of(administrator)
    panel = text_of(client.get(reverse("sync:carrier-panel", args=[mapping.pk]), headers=HTMX))
    assert "2 shipments wait for it" in panel
    choice = panel.split("Northern Couriers")[0].rsplit('value="', 1)[1].split('"')[0]

    answer = client.post(
        reverse("sync:carrier-choose"), {"mapping": mapping.pk, "carrier": choice}, follow=True
    )

    assert "2 shipments sent" in text_of(answer)
    assert OutboxMessage.objects.filter(operation="create_shipment").count() == 2
    assert not ExceptionCase.objects.filter(state="OPEN").exists()


def test_the_list_of_carriers_says_their_names_and_who_said_so(shop, client_of, viewer):
    told(shop, 1, carrier="Parcelforce")
    told(shop, 1, carrier="Swiftline", fresh=1)

    page = text_of(client_of(viewer).get(reverse("sync:carriers")))

    rows = {row.split("</b>")[0]: row for row in page.split("<b>")[1:]}
    assert "same name" in rows["Swiftline"].split("</tr>")[0]
    assert "same name" not in rows["Parcelforce"].split("</tr>")[0]


def test_choosing_nothing_is_answered_in_words(shop, client_of, operations):
    mapping = CarrierMapping.objects.get(key="dpd")

    answer = client_of(operations).post(
        reverse("sync:carrier-choose"), {"mapping": mapping.pk, "carrier": "0"}, follow=True
    )

    assert "Choose one of" in text_of(answer)


def test_a_viewer_sees_carriers_and_cannot_map_them(shop, client_of, viewer):
    mapping = CarrierMapping.objects.get(key="dpd")
    client = client_of(viewer)

    panel = text_of(client.get(reverse("sync:carrier-panel", args=[mapping.pk]), headers=HTMX))

    assert "<form" not in panel
    assert client.post(reverse("sync:carrier-choose")).status_code == 403


def test_a_file_of_carriers_is_judged_row_by_row_before_anything_changes(
    shop, client_of, operations
):
    client = client_of(operations)
    address = reverse("sync:carriers-import")
    assert client.get(address).status_code == 200
    bad = b"erp_carrier,marketplacer_carrier\nDPD,Swiftline\nRoyal Mail,Pigeon\n"
    page = text_of(client.post(address, {"file": SimpleUploadedFile("c.csv", bad)}))
    assert "1 row cannot be imported" in page
    assert "Marketplacer has no carrier Pigeon." in page
    assert CarrierMapping.objects.get(key="dpd").carrier is None

    good = "erp_carrier,marketplacer_carrier\nDPD,Swiftline\n"
    page = text_of(client.post(address, {"file": SimpleUploadedFile("c.csv", good.encode())}))
    assert "1 carrier to map" in page
    answer = client.post(address, {"text": good, "apply": "1"}, follow=True)

    assert "1 carrier mapped." in text_of(answer)
    assert CarrierMapping.objects.get(key="dpd").carrier.name == "Swiftline"
    refused = client.post(address, {"text": bad.decode(), "apply": "1"}, follow=True)
    assert "Nothing was changed." in text_of(refused)
    not_text = client.post(address, {"file": SimpleUploadedFile("c.csv", b"\xff\xfe\x00")})
    assert not_text.status_code == 422


def refunded(shop, **given):
    invoice = shop.sell({shop.variants()[0]: 2})
    shop.ship(invoice)
    shop.hear_erp()
    shop.tell()
    shop.book(invoice)
    shop.ask_back(invoice, shop.line_back(invoice, dispatched=True), **given)
    shop.follow()
    return invoice


def test_the_refunds_list_and_panel_tell_money_and_goods_apart(shop, client_of, finance):
    invoice = refunded(shop)
    row = Correction.objects.get()
    client = client_of(finance)

    page = text_of(client.get(reverse("sync:refunds")))
    panel = text_of(client.get(reverse("sync:refund-panel", args=[row.pk]), headers=HTMX))

    assert row.reference in page
    assert row.credit_number in page
    assert "expected" in page
    assert invoice.number in panel
    assert row.credit_number in panel
    assert "Damaged" in panel
    assert f"{row.credit_gross:.2f}" in panel


def test_a_request_is_listed_before_its_money_goes(shop, client_of, viewer):
    refunded(shop, complete=False)

    page = text_of(client_of(viewer).get(reverse("sync:refunds") + "?stage=ASKED"))

    assert "asked for" in page
    assert Correction.objects.get().credit_number == ""


def test_a_parked_refund_is_decided_again_from_its_screen(shop, client_of, operations):
    invoice = shop.sell({shop.variants()[0]: 1})
    shop.erp.pick(shop.ref(invoice))
    shop.sandbox.cancel(invoice.legacy_id)
    shop.follow()
    row = Correction.objects.get()
    client = client_of(operations)
    assert "Decide again" in text_of(client.get(reverse("sync:refunds") + "?stage=PARKED"))

    client.post(reverse("sync:refund-again"), {"pk": row.pk}, follow=True)

    row.refresh_from_db()
    assert row.state == "WAITING"


def test_the_refunds_list_costs_the_same_for_one_and_for_many(shop, client_of, viewer):
    refunded(shop)
    client = client_of(viewer)
    client.get(reverse("sync:refunds"))
    with CaptureQueriesContext(connection) as few:
        client.get(reverse("sync:refunds"))
    for variant in shop.variants()[1:5]:
        invoice = shop.sell({variant: 1})
        shop.sandbox.cancel(invoice.legacy_id)
    shop.follow()

    with CaptureQueriesContext(connection) as many:
        client.get(reverse("sync:refunds"))

    assert len(many) == len(few)


def test_an_orders_page_tells_its_goods_and_its_money_back(shop, client_of, viewer):
    invoice = refunded(shop)

    page = text_of(client_of(viewer).get(reverse("sync:order", args=[invoice.pk])))

    for words in (
        "Left the warehouse as",
        "Shipment told to Marketplacer",
        "Refund heard: RF-",
        "Refund followed in the ERP",
        "announced to the warehouse",
    ):
        assert words in page
    assert Shipment.objects.filter(invoice=invoice).count() == 1
