"""The settlement's far sides: what is released and advised, what the bank pays, the gateway too.

The bank pays what stands open on a seller's advices in one payment; an advice that is negative is
carried forward until others outweigh it. The gateway passes on what customers paid, less its fee.
"""

from __future__ import annotations

import random
from typing import Any

from tests.sandbox.marketplacer import payouts_plants
from tests.sandbox.marketplacer import refunds as documents
from tests.sandbox.marketplacer.market import Market
from tests.sandbox.marketplacer.orders import Refused
from tests.sandbox.marketplacer.store import Doc

FEE_PER_MILLE, FEE_FIXED = 14, 20  # of the gateway: 1.4 % and 20 pence


def release(market: Market) -> list[int]:
    """Release every remittance that waits for nothing; their numbers."""
    store = market.store
    with store.transaction():
        found = [
            row["number"]
            for row in store.all("Remittance")
            if not row["released"] and not row["pendingReasons"]
        ]
        for number in found:
            store.change("Remittance", number, released=True)
    return found


def pay_out(market: Market) -> list[Doc]:
    """Write one advice a seller for what is released, with what is planted before and after it."""
    with market.store.transaction():
        payouts_plants.apply(market, "remittance")
        advices = documents.pay_out(market)
        payouts_plants.apply(market, "advice")
        return [market.store.need("RemittanceAdvice", row["number"]) for row in advices]


def refund_some(market: Market, seed: int, share: float) -> list[int]:
    """Refund a share of the invoices that were sent or collected; the refund requests' numbers.

    Whole pieces, sometimes the postage too. An invoice is chosen once in its life.
    """
    store = market.store
    made: list[int] = []
    for invoice in store.all("Invoice"):
        rng = random.Random(f"{seed}-refund-{invoice['number']}")
        gone = {"SENT", "COLLECTED"} & set(invoice["statusFlags"])
        if not gone or invoice["refundNumbers"] or rng.random() >= share:
            continue
        line = store.need("LineItem", rng.choice(invoice["lineNumbers"]))
        rows: list[Doc] = [
            {
                "lineNumber": line["number"],
                "quantity": rng.randint(1, int(line["quantity"])),
                "reason": "Changed mind",
                "dispatched": True,
            }
        ]
        if invoice["shippingCostCents"] and rng.random() < 0.3:
            rows.append(
                {
                    "custom": "Postage",
                    "quantity": 1,
                    "amountPerItemCents": invoice["shippingCostCents"],
                    "reason": "Late",
                    "dispatched": None,
                }
            )
        try:
            request = documents.request_refund(market, invoice["number"], rows, [], "OPERATOR")
            if request["status"] == "AWAITING":
                documents.return_goods(market, request["number"])
            documents.refund(market, request["number"], None)
        except Refused:
            continue
        made.append(request["number"])
    return made


def bank_pays(market: Market, *, split_above: int | None = None) -> list[Doc]:
    """Pay what advices leave open, one payment a seller; the bank's new lines.

    `split_above` (pence) pays larger sums in two parts. What is planted for the bank happens here.
    """
    store = market.store
    with store.transaction():
        open_advices: dict[int, list[Doc]] = {}
        for advice in store.all("RemittanceAdvice"):
            if not advice.get("bankLineNumbers"):
                open_advices.setdefault(advice["sellerNumber"], []).append(advice)
        lines: list[Doc] = []
        run = store.next_number("BankRun")
        for seller, advices in sorted(open_advices.items()):
            total = sum(row["totalCents"] for row in advices)
            if total <= 0:
                continue
            parts = [total]
            if split_above is not None and total > split_above and len(advices) == 1:
                parts = [total // 2, total - total // 2]
            made = [_bank_line(market, run, seller, advices, part) for part in parts]
            for advice in advices:
                numbers = [line["number"] for line in made]
                store.change("RemittanceAdvice", advice["number"], bankLineNumbers=numbers)
            lines += made
        payouts_plants.apply(market, "bank")
        return store.all("BankLine")[-len(lines) :] if lines else []


def _bank_line(market: Market, run: int, seller: int, advices: list[Doc], cents: int) -> Doc:
    store = market.store
    number = store.next_number("BankLine")
    return store.put(
        "BankLine",
        {
            "number": number,
            "kind": "BankLine",
            "run": run,
            "bookedAt": store.now(),
            "amountCents": -cents,
            "currency": "GBP",
            "identity": f"BNK{number:08d}",
            "reference": " ".join(f"RA-{row['number']}" for row in advices),
            "counterparty": store.need("Seller", seller)["businessName"],
            "sellerNumber": seller,
            "adviceNumbers": [row["number"] for row in advices],
        },
    )


def gateway_pays(market: Market) -> list[Doc]:
    """The gateway settles what customers paid and got back since last time, in one payout.

    Its lines name the invoice; the sum less fees reaches our bank as one line.
    """
    store = market.store
    with store.transaction():
        payout = store.next_number("GatewayPayout")
        lines: list[Doc] = []
        for invoice in store.all("Invoice"):
            if invoice["paidAt"] is not None and not invoice.get("gatewayLine"):
                fee = invoice["totalCents"] * FEE_PER_MILLE // 1000 + FEE_FIXED
                line = _gateway_line(
                    market,
                    payout,
                    "PAYMENT",
                    invoice,
                    invoice["totalCents"],
                    fee,
                    invoice["paidAt"],
                )
                store.change("Invoice", invoice["number"], gatewayLine=line["number"])
                lines.append(line)
        for amendment in store.all("InvoiceAmendment"):
            if not amendment.get("gatewayLine"):
                invoice = store.need("Invoice", amendment["invoiceNumber"])
                cents = sum(row["totalCents"] for row in amendment["rows"])
                line = _gateway_line(
                    market, payout, "REFUND", invoice, cents, 0, amendment["createdAt"]
                )
                store.change("InvoiceAmendment", amendment["number"], gatewayLine=line["number"])
                lines.append(line)
        payouts_plants.apply(market, "gateway")
        kept = [row for row in store.all("GatewayLine") if row["payout"] == f"PO-{payout}"]
        total = sum(row["amountCents"] - row["feeCents"] for row in kept)
        if total:
            number = store.next_number("BankLine")
            store.put(
                "BankLine",
                {
                    "number": number,
                    "kind": "BankLine",
                    "bookedAt": store.now(),
                    "amountCents": total,
                    "currency": "GBP",
                    "identity": f"BNK{number:08d}",
                    "reference": f"PO-{payout}",
                    "counterparty": "Sandbox gateway",
                    "sellerNumber": None,
                    "adviceNumbers": [],
                },
            )
        return kept


def _gateway_line(
    market: Market, payout: int, kind: str, invoice: Doc, cents: int, fee: int, at: str
) -> Doc:
    number = market.store.next_number("GatewayLine")
    return market.store.put(
        "GatewayLine",
        {
            "number": number,
            "kind": "GatewayLine",
            "type": kind,
            "payout": f"PO-{payout}",
            "identity": f"txn_{number:08d}",
            "invoiceNumber": invoice["number"],
            "orderNumber": invoice["orderNumber"],
            "amountCents": cents,
            "feeCents": fee,
            "currency": "GBP",
            "at": at,
        },
    )


def seller_remittances(market: Market, seller: int, released: Any) -> list[Doc]:
    """A seller's remittances as `Seller.remittances` lists them, oldest first."""
    return [
        row
        for row in market.store.all("Remittance")
        if row["sellerNumber"] == seller and (released is None or row["released"] is released)
    ]
