"""Orders come in: one order, one invoice for each seller and delivery type, lines frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.sandbox.marketplacer.ids import global_id
from tests.sandbox.marketplacer.market import Market
from tests.sandbox.marketplacer.store import Doc

PLATFORM_TAX_RATE = Decimal("0.20")  # postage and commission carry it whatever the goods carry


@dataclass(frozen=True)
class Money:
    """An amount as a caller of orderCreate states it, in whole pence, tax contained."""

    amount: int
    tax: int | None = None
    rate: Decimal | None = None


@dataclass(frozen=True)
class WantedLine:
    """One line of a basket: a variant, or a custom line for goods outside the catalogue."""

    quantity: int
    variant: int | None = None
    custom: Doc | None = None
    delivery: str = "BUY_ONLINE"
    discount: int = 0  # pence off the line, as a positive number
    cost: Money | None = None
    postage: Money | None = None
    external_ids: list[Doc] = field(default_factory=list)
    metadata: list[Doc] = field(default_factory=list)


class Refused(Exception):
    """The marketplace does not take it; `errors` are the payload's field errors."""

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{field} {message}" for field, message in errors))
        self.errors = [{"field": field, "messages": [message]} for field, message in errors]


def half_up(value: Decimal) -> int:
    """Whole pence, half up."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def contained(amount: int, rate: Decimal) -> int:
    """The tax inside an amount that includes it."""
    return half_up(Decimal(amount) * rate / (1 + rate))


def place_order(
    market: Market,
    *,
    buyer: Doc,
    lines: list[WantedLine],
    under_review: bool = False,
    postage: bool = True,
    check: bool = True,
) -> Doc:
    """Take an order, reduce the stock, announce the invoices. Raises Refused.

    `buyer` holds the Order's own fields. With `check` off even a nonsensical basket is taken, so
    that tests can see what becomes of one. Lines without stated postage share the seller's flat
    fee by quantity, as the vendor's own shop connector does.
    """
    store = market.store
    with store.transaction():
        if check:
            _check(market, lines)
        number = store.next_number("Order")
        now = store.now()
        order: Doc = {
            "kind": "Order",
            "externalIds": [],
            "metadata": [],
            **buyer,
            "number": number,
            "cartId": global_id("Cart", number),
            "invoiceNumbers": [],
            "createdAt": now,
            "updatedAt": now,
        }
        store.put("Order", order)
        parts: dict[tuple[int, str], list[WantedLine]] = {}
        for line in lines:
            parts.setdefault((_seller_of(market, line), line.delivery), []).append(line)
        invoices = [
            _invoice(market, order, seller, delivery, part, under_review, postage)
            for (seller, delivery), part in parts.items()
        ]
        order = store.change(
            "Order",
            number,
            invoiceNumbers=[invoice["number"] for invoice in invoices],
            totalCents=sum(invoice["totalCents"] for invoice in invoices),
            discountCents=sum(invoice["discountCents"] for invoice in invoices),
        )
        for line in lines:
            if line.variant is not None:
                _take_stock(market, line.variant, line.quantity)
        for invoice in invoices:
            market.created("Invoice", invoice["number"])
        return order


def _check(market: Market, lines: list[WantedLine]) -> None:
    if not lines:
        raise Refused(("lineItems", "can't be blank"))
    for index, line in enumerate(lines):
        where = f"lineItems.{index}"
        if line.quantity < 1:
            raise Refused((f"{where}.quantity", "must be greater than 0"))
        if (line.variant is None) == (line.custom is None):
            raise Refused((where, "exactly one of variantId and custom must be given"))
        if line.variant is not None:
            variant = market.store.get("Variant", line.variant)
            if variant is None:
                raise Refused((f"{where}.variantId", "must exist"))
            if not variant["infiniteQuantity"] and variant["countOnHand"] < line.quantity:
                raise Refused((f"{where}.quantity", "exceeds the quantity available"))
    stated = [line.cost and line.cost.tax is not None for line in lines]
    if any(stated) and not all(stated):
        raise Refused(("lineItems", "tax must be given for every line item or for none"))


def _seller_of(market: Market, line: WantedLine) -> int:
    if line.variant is not None:
        return int(market.store.need("Variant", line.variant)["sellerNumber"])
    assert line.custom is not None
    return int(line.custom["sellerNumber"])


def _take_stock(market: Market, number: int, quantity: int) -> None:
    variant = market.store.need("Variant", number)
    if not variant["infiniteQuantity"]:
        market.store.change("Variant", number, countOnHand=variant["countOnHand"] - quantity)
    market.touch("Variant", number)


def _invoice(
    market: Market,
    order: Doc,
    seller_number: int,
    delivery: str,
    wanted: list[WantedLine],
    under_review: bool,
    postage: bool,
) -> Doc:
    store = market.store
    seller = store.need("Seller", seller_number)
    number = store.next_number("Invoice")
    fee = half_up(Decimal(str(seller["baseDomesticShippingCost"])) * 100)
    fee = fee if postage and delivery == "BUY_ONLINE" else 0
    pieces = sum(line.quantity for line in wanted) or 1
    shares = [fee * line.quantity // pieces for line in wanted]
    shares[0] += fee - sum(shares)
    rows = [
        _line(market, number, seller, line, share)
        for line, share in zip(wanted, shares, strict=True)
    ]
    shipping = sum(row["postageCents"] for row in rows)
    invoice: Doc = {
        "number": number,
        "kind": "Invoice",
        "orderNumber": order["number"],
        "sellerNumber": seller_number,
        "deliveryType": delivery,
        "statusFlags": ["PAYMENT_UNDER_REVIEW"] if under_review else ["PAID"],
        "lineNumbers": [row["number"] for row in rows],
        "shipmentNumbers": [],
        "amendmentNumbers": [],
        "refundNumbers": [],
        "externalIds": [],
        "metadata": [],
        "totalCents": sum(row["totalCents"] for row in rows) + shipping,
        "discountCents": sum(row["discountCents"] for row in rows),
        "shippingCostCents": shipping,
        "commissionAmountCents": sum(row["commissionAmountCents"] for row in rows),
        "commissionAmountTaxCents": sum(row["commissionAmountTaxCents"] for row in rows),
        "commissionTaxRate": float(PLATFORM_TAX_RATE),
        "commissionInvoiceId": f"CI-{number}",
        "createdAt": order["createdAt"],
        "paidAt": None if under_review else order["createdAt"],
        "updatedAt": order["createdAt"],
    }
    store.put("Invoice", invoice)
    if not under_review:
        open_remittance(market, number)
    return invoice


def open_remittance(market: Market, invoice_number: int, amendment: Doc | None = None) -> Doc:
    """The settlement with the seller for a paid invoice, or for one of its amendments."""
    store = market.store
    invoice = store.need("Invoice", invoice_number)
    number = store.next_number("Remittance")
    commission = (amendment or invoice).get("commissionAmountTotalCents")
    if amendment is None:
        commission = invoice["commissionAmountCents"]
    amount = amendment["remittanceCents"] if amendment else invoice["totalCents"] - commission
    if amendment is None:
        store.change("Invoice", invoice_number, remittanceNumber=number)
    return store.put(
        "Remittance",
        {
            "number": number,
            "kind": "Remittance",
            "invoiceNumber": None if amendment else invoice_number,
            "amendmentNumber": amendment["number"] if amendment else None,
            "sellerNumber": invoice["sellerNumber"],
            "amountCents": amount,
            "commissionAmountCents": commission,
            "released": False,
            "pendingReasons": ["Not dispatched"]
            if amendment is None and invoice["deliveryType"] != "NO_DISPATCH"
            else [],
            "adviceNumber": None,
            "createdAt": store.now(),
        },
    )


def _line(market: Market, invoice_number: int, seller: Doc, wanted: WantedLine, share: int) -> Doc:
    store = market.store
    variant = store.need("Variant", wanted.variant) if wanted.variant is not None else {}
    advert: Doc = store.need("Advert", variant["advertNumber"]) if variant else {}
    custom: dict[str, Any] = wanted.custom or {}
    rate = Decimal(variant.get("taxRate", str(PLATFORM_TAX_RATE)))
    unit = int(variant.get("priceCents", 0))
    if wanted.cost is not None:
        rate = wanted.cost.rate if wanted.cost.rate is not None else rate
        # Unit prices are whole pence, so the stored line may differ from what was sent.
        unit = half_up(Decimal(wanted.cost.amount) / (wanted.quantity or 1))
    subtotal = unit * wanted.quantity
    total = subtotal - wanted.discount
    post = wanted.postage or Money(share)
    commission_rate = Decimal(str(seller.get("baseCommissionRate", 0)))
    commission = half_up(Decimal(total) * commission_rate / 100)
    stated_tax = wanted.cost.tax if wanted.cost else None
    return store.put(
        "LineItem",
        {
            "number": store.next_number("LineItem"),
            "kind": "LineItem",
            "invoiceNumber": invoice_number,
            "variantNumber": wanted.variant,
            "advertNumber": advert.get("number"),
            "advertTitle": custom.get("advertName") or advert.get("title"),
            "advertCode": advert.get("code"),
            "brandName": advert.get("brandName"),
            "variantSku": custom.get("sku") if custom else variant["sku"],
            "variantBarcode": custom.get("barcode") if custom else variant["barcode"],
            "variantName": custom.get("variantName") if custom else variant["name"],
            "quantity": wanted.quantity,
            "status": "ALLOCATED",
            "subtotalCents": subtotal,
            "discountCents": -wanted.discount,
            "totalCents": total,
            "taxRate": float(rate),
            "taxTotalCents": contained(total, rate) if stated_tax is None else stated_tax,
            "postageCents": post.amount,
            "postageTaxCents": contained(post.amount, PLATFORM_TAX_RATE)
            if post.tax is None
            else post.tax,
            "commissionRate": str(commission_rate),
            "commissionAmountCents": commission,
            "commissionAmountTaxCents": contained(commission, PLATFORM_TAX_RATE),
            "commissionTaxRate": float(PLATFORM_TAX_RATE),
            "externalIds": wanted.external_ids,
            "metadata": wanted.metadata,
        },
    )
