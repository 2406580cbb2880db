"""Mutations about orders, shipments and collection."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.sandbox.marketplacer.context import Caller, PayloadError, need
from tests.sandbox.marketplacer.ids import stamp
from tests.sandbox.marketplacer.lifecycle import collect, ship
from tests.sandbox.marketplacer.market import address
from tests.sandbox.marketplacer.mutating import Payload, mutation
from tests.sandbox.marketplacer.orders import Money, WantedLine, place_order
from tests.sandbox.marketplacer.store import Doc


def _order_create(who: Caller, given: Payload) -> Payload:
    parts: list[Payload] | None = given.get("invoices")
    loose: list[Payload] | None = given.get("lineItems")
    if (parts is None) == (loose is None):
        raise PayloadError("base", "either invoices or lineItems must be given")
    rows = loose or [row for part in parts or () for row in part["lineItems"]]
    lines = [_wanted(who, row, index) for index, row in enumerate(rows)]
    fields = {**given["order"]}
    for name in ("address", "billingAddress"):
        fields[name] = _address(who, fields.get(name))
    fields["externalIds"] = _pairs(fields.get("externalIds"))
    fields["metadata"] = _pairs(fields.get("metadata"))
    order = place_order(who.market, buyer=fields, lines=lines)
    if parts is not None:
        _mark_invoices(who, order, parts)
    return {"order": who.market.store.need("Order", order["number"]), "status": 201}


def _mark_invoices(who: Caller, order: Doc, parts: list[Payload]) -> None:
    """External ids and metadata that the caller gave for each invoice of the order."""
    for number, part in zip(order["invoiceNumbers"], parts, strict=False):
        ids, metadata = _pairs(part.get("externalIds")), _pairs(part.get("metadata"))
        who.market.store.change("Invoice", number, externalIds=ids, metadata=metadata)


def _wanted(who: Caller, row: Payload, index: int) -> WantedLine:
    custom = row.get("custom")
    if custom is not None:
        seller = need(who, custom["sellerId"], f"lineItems.{index}.custom.sellerId", "Seller")
        custom = {**custom, "sellerNumber": seller["number"]}
    variant = row.get("variantId")
    if variant is not None:
        variant = need(who, variant, f"lineItems.{index}.variantId", "Variant")["number"]
    cost = _money(row.get("cost"))
    if cost is None and row.get("totalCents") is not None:
        cost = Money(row["totalCents"])
    postage = _money(row.get("postage"))
    if postage is None and row.get("postageCents") is not None:
        postage = Money(row["postageCents"])
    return WantedLine(
        quantity=row["quantity"],
        variant=variant,
        custom=custom,
        delivery=row.get("deliveryType") or "BUY_ONLINE",
        cost=cost,
        postage=postage,
        external_ids=_pairs(row.get("externalIds")),
        metadata=_pairs(row.get("metadata")),
    )


def _money(given: Payload | None) -> Money | None:
    if given is None:
        return None
    rate = given.get("taxRate")
    return Money(given["amount"], given.get("tax"), None if rate is None else Decimal(str(rate)))


def _pairs(given: list[Payload] | None) -> list[Doc]:
    return [{"key": row["key"], "value": row.get("value") or ""} for row in given or ()]


def _address(who: Caller, given: Payload | None) -> Doc | None:
    if given is None:
        return None
    found = address(
        given.get("address") or "",
        given.get("city") or "",
        given.get("postcode") or "",
        (given.get("country") or {}).get("code") or "GB",
        number=3_000_000 + who.market.store.next_number("GivenAddress"),
        extra=given.get("subaddress"),
    )
    state = given.get("state")
    return {**found, "state": state and {"name": state.get("name"), "short": state.get("short")}}


def _order_update(who: Caller, given: Payload) -> Payload:
    order = need(who, given["orderId"], "orderId", "Order")
    changes: dict[str, Any] = {**given["attributes"]}
    for name in ("address", "billingAddress"):
        if name in changes:
            changes[name] = _address(who, changes[name])
    who.market.store.change("Order", order["number"], **changes)
    for number in order["invoiceNumbers"]:
        who.market.touch("Invoice", number)
    return {"order": who.market.touch("Order", order["number"])}


def _shipment_create(who: Caller, given: Payload) -> Payload:
    invoice = need(who, given["invoiceId"], "invoiceId", "Invoice")
    quantities: dict[int, int] = {}
    for row in given["shippedItems"]:
        line = need(who, row["lineItemId"], "shippedItems.lineItemId", "LineItem")
        quantities[line["number"]] = quantities.get(line["number"], 0) + row["quantity"]
    carrier = need(who, given["postageCarrierId"], "postageCarrierId", "ShipmentCarrier")
    shipped_from = given.get("shippedFromId")
    if shipped_from is not None:
        shipped_from = need(who, shipped_from, "shippedFromId", "Address")["number"]
    shipment = ship(
        who.market,
        invoice["number"],
        quantities=quantities,
        carrier=carrier["number"],
        tracking=given["trackingNumber"],
        dispatched_at=stamp(given["dispatchedAt"]),
        note=given.get("note"),
        shipped_from=shipped_from,
    )
    return {"shipment": shipment, "status": 201}


def _shipment_update(who: Caller, given: Payload) -> Payload:
    shipment = need(who, given["shipmentId"], "shipmentId", "Shipment")
    changes: Doc = {n: given[n] for n in ("trackingNumber", "note") if given.get(n) is not None}
    if given.get("postageCarrierId") is not None:
        carrier = need(who, given["postageCarrierId"], "postageCarrierId", "ShipmentCarrier")
        changes["carrier"] = carrier["name"]
    if given.get("dispatchedAt") is not None:
        changes["dispatchedAt"] = stamp(given["dispatchedAt"])
    if given.get("shippedFromId") is not None:
        place = need(who, given["shippedFromId"], "shippedFromId", "Address")
        changes["shippedFromNumber"] = place["number"]
    who.market.store.change("Shipment", shipment["number"], **changes)
    return {"shipment": who.market.touch("Shipment", shipment["number"])}


def _shipment_status(who: Caller, given: Payload) -> Payload:
    shipment = need(who, given["shipmentId"], "shipmentId", "Shipment")
    number = who.market.store.next_number("ShipmentStatus")
    status = {"number": number, "kind": "ShipmentStatus", "status": given["status"],
              "shipmentNumber": shipment["number"]}  # fmt: skip
    who.market.store.put("ShipmentStatus", status)
    who.market.touch("Shipment", shipment["number"])
    return {"shipmentStatus": status, "status": 201}


def _shipment_address(who: Caller, given: Payload) -> Payload:
    if who.seller is not None:
        number = who.seller
    elif given.get("sellerId") is None:
        raise PayloadError("sellerId", "can't be blank")
    else:
        number = need(who, given["sellerId"], "sellerId", "Seller")["number"]
    place = _address(who, given["address"])
    assert place is not None
    store = who.market.store
    store.put("Address", place)
    numbers = [*store.need("Seller", number)["shipmentAddressNumbers"], place["number"]]
    store.change("Seller", number, shipmentAddressNumbers=numbers)
    who.market.touch("Seller", number)
    return {"address": place, "status": 201}


def _collect(who: Caller, given: Payload) -> Payload:
    invoice = need(who, given["invoiceId"], "invoiceId", "Invoice")
    return {"invoice": collect(who.market, invoice["number"], given["status"])}


MUTATIONS = {
    "orderCreate": mutation(_order_create, operator=True),
    "orderUpdate": mutation(_order_update, operator=True),
    "shipmentCreate": mutation(_shipment_create),
    "shipmentUpdate": mutation(_shipment_update),
    "shipmentStatusCreate": mutation(_shipment_status),
    "shipmentAddressCreate": mutation(_shipment_address),
    "clickAndCollectStatusUpdate": mutation(_collect),
}
