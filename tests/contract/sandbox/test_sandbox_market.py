"""Orders, what becomes of them, and what the witness says about it."""

from datetime import timedelta

import httpx

from tests.sandbox.marketplacer import Sandbox
from tests.sandbox.marketplacer.ids import global_id

UPSERT = """
mutation($input: ExternalIDUpsertMutationInput!) {
  externalIdUpsert(input: $input) { status errors { field messages } }
}
"""
CHANGED = """
query($since: ISO8601DateTime, $until: ISO8601DateTime) {
  invoices(filters: {updatedSince: $since, updatedUntil: $until}, first: 500) {
    nodes { legacyId updatedAt externalIds { key value } }
  }
}
"""


def _changed(market, since=None, until=None):
    variables = {
        "since": since.isoformat() if since else None,
        "until": until.isoformat() if until else None,
    }
    nodes = market.graphql(CHANGED, variables)["data"]["invoices"]["nodes"]
    return [node["legacyId"] for node in nodes]


def _variant(market, seller, **wanted):
    return next(
        v
        for v in market.catalogue.variants
        if v.seller_legacy_id == seller and all(getattr(v, n) == x for n, x in wanted.items())
    )


def test_updated_since_and_until_really_filter(market, clock):
    first = market.place_orders(1)[0]["invoiceNumbers"]
    clock.pass_by(minutes=10)
    second = market.place_orders(1)[0]["invoiceNumbers"]
    middle = clock.now - timedelta(minutes=5)
    assert _changed(market, since=middle) == second
    assert _changed(market, until=middle) == first
    assert _changed(market, since=clock.now) == second
    assert _changed(market, since=clock.now + timedelta(seconds=1)) == []


def test_writing_an_external_id_changes_the_invoice_and_it_is_found_by_it(market, clock):
    number = market.place_orders(1)[0]["invoiceNumbers"][0]
    clock.pass_by(minutes=10)
    for value in ("SO-1", "SO-2"):
        given = {"owner": global_id("Invoice", number), "key": "erp_order", "value": value}
        assert market.graphql(UPSERT, {"input": given})["data"]["externalIdUpsert"]["status"] == 200
    assert _changed(market, since=clock.now) == [number]
    assert market.invoice(number)["external_ids"] == {"erp_order": "SO-2"}

    query = """query($value: String!) {
      externalIds(ownerType: "Invoice", key: "erp_order", value: $value) {
        key value owner { ... on Invoice { legacyId } } } }"""
    found = market.graphql(query, {"value": "SO-2"})["data"]["externalIds"]
    assert found == [{"key": "erp_order", "value": "SO-2", "owner": {"legacyId": number}}]
    assert market.graphql(query, {"value": "SO-1"})["data"]["externalIds"] == []


def test_an_order_becomes_one_invoice_for_each_seller_and_delivery_type(market):
    ours, theirs = _variant(market, 51), _variant(market, 54)
    order = market.place_order(
        [
            {"variant_legacy_id": ours.legacy_id},
            {"variant_legacy_id": theirs.legacy_id},
            {"variant_legacy_id": theirs.legacy_id, "delivery_type": "CLICK_AND_COLLECT"},
        ]
    )
    parts = [market.invoice(number) for number in order["invoiceNumbers"]]
    assert [(part["seller_legacy_id"], part["delivery_type"]) for part in parts] == [
        (51, "BUY_ONLINE"),
        (54, "BUY_ONLINE"),
        (54, "CLICK_AND_COLLECT"),
    ]
    assert parts[2]["shipping_cents"] == 0


def test_the_money_of_every_traded_invoice_adds_up(market):
    market.place_orders(300, plain=False)
    rates = set()
    for invoice in market.invoices():
        assert invoice["total_cents"] == invoice["shipping_cents"] + sum(
            line["total_cents"] for line in invoice["lines"]
        )
        for line in invoice["lines"]:
            assert line["total_cents"] == line["subtotal_cents"] + line["discount_cents"]
            assert line["discount_cents"] <= 0
            rate = line["tax_rate"]
            assert abs(line["tax_cents"] - line["total_cents"] * rate / (1 + rate)) <= 0.5
            assert abs(line["postage_tax_cents"] - line["postage_cents"] / 6) <= 0.5
            rates.add(rate)
    assert rates == {0.0, 0.2}


def test_an_amount_that_does_not_divide_by_the_quantity_is_rounded_per_piece(market):
    variant = _variant(market, 51, stock=120)
    query = """mutation($id: ID!) {
      orderCreate(input: {order: {firstName: "Ana"},
        lineItems: [{variantId: $id, quantity: 4, cost: {amount: 10830}}]}) {
        status errors { field messages }
        order { invoices { nodes { lineItems { subtotalCents taxTotalCents } } } } } }"""
    made = market.graphql(query, {"id": global_id("Variant", variant.legacy_id)})
    line = made["data"]["orderCreate"]["order"]["invoices"]["nodes"][0]["lineItems"][0]
    assert line["subtotalCents"] == 10832


def test_a_stock_change_is_news_of_the_advert_too(market, clock):
    clock.pass_by(days=1)
    variant = _variant(market, 51)
    query = """mutation($input: VariantUpdateMutationInput!) {
      variantUpdate(input: $input) { status errors { field } variant { countOnHand sku } } }"""
    given = {
        "variantId": global_id("Variant", variant.legacy_id),
        "attributes": {"countOnHand": 17},
    }
    made = market.graphql(query, {"input": given})["data"]["variantUpdate"]
    assert made["variant"] == {"countOnHand": 17, "sku": variant.sku}
    given["attributes"] = {"countOnHand": -1}
    assert market.graphql(query, {"input": given})["data"]["variantUpdate"]["status"] == 422
    query = """query($since: ISO8601DateTime) {
      allAdverts(updatedSince: $since) { nodes { ... on Advert { legacyId } } } }"""
    found = market.graphql(query, {"since": clock.now.isoformat()})["data"]["allAdverts"]["nodes"]
    assert found == [{"legacyId": variant.advert_legacy_id}]


def test_a_refused_mutation_changes_nothing_at_all(market):
    variant = _variant(market, 51)
    query = """mutation($input: AdvertUpsertMutationInput!) {
      advertUpsert(input: $input) { status errors { field } } }"""
    rows = [
        {"id": global_id("Variant", variant.legacy_id), "countOnHand": 5},
        {"id": global_id("Variant", 1), "countOnHand": 5},
    ]
    given = {
        "advertId": global_id("Advert", variant.advert_legacy_id),
        "attributes": {"title": "Changed", "variants": rows},
    }
    assert market.graphql(query, {"input": given})["data"]["advertUpsert"]["status"] == 404
    assert market.store.need("Variant", variant.legacy_id)["countOnHand"] == variant.stock
    assert market.store.need("Advert", variant.advert_legacy_id)["title"] == variant.title


def test_the_same_seed_trades_the_same_orders(catalogue):
    def story(count: int, then: int) -> list[tuple[object, ...]]:
        market = Sandbox(7, catalogue=catalogue)
        market.place_orders(count, plain=False)
        market.place_orders(then, plain=False)
        return [
            (i["legacy_id"], i["total_cents"], tuple(line["sku"] for line in i["lines"]))
            for i in market.invoices()
        ]

    assert story(40, 0) == story(15, 25)
    other = Sandbox(8, catalogue=catalogue)
    other.place_orders(40, plain=False)
    assert [i["total_cents"] for i in other.invoices()] != [row[1] for row in story(40, 0)]


def test_trading_goes_on_until_everything_planned_has_happened(market, clock):
    market.place_orders(300, plain=False)
    clock.pass_by(hours=1)
    assert market.run_appointments() > 100
    flags = [set(invoice["status_flags"]) for invoice in market.invoices()]
    assert not any("PAYMENT_UNDER_REVIEW" in each for each in flags)
    for seen in ({"PAID", "SENT"}, {"PAID", "CANCELLED"}, {"PAID", "READY", "COLLECTED"}, {"PAID"}):
        assert seen in flags
    assert market.run_appointments() == 0


def test_the_witness_places_orders_breaks_invoices_and_counts(catalogue):
    market = Sandbox(7, catalogue=catalogue)
    transport = httpx.WSGITransport(app=market.wsgi_app)
    with httpx.Client(transport=transport, base_url="http://marketplace.test/_sandbox/") as http:
        lines = [{"variant_legacy_id": 7001, "quantity": 2}]
        placed = http.post("orders", json={"lines": lines}).json()
        number = placed["invoices"][0]["legacy_id"]
        assert http.post("orders", json={"count": 3}).json()["orders"] == [20002, 20003, 20004]
        bent = http.post(
            f"invoices/{number}/tamper",
            json={"fields": {"sellerNumber": 999}, "lines": [{"totalCents": 1}]},
        ).json()
        assert (bent["seller_legacy_id"], bent["lines"][0]["total_cents"]) == (999, 1)
        negative = [{"variant_legacy_id": 7002, "quantity": -1}]
        assert http.post("orders", json={"lines": negative}).status_code == 422
        assert http.post("orders", json={"lines": negative, "check": False}).status_code == 200
        assert http.post(f"invoices/{number}/cancel").status_code == 200
        assert http.post("invoices/1/cancel").status_code == 400
        summary = http.get("summary", params={"since": "2020-01-01T00:00:00Z"}).json()
        assert (summary["orders"], summary["cancelled"]) == (5, 1)
        assert summary["invoices"] == summary["invoices_since"] == len(http.get("invoices").json())
        assert http.post("variants/7001", json={"barcode": "1"}).json()["barcode"] == "1"
        assert http.post("rate", json={"per_minute": 30}).json() == {"per_minute": 30.0}
        assert http.post("sellers/64/delete").status_code == 200
        assert http.get("nothing").status_code == 404
    query = """{ allSellers(includeDeleted: true) {
      nodes { __typename ... on DeletedSeller { legacyId } } } }"""
    nodes = market.graphql(query)["data"]["allSellers"]["nodes"]
    assert [n["legacyId"] for n in nodes if n["__typename"] == "DeletedSeller"] == [50, 64]
