"""What was given back, what the ERP holds of the order, and which line carries which money."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from mkterp.core.money import split
from sync.domain.credit_lines import TOLERANCE, Amount
from sync.domain.documents import (
    DocumentKind,
    DocumentState,
    LineKind,
    OrderDraft,
    OrderLine,
    OrderPhase,
    PostedDocument,
)
from sync.domain.order_lines import BOUND
from sync.domain.tax import Arithmetic

ZERO = Decimal(0)
_POSTAGE = re.compile(r"shipping|postage|delivery|freight|carriage", re.IGNORECASE)


@dataclass(frozen=True)
class GivenBack:
    """One part of a refund: pieces of a line, or money under a word of its own."""

    line_key: str  # empty: `custom` says what for
    custom: str
    pieces: int  # as sold; 0 when only money goes back
    amount_minor: int
    dispatched: bool | None  # None: Marketplacer does not say


@dataclass(frozen=True)
class InErp:
    """The order as the ERP holds it. Amounts and units by line key, credits positive."""

    phase: OrderPhase
    invoiced: Mapping[str, Amount] = field(default_factory=dict)
    credited: Mapping[str, Amount] = field(default_factory=dict)
    withdrawn: Mapping[str, Decimal] = field(default_factory=dict)
    shipped: Mapping[str, Decimal] = field(default_factory=dict)
    drafts: bool = False  # an invoice exists that is not posted yet

    def left(self, key: str) -> Amount:
        """What is invoiced of a line and not given back yet."""
        return self.invoiced.get(key, Amount()) - self.credited.get(key, Amount())

    def free(self, line: OrderLine) -> Decimal:
        """Units of a line that are neither withdrawn, invoiced nor out of the house."""
        taken = max(self.invoiced.get(line.key, Amount()).units, self.shipped.get(line.key, ZERO))
        return line.quantity - self.withdrawn.get(line.key, ZERO) - taken


@dataclass(frozen=True)
class Can:
    """What the connected ERP is able to do, and how it rounds."""

    cancel: bool
    amend: bool
    credit: bool
    arithmetic: Arithmetic


def held(
    phase: OrderPhase,
    withdrawn: Mapping[str, Decimal],
    documents: Sequence[PostedDocument],
    shipped: Mapping[str, Decimal],
) -> InErp:
    """The order's books from the documents the ERP shows, cancelled ones left out."""
    invoiced: dict[str, Amount] = {}
    credited: dict[str, Amount] = {}
    drafts = False
    for document in documents:
        if document.state is DocumentState.CANCELLED:
            continue
        if document.state is DocumentState.DRAFT:
            drafts = True
            continue
        gives = document.kind is DocumentKind.CREDIT_NOTE
        into, sign = (credited, -1) if gives else (invoiced, 1)
        for line in document.lines:
            amount = Amount(line.quantity * sign, line.net * sign, line.tax * sign)
            into[line.line_key] = into.get(line.line_key, Amount()) + amount
    return InErp(phase, invoiced, credited, withdrawn, shipped, drafts)


def shares_of(
    order: OrderDraft,
    parts: Sequence[GivenBack],
    *,
    due: int,
    taken_minor: Mapping[str, int],
    packs: Mapping[str, Decimal],
    left_minor: Mapping[str, int],
) -> dict[str, tuple[Decimal, int]] | str:
    """(units, minor units) to credit by line key; or why nothing can carry the money.

    `taken_minor` was taken out of the order before it was invoiced. Postage goes back on the
    shipping lines; goodwill, a fee kept back or a sum other than computed is spread over what the
    refund was for.
    """
    goods = {line.key for line in order.lines if line.kind is LineKind.GOODS}
    shipping = [line.key for line in order.lines if line.kind is LineKind.SHIPPING]
    units: dict[str, Decimal] = {}
    wanted: dict[str, int] = {}
    for part in parts:
        if part.line_key:
            wanted[part.line_key] = wanted.get(part.line_key, 0) + part.amount_minor
            if part.line_key in goods and part.line_key not in taken_minor:
                many = part.pieces * packs.get(part.line_key, Decimal(1))
                units[part.line_key] = units.get(part.line_key, ZERO) + many
        elif shipping and _POSTAGE.search(part.custom):
            _spread(wanted, shipping, part.amount_minor, left_minor)
    for key, minor in taken_minor.items():
        wanted[key] = wanted.get(key, 0) - minor
    wanted = {key: minor for key, minor in wanted.items() if minor > 0}
    difference = due - sum(wanted.values())
    if difference:
        keys = list(wanted) or [key for key in sorted(goods) if left_minor.get(key, 0) > 0]
        keys = keys or [key for key in left_minor if left_minor[key] > 0]
        if not keys:
            return "no line of the order is left to give it back for."
        weights = [wanted.get(key) or left_minor[key] for key in keys]
        for key, share in zip(keys, split(difference, weights), strict=True):
            wanted[key] = wanted.get(key, 0) + share
    if any(minor < 0 for minor in wanted.values()):
        return "its parts and its sum contradict each other."
    return {key: (units.get(key, ZERO), minor) for key, minor in sorted(wanted.items()) if minor}


def within(
    shares: Mapping[str, tuple[Decimal, int]], order: OrderDraft, left_minor: Mapping[str, int]
) -> dict[str, tuple[Decimal, int]]:
    """The shares with pennies that the shipping cannot carry any more moved to goods that can.

    Penny-exact shares let some of the shipping stand on goods in the ERP (sync/domain/allocation).
    More than that is left where it is: it was never there.
    """
    moved = {key: minor for key, (_, minor) in shares.items()}
    excess = 0
    for line in order.lines:
        over = moved.get(line.key, 0) - max(left_minor[line.key], 0)
        if line.kind is LineKind.SHIPPING and TOLERANCE < over <= BOUND:
            moved[line.key] -= over
            excess += over
    goods = [line.key for line in order.lines if line.kind is LineKind.GOODS]
    for key in sorted(goods, key=lambda one: one not in shares):
        room = min(excess, max(left_minor[key] - moved.get(key, 0), 0))
        if room:
            moved[key] = moved.get(key, 0) + room
            excess -= room
    if excess:
        return dict(shares)
    return {
        key: (shares[key][0] if key in shares else ZERO, minor)
        for key, minor in sorted(moved.items())
        if minor
    }


def _spread(
    wanted: dict[str, int], keys: Sequence[str], minor: int, left_minor: Mapping[str, int]
) -> None:
    weights = [max(left_minor.get(key, 0), 0) for key in keys]
    for key, share in zip(keys, split(minor, weights), strict=True):
        wanted[key] = wanted.get(key, 0) + share
