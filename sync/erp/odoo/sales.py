"""An order draft as a sale of Odoo's, and a sale read back as our order state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from html import escape
from typing import Any

from mkterp.core.money import round_to_unit
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
from sync.erp.odoo.references import Names, References, money
from sync.erp.wire import exact

PRICE_DIGITS = 4
STATE_FIELDS = (
    *("name", "state", "origin", "client_order_ref", "currency_id", "invoice_status"),
    *("amount_untaxed", "amount_tax", "amount_total", "invoice_ids", "order_line"),
)
_PHASES = {
    "draft": OrderPhase.DRAFT,
    "sent": OrderPhase.QUOTED,
    "sale": OrderPhase.ACCEPTED,
    "done": OrderPhase.ACCEPTED,
    "cancel": OrderPhase.CANCELLED,
}
_LINE, _ITEM, _ORDERED = "Line: ", "Item: ", "Ordered: "


@dataclass(frozen=True)
class Noted:
    """What a line's description says of where it came from; Odoo copies it to the invoice."""

    key: str
    sku: str
    ordered: Decimal


def note(line: OrderLine) -> str:
    """The description of a sale or refund line: people read the front, we find the rest."""
    facts = [line.description, _LINE + line.key, f"{_ORDERED}{line.quantity:f}"]
    if line.kind is LineKind.GOODS:
        facts.append(_ITEM + line.sku)
    return "\n".join(facts)


def noted(name: str | None) -> Noted:
    """The facts in a description; empty what it does not name."""
    rows = (name or "").splitlines()

    def fact(word: str) -> str:
        return next((row.removeprefix(word) for row in rows if row.startswith(word)), "")

    return Noted(fact(_LINE), fact(_ITEM), exact(fact(_ORDERED)))


def sku_of(line: OrderLine, order: OrderDraft, names: Names) -> str:
    """The code of the item a line sells: what a seller dispatches itself is a service to Odoo."""
    sellers = order.fulfilled_by is FulfilledBy.SELLER
    agency = sellers and order.treatment is Treatment.AGENT
    match line.kind:
        case LineKind.SHIPPING:
            return names.agent_shipping_item if agency else names.shipping_item
        case LineKind.ROUNDING:
            return names.rounding_item
    if agency:
        return names.agent_item
    return names.seller_item if sellers else line.sku


def skus_of(order: OrderDraft, names: Names) -> set[str]:
    """Every item Odoo must know for this order, those that only stand in a description included."""
    real = {line.sku for line in order.lines if line.kind is LineKind.GOODS}
    return real | {sku_of(line, order, names) for line in order.lines}


def header(order: OrderDraft, references: References) -> dict[str, object]:
    """What claims the key: an order without lines. Raises Rejected."""
    if order.currency != references.currency:
        raise Rejected(
            f"The Odoo company keeps its books in {references.currency}, not {order.currency}.",
            "currency",
        )
    return {
        "origin": order.key,
        "client_order_ref": order.reference,
        "partner_id/.id": references.parties[order.treatment],
        "warehouse_id/.id": references.warehouse,
    }


def content(
    order: OrderDraft,
    references: References,
    products: Mapping[str, int],
    taxes: Mapping[str, int],
    names: Names,
) -> dict[str, object]:
    """The lines and the words. Raises Rejected naming what Odoo does not know."""

    def tax(line: OrderLine) -> dict[str, object]:
        ids = [] if line.tax_code is None else [taxes[line.tax_code]]
        return {references.fields.line_taxes: [[6, 0, ids]]}

    for line in order.lines:
        if line.tax_code is not None and line.tax_code not in taxes:
            raise Rejected(f"Odoo has no sales tax {line.tax_code}.", "tax_code")
    lines = [
        [0, 0, _line(line, order, products, names) | {"sequence": place} | tax(line)]
        for place, line in enumerate(order.lines, start=1)
    ]
    return {"order_line": [[5, 0, 0], *lines], "note": _words(order)}


def _line(
    line: OrderLine,
    order: OrderDraft,
    products: Mapping[str, int],
    names: Names,
) -> dict[str, object]:
    sku = sku_of(line, order, names)
    for wanted in (sku, line.sku if line.kind is LineKind.GOODS else sku):
        if wanted not in products:
            raise Rejected(f"Odoo has no active item {wanted}, or more than one.", "sku")
    if line.unit_price != round(line.unit_price, PRICE_DIGITS):
        raise Rejected(f"{line.unit_price} has more than {PRICE_DIGITS} decimals.", "unit_price")
    return {
        "product_id": products[sku],
        "product_uom_qty": line.quantity,
        "price_unit": line.unit_price,
        "name": note(line),
    }


def _words(order: OrderDraft) -> str:
    """The buyer's address and the marketplace's facts; no person becomes a record of its own."""
    to = order.ship_to
    town = " ".join(part for part in (to.postcode, to.city, to.state) if part)
    address = [part for part in (to.name, to.street, town, to.country) if part]
    facts = [f"{name}: {value}" for name, value in order.attributes.items() if value]
    placed = f"Placed: {order.placed_at.isoformat()}"
    rows = [*facts, placed, "Deliver to:", *address]
    return "<br/>".join(escape(row) for row in rows)


def phase_of(row: Mapping[str, Any]) -> OrderPhase:
    """The phase before its invoices are looked at."""
    return _PHASES[row["state"]]


def order_state(
    row: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    invoices: Sequence[Mapping[str, Any]],
) -> OrderState:
    """A sale as read by STATE_FIELDS, with its lines and invoices.

    BOOKED once Odoo says that all of it is invoiced and every invoice is posted; the last invoice
    gives number and date. What was ordered stands in a line's description, so what is not wanted
    any more is the difference to the quantity of today.
    """
    phase = phase_of(row)
    living = [one for one in invoices if one["state"] != "cancel"]
    booked = (
        phase is OrderPhase.ACCEPTED
        and row["invoice_status"] == "invoiced"
        and bool(living)
        and all(one["state"] == "posted" for one in living)
    )
    last = max(living, key=lambda one: int(one["id"])) if booked else None
    currency = row["currency_id"][1]
    withdrawn: dict[str, Decimal] = {}
    if phase is OrderPhase.ACCEPTED:
        for line in lines:
            facts = noted(line["name"])
            gone = facts.ordered - exact(line["product_uom_qty"])
            if facts.key and gone > 0:
                withdrawn[facts.key] = gone
    return OrderState(
        ref=str(row["id"]),
        number=row["name"] or None,
        key=row["origin"] or "",
        phase=OrderPhase.BOOKED if booked else phase,
        erp_state=row["state"],
        net=round_to_unit(money(row["amount_untaxed"]), currency),
        tax=round_to_unit(money(row["amount_tax"]), currency),
        gross=round_to_unit(money(row["amount_total"]), currency),
        currency=currency,
        invoice_number=last["name"] if last else None,
        booked_on=date.fromisoformat(last["date"]) if last else None,
        withdrawn=withdrawn,
    )
