"""An ERP in memory, held to the same contract suite as the real one (tests/contract/erp)."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal

from mkterp.core.money import round_to_unit
from sync.domain.delivery import (
    Failure,
    PeriodClosed,
    Rejected,
    Transient,
    UnknownOutcome,
)
from sync.domain.documents import (
    Account,
    FulfilledBy,
    Item,
    JournalEntry,
    LineKind,
    OrderDraft,
    OrderPhase,
    OrderState,
    ReferenceData,
    Shipment,
    ShippedLine,
    StockLevel,
    TaxCode,
    WriteStatus,
    Written,
)
from sync.erp.port import Capabilities, Check, ConnectionReport, Page

_ACCEPTED = {OrderPhase.ACCEPTED, OrderPhase.BOOKED}
_LEVELS_A_PAGE = 500


@dataclass
class _Sale:
    ref: str
    draft: OrderDraft
    phase: OrderPhase
    touched_at: datetime
    number: str | None = None
    shipped: bool = False
    invoice_number: str | None = None
    booked_on: date | None = None


@dataclass
class _Product:
    item: Item
    on_hand: Decimal
    moved_at: datetime | None = None


@dataclass
class _Faults:
    """What goes wrong next; see FakeErp's methods of the same names."""

    down: bool = False
    failures: list[tuple[Failure, str | None]] = field(default_factory=list)
    lost_answers: int = 0
    refusals: dict[str, str] = field(default_factory=dict)


class FakeErp:
    """Computes net and tax per line like Tryton, from quantity, price and tax code.

    `knows_every_sku` spares a test the items it is not about. `clock` stamps changes. Safe to
    share between threads.
    """

    def __init__(
        self,
        *,
        taxes: dict[str, Decimal] | None = None,
        accounts: Iterable[str] = ("1.2.1", "2.2.5", "4.1.1", "4.1.9"),
        knows_every_sku: bool = False,
        max_batch: int = 20,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.taxes = taxes or {"GB-STD": Decimal("0.20"), "GB-ZERO": Decimal("0")}
        self.accounts = tuple(accounts)
        self.closed_until: date | None = None
        self.calls: list[str] = []  # the names of the port's methods as they were called
        self._knows_every_sku, self._max_batch, self._clock = knows_every_sku, max_batch, clock
        self._lock = threading.RLock()
        self._faults = _Faults()
        self._sales: dict[str, _Sale] = {}  # by key
        self._products: dict[str, _Product] = {}
        self._journals: dict[str, tuple[Written, JournalEntry]] = {}

    # -- what a test arranges -------------------------------------------------------------------

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

    def reject(self, key: str, message: str) -> None:
        """Refuse the order with that key until `accept` is called."""
        self._faults.refusals[key] = message

    def accept(self, key: str) -> None:
        """Refuse it no longer."""
        self._faults.refusals.pop(key, None)

    def add_item(
        self,
        sku: str,
        *,
        name: str = "",
        barcodes: Sequence[str] = (),
        price: Decimal = Decimal("10.00"),
        active: bool = True,
        options: dict[str, str] | None = None,
        on_hand: Decimal = Decimal(0),
        parent_ref: str | None = None,
    ) -> Item:
        """Put an item into the ERP, or change the one with that SKU."""
        with self._lock:
            known = self._products.get(sku)
            ref = known.item.ref if known else str(len(self._products) + 1)
            item = Item(
                ref=ref,
                sku=sku,
                name=name or sku,
                parent_ref=parent_ref,
                barcodes=tuple(barcodes),
                price=price,
                currency="GBP",
                active=active,
                options=options or {},
                modified_at=self._clock(),
            )
            self._products[sku] = _Product(item, on_hand)
            return item

    def retire(self, sku: str) -> None:
        """Take an item out of use."""
        product = self._products[sku]
        product.item = replace(product.item, active=False, modified_at=self._clock())

    def strand(self, order: OrderDraft, phase: OrderPhase) -> str:
        """Leave the order behind in that phase, as a worker does that dies. Returns its ref."""
        with self._lock:
            return self._put(order, phase).ref

    def ship(self, ref: str) -> None:
        """Send out what the order sold."""
        sale = self._by_ref(ref)
        sale.shipped, sale.touched_at = True, self._clock()
        for line in sale.draft.lines:
            if line.kind is LineKind.GOODS and line.sku in self._products:
                product = self._products[line.sku]
                product.on_hand -= line.quantity
                product.moved_at = self._clock()

    def post_invoices(self, ref: str) -> None:
        """Post the order's invoice, when there is one to post."""
        sale = self._by_ref(ref)
        ready = sale.shipped or sale.draft.fulfilled_by is FulfilledBy.SELLER
        if sale.phase is OrderPhase.ACCEPTED and ready:
            sale.phase = OrderPhase.BOOKED
            sale.booked_on = self._clock().date()
            sale.invoice_number = f"SI-{sale.ref}"

    def book_all(self) -> int:
        """Ship and invoice every accepted order. Returns how many became BOOKED."""
        with self._lock:
            accepted = [s for s in self._sales.values() if s.phase is OrderPhase.ACCEPTED]
            for sale in accepted:
                if sale.draft.fulfilled_by is FulfilledBy.OPERATOR:
                    self.ship(sale.ref)
                self.post_invoices(sale.ref)
            return len(accepted)

    @property
    def orders(self) -> list[OrderState]:
        """Every order it holds, for asserting on the far side."""
        with self._lock:
            return [self._state(sale) for sale in self._sales.values()]

    # -- the port -------------------------------------------------------------------------------

    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="Fake ERP",
            native_idempotency=frozenset({"order"}),
            max_batch=self._max_batch,
            batch_atomic=False,
            max_concurrency=4,
            rate=None,
            stock_by_location=True,
            available_to_sell=True,
            reserves_on_confirm=False,
            modified_since=frozenset({"items", "stock", "orders", "shipments"}),
            reports_deletes=False,
            push=False,
            erp_computes_tax=True,
            async_writes=False,
            order_cancel=True,
            tracking_numbers=False,
            rounding="half_even",
        )

    def check(self) -> ConnectionReport:
        try:
            self._arrive("check")
        except Failure as failure:
            return ConnectionReport("fake", (Check("Address", False, str(failure)),))
        return ConnectionReport("fake", (Check("Version", True, "in memory"),))

    def items(self, since: datetime | None, cursor: str | None, limit: int) -> Page[Item]:
        with self._arrive("items"):
            after = int(cursor) if cursor else 0
            rows = [
                product.item
                for product in self._products.values()
                if int(product.item.ref) > after
                and (since is None or (product.item.modified_at or since) >= since)
            ][:limit]
            return Page(tuple(rows), rows[-1].ref if len(rows) == limit else None)

    def stock(self, skus: Sequence[str] | None, cursor: str | None) -> Page[StockLevel]:
        with self._arrive("stock"):
            after = int(cursor) if cursor else 0
            wanted = [
                product
                for sku, product in self._products.items()
                if product.item.active
                and int(product.item.ref) > after
                and (skus is None or sku in skus)
            ][:_LEVELS_A_PAGE]
            levels = tuple(self._level(product) for product in wanted)
            more = len(wanted) == _LEVELS_A_PAGE
            return Page(levels, wanted[-1].item.ref if more else None)

    def stock_changed(self, since: datetime, cursor: str | None) -> Page[str]:
        with self._arrive("stock_changed"):
            return Page(
                tuple(
                    sku
                    for sku, product in self._products.items()
                    if product.moved_at is not None and product.moved_at >= since
                ),
                None,
            )

    def find_orders(self, keys: Sequence[str]) -> dict[str, OrderState]:
        with self._arrive("find_orders"):
            return {key: self._state(self._sales[key]) for key in keys if key in self._sales}

    def submit_orders(self, orders: Sequence[OrderDraft]) -> list[Written | Failure]:
        with self._arrive("submit_orders"):
            answers = [self._submit(order) for order in orders]
            if self._lost():
                lost = UnknownOutcome("The answer was lost.")
                return [a if isinstance(a, Rejected) else lost for a in answers]
            return answers

    def cancel_order(self, ref: str, reason: str) -> OrderState:
        with self._arrive("cancel_order"):
            sale = self._by_ref(ref)
            if sale.phase in _ACCEPTED:
                raise Rejected(f"Sale {sale.number} is processing: cancel its shipment.")
            sale.phase = OrderPhase.CANCELLED
            if self._lost():
                raise UnknownOutcome("The answer was lost.")
            return self._state(sale)

    def order_states(self, refs: Sequence[str]) -> list[OrderState]:
        with self._arrive("order_states"):
            return [self._state(s) for s in self._sales.values() if s.ref in set(refs)]

    def shipments(self, since: datetime, cursor: str | None) -> Page[Shipment]:
        with self._arrive("shipments"):
            return Page(
                tuple(
                    self._shipment(sale)
                    for sale in self._sales.values()
                    if sale.phase in _ACCEPTED
                    and sale.draft.fulfilled_by is FulfilledBy.OPERATOR
                    and sale.touched_at >= since
                ),
                None,
            )

    def find_journal(self, key: str) -> Written | None:
        with self._arrive("find_journal"):
            found = self._journals.get(key)
            return replace(found[0], status=WriteStatus.EXISTED) if found else None

    def post_journal(self, entry: JournalEntry) -> Written:
        with self._arrive("post_journal"):
            if entry.key in self._journals:
                return replace(self._journals[entry.key][0], status=WriteStatus.EXISTED)
            if self.closed_until is not None and entry.posting_date <= self.closed_until:
                raise PeriodClosed(f"The period of {entry.posting_date} is closed.", "posting_date")
            unknown = sorted({line.account for line in entry.lines} - set(self.accounts))
            if unknown:
                raise Rejected(f"No account {', '.join(unknown)}.", "account")
            number = str(len(self._journals) + 1)
            written = Written(number, number, WriteStatus.CREATED)
            self._journals[entry.key] = (written, entry)
            if self._lost():
                raise UnknownOutcome("The answer was lost.")
            return written

    def reference_data(self) -> ReferenceData:
        with self._arrive("reference_data"):
            return ReferenceData(
                company="Northbank UK",
                currency="GBP",
                time_zone="Europe/London",
                tax_rounding="line",
                taxes=tuple(TaxCode(code, rate, code) for code, rate in self.taxes.items()),
                accounts=tuple(Account(code, code, "") for code in self.accounts),
                locations=("WH",),
                open_until=date(self._clock().year + 1, 12, 31),
            )

    # -- inside ---------------------------------------------------------------------------------

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

    def _by_ref(self, ref: str) -> _Sale:
        for sale in self._sales.values():
            if sale.ref == ref:
                return sale
        raise Rejected(f"No order {ref}.")

    def _submit(self, order: OrderDraft) -> Written | Failure:
        found = self._sales.get(order.key)
        if found is None or found.phase in {OrderPhase.DRAFT, OrderPhase.QUOTED}:
            if refusal := self._refusal(order):
                return refusal
        elif found.phase is OrderPhase.CANCELLED:
            return Rejected(f"Sale {found.number or found.ref} is cancelled.")
        sale = found
        if sale is None or sale.phase not in _ACCEPTED:
            sale = self._put(order, OrderPhase.ACCEPTED)
        status = WriteStatus.EXISTED if found else WriteStatus.CREATED
        return Written(sale.ref, sale.number, status, order=self._state(sale))

    def _refusal(self, order: OrderDraft) -> Rejected | None:
        if message := self._faults.refusals.get(order.key):
            return Rejected(message)
        for line in order.lines:
            known = self._products.get(line.sku)
            goods = line.kind is LineKind.GOODS and not self._knows_every_sku
            if goods and (known is None or not known.item.active):
                return Rejected(f"No active item {line.sku}.", "sku")
            if line.tax_code is not None and line.tax_code not in self.taxes:
                return Rejected(f"No tax {line.tax_code}.", "tax_code")
            if line.unit_price != round(line.unit_price, 4):
                return Rejected(f"{line.unit_price} has more than 4 decimals.", "unit_price")
        return None

    def _put(self, order: OrderDraft, phase: OrderPhase) -> _Sale:
        known = self._sales.get(order.key)
        ref = known.ref if known else str(len(self._sales) + 1)
        sale = _Sale(ref, order, phase, self._clock())
        if phase is not OrderPhase.DRAFT:
            sale.number = f"SO{int(ref):05}"
        if phase is OrderPhase.ACCEPTED:
            for line in order.lines:
                if line.sku in self._products:
                    self._products[line.sku].moved_at = self._clock()
        self._sales[order.key] = sale
        return sale

    def _state(self, sale: _Sale) -> OrderState:
        currency = sale.draft.currency
        net = tax = Decimal("0.00")
        for line in sale.draft.lines:
            exact = line.quantity * line.unit_price
            rate = self.taxes[line.tax_code] if line.tax_code else Decimal(0)
            net += round_to_unit(exact, currency, "half_even")
            tax += round_to_unit(exact * rate, currency, "half_even")
        words = {OrderPhase.QUOTED: "quotation", OrderPhase.BOOKED: "done"}
        words[OrderPhase.ACCEPTED] = "processing"
        return OrderState(
            ref=sale.ref,
            number=sale.number,
            key=sale.draft.key,
            phase=sale.phase,
            erp_state=words.get(sale.phase, sale.phase.value),
            net=net,
            tax=tax,
            gross=net + tax,
            currency=currency,
            invoice_number=sale.invoice_number,
            booked_on=sale.booked_on,
        )

    def _level(self, product: _Product) -> StockLevel:
        promised = sum(
            (
                line.quantity
                for sale in self._sales.values()
                if sale.phase in _ACCEPTED
                and not sale.shipped
                and sale.draft.fulfilled_by is FulfilledBy.OPERATOR
                for line in sale.draft.lines
                if line.sku == product.item.sku
            ),
            Decimal(0),
        )
        return StockLevel(
            sku=product.item.sku,
            location="WH",
            on_hand=product.on_hand,
            reserved=Decimal(0),
            available=product.on_hand - promised,
            as_of=self._clock(),
        )

    def _shipment(self, sale: _Sale) -> Shipment:
        goods = [line for line in sale.draft.lines if line.kind is LineKind.GOODS]
        return Shipment(
            ref=f"shipment-{sale.ref}",
            number=f"SH{int(sale.ref):05}",
            order_ref=sale.ref,
            state="done" if sale.shipped else "waiting",
            shipped_on=sale.touched_at.date() if sale.shipped else None,
            lines=tuple(ShippedLine(line.sku, line.quantity) for line in goods),
            carrier=None,
            tracking=(),
            modified_at=sale.touched_at,
        )
