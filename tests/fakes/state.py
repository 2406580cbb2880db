"""What the ERP in memory holds, and what can go wrong in it."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

from sync.domain.delivery import Failure, PeriodClosed, Rejected, Transient
from sync.domain.documents import (
    FulfilledBy,
    Item,
    JournalLine,
    LineKind,
    OrderDraft,
    OrderLine,
    OrderPhase,
    Period,
    PeriodState,
    PostedDocument,
    ReturnState,
    ShipmentPhase,
    TaxCode,
    postable,
)

ACCEPTED = {OrderPhase.ACCEPTED, OrderPhase.BOOKED}
ZERO = Decimal(0)
RECEIVABLE, REVENUE, PASSED_ON, ADJUSTMENT, TAX = "1.2.1", "4.1.1", "4.1.5", "4.1.9", "2.2.3"
PARTIES = {"3": "Customers (principal)", "4": "Customers (agent)", "S54": "A seller"}
# Lines on these name a party, lines on others must not.
WITH_PARTY = frozenset({RECEIVABLE, "2.2.6", "2.2.7"})


@dataclass
class Sale:
    ref: str
    draft: OrderDraft
    phase: OrderPhase
    touched_at: datetime
    number: str | None = None
    invoice_number: str | None = None
    booked_on: date | None = None
    withdrawn: dict[str, Decimal] = field(default_factory=dict)  # by line key
    invoiced: dict[str, Decimal] = field(default_factory=dict)
    shipments: list["Parcelled"] = field(default_factory=list, repr=False, compare=False)

    @property
    def shipped_from_here(self) -> bool:
        return self.draft.fulfilled_by is FulfilledBy.OPERATOR

    def line(self, key: str) -> OrderLine:
        """The order line with that key. Raises Rejected when there is none."""
        for line in self.draft.lines:
            if line.key == key:
                return line
        raise Rejected(f"The sale has no line {key}.", "line")

    def wanted(self, line: OrderLine) -> Decimal:
        """What is still to be delivered of a line, all in all."""
        return line.quantity - self.withdrawn.get(line.key, ZERO)

    def goods(self) -> list[OrderLine]:
        return [line for line in self.draft.lines if line.kind is LineKind.GOODS]


@dataclass
class Parcelled:
    """A shipment: quantities by line key, and by parcel where people packed any."""

    ref: str
    number: str
    sale: Sale
    quantities: dict[str, Decimal]
    touched_at: datetime
    phase: ShipmentPhase = ShipmentPhase.OPEN
    picked: bool = False
    shipped_on: date | None = None
    carrier: str | None = None
    boxes: list[tuple[str, dict[str, Decimal]]] = field(default_factory=list)


@dataclass
class Product:
    item: Item
    on_hand: Decimal
    moved_at: datetime | None = None


@dataclass
class Line:
    """A ledger line."""

    ref: str
    body: JournalLine
    touched_at: datetime
    mark: str | None = None


@dataclass
class Move:
    ref: str
    number: str
    key: str  # empty for a document's
    posting_date: date
    journal: str
    lines: list[Line]
    document: str = ""
    reverses: str = ""  # a key


@dataclass
class Faults:
    """What goes wrong next; see FakeErp's methods of the same names."""

    down: bool = False
    failures: list[tuple[Failure, str | None]] = field(default_factory=list)
    lost_answers: int = 0
    refusals: dict[str, str] = field(default_factory=dict)


class FakeState:
    """All that FakeErp's parts share. The lock is held while the port is at work."""

    def __init__(
        self,
        *,
        taxes: dict[str, Decimal] | None = None,
        accounts: Iterable[str] = (),
        knows_every_sku: bool = False,
        max_batch: int = 20,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.taxes = taxes or {"GB-STD": Decimal("0.20"), "GB-ZERO": ZERO}
        self.tax_accounts: dict[str, str] = {}  # where not the usual one
        self.retired_taxes: dict[str, Decimal] = {}
        usual = ("1.1.5", "1.1.6", RECEIVABLE, TAX, "2.2.5", "2.2.6", "2.2.7", "2.2.8")
        sales = (REVENUE, "4.1.3", PASSED_ON, ADJUSTMENT, "5.2.4")
        self.accounts = tuple(accounts) or (*usual, *sales)
        self.closed_until: date | None = None
        self.closed_months: set[tuple[int, int]] = set()
        self.calls: list[str] = []  # the names of the port's methods as they were called
        self._knows_every_sku, self._max_batch, self._clock = knows_every_sku, max_batch, clock
        self._lock = threading.RLock()
        self._faults = Faults()
        self._sales: dict[str, Sale] = {}  # by key
        self._keys: dict[str, str] = {}  # of sales, by ref
        self._products: dict[str, Product] = {}
        self._shipments: dict[str, Parcelled] = {}
        self._returns: dict[str, ReturnState] = {}  # by key
        self._documents: dict[str, PostedDocument] = {}  # by ref
        self._refs: dict[str, list[str]] = {}  # of documents, by the key of their order
        self._moves: list[Move] = []
        self._journals: dict[str, Move] = {}  # by key
        self._move_of_line: dict[str, Move] = {}

    @property
    def down(self) -> bool:
        """Whether nobody answers."""
        return self._faults.down

    @down.setter
    def down(self, value: bool) -> None:
        self._faults.down = value

    def fail_next(self, failure: Failure, times: int = 1, *, call: str | None = None) -> None:
        """The next calls (of that method) raise this before they do anything."""
        self._faults.failures += [(failure, call)] * times

    def lose_answers(self, times: int = 1) -> None:
        """The next writes are done, and nobody hears of it."""
        self._faults.lost_answers += times

    def _arrive(self, call: str) -> threading.RLock:
        """Take the call, or fail as told. The lock is held while the caller works."""
        self.calls.append(call)
        if self._faults.down:
            raise Transient("The ERP cannot be reached.")
        for index, (failure, only) in enumerate(self._faults.failures):
            if only in (None, call):
                del self._faults.failures[index]
                raise failure
        return self._lock

    def _lost(self) -> bool:
        if not self._faults.lost_answers:
            return False
        self._faults.lost_answers -= 1
        return True

    def _by_ref(self, ref: str) -> Sale:
        if ref not in self._keys:
            raise Rejected(f"No order {ref}.")
        return self._sales[self._keys[ref]]

    def _by_key(self, key: str) -> Sale:
        if key not in self._sales:
            raise Rejected(f"No order {key}.", "order")
        return self._sales[key]

    def _today(self) -> date:
        return self._clock().date()

    def _rate(self, code: str | None) -> Decimal:
        if code is None:
            return ZERO
        return self.taxes[code] if code in self.taxes else self.retired_taxes[code]

    def _tax_code(self, code: str) -> TaxCode:
        return TaxCode(code, self._rate(code), code, self.tax_accounts.get(code, TAX))

    def _periods(self) -> tuple[Period, ...]:
        year = self._clock().year
        months = [date(y, m, 1) for y in (year - 1, year, year + 1) for m in range(1, 13)]
        ends = [*months[1:], date(year + 2, 1, 1)]
        return tuple(
            Period(
                f"{start:%Y-%m}", start, date.fromordinal(after.toordinal() - 1), self._at(start)
            )
            for start, after in zip(months, ends, strict=True)
        )

    def _at(self, start: date) -> PeriodState:
        closed = self.closed_until is not None and start <= self.closed_until
        if closed or (start.year, start.month) in self.closed_months:
            return PeriodState.CLOSED
        return PeriodState.OPEN

    def _must_be_open(self, day: date) -> None:
        if self.closed_until is not None and day <= self.closed_until:
            raise PeriodClosed(f"The period of {day} is closed.", "posting_date")
        if not postable(self._periods(), day):
            raise PeriodClosed(f"The period of {day} is closed or missing.", "posting_date")

    def _enter(self, move: Move) -> Move:
        self._moves.append(move)
        if move.key:
            self._journals.setdefault(move.key, move)
        self._move_of_line.update((line.ref, move) for line in move.lines)
        return move
