"""What becomes of an invoice: cancelled, paid, shipped, collected, refunded, settled."""

import pytest

from tests.sandbox.marketplacer.ids import global_id
from tests.sandbox.marketplacer.orders import Refused


def _variant(market, seller, **wanted):
    return next(
        v
        for v in market.catalogue.variants
        if v.seller_legacy_id == seller and all(getattr(v, n) == x for n, x in wanted.items())
    )


def _order(market, *variants, quantity=2, **settings):
    lines = [{"variant_legacy_id": v.legacy_id, "quantity": quantity} for v in variants]
    order = market.place_order(lines, **settings)
    return [market.invoice(number) for number in order["invoiceNumbers"]]


def test_a_cancelled_invoice_keeps_its_flags_and_gives_the_stock_back(market):
    variant = _variant(market, 51, stock=40)
    (invoice,) = _order(market, variant)
    assert market.store.need("Variant", variant.legacy_id)["countOnHand"] == 38
    cancelled = market.cancel(invoice["legacy_id"])
    assert cancelled["status_flags"] == ["PAID", "CANCELLED"]
    assert {line["status"] for line in cancelled["lines"]} == {"CANCELLED"}
    assert market.store.need("Variant", variant.legacy_id)["countOnHand"] == 40
    query = """query($id: ID!) { node(id: $id) {
      ... on Invoice { amendments { lineItems { amountCents } } } } }"""
    node = market.graphql(query, {"id": invoice["id"]})["data"]["node"]
    assert node["amendments"][0]["lineItems"][0]["amountCents"] < 0
    with pytest.raises(Refused):
        market.cancel(invoice["legacy_id"])


def test_a_payment_under_review_becomes_paid(market):
    (invoice,) = _order(market, _variant(market, 51), under_review=True)
    assert invoice["status_flags"] == ["PAYMENT_UNDER_REVIEW"]
    assert invoice["paid_at"] is None
    assert market.pay(invoice["legacy_id"])["status_flags"] == ["PAID"]


def test_a_partial_shipment_then_the_rest(market):
    (invoice,) = _order(market, _variant(market, 54), quantity=3)
    query = """mutation($input: ShipmentCreateMutationInput!) {
      shipmentCreate(input: $input) { status errors { field messages } shipment { carrier } } }"""
    given = {
        "invoiceId": invoice["id"],
        "postageCarrierId": global_id("ShipmentCarrier", 1),
        "dispatchedAt": "2026-12-01",
        "trackingNumber": "T1",
        "shippedItems": [{"lineItemId": invoice["lines"][0]["id"], "quantity": 1}],
    }

    def send(**changes):
        return market.graphql(query, {"input": given | changes})["data"]["shipmentCreate"]

    assert send()["shipment"] == {"carrier": "Royal Parcel"}
    assert market.invoice(invoice["legacy_id"])["status_flags"] == ["PAID", "PARTIALLY_SENT"]
    rest = [{"lineItemId": invoice["lines"][0]["id"], "quantity": 3}]
    assert send(shippedItems=rest)["errors"][0]["field"] == "shippedItems"
    assert send(trackingNumber=" ")["errors"][0]["field"] == "trackingNumber"
    assert send(dispatchedAt="2026-11-29")["errors"][0]["field"] == "dispatchedAt"
    rest[0]["quantity"] = 2
    assert send(shippedItems=rest)["status"] == 201
    assert market.invoice(invoice["legacy_id"])["status_flags"] == ["PAID", "SENT"]


def test_click_and_collect_goes_from_ready_to_collected_only(market):
    variant = _variant(market, 54)
    order = market.place_order(
        [{"variant_legacy_id": variant.legacy_id, "delivery_type": "CLICK_AND_COLLECT"}]
    )
    number = order["invoiceNumbers"][0]
    query = """mutation($input: ClickAndCollectStatusUpdateMutationInput!) {
      clickAndCollectStatusUpdate(input: $input) { status invoice { statusFlags } } }"""

    def move(status):
        given = {"invoiceId": global_id("Invoice", number), "status": status}
        return market.graphql(query, {"input": given})["data"]["clickAndCollectStatusUpdate"]

    assert move("COLLECTED")["status"] == 422
    assert move("READY")["status"] == 200
    assert move("COLLECTED")["invoice"]["statusFlags"] == ["PAID", "READY", "COLLECTED"]


def test_a_refund_ends_in_a_negative_amendment_and_the_seller_is_paid_out(market):
    (invoice,) = _order(market, _variant(market, 54))
    line = invoice["lines"][0]
    start = """mutation($input: RefundRequestCreateMutationInput!) {
      refundRequestCreate(input: $input) { refundRequest { id status lineItems { status } } } }"""
    rows = [{"lineItemId": line["id"], "quantity": 1, "reason": "Too small", "dispatched": True}]
    made = market.graphql(start, {"input": {"invoiceId": invoice["id"], "lineItems": rows}})
    request = made["data"]["refundRequestCreate"]["refundRequest"]
    assert request["status"] == "AWAITING"
    for step, outcome in (("Refund", None), ("Return", "RETURNED"), ("Refund", "REFUNDED")):
        query = f"""mutation($id: ID!) {{
          step: refundRequest{step}(input: {{refundRequestId: $id}}) {{
          errors {{ field }} refundRequest {{ status cashAmountFormatted }} }} }}"""
        answer = market.graphql(query, {"id": request["id"]})["data"]["step"]
        assert (answer["refundRequest"] or {}).get("status") == outcome
    assert answer["refundRequest"]["cashAmountFormatted"].startswith("£")
    flags = market.invoice(invoice["legacy_id"])["status_flags"]
    assert flags == ["PAID", "REFUNDED"]

    remittances = [r for r in market.store.all("Remittance") if not r["pendingReasons"]]
    assert [r["amountCents"] < 0 for r in remittances] == [True]
    release = """mutation($ids: [ID!]!) { remittancesRelease(input: {remittanceIds: $ids}) {
      errors { messages } remittances { released amountFormatted } } }"""
    ids = [global_id("Remittance", r["number"]) for r in market.store.all("Remittance")]
    pending = market.graphql(release, {"ids": ids})["data"]["remittancesRelease"]
    assert "Not dispatched" in pending["errors"][0]["messages"][0]
    ids = [global_id("Remittance", remittances[0]["number"])]
    assert market.graphql(release, {"ids": ids})["data"]["remittancesRelease"]["errors"] is None
    market.pay_out()
    query = (
        "{ remittanceAdvices { nodes { id totalCents remittances { id } seller { legacyId } } } }"
    )
    (advice,) = market.graphql(query)["data"]["remittanceAdvices"]["nodes"]
    assert advice["totalCents"] == remittances[0]["amountCents"]
    assert advice["seller"]["legacyId"] == 54
