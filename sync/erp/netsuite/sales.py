"""An order draft as a sales order of NetSuite, and orders read back as our order state.

The whole order goes out in one request. Its taxes go with it line by line: the tax details are
overridden, so that NetSuite's tax engine does not work out others.
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
from sync.erp.netsuite.references import (
    KEY,
    KEY_LENGTH,
    LINE,
    ORDER,
    ORDERED,
    SKU,
    Setup,
    Tax,
    external_id,
)
from sync.erp.netsuite.transactions import Head, called, lines_of, standing, stocked, totals
from sync.erp.wire import exact

PRICE_DIGITS = 4
_REFERENCE, _MEMO, _DESCRIPTION = 45, 999, 4000  # characters
_CUSTOM_PRICE = {"id": "-1"}  # else an item's own price wins over the rate
_ADDRESS = {  # our field: theirs and its length
    "name": ("addressee", 83),
    "street": ("addr1", 150),
    "city": ("city", 50),
    "postcode": ("zip", 36),
    "state": ("state", 30),
}


@dataclass(frozen=True)
class Records:
    """The ids of what a document refers to."""

    customers: Mapping[str, str]
    items: Mapping[str, str]
    taxes: Mapping[str, Tax]
    currency: str
    location: str


def named(ident: str) -> dict[str, object]:
    """A reference to a record."""
    return {"id": ident}


def fits(value: str, room: int, name: str) -> str:
    """The value. Raises Rejected when NetSuite has no room for it."""
    if len(value) > room:
        raise Rejected(f"NetSuite has no room for a {name} longer than {room}.", name)
    return value


def order_body(order: OrderDraft, setup: Setup, records: Records) -> dict[str, object]:
    """The order to be made. Raises Rejected for what NetSuite has no room for."""
    lines = [(line, _item(line, order, setup)) for line in order.lines]
    return {
        **head(order.key, order.key, order.reference, order.attributes, setup),
        "entity": named(records.customers[setup.customer(order.treatment)]),
        "currency": named(records.currency),
        "tranDate": order.placed_at.astimezone(setup.time_zone).date(),
        "orderStatus": named("B"),  # approved: to be fulfilled
        **({"location": named(records.location)} if records.location else {}),
        "shippingAddress": _address(order),
        **with_taxes(lines, records),
    }


def head(
    key: str, order_key: str, reference: str, facts: Mapping[str, str], setup: Setup
) -> dict[str, object]:
    """What every document of ours begins with. Raises Rejected."""
    memo = "; ".join(f"{name}: {value}" for name, value in facts.items() if value)
    return {
        "externalId": external_id(key),
        KEY: fits(key, KEY_LENGTH, "key"),
        ORDER: fits(order_key, KEY_LENGTH, "key"),
        "subsidiary": named(setup.subsidiary),
        "otherRefNum": fits(reference, _REFERENCE, "reference"),
        "memo": memo[:_MEMO],
    }


def with_taxes(lines: Sequence[tuple[OrderLine, str]], records: Records) -> dict[str, object]:
    """The lines, each with the item it is sold as, and the tax of each beside them."""
    items: list[dict[str, object]] = []
    taxes: list[dict[str, object]] = []
    for place, (line, item) in enumerate(lines, 1):
        if line.unit_price != round(line.unit_price, PRICE_DIGITS):
            raise Rejected(f"{line.unit_price} has more than {PRICE_DIGITS} decimals.", "price")
        items.append(
            {
                "item": named(records.items[item]),
                "quantity": line.quantity,
                "price": _CUSTOM_PRICE,
                "rate": line.unit_price,
                "description": line.description[:_DESCRIPTION],
                "taxDetailsReference": str(place),
                LINE: line.key,
                SKU: line.sku,
                ORDERED: f"{line.quantity:f}",
            }
        )
        if line.tax_code is not None:
            tax = records.taxes[line.tax_code]
            taxes.append(tax_row(str(place), tax.type, tax.code, tax.rate, line.net, line.tax))
    return {
        "item": {"items": items},
        "taxDetailsOverride": True,
        "taxDetails": {"items": taxes},
    }


def tax_row(
    place: str, kind: str, code: str, rate: Decimal, basis: Decimal, amount: Decimal
) -> dict[str, object]:
    """A line of the tax details; the rate is a share of one."""
    return {
        "taxDetailsReference": place,
        "taxType": named(kind),
        "taxCode": named(code),
        "taxRate": rate * 100,
        "taxBasis": basis,
        "taxAmount": amount,
    }


def tax_of(quantity: Decimal, line: Mapping[str, Any], per_cent: Decimal, currency: str) -> Decimal:
    """The tax of a part of a line, as it was predicted for the whole of it."""
    share = quantity * Decimal(str(line["rate"])) * per_cent / 100
    return round_to_unit(share, currency)


def _address(order: OrderDraft) -> dict[str, object]:
    found: dict[str, object] = {}
    for ours, (theirs, room) in _ADDRESS.items():
        if value := fits(getattr(order.ship_to, ours), room, ours):
            found[theirs] = value
    if order.ship_to.country:
        found["country"] = named(order.ship_to.country)
    return found


def _item(line: OrderLine, order: OrderDraft, setup: Setup) -> str:
    """What the line is sold as: an item with stock only where our warehouse sends it."""
    sellers = order.fulfilled_by is FulfilledBy.SELLER
    agency = sellers and order.treatment is Treatment.AGENT
    match line.kind:
        case LineKind.SHIPPING:
            return setup.agent_shipping if agency else setup.shipping
        case LineKind.ROUNDING:
            return setup.rounding
        case _ if sellers:
            return setup.agent_goods if agency else setup.seller_goods
    return line.sku


def order_state(
    head_: Head, row: Mapping[str, Any], invoices: Sequence[Head], currency: str
) -> OrderState:
    """An order as its record has it, with the invoices made of it."""
    net, tax, gross = totals(row)
    phase = _phase(head_.status, bool(invoices))
    last = max(invoices, key=lambda one: (one.dated, int(one.id)), default=None)
    booked = last if phase is OrderPhase.BOOKED else None
    return OrderState(
        ref=head_.id,
        number=head_.number,
        key=row.get(KEY) or "",
        phase=phase,
        erp_state=called(row, "orderStatus") or head_.status,
        net=net,
        tax=tax,
        gross=gross,
        currency=currency,
        invoice_number=booked.number if booked else None,
        booked_on=date.fromisoformat(booked.dated) if booked else None,
        withdrawn={} if phase is OrderPhase.CANCELLED else _withdrawn(row),
    )


def _phase(status: str, invoiced: bool) -> OrderPhase:
    match status:
        case "A":
            return OrderPhase.QUOTED  # somebody has to approve it
        case "C":
            return OrderPhase.CANCELLED
        case "H":
            return OrderPhase.BOOKED if invoiced else OrderPhase.CANCELLED
        case "G":
            return OrderPhase.BOOKED
    return OrderPhase.ACCEPTED


def _withdrawn(row: Mapping[str, Any]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for line in lines_of(row):
        gone = exact(line.get(ORDERED)) - standing(line)
        if line.get(LINE) and stocked(line) and gone > 0:
            found[line[LINE]] = gone
    return found
