"""Order drafts whose amounts are worked out here, by hand, not by the code under test."""

import itertools
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from sync.domain.documents import (
    Address,
    CreditNoteDraft,
    FulfilledBy,
    LineKind,
    OrderDraft,
    OrderLine,
    Treatment,
    Written,
)
from tests.contract.erp.houses import ErpHouse

_numbers = itertools.count(1)
_PENNY = Decimal("0.01")
_RATES = {
    "GB-STD": Decimal("0.20"),
    "GB-STD-SELLER": Decimal("0.20"),
    "GB-RED": Decimal("0.05"),
    "GB-ZERO": Decimal(0),
    None: Decimal(0),
}


def new_key() -> str:
    """A key nobody has used, in this run or an earlier one against the same ERP."""
    return f"order-{time.time_ns():x}-{os.getpid()}-{next(_numbers)}"


def line(
    sku: str,
    quantity: str = "1",
    unit_price: str = "10.0000",
    tax_code: str | None = "GB-STD",
    kind: LineKind = LineKind.GOODS,
) -> OrderLine:
    """A line as Tryton computes it: net and tax each rounded once, ties to the even penny."""
    exact = Decimal(quantity) * Decimal(unit_price)
    return OrderLine(
        key=f"line-{next(_numbers)}",
        kind=kind,
        sku=sku if kind is LineKind.GOODS else "",
        description=f"{kind.value} {sku}",
        quantity=Decimal(quantity),
        unit_price=Decimal(unit_price),
        net=exact.quantize(_PENNY, rounding=ROUND_HALF_EVEN),
        tax=(exact * _RATES[tax_code]).quantize(_PENNY, rounding=ROUND_HALF_EVEN),
        tax_code=tax_code,
    )


def of(original: OrderLine, quantity: str, unit_price: str = "") -> OrderLine:
    """A part of an order line, to be given back."""
    made = line(
        original.sku,
        quantity,
        unit_price or str(original.unit_price),
        original.tax_code,
        original.kind,
    )
    return replace(made, key=original.key)


def credit(
    order: OrderDraft, lines: Sequence[OrderLine], *, key: str = "", dated: date | None = None
) -> CreditNoteDraft:
    """Money back for these parts of the order's lines, today unless told otherwise."""
    net = sum((one.net for one in lines), Decimal())
    tax = sum((one.tax for one in lines), Decimal())
    key = key or new_key()
    return CreditNoteDraft(
        key=key,
        reference=f"RF-{key[-6:]}",
        order_key=order.key,
        dated=dated or datetime.now(UTC).date(),
        currency="GBP",
        lines=tuple(lines),
        net=net,
        tax=tax,
        gross=net + tax,
        reason="Did not fit",
    )


def accepted(house: ErpHouse, order: OrderDraft) -> str:
    """Bring the order into the ERP. Returns its ref there."""
    (answer,) = house.port.submit_orders([order])
    assert isinstance(answer, Written), answer
    assert answer.ref is not None
    return answer.ref


def shipping(amount: str = "3.3300", tax_code: str = "GB-STD") -> OrderLine:
    return line("", "1", amount, tax_code, LineKind.SHIPPING)


def rounding(amount: str = "0.01") -> OrderLine:
    return line("", "1", amount, None, LineKind.ROUNDING)


def draft(
    lines: Sequence[OrderLine],
    *,
    key: str = "",
    fulfilled_by: FulfilledBy = FulfilledBy.OPERATOR,
    treatment: Treatment = Treatment.PRINCIPAL,
    placed_at: datetime = datetime(2026, 7, 14, 23, 30, tzinfo=UTC),
    attributes: dict[str, str] | None = None,
) -> OrderDraft:
    net = sum((one.net for one in lines), Decimal())
    tax = sum((one.tax for one in lines), Decimal())
    key = key or new_key()
    return OrderDraft(
        key=key,
        reference=f"INV-{key[-8:]}",
        placed_at=placed_at,
        currency="GBP",
        treatment=treatment,
        fulfilled_by=fulfilled_by,
        ship_to=Address("Ann Example", "1 High Street", "Leeds", "LS1 1AA", "", "GB"),
        lines=tuple(lines),
        net=net,
        tax=tax,
        gross=net + tax,
        attributes=attributes or {"Order": "4711"},
    )
