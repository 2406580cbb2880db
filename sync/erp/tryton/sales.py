"""An order draft as a sale of Tryton's, and a sale read back as our order state."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sync.domain.delivery import Rejected
from sync.domain.documents import (
    FulfilledBy,
    LineKind,
    OrderDraft,
    OrderLine,
    OrderPhase,
    OrderState,
    Treatment,
)
from sync.erp.tryton.references import Names, ProductReference, References
from sync.erp.tryton.wire import Quantity

PRICE_DIGITS = 4  # of Tryton's `price_decimal`, unless its administrator set another
STATE_FIELDS = (
    "web_id",
    "number",
    "state",
    "currency.code",
    "untaxed_amount",
    "tax_amount",
    "total_amount",
    "invoice_method",
    "invoice_state",
    "shipment_state",
    "to_invoice",
    "invoices.number",
    "invoices.state",
    "invoices.invoice_date",
    "invoices.accounting_date",
)
CONTENT_FIELDS = (
    "web_id",
    "state",
    "party",
    "currency",
    "sale_date",
    "invoice_method",
    "shipment_method",
    "lines.product",
    "lines.quantity",
    "lines.unit_price",
    "lines.taxes",
    "lines.note",
)
_PHASES = {
    "draft": OrderPhase.DRAFT,
    "quotation": OrderPhase.QUOTED,
    "confirmed": OrderPhase.ACCEPTED,
    "processing": OrderPhase.ACCEPTED,
    "done": OrderPhase.ACCEPTED,
    "cancelled": OrderPhase.CANCELLED,
}
_IN_THE_LEDGER = {"posted", "paid"}


def sold_for_a_seller(order: OrderDraft) -> bool:
    """Whether the lines take the agency items: what a seller sells and dispatches itself.

    A product's revenue account follows its category, and Tryton takes only revenue accounts there
    and on a customer invoice's lines (`type.revenue`), never a payable. So these lines are sold as
    items of their own, whose category books to a pass-through account; ADR 0008. Goods of an agent
    that lie in our warehouse must be picked as what they are, and keep their own item.
    """
    return order.treatment is Treatment.AGENT and order.fulfilled_by is FulfilledBy.SELLER


def sku_of(line: OrderLine, order: OrderDraft, names: Names) -> str:
    """The code of the item a line sells; shipping and rounding have items of their own."""
    agency = sold_for_a_seller(order)
    match line.kind:
        case LineKind.SHIPPING:
            if agency:
                return names.agent_shipping_item
            return names.shipping_items.get(line.tax_code, names.shipping_item)
        case LineKind.ROUNDING:
            return names.rounding_item
    return names.agent_item if agency else line.sku


def skus_of(order: OrderDraft, names: Names) -> set[str]:
    """Every item Tryton must know for this order, the ones that only stand in a note included."""
    real = {line.sku for line in order.lines if line.kind is LineKind.GOODS}
    return real | {sku_of(line, order, names) for line in order.lines}


_LINE, _ITEM = "Line: ", "Item: "


def line_note(line: OrderLine) -> str:
    """What a sale line's note says. Tryton copies it to the invoice line, so both can be traced."""
    facts = [_LINE + line.key]
    if line.kind is LineKind.GOODS:
        facts.append(_ITEM + line.sku)
    return "\n".join(facts)


def noted(note: str | None) -> tuple[str, str]:
    """The order line's key and item that a note names; empty what it does not name."""
    rows = (note or "").splitlines()

    def fact(name: str) -> str:
        return next((row.removeprefix(name) for row in rows if row.startswith(name)), "")

    return fact(_LINE), fact(_ITEM)


def sale_values(
    order: OrderDraft,
    references: References,
    products: Mapping[str, ProductReference],
    names: Names,
) -> dict[str, Any]:
    """What to create. Raises Rejected naming what Tryton does not know.

    The customer is one party for each treatment, so no personal data becomes a record of its own;
    the buyer's address stands in the sale's comment. A seller's own shipment is a financial record
    here: invoiced when confirmed, nothing to pick.
    """
    currency = references.currencies.get(order.currency)
    if currency is None:
        raise Rejected(f"Tryton has no currency {order.currency}.", "currency")
    party = references.parties[order.treatment]
    operator_ships = order.fulfilled_by is FulfilledBy.OPERATOR
    return {
        "company": references.company,
        "currency": currency,
        "party": party.id,
        "invoice_address": party.address,
        "shipment_address": party.address,
        "payment_term": party.payment_term,
        "warehouse": next(iter(references.warehouses)),
        "reference": order.reference,
        "web_shop": references.shop,
        "web_id": order.key,
        "sale_date": order.placed_at.astimezone(references.time_zone).date(),
        "invoice_method": "fulfillment" if operator_ships else "order",
        "shipment_method": "order" if operator_ships else "manual",
        "description": _headline(order),
        "comment": _comment(order),
        "lines": [
            [
                "create",
                [
                    _line_values(line, order, products, references.taxes, names)
                    for line in order.lines
                ],
            ]
        ],
    }


def _line_values(
    line: OrderLine,
    order: OrderDraft,
    products: Mapping[str, ProductReference],
    taxes: Mapping[str, int],
    names: Names,
) -> dict[str, Any]:
    sku = sku_of(line, order, names)
    for wanted in (sku, line.sku if line.kind is LineKind.GOODS else sku):
        if wanted not in products:
            raise Rejected(f"Tryton has no active item {wanted}.", "sku")
    product = products[sku]
    if line.tax_code is not None and line.tax_code not in taxes:
        raise Rejected(f"Tryton has no tax {line.tax_code}.", "tax_code")
    if line.unit_price != round(line.unit_price, PRICE_DIGITS):
        raise Rejected(f"{line.unit_price} has more than {PRICE_DIGITS} decimals.", "unit_price")
    proxy = line.kind is LineKind.GOODS and sku != line.sku
    return {
        "type": "line",
        "product": product.id,
        "unit": product.unit,
        "quantity": Quantity(line.quantity),
        "unit_price": line.unit_price,
        "description": f"[{line.sku}] {line.description}" if proxy else line.description,
        "taxes": [["add", [] if line.tax_code is None else [taxes[line.tax_code]]]],
        "note": line_note(line),
    }


def _headline(order: OrderDraft) -> str:
    facts = [f"{name}: {value}" for name, value in order.attributes.items() if value]
    return ", ".join(facts)[:200]


def _comment(order: OrderDraft) -> str:
    to = order.ship_to
    town = " ".join(part for part in (to.postcode, to.city, to.state) if part)
    address = [part for part in (to.name, to.street, town, to.country) if part]
    facts = [f"{name}: {value}" for name, value in order.attributes.items()]
    return "\n".join([*facts, "Deliver to:", *address])


Signature = tuple[object, ...]


def signature_of_values(values: Mapping[str, Any]) -> Signature:
    """What must be equal for a found draft to be the same order."""
    (_, lines), *_ = values["lines"]
    counted = Counter(
        (
            line["product"],
            line["quantity"].value,
            line["unit_price"],
            tuple(line["taxes"][0][1]),
            line["note"],
        )
        for line in lines
    )
    return (*_header(values), frozenset(counted.items()))


def signature_of_row(row: Mapping[str, Any]) -> Signature:
    """The same of a sale as read by CONTENT_FIELDS."""
    counted = Counter(
        (
            line["product"],
            Decimal(line["quantity"] or 0),
            line["unit_price"],
            tuple(line["taxes"]),
            line["note"] or "",
        )
        for line in row["lines."]
    )
    return (*_header(row), frozenset(counted.items()))


def _header(values: Mapping[str, Any]) -> tuple[object, ...]:
    names = ("party", "currency", "sale_date", "invoice_method", "shipment_method")
    return tuple(values[name] for name in names)


def order_state(
    row: Mapping[str, Any], withdrawn: Mapping[str, Decimal] | None = None
) -> OrderState:
    """A sale as read by STATE_FIELDS.

    BOOKED once everything to be shipped is shipped, everything is invoiced and every invoice
    stands in the ledger; the last invoice gives number and date. Tryton cannot cancel a sale that
    it has processed: one whose shipments and invoices were all cancelled and ignored ends as done
    with neither, and that is CANCELLED to us.
    """
    phase = _PHASES[row["state"]]
    if row["state"] == "done" and row["shipment_state"] == row["invoice_state"] == "none":
        phase = OrderPhase.CANCELLED
    invoices = [invoice for invoice in row["invoices."] if invoice["state"] != "cancelled"]
    shipped = row["invoice_method"] != "fulfillment" or row["shipment_state"] in {"sent", "none"}
    booked = (
        phase is OrderPhase.ACCEPTED
        and bool(invoices)
        and shipped
        and not row["to_invoice"]
        and all(invoice["state"] in _IN_THE_LEDGER for invoice in invoices)
    )
    last = max(invoices, key=lambda invoice: invoice["id"]) if booked else None
    return OrderState(
        ref=str(row["id"]),
        number=row["number"],
        key=row["web_id"] or "",
        phase=OrderPhase.BOOKED if booked else phase,
        erp_state=row["state"],
        net=row["untaxed_amount"],
        tax=row["tax_amount"],
        gross=row["total_amount"],
        currency=row["currency."]["code"],
        invoice_number=last["number"] if last else None,
        booked_on=(last["accounting_date"] or last["invoice_date"]) if last else None,
        withdrawn=withdrawn or {},
    )
