"""Drafts and entries as JSON and back, exactly: what the outbox keeps until it is sent."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sync.domain.documents import (
    Address,
    CreditNoteDraft,
    FulfilledBy,
    JournalEntry,
    JournalLine,
    LineKind,
    OrderDraft,
    OrderLine,
    OrderState,
    Treatment,
)


def freeze(
    value: OrderDraft | OrderState | CreditNoteDraft | JournalEntry | JournalLine,
) -> dict[str, Any]:
    """Plain JSON values; decimals and times as text, so that nothing is rounded on the way."""
    plain: dict[str, Any] = _plain(value)
    return plain


def _plain(value: Any) -> Any:
    if value is None or type(value) is str:  # most of what there is
        return value
    if isinstance(value, Decimal):
        return str(value)
    if is_dataclass(value):
        return {key: _plain(inner) for key, inner in vars(value).items()}
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def thaw_order(payload: dict[str, Any]) -> OrderDraft:
    """The draft that `freeze` made the payload from."""
    return OrderDraft(
        key=payload["key"],
        reference=payload["reference"],
        placed_at=datetime.fromisoformat(payload["placed_at"]),
        currency=payload["currency"],
        treatment=Treatment(payload["treatment"]),
        fulfilled_by=FulfilledBy(payload["fulfilled_by"]),
        ship_to=Address(**payload["ship_to"]),
        lines=tuple(
            OrderLine(
                key=line["key"],
                kind=LineKind(line["kind"]),
                sku=line["sku"],
                description=line["description"],
                quantity=Decimal(line["quantity"]),
                unit_price=Decimal(line["unit_price"]),
                net=Decimal(line["net"]),
                tax=Decimal(line["tax"]),
                tax_code=line["tax_code"],
            )
            for line in payload["lines"]
        ),
        net=Decimal(payload["net"]),
        tax=Decimal(payload["tax"]),
        gross=Decimal(payload["gross"]),
        attributes=payload["attributes"],
    )


def thaw_journal(payload: dict[str, Any]) -> JournalEntry:
    """The entry that `freeze` made the payload from."""
    return JournalEntry(
        key=payload["key"],
        posting_date=date.fromisoformat(payload["posting_date"]),
        currency=payload["currency"],
        memo=payload["memo"],
        lines=tuple(thaw_journal_line(line) for line in payload["lines"]),
        journal=payload["journal"],
    )


def thaw_journal_line(line: dict[str, Any]) -> JournalLine:
    """The line that `freeze` made the payload from."""
    return JournalLine(
        account=line["account"],
        debit=Decimal(line["debit"]),
        credit=Decimal(line["credit"]),
        memo=line["memo"],
        party=line["party"],
    )
