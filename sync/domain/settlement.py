"""Marketplacer's settlement as values, in its own nouns. Money is integer minor units."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True)
class RefundLineValue:
    line_id: str  # empty for a custom line, such as postage
    custom: str
    quantity: int
    amount_minor: int  # of the whole line, positive
    commission_minor: int
    reason: str
    status: str


@dataclass(frozen=True)
class RefundValue:
    marketplacer_id: str
    legacy_id: int
    status: str
    requested_at: datetime
    cash_minor: int | None
    recovered_minor: int | None
    lines: tuple[RefundLineValue, ...]

    @property
    def completed(self) -> bool:
        return self.status == "REFUNDED"

    @property
    def amount_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines)

    @property
    def commission_minor(self) -> int:
        return sum(line.commission_minor for line in self.lines)


@dataclass(frozen=True)
class AmendmentLineValue:
    line_id: str
    custom: str
    quantity: int  # of the invoice's line: the amendment itself does not say
    each_minor: int  # negative where money goes back
    commission_minor: int
    dispatched: bool | None


@dataclass(frozen=True)
class AmendmentValue:
    marketplacer_id: str
    legacy_id: int
    created_at: datetime
    commission_minor: int
    commission_tax_minor: int
    lines: tuple[AmendmentLineValue, ...]


@dataclass(frozen=True)
class InvoiceMoneyValue:
    """What happened to an invoice's money after the sale."""

    invoice_id: str
    cancelled: bool
    refunds: tuple[RefundValue, ...]
    amendments: tuple[AmendmentValue, ...]


@dataclass(frozen=True)
class RemittanceValue:
    marketplacer_id: str
    origin: str  # the id of the invoice or amendment it settles; empty when it names none
    seller_id: str
    amount_minor: int
    commission_minor: int
    released: bool
    pending_reasons: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True)
class AdviceValue:
    marketplacer_id: str
    legacy_id: int
    seller_id: str
    total_minor: int
    commission_minor: int | None
    created_at: datetime
    paid_at: datetime | None
    paid_minor: int | None
    payment_reference: str
    remittances: tuple[RemittanceValue, ...]


class AmendmentKind(StrEnum):
    REFUND = "REFUND"
    CANCELLATION = "CANCELLATION"
    OTHER = "OTHER"


def explain_amendments(
    money: InvoiceMoneyValue,
) -> dict[str, tuple[AmendmentKind, RefundValue | None]]:
    """Why each amendment of an invoice was made, by its id.

    A completed refund writes one amendment with its lines and the opposite commission; the two
    name each other nowhere, so each refund takes the oldest amendment that fits and is still free,
    never one that was made before it was asked for.
    Of a cancelled invoice, what is left and names only lines that never left is the cancellation.
    """
    free = sorted(money.amendments, key=lambda a: (a.created_at, a.legacy_id))
    found: dict[str, tuple[AmendmentKind, RefundValue | None]] = {}
    for refund in sorted(money.refunds, key=lambda r: (r.requested_at, r.legacy_id)):
        if not refund.completed:
            continue
        fitting = next((a for a in free if _fits(refund, a)), None)
        if fitting is not None:
            free.remove(fitting)
            found[fitting.marketplacer_id] = (AmendmentKind.REFUND, refund)
    for amendment in free:
        never_left = amendment.lines and all(line.dispatched is False for line in amendment.lines)
        cancels = money.cancelled and never_left
        kind = AmendmentKind.CANCELLATION if cancels else AmendmentKind.OTHER
        found[amendment.marketplacer_id] = (kind, None)
    return found


def _fits(refund: RefundValue, amendment: AmendmentValue) -> bool:
    if amendment.commission_minor != -refund.commission_minor:
        return False
    if amendment.created_at < refund.requested_at:
        return False
    wanted = Counter((line.line_id, line.custom) for line in refund.lines)
    given = Counter((line.line_id, line.custom) for line in amendment.lines)
    # A refund of another sum than computed carries one line more, for the difference.
    extra = given - wanted
    return not wanted - given and sum(extra.values()) <= 1


def amendment_gross(
    amendment: AmendmentValue, refund: RefundValue | None, cancelled_minor: int | None
) -> int:
    """What goes back to the buyer, negative: of a refund its cash, of a cancellation everything.

    Otherwise from the amendment's own lines, which state a whole-number amount a piece.
    """
    if refund is not None:
        return -(refund.amount_minor if refund.cash_minor is None else refund.cash_minor)
    if cancelled_minor is not None:
        return -cancelled_minor
    return sum(_line_gross(amendment.lines))


def _line_gross(lines: Sequence[AmendmentLineValue]) -> list[int]:
    return [line.each_minor * line.quantity for line in lines]
