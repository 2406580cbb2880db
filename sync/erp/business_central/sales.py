"""An order draft as a sales order of Business Central, and orders read back as our order state.

The whole order goes out in one request, lines and all, so there is none that is half made. The
second description of a line says which of ours it is and how much was ordered; Business Central
copies it to shipments and invoices, and comment lines with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
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
from sync.erp.business_central.references import Setup, document_key, money
from sync.erp.wire import exact

PRICE_DIGITS = 5
_DESCRIPTION, _NOTE = 100, 50  # characters
_KEY, _REFERENCE = "mkterp key", "mkterp reference"
ORDER, INVOICE = "mkterp order", "mkterp invoice"
_ADDRESS = {  # our field: theirs and its length
    "name": ("shipToName", 100),
    "street": ("shipToAddressLine1", 100),
    "city": ("shipToCity", 30),
    "postcode": ("shipToPostCode", 20),
    "state": ("shipToState", 30),
    "country": ("shipToCountry", 10),
}
LIVING = {"Open", "Paid"}  # posted invoices that stand


@dataclass(frozen=True)
class Noted:
    """What a line says of where it came from."""

    key: str
    sku: str
    ordered: Decimal


def note(line: OrderLine) -> str:
    """The second description. Raises Rejected when it does not fit."""
    words = f"{line.key} x{line.quantity:f}"
    if len(words) > _NOTE:
        raise Rejected(f"Business Central has no room for the line key {line.key}.", "line")
    return words


def noted(row: Mapping[str, Any]) -> Noted:
    """The facts of a line of any document; empty what it does not name."""
    key, mark, ordered = (row.get("description2") or "").rpartition(" x")
    if not mark or row["lineType"] == "Comment":
        return Noted("", "", Decimal(0))
    words = row.get("description") or ""
    sku = row["lineObjectNumber"] if row["lineType"] == "Item" else ""
    if words.startswith("["):
        sku = words[1:].partition("]")[0]
    return Noted(key, sku, exact(ordered))


def comment(words: str, mark: str = "") -> dict[str, object]:
    """A line without an amount, for people or with a mark for us."""
    return {"lineType": "Comment", "description": words[:_DESCRIPTION], "description2": mark}


def marked(lines: Sequence[Mapping[str, Any]], mark: str) -> str:
    """What the comment line with that mark says."""
    return next((row["description"] for row in lines if row.get("description2") == mark), "")


def key_of(row: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> str:
    """Our key of a document of ours; what people wrote there of another."""
    return marked(lines, _KEY) or row["externalDocumentNumber"] or ""


def reference_of(lines: Sequence[Mapping[str, Any]]) -> str:
    """What people call the document."""
    return marked(lines, _REFERENCE)


def ours(lines: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the document, or the order it comes from, was made by us."""
    return bool(reference_of(lines))


def head(
    key: str, external: str, reference: str, facts: Mapping[str, str]
) -> list[dict[str, object]]:
    """The comment lines a document of ours begins with. Raises Rejected for a key too long."""
    found = [comment(reference, _REFERENCE)]
    if external != key:
        found.append(remember(key, _KEY))
    return found + [comment(f"{name}: {value}") for name, value in facts.items() if value]


def remember(key: str, mark: str) -> dict[str, object]:
    """A comment line that has to be read back whole. Raises Rejected."""
    if len(key) > _DESCRIPTION:
        raise Rejected(f"{key} is longer than Business Central keeps.", "key")
    return comment(key, mark)


def account_line(line: OrderLine, account: str, setup: Setup) -> dict[str, object]:
    """A line on an account: no stock moves."""
    words = f"[{line.sku}] {line.description}" if line.kind is LineKind.GOODS else line.description
    return {
        "lineType": "Account",
        "lineObjectNumber": account,
        "description": words[:_DESCRIPTION],
        **_amounts(line, setup),
    }


def _amounts(line: OrderLine, setup: Setup) -> dict[str, object]:
    if line.unit_price != round(line.unit_price, PRICE_DIGITS):
        raise Rejected(f"{line.unit_price} has more than {PRICE_DIGITS} decimals.", "unit_price")
    # In this order: each value Business Central is told makes it fill in others.
    return {
        "description2": note(line),
        "quantity": line.quantity,
        "unitPrice": line.unit_price,
        "taxCode": line.tax_code or setup.no_tax,
    }


def body(order: OrderDraft, setup: Setup, location: str) -> dict[str, object]:
    """The order to be made. Raises Rejected for what Business Central has no room for."""
    external = document_key(order.key)
    lines = head(order.key, external, order.reference, order.attributes)
    lines += [_line(line, order, setup, location) for line in order.lines]
    return {
        "externalDocumentNumber": external,
        "orderDate": order.placed_at.astimezone(setup.time_zone).date(),
        "customerNumber": setup.customer(order.treatment),
        "pricesIncludeTax": False,
        **_address(order),
        "salesOrderLines": lines,
    }


def _address(order: OrderDraft) -> dict[str, object]:
    found: dict[str, object] = {}
    for ours_, (theirs, room) in _ADDRESS.items():
        value = getattr(order.ship_to, ours_)
        if len(value) > room:
            raise Rejected(f"The delivery address's {ours_} is longer than {room}.", ours_)
        if value:
            found[theirs] = value
    return found


def _line(line: OrderLine, order: OrderDraft, setup: Setup, location: str) -> dict[str, object]:
    sellers = order.fulfilled_by is FulfilledBy.SELLER
    agency = sellers and order.treatment is Treatment.AGENT
    match line.kind:
        case LineKind.SHIPPING:
            account = setup.agent_shipping if agency else setup.shipping
        case LineKind.ROUNDING:
            account = setup.rounding
        case _ if sellers:
            account = setup.agent_goods if agency else setup.seller_goods
        case _:
            return {
                "lineType": "Item",
                "lineObjectNumber": line.sku,
                "description": line.description[:_DESCRIPTION],
                **({"locationId": location} if location else {}),
                **_amounts(line, setup),
            }
    return account_line(line, account, setup)


def facts_of(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """An order's lines that sell something."""
    return [line for line in row["salesOrderLines"] if line["lineType"] != "Comment"]


def order_state(row: Mapping[str, Any], currency: str) -> OrderState:
    """An order that is not invoiced in full, read with its lines.

    Withdrawn is what its lines were ordered with and do not stand at any more; an order of which
    nothing is left is cancelled: deleted ones would be forgotten, and made again.
    """
    lines = facts_of(row)
    empty = bool(lines) and not any(money(line["quantity"]) for line in lines)
    phase = OrderPhase.QUOTED if row["status"] == "In Review" else OrderPhase.ACCEPTED
    withdrawn: dict[str, Decimal] = {}
    for line in lines:
        facts = noted(line)
        gone = facts.ordered - exact(line["quantity"])
        if facts.key and gone > 0 and not empty:
            withdrawn[facts.key] = gone
    return OrderState(
        ref=row["number"],
        number=row["number"],
        key=key_of(row, row["salesOrderLines"]),
        phase=OrderPhase.CANCELLED if empty else phase,
        erp_state=row["status"],
        net=round_to_unit(money(row["totalAmountExcludingTax"]), currency),
        tax=round_to_unit(money(row["totalTaxAmount"]), currency),
        gross=round_to_unit(money(row["totalAmountIncludingTax"]), currency),
        currency=currency,
        withdrawn=withdrawn,
    )


def booked_state(number: str, invoices: Sequence[Mapping[str, Any]], currency: str) -> OrderState:
    """An order that Business Central has deleted, because all of it is invoiced."""
    standing = [one for one in invoices if one["status"] in LIVING]
    last = max(standing or invoices, key=lambda one: (one["postingDate"], one["number"]))
    net = sum((money(one["totalAmountExcludingTax"]) for one in standing), Decimal(0))
    tax = sum((money(one["totalTaxAmount"]) for one in standing), Decimal(0))
    return OrderState(
        ref=number,
        number=number,
        key=key_of(last, last["salesInvoiceLines"]),
        phase=OrderPhase.BOOKED if standing else OrderPhase.CANCELLED,
        erp_state=last["status"],
        net=round_to_unit(net, currency),
        tax=round_to_unit(tax, currency),
        gross=round_to_unit(net + tax, currency),
        currency=currency,
        invoice_number=last["number"] if standing else None,
        booked_on=date.fromisoformat(last["postingDate"]) if standing else None,
    )
