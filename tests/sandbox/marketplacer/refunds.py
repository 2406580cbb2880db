"""Refund requests, and the payout documents that settle with sellers."""

from __future__ import annotations

from tests.sandbox.marketplacer.lifecycle import amend
from tests.sandbox.marketplacer.market import Market
from tests.sandbox.marketplacer.orders import Refused
from tests.sandbox.marketplacer.store import Doc


def request_refund(
    market: Market, invoice_number: int, rows: list[Doc], notes: list[str], initiated_by: str
) -> Doc:
    """Ask for money back for lines of an invoice. Raises Refused; nothing is changed then.

    A row has `lineNumber` or `custom`, `quantity`, `amountPerItemCents` or None, `reason`,
    `dispatched`. Goods that never left are accepted at once; others wait for their return.
    """
    store = market.store
    with store.transaction():
        invoice = store.need("Invoice", invoice_number)
        if "PAID" not in invoice["statusFlags"]:
            raise Refused(("invoice", "has not been paid"))
        if not rows:
            raise Refused(("lineItems", "can't be blank"))
        number = store.next_number("RefundRequest")
        items = [_row(market, invoice, row, index) for index, row in enumerate(rows)]
        waiting = any(item["status"] == "AWAITING_RETURN" for item in items)
        store.put(
            "RefundRequest",
            {
                "number": number,
                "kind": "RefundRequest",
                "invoiceNumber": invoice_number,
                "items": items,
                "notes": notes,
                "status": "AWAITING" if waiting else "PROCESSED",
                "initiatedBy": initiated_by,
                "cashAmountCents": None,
                "externalIds": [],
                "metadata": [],
                "createdAt": store.now(),
                "updatedAt": store.now(),
            },
        )
        flag = "AWAITING_RETURN" if waiting else "AWAITING_REFUND"
        _flags(market, invoice_number, add=flag)
        invoice = store.need("Invoice", invoice_number)
        store.change("Invoice", invoice_number, refundNumbers=[*invoice["refundNumbers"], number])
        return market.created("RefundRequest", number)


def _row(market: Market, invoice: Doc, row: Doc, index: int) -> Doc:
    where = f"lineItems.{index}"
    if row["quantity"] < 1:
        raise Refused((f"{where}.quantity", "must be greater than 0"))
    amount = row.get("amountPerItemCents")
    if row.get("lineNumber") is not None:
        if row["lineNumber"] not in invoice["lineNumbers"]:
            raise Refused((f"{where}.lineItemId", "must exist"))
        line = market.store.need("LineItem", row["lineNumber"])
        if row["quantity"] > line["quantity"]:
            raise Refused((f"{where}.quantity", "exceeds the quantity bought"))
        if amount is None:
            amount = line["totalCents"] // line["quantity"]
        rate = line["commissionAmountCents"] / line["totalCents"] if line["totalCents"] else 0
    elif row.get("custom") and amount is not None:
        rate = 0
    else:
        raise Refused((where, "lineItemId, or custom with amountPerItemCents, must be given"))
    total = amount * row["quantity"]
    return {
        "number": market.store.next_number("RefundRequestLineItem"),
        "kind": "RefundRequestLineItem",
        "lineNumber": row.get("lineNumber"),
        "custom": row.get("custom"),
        "quantity": row["quantity"],
        "reason": row.get("reason"),
        "amountPerItemCents": amount,
        "amountCents": total,
        "commissionAmountCents": round(total * rate),
        "dispatched": bool(row.get("dispatched")),
        "status": "AWAITING_RETURN" if row.get("dispatched") else "REFUND_ACCEPTED",
    }


def return_goods(market: Market, number: int) -> Doc:
    """The goods came back. Raises Refused unless the request waits for them."""
    with market.store.transaction():
        request = market.store.need("RefundRequest", number)
        if request["status"] != "AWAITING":
            raise Refused(("status", "can't be returned"))
        items = [{**item, "status": "REFUND_ACCEPTED"} for item in request["items"]]
        market.store.change("RefundRequest", number, status="RETURNED", items=items)
        _flags(market, request["invoiceNumber"], add="AWAITING_REFUND", drop="AWAITING_RETURN")
        return market.touch("RefundRequest", number)


def refund(market: Market, number: int, cash_cents: int | None) -> Doc:
    """Pay the money back: negative amendment, its remittance, flag REFUNDED. Raises Refused."""
    with market.store.transaction():
        request = market.store.need("RefundRequest", number)
        if request["status"] not in ("RETURNED", "PROCESSED"):
            raise Refused(("status", "can't be refunded"))
        computed = sum(item["amountCents"] for item in request["items"])
        cash = computed if cash_cents is None else cash_cents
        rows = [
            {
                "lineNumber": item["lineNumber"],
                "custom": item["custom"],
                "quantity": item["quantity"],
                "totalCents": -item["amountCents"],
                "commissionCents": -item["commissionAmountCents"],
                "dispatched": item["dispatched"],
            }
            for item in request["items"]
        ]
        if cash != computed:  # the platform adds a line for the difference
            rows.append({"custom": "Refund adjustment", "quantity": 1, "lineNumber": None,
                         "totalCents": computed - cash, "commissionCents": 0,
                         "dispatched": None})  # fmt: skip
        commission = sum(row["commissionCents"] for row in rows)
        amend(market, request["invoiceNumber"], rows, -cash - commission)
        items = [{**item, "status": "REFUNDED"} for item in request["items"]]
        market.store.change(
            "RefundRequest",
            number,
            status="REFUNDED",
            items=items,
            cashAmountCents=cash,
            recoveredAmountCents=cash + commission,
            refundedAt=market.store.now(),
        )
        _flags(market, request["invoiceNumber"], add="REFUNDED", drop="AWAITING_REFUND")
        return market.touch("RefundRequest", number)


def _flags(market: Market, number: int, *, add: str, drop: str = "") -> None:
    flags = market.store.need("Invoice", number)["statusFlags"]
    kept = [flag for flag in flags if flag not in (add, drop)]
    market.store.change("Invoice", number, statusFlags=[*kept, add])


def pay_out(market: Market) -> list[Doc]:
    """Group released remittances that are on no payout yet into one document per seller."""
    store = market.store
    with store.transaction():
        groups: dict[int, list[Doc]] = {}
        for remittance in store.all("Remittance"):
            if remittance["released"] and remittance["adviceNumber"] is None:
                groups.setdefault(remittance["sellerNumber"], []).append(remittance)
        advices = []
        for seller, remittances in sorted(groups.items()):
            number = store.next_number("RemittanceAdvice")
            commission = sum(row["commissionAmountCents"] for row in remittances)
            store.put(
                "RemittanceAdvice",
                {
                    "number": number,
                    "kind": "RemittanceAdvice",
                    "sellerNumber": seller,
                    "remittanceNumbers": [row["number"] for row in remittances],
                    "totalCents": sum(row["amountCents"] for row in remittances),
                    "commissionAmountTotalCents": commission,
                    "paidAt": None,
                    "paymentReference": None,
                    "createdAt": store.now(),
                },
            )
            for row in remittances:
                store.change("Remittance", row["number"], adviceNumber=number)
            advices.append(market.created("RemittanceAdvice", number))
        return advices
