"""What a refund, an amendment or a cancellation becomes in the ERP, decided from the original.

Rate, tax code, item and treatment are those of the frozen order: nothing is looked up again. What
has not been invoiced is taken out of the order; what has been is credited. More than is left of a
line, or a line the order does not hold, is refused with a sentence and books nothing.

Amounts are whole minor units, positive for what goes back, unless they are `Decimal`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from mkterp.core.money import from_minor, to_minor
from sync.domain.cases import CaseKind
from sync.domain.credit_lines import (
    TOLERANCE,
    credit_line,
    gross_of,
    mirrored,
    residue_line,
    taxed,
)
from sync.domain.documents import FulfilledBy, LineKind, OrderDraft, OrderLine, OrderPhase
from sync.domain.refund_parts import Can, GivenBack, InErp, held, shares_of, within
from sync.domain.tax import Level

__all__ = [
    "Can", "Cancel", "Credit", "Decision", "GivenBack", "InErp", "Refuse", "Settled", "Wait",
    "Withdraw", "decide_cancellation", "decide_refund", "held",
]  # fmt: skip

ZERO = Decimal(0)


# -- what is to be done ------------------------------------------------------------------------


@dataclass(frozen=True)
class Cancel:
    """Take the whole order back."""


@dataclass(frozen=True)
class Withdraw:
    """Lower the order before it is invoiced."""

    quantities: Mapping[str, Decimal]  # what each line is to have in all
    withdrawn: Mapping[str, Decimal]  # units taken out now
    gross_minor: Mapping[str, int]  # what the ERP will invoice less, by line key


@dataclass(frozen=True)
class Credit:
    lines: tuple[OrderLine, ...]
    residue_minor: int = 0  # what no line could carry; below zero, what they carry too many

    @property
    def net(self) -> Decimal:
        return sum((line.net for line in self.lines), ZERO)

    @property
    def tax(self) -> Decimal:
        return sum((line.tax for line in self.lines), ZERO)


@dataclass(frozen=True)
class Settled:
    """Nothing is left to do; `residue_minor` is what rounding left between both sides."""

    why: str
    residue_minor: int = 0


@dataclass(frozen=True)
class Wait:
    why: str


@dataclass(frozen=True)
class Refuse:
    kind: CaseKind
    why: str


Decision = Cancel | Withdraw | Credit | Settled | Wait | Refuse


def decide_cancellation(
    order: OrderDraft, rates: Mapping[str, Decimal], erp: InErp, can: Can
) -> Decision:
    """The whole order was cancelled at Marketplacer."""
    if erp.phase is OrderPhase.CANCELLED:
        return Settled("The ERP has cancelled the order.")
    if not any(amount.units for amount in erp.invoiced.values()):
        if any(erp.shipped.values()):
            return Refuse(
                CaseKind.CANCELLATION_REFUSED,
                f"{order.reference} was cancelled at Marketplacer after its goods had left.",
            )
        if not can.cancel:
            return Refuse(
                CaseKind.CANCELLATION_REFUSED,
                f"{order.reference} was cancelled, and this ERP takes no order back by itself.",
            )
        return Cancel()
    part = any(erp.free(line) > 0 for line in order.lines if line.kind is LineKind.GOODS)
    if part and order.fulfilled_by is FulfilledBy.OPERATOR:
        return Refuse(
            CaseKind.CANCELLATION_REFUSED,
            f"{order.reference} was cancelled at Marketplacer, and a part of it is invoiced.",
        )
    if not can.credit:
        return _no_credit(order.reference)
    return _all_that_is_left(order, rates, erp, can)


def decide_refund(
    order: OrderDraft,
    parts: Sequence[GivenBack],
    *,
    reference: str,
    amount_minor: int,
    taken_minor: Mapping[str, int],
    closed: bool,
    packs: Mapping[str, Decimal],
    rates: Mapping[str, Decimal],
    erp: InErp,
    can: Can,
) -> Decision:
    """A part of the order, or all of it, was given back.

    `amount_minor` is what the buyer got; `taken_minor` (by line key) has been taken out of the
    order already, and with `closed` nothing more will be. `packs` are ERP units in a piece.
    """
    lines = {line.key: line for line in order.lines}
    for part in parts:
        if part.line_key and part.line_key not in lines:
            return Refuse(
                CaseKind.REFUND_UNPLACED,
                f"{reference} gives back line {part.line_key}, which {order.reference} does not "
                "hold as it was posted.",
            )
    if amount_minor < 0:
        return Refuse(
            CaseKind.REFUND_UNPLACED,
            f"{reference} adds {_money(-amount_minor, order)} to {order.reference}.",
        )
    paid = to_minor(order.gross, order.currency)
    if amount_minor > paid + TOLERANCE:
        return _over(reference, order, amount_minor, paid)
    if erp.phase is OrderPhase.CANCELLED:
        return Settled("The ERP has cancelled the order.")
    gone = _more_than_stands(order, parts, packs, erp) if not closed else ""
    if gone:
        return Refuse(CaseKind.OVER_REFUND, f"{reference} gives back {gone}.")
    if not closed:
        taken = _withdrawable(order, parts, packs, erp, can)
        if taken:
            return _withdraw(order, taken, amount_minor, rates, erp, can)
    due = amount_minor - sum(taken_minor.values())
    if abs(due) <= TOLERANCE:
        return Settled("Taken out of the order before it was invoiced.", due)
    if due < 0:
        return Refuse(
            CaseKind.REFUND_UNPLACED,
            f"{reference} gives back {_money(-due, order)} less than the goods taken out of "
            f"{order.reference} were sold for.",
        )
    if not can.credit:
        return _no_credit(reference)
    return _credit(order, parts, reference, due, taken_minor, packs, rates, erp, can)


def _withdrawable(
    order: OrderDraft,
    parts: Sequence[GivenBack],
    packs: Mapping[str, Decimal],
    erp: InErp,
    can: Can,
) -> dict[str, Decimal]:
    """Units by line key that have not left and are not invoiced: they come out of the order."""
    if order.fulfilled_by is not FulfilledBy.OPERATOR or not can.amend:
        return {}
    lines = {line.key: line for line in order.lines if line.kind is LineKind.GOODS}
    wanted: dict[str, Decimal] = {}
    for part in parts:
        if part.line_key in lines and part.pieces and part.dispatched is not True:
            units = part.pieces * packs.get(part.line_key, Decimal(1))
            wanted[part.line_key] = wanted.get(part.line_key, ZERO) + units
    return {key: units for key, units in wanted.items() if units <= erp.free(lines[key])}


def _withdraw(
    order: OrderDraft,
    taken: Mapping[str, Decimal],
    amount_minor: int,
    rates: Mapping[str, Decimal],
    erp: InErp,
    can: Can,
) -> Decision:
    goods = [line for line in order.lines if line.kind is LineKind.GOODS]
    stands = {line.key: line.quantity - erp.withdrawn.get(line.key, ZERO) for line in goods}
    everything = all(taken.get(key, ZERO) == units for key, units in stands.items() if units)
    untouched = not any(erp.withdrawn.values()) and not erp.invoiced
    whole = amount_minor >= to_minor(order.gross, order.currency) - TOLERANCE
    if everything and untouched and whole and can.cancel:
        return Cancel()
    less: dict[str, int] = {}
    ties = can.arithmetic.ties
    for line in goods:
        if line.key in taken:
            rate = rates.get(line.tax_code or "", ZERO)
            units = stands[line.key]
            before = gross_of(line, units, rate, order.currency, ties)
            after = gross_of(line, units - taken[line.key], rate, order.currency, ties)
            less[line.key] = to_minor(before - after, order.currency)
    return Withdraw({key: stands[key] - units for key, units in taken.items()}, dict(taken), less)


def _credit(
    order: OrderDraft,
    parts: Sequence[GivenBack],
    reference: str,
    due: int,
    taken_minor: Mapping[str, int],
    packs: Mapping[str, Decimal],
    rates: Mapping[str, Decimal],
    erp: InErp,
    can: Can,
) -> Decision:
    currency = order.currency
    left = {line.key: erp.left(line.key) for line in order.lines}
    left_minor = {key: to_minor(amount.gross, currency) for key, amount in left.items()}
    whole = sum(left_minor.values())
    booked = erp.phase is OrderPhase.BOOKED
    if whole <= 0 and not erp.credited:
        return Wait("The order is not invoiced in the ERP yet.")
    if due == whole and booked:  # all that is left, to the cent, as it was invoiced
        return _all_that_is_left(order, rates, erp, can)
    shares = shares_of(
        order, parts, due=due, taken_minor=taken_minor, packs=packs, left_minor=left_minor
    )
    if isinstance(shares, str):
        if not booked:
            return Wait("A part of the order is not invoiced in the ERP yet.")
        return Refuse(CaseKind.REFUND_UNPLACED, f"{reference}: {shares}")
    by_key = {line.key: line for line in order.lines}
    if booked:
        shares = within(shares, order, left_minor)
    short = [key for key, (_, minor) in shares.items() if minor > left_minor[key] + TOLERANCE]
    if short:
        if not booked and not all(erp.invoiced.get(key) for key in short):
            return Wait("A part of the order is not invoiced in the ERP yet.")
        return _over_line(reference, by_key[short[0]], shares[short[0]][1], left_minor, order)
    made: list[OrderLine] = []
    ties = can.arithmetic.ties
    for key, (units, minor) in shares.items():
        line = by_key[key]
        rate = rates.get(line.tax_code or "", ZERO)
        given, _ = credit_line(line, minor, units, left[key], rate, currency, ties)
        made += [given] if given is not None else []
    return _credit_of(made, sum(minor for _, minor in shares.values()), currency, rates, can)


def _all_that_is_left(
    order: OrderDraft, rates: Mapping[str, Decimal], erp: InErp, can: Can
) -> Decision:
    made: list[OrderLine] = []
    wanted = 0
    for line in order.lines:
        left = erp.left(line.key)
        rate = rates.get(line.tax_code or "", ZERO)
        given, _ = mirrored(line, left, rate, order.currency, can.arithmetic.ties)
        made += [given] if given is not None else []
        wanted += to_minor(left.gross, order.currency)
    if not made and not wanted:
        return Settled("All of it has been given back in the ERP already.")
    return _credit_of(made, wanted, order.currency, rates, can)


def _credit_of(
    made: Sequence[OrderLine], wanted: int, currency: str, rates: Mapping[str, Decimal], can: Can
) -> Credit:
    """These lines as the ERP taxes them together, and what is then missing of the money."""
    if can.arithmetic.level is Level.DOCUMENT:
        taxes = taxed(made, rates, currency, can.arithmetic)
        made = [replace(line, tax=tax) for line, tax in zip(made, taxes, strict=True)]
    gross = sum((line.net + line.tax for line in made), ZERO)
    residue = wanted - to_minor(gross, currency)
    if residue:
        made = [*made, residue_line(residue, currency)]
    return Credit(tuple(made), residue)


def _more_than_stands(
    order: OrderDraft, parts: Sequence[GivenBack], packs: Mapping[str, Decimal], erp: InErp
) -> str:
    """Which line gives back more pieces than stand in the order; empty when none does."""
    for line in order.lines:
        pieces = sum(part.pieces for part in parts if part.line_key == line.key)
        stands = line.quantity - erp.withdrawn.get(line.key, ZERO)
        pack = packs.get(line.key, Decimal(1))
        if line.kind is LineKind.GOODS and pieces * pack > stands:
            return f"{pieces} of {line.sku or line.key}; {stands / pack:f} stand in the order"
    return ""


def _over(reference: str, order: OrderDraft, asked: int, left: int) -> Refuse:
    return Refuse(
        CaseKind.OVER_REFUND,
        f"{reference} gives back {_money(asked, order)}; {_money(left, order)} is left of "
        f"{order.reference}.",
    )


def _over_line(
    reference: str, line: OrderLine, asked: int, left_minor: Mapping[str, int], order: OrderDraft
) -> Refuse:
    what = "the shipping" if line.kind is LineKind.SHIPPING else line.sku or line.description
    left = max(left_minor[line.key], 0)
    return Refuse(
        CaseKind.OVER_REFUND,
        f"{reference} gives back {_money(asked, order)} for {what}; {_money(left, order)} is left "
        f"of it in {order.reference}.",
    )


def _no_credit(reference: str) -> Refuse:
    return Refuse(
        CaseKind.REFUND_UNPLACED, f"{reference} needs a credit note, and this ERP takes none."
    )


def _money(minor: int, order: OrderDraft) -> str:
    return f"{from_minor(minor, order.currency):.2f} {order.currency}"
