"""What becomes of an invoice after it is placed: paid, cancelled, shipped, collected."""

from __future__ import annotations

from tests.sandbox.marketplacer.ids import moment
from tests.sandbox.marketplacer.market import Market
from tests.sandbox.marketplacer.orders import Refused, open_remittance
from tests.sandbox.marketplacer.store import Doc

GONE = {"SENT", "PARTIALLY_SENT", "COLLECTED", "CANCELLED"}


def pay(market: Market, number: int) -> Doc:
    """Confirm a payment under review. A second run changes nothing."""
    store = market.store
    with store.transaction():
        invoice = store.need("Invoice", number)
        if invoice["paidAt"] is not None:
            return invoice
        flags = [flag for flag in invoice["statusFlags"] if flag != "PAYMENT_UNDER_REVIEW"]
        store.change("Invoice", number, statusFlags=[*flags, "PAID"], paidAt=store.now())
        open_remittance(market, number)
        return market.touch("Invoice", number)


def cancel(market: Market, number: int) -> Doc:
    """Cancel all of an invoice before dispatch. Raises Refused when something left already.

    The stock comes back; a paid invoice gets an amendment with the money as negative amounts.
    """
    store = market.store
    with store.transaction():
        invoice = store.need("Invoice", number)
        if GONE & set(invoice["statusFlags"]):
            raise Refused(("status", "the invoice can no longer be cancelled"))
        lines = [store.need("LineItem", line) for line in invoice["lineNumbers"]]
        for line in lines:
            store.change("LineItem", line["number"], status="CANCELLED")
            variant = store.get("Variant", line["variantNumber"] or 0)
            if variant is not None:
                stock = variant["countOnHand"] + line["quantity"]
                store.change("Variant", variant["number"], countOnHand=stock)
                market.touch("Variant", variant["number"])
        if invoice["paidAt"] is not None:
            rows = [
                {
                    "lineNumber": line["number"],
                    "quantity": line["quantity"],
                    "totalCents": -line["totalCents"] - line["postageCents"],
                    "commissionCents": -line["commissionAmountCents"],
                    "dispatched": False,
                }
                for line in lines
            ]
            amend(market, number, rows, sum(r["totalCents"] - r["commissionCents"] for r in rows))
            payable(market, number)  # sale and cancellation are settled together, at nothing
        store.change("Invoice", number, statusFlags=[*invoice["statusFlags"], "CANCELLED"])
        return market.touch("Invoice", number)


def amend(market: Market, number: int, rows: list[Doc], remittance_cents: int) -> Doc:
    """Write an amendment with negative amounts, and the seller's (negative) remittance for it."""
    store = market.store
    amendment_number = store.next_number("InvoiceAmendment")
    commission = sum(row.get("commissionCents", 0) for row in rows)
    amendment = store.put(
        "InvoiceAmendment",
        {
            "number": amendment_number,
            "kind": "InvoiceAmendment",
            "invoiceNumber": number,
            "rows": rows,
            "remittanceCents": remittance_cents,
            "commissionAmountTotalCents": commission,
            "commissionTaxTotalCents": round(commission / 6),
            "commissionTaxRate": 0.2,
            "createdAt": store.now(),
        },
    )
    invoice = store.need("Invoice", number)
    numbers = [*invoice["amendmentNumbers"], amendment_number]
    store.change("Invoice", number, amendmentNumbers=numbers)
    open_remittance(market, number, amendment)
    return amendment


def left_to_ship(market: Market, number: int) -> dict[int, int]:
    """Quantity still to be sent of each line, by line number; lines that are done are left out."""
    store = market.store
    invoice = store.need("Invoice", number)
    left = {}
    for line_number in invoice["lineNumbers"]:
        line = store.need("LineItem", line_number)
        if line["status"] == "ALLOCATED":
            left[line_number] = line["quantity"]
    for shipment_number in invoice["shipmentNumbers"]:
        for item in store.need("Shipment", shipment_number)["items"]:
            if item["lineNumber"] in left:
                left[item["lineNumber"]] -= item["quantity"]
    return {line: quantity for line, quantity in left.items() if quantity > 0}


def ship(
    market: Market,
    number: int,
    *,
    quantities: dict[int, int],
    carrier: int,
    tracking: str,
    dispatched_at: str | None = None,
    note: str | None = None,
    shipped_from: int | None = None,
) -> Doc:
    """Send goods of an invoice. Raises Refused; nothing is changed then."""
    store = market.store
    with store.transaction():
        invoice = store.need("Invoice", number)
        left = left_to_ship(market, number)
        _check_shipment(market, invoice, left, quantities, carrier, tracking, dispatched_at)
        shipment_number = store.next_number("Shipment")
        now = store.now()
        shipment = store.put(
            "Shipment",
            {
                "number": shipment_number,
                "kind": "Shipment",
                "invoiceNumber": number,
                "carrier": store.need("ShipmentCarrier", carrier)["name"],
                "trackingNumber": tracking,
                "trackingLink": f"https://track.example.test/{tracking}",
                "dispatchedAt": dispatched_at or now,
                "items": [
                    {
                        "number": store.next_number("ShippedItem"),
                        "kind": "ShippedItem",
                        "lineNumber": line,
                        "quantity": quantity,
                    }
                    for line, quantity in quantities.items()
                ],
                "note": note,
                "shippedFromNumber": shipped_from,
                "externalIds": [],
                "metadata": [],
                "createdAt": now,
                "updatedAt": now,
            },
        )
        done = all(left[line] <= quantities.get(line, 0) for line in left)
        flags = [flag for flag in invoice["statusFlags"] if flag != "PARTIALLY_SENT"]
        store.change(
            "Invoice",
            number,
            shipmentNumbers=[*invoice["shipmentNumbers"], shipment_number],
            statusFlags=[*flags, "SENT" if done else "PARTIALLY_SENT"],
        )
        if done:
            payable(market, number)
        market.created("Shipment", shipment_number)
        return shipment


def _check_shipment(
    market: Market,
    invoice: Doc,
    left: dict[int, int],
    quantities: dict[int, int],
    carrier: int,
    tracking: str,
    dispatched_at: str | None,
) -> None:
    if "PAID" not in invoice["statusFlags"] or "CANCELLED" in invoice["statusFlags"]:
        raise Refused(("invoice", "is not in a state that can be shipped"))
    if invoice["deliveryType"] != "BUY_ONLINE":
        raise Refused(("invoice", "is not delivered to the buyer"))
    if market.store.get("ShipmentCarrier", carrier) is None:
        raise Refused(("postageCarrier", "must exist"))
    if not tracking.strip():
        raise Refused(("trackingNumber", "can't be blank"))
    if dispatched_at is not None and moment(dispatched_at).date() < (
        moment(invoice["createdAt"]).date()
    ):
        raise Refused(("dispatchedAt", "can't be before the order was placed"))
    if not quantities:
        raise Refused(("shippedItems", "can't be blank"))
    for line, quantity in quantities.items():
        if quantity < 1 or quantity > left.get(line, 0):
            raise Refused(("shippedItems", "quantity exceeds what is left to ship"))


def collect(market: Market, number: int, status: str) -> Doc:
    """Move a click-and-collect invoice to READY, then COLLECTED. Raises Refused otherwise."""
    store = market.store
    with store.transaction():
        invoice = store.need("Invoice", number)
        flags = set(invoice["statusFlags"])
        allowed = (
            invoice["deliveryType"] == "CLICK_AND_COLLECT"
            and "PAID" in flags
            and "CANCELLED" not in flags
            and status not in flags
            and (status == "READY" or "READY" in flags)
        )
        if not allowed:
            raise Refused(("status", f"can't move to {status}"))
        store.change("Invoice", number, statusFlags=[*invoice["statusFlags"], status])
        if status == "COLLECTED":
            payable(market, number)
        return market.touch("Invoice", number)


def payable(market: Market, number: int) -> None:
    """The goods have gone: the invoice's remittance waits for nothing but its release."""
    remittance = market.store.need("Invoice", number).get("remittanceNumber")
    if remittance is not None:
        market.store.change("Remittance", remittance, pendingReasons=[])
