"""Mutations about refunds, amendments and payouts."""

from __future__ import annotations

from tests.sandbox.marketplacer.context import Caller, PayloadError, need
from tests.sandbox.marketplacer.ids import stamp
from tests.sandbox.marketplacer.lifecycle import amend
from tests.sandbox.marketplacer.mutating import Payload, mutation
from tests.sandbox.marketplacer.refunds import refund, request_refund, return_goods
from tests.sandbox.marketplacer.store import Doc


def _notes(given: Payload) -> list[str]:
    return [row.get("note") or "" for row in given.get("notes") or ()]


def _request(who: Caller, given: Payload) -> Payload:
    invoice = need(who, given["invoiceId"], "invoiceId", "Invoice")
    rows = []
    for index, row in enumerate(given["lineItems"]):
        line = row.get("lineItemId")
        if line is not None:
            line = need(who, line, f"lineItems.{index}.lineItemId", "LineItem")["number"]
        rows.append({**row, "lineNumber": line})
    who_asks = "OPERATOR" if who.seller is None else "SELLER"
    found = request_refund(who.market, invoice["number"], rows, _notes(given), who_asks)
    return {"refundRequest": found, "status": 201}


def _return(who: Caller, given: Payload) -> Payload:
    request = need(who, given["refundRequestId"], "refundRequestId", "RefundRequest")
    return {"refundRequest": return_goods(who.market, request["number"])}


def _refund(who: Caller, given: Payload) -> Payload:
    request = need(who, given["refundRequestId"], "refundRequestId", "RefundRequest")
    return {"refundRequest": refund(who.market, request["number"], given.get("cashAmountCents"))}


def _amend(who: Caller, given: Payload) -> Payload:
    invoice = need(who, given["invoiceId"], "invoiceId", "Invoice")
    rows: list[Doc] = []
    for index, row in enumerate(given["lineItems"]):
        where = f"lineItems.{index}"
        line, custom = row.get("lineItemId"), row.get("custom")
        if (line is None) == (custom is None):
            raise PayloadError(where, "exactly one of lineItemId and custom must be given")
        if line is not None and row.get("dispatched") is None:
            raise PayloadError(f"{where}.dispatched", "can't be blank")
        if line is not None:
            line = need(who, line, f"{where}.lineItemId", "LineItem")["number"]
        split = row.get("lineItemPriceBreakdown") or {}
        total = (row.get("total") or {}).get("amount")
        for found in (row.get("amountCents"), split.get("lineItemAmount"), 0):
            total = found if total is None else total
        rows.append(
            {
                "lineNumber": line,
                "custom": custom,
                "quantity": row["quantity"],
                "totalCents": total,
                "commissionCents": split.get("commissionAmount") or 0,
                "dispatched": row.get("dispatched"),
            }
        )
    amendment = amend(who.market, invoice["number"], rows, given["remittanceCents"])
    who.market.touch("Invoice", invoice["number"])
    return {"invoiceAmendment": amendment, "status": 201}


def _release(who: Caller, given: Payload) -> Payload:
    store = who.market.store
    found = [need(who, id, "remittanceIds", "Remittance") for id in given["remittanceIds"]]
    for row in found:
        if row["pendingReasons"]:
            raise PayloadError("remittanceIds", f"is pending: {', '.join(row['pendingReasons'])}")
    return {
        "remittances": [store.change("Remittance", row["number"], released=True) for row in found]
    }


def _advice(who: Caller, given: Payload) -> Payload:
    advice = need(who, given["remittanceAdviceId"], "remittanceAdviceId", "RemittanceAdvice")
    paid_at = given.get("paidAt")
    who.market.store.change(
        "RemittanceAdvice",
        advice["number"],
        totalPaidCents=given["totalPaidCents"],
        paymentReference=given.get("paymentReference"),
        paidAt=stamp(paid_at) if paid_at else who.market.store.now(),
    )
    return {"remittanceAdvice": who.market.touch("RemittanceAdvice", advice["number"])}


MUTATIONS = {
    "refundRequestCreate": mutation(_request),
    "refundRequestReturn": mutation(_return),
    "refundRequestRefund": mutation(_refund, operator=True),
    "invoiceAmendmentCreate": mutation(_amend, operator=True),
    "remittancesRelease": mutation(_release, operator=True),
    "remittanceAdviceUpdate": mutation(_advice, operator=True),
}
