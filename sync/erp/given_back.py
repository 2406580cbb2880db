"""What a credit note may give back, where an ERP does not make it of the invoice itself.

Such an ERP takes any amount on any account, so that what was invoiced is asked for here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from sync.domain.delivery import Rejected
from sync.domain.documents import (
    CreditNoteDraft,
    DocumentKind,
    DocumentLine,
    DocumentState,
    LineKind,
    OrderLine,
    OrderState,
    PostedDocument,
)

IN_THE_LEDGER = {DocumentState.POSTED, DocumentState.PAID}
_ZERO = Decimal(0)


class _Documents(Protocol):
    def of_orders(self, keys: Sequence[str]) -> Mapping[str, Sequence[PostedDocument]]: ...


class _Orders(Protocol):
    def find(self, keys: Sequence[str]) -> Mapping[str, OrderState]: ...


@dataclass(frozen=True)
class Original:
    """An invoiced line, and what of its net has not been given back yet."""

    line: DocumentLine
    invoice: PostedDocument
    left: Decimal


def originals(
    draft: CreditNoteDraft, *, documents: _Documents, orders: _Orders, erp: str
) -> dict[str, Original]:
    """The invoiced lines of the order by our line key, all of one currency.

    Raises Rejected without any, or in another currency than the draft's; `erp` is its name.
    """
    found = documents.of_orders([draft.order_key]).get(draft.order_key, ())
    if not found and not orders.find([draft.order_key]):
        raise Rejected(f"{erp} has no order {draft.order_key}.", "order")
    left: dict[str, Decimal] = {}
    largest: dict[str, tuple[DocumentLine, PostedDocument]] = {}
    for document in found:
        if document.state not in IN_THE_LEDGER:
            continue
        for line in document.lines:
            left[line.line_key] = left.get(line.line_key, _ZERO) + line.net
            if document.kind is DocumentKind.INVOICE:
                known = largest.get(line.line_key)
                if known is None or known[0].net < line.net:
                    largest[line.line_key] = line, document
    if not largest:
        raise Rejected(f"Nothing of {draft.reference}'s order is invoiced yet.", "order")
    if next(iter(largest.values()))[1].currency != draft.currency:
        raise Rejected(f"The invoice of {draft.reference} is in another currency.", "currency")
    return {key: Original(*known, left[key]) for key, known in largest.items()}


def original_of(
    line: OrderLine, draft: CreditNoteDraft, invoiced: Mapping[str, Original]
) -> Original | None:
    """What this line gives back of; None for pennies that were on no invoice.

    Raises Rejected for a line that was not invoiced, was sold with another tax, or has less left.
    """
    original = invoiced.get(line.key)
    if original is None:
        if line.kind is LineKind.ROUNDING:
            return None
        raise Rejected(
            f"Line {line.key} of {draft.reference} is not invoiced: amend the order instead.",
            "line",
        )
    codes = original.line.tax_codes
    if codes != ((line.tax_code,) if line.tax_code else ()):
        named = ", ".join(codes) or "no tax"
        raise Rejected(f"Line {line.key} of {draft.reference} was sold with {named}.", "tax_code")
    if abs(line.net) > abs(original.left):
        raise Rejected(
            f"{draft.reference} gives back {line.net} of line {line.key}; {original.left} is "
            "left of it.",
            "net",
        )
    return original
