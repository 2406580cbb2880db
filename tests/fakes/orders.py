"""Orders of the ERP in memory."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from mkterp.core.money import round_to_unit
from sync.domain.delivery import Failure, Rejected, UnknownOutcome
from sync.domain.documents import (
    LineKind,
    OrderDraft,
    OrderPhase,
    OrderState,
    ShipmentPhase,
    WriteStatus,
    Written,
)
from tests.fakes.goods import FakeGoods
from tests.fakes.state import ACCEPTED, ZERO, Sale


class FakeOrders(FakeGoods):
    def reject(self, key: str, message: str) -> None:
        """Refuse the order with that key until `accept` is called."""
        self._faults.refusals[key] = message

    def accept(self, key: str) -> None:
        """Refuse it no longer."""
        self._faults.refusals.pop(key, None)

    def strand(self, order: OrderDraft, phase: OrderPhase) -> str:
        """Leave the order behind in that phase, as a worker does that dies. Returns its ref."""
        with self._lock:
            return self._put(order, phase).ref

    @property
    def orders(self) -> list[OrderState]:
        """Every order it holds, for asserting on the far side."""
        with self._lock:
            return [self._state(sale) for sale in self._sales.values()]

    @property
    def accepted(self) -> list[str]:
        """The refs of all accepted orders that are not booked yet."""
        with self._lock:
            return [s.ref for s in self._sales.values() if s.phase is OrderPhase.ACCEPTED]

    # -- the port -------------------------------------------------------------------------------

    def find_orders(self, keys: Sequence[str]) -> dict[str, OrderState]:
        with self._arrive("find_orders"):
            return {key: self._state(self._sales[key]) for key in keys if key in self._sales}

    def order_states(self, refs: Sequence[str]) -> list[OrderState]:
        with self._arrive("order_states"):
            return [self._state(self._by_ref(ref)) for ref in refs if ref in self._keys]

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
            if sale.phase is OrderPhase.CANCELLED:
                return self._state(sale)
            if sale.phase in ACCEPTED:
                self._must_be_untouched(sale)
            for shipment in self._open(sale):
                shipment.phase, shipment.touched_at = ShipmentPhase.CANCELLED, self._clock()
                for key in shipment.quantities:
                    self._touch(sale.line(key).sku)
            sale.phase, sale.touched_at = OrderPhase.CANCELLED, self._clock()
            if self._lost():
                raise UnknownOutcome("The answer was lost.")
            return self._state(sale)

    def amend_order(self, ref: str, quantities: Mapping[str, Decimal], reason: str) -> OrderState:
        with self._arrive("amend_order"):
            sale = self._by_ref(ref)
            if sale.phase not in ACCEPTED:
                raise Rejected(f"Sale {sale.number or ref} is {sale.phase.value}: send it again.")
            for key, wanted in quantities.items():
                self._may_amend(sale, key, wanted)
            for key, wanted in quantities.items():
                line = sale.line(key)
                drop = sale.wanted(line) - wanted
                sale.withdrawn[key] = line.quantity - wanted
                for shipment in self._open(sale):
                    share = min(drop, shipment.quantities.get(key, ZERO))
                    if share:
                        shipment.quantities[key] -= share
                        shipment.touched_at = self._clock()
                        drop -= share
                self._touch(line.sku)
            sale.withdrawn = {key: n for key, n in sale.withdrawn.items() if n}
            for shipment in self._open(sale):
                shipment.quantities = {key: n for key, n in shipment.quantities.items() if n}
                if not shipment.quantities:
                    shipment.phase = ShipmentPhase.CANCELLED
            if self._lost():
                raise UnknownOutcome("The answer was lost.")
            return self._state(sale)

    # -- inside ---------------------------------------------------------------------------------

    def _must_be_untouched(self, sale: Sale) -> None:
        for shipment in self._of(sale):
            if shipment.picked or shipment.phase is ShipmentPhase.SHIPPED:
                word = "picked" if shipment.picked else "shipped"
                raise Rejected(f"Shipment {shipment.number} of sale {sale.number} is {word}.")
        if sale.invoiced:
            raise Rejected(f"Invoice {sale.invoice_number} of sale {sale.number} is posted.")

    def _may_amend(self, sale: Sale, key: str, wanted: Decimal) -> None:
        line = sale.line(key)
        if line.kind is not LineKind.GOODS or not sale.shipped_from_here:
            raise Rejected(f"Line {key} is not shipped from here.", "line")
        if not 0 <= wanted <= sale.wanted(line):
            left = sale.wanted(line)
            raise Rejected(f"Line {key} can only be lowered: it stands at {left:f}.", "quantity")
        if self._left(sale, key) > wanted:
            raise Rejected(
                f"{self._left(sale, key):f} of line {key} have left already.", "quantity"
            )
        if wanted < sale.wanted(line) and any(one.picked for one in self._open(sale)):
            raise Rejected(f"A shipment of sale {sale.number} is picked.", "quantity")

    def _submit(self, order: OrderDraft) -> Written | Failure:
        found = self._sales.get(order.key)
        if found is None or found.phase in {OrderPhase.DRAFT, OrderPhase.QUOTED}:
            if refusal := self._refusal(order):
                return refusal
        elif found.phase is OrderPhase.CANCELLED:
            return Rejected(f"Sale {found.number or found.ref} is cancelled.")
        sale = found
        if sale is None or sale.phase not in ACCEPTED:
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

    def _put(self, order: OrderDraft, phase: OrderPhase) -> Sale:
        known = self._sales.get(order.key)
        ref = known.ref if known else str(len(self._sales) + 1)
        sale = Sale(ref, order, phase, self._clock())
        if phase is not OrderPhase.DRAFT:
            sale.number = f"SO{int(ref):05}"
        self._sales[order.key], self._keys[ref] = sale, order.key
        if phase is OrderPhase.ACCEPTED and sale.shipped_from_here:
            self._await_shipment(sale, {line.key: line.quantity for line in sale.goods()})
        return sale

    def _state(self, sale: Sale) -> OrderState:
        currency = sale.draft.currency
        net = tax = Decimal("0.00")
        for line in sale.draft.lines:
            exact = line.quantity * line.unit_price
            net += round_to_unit(exact, currency, "half_even")
            tax += round_to_unit(exact * self._rate(line.tax_code), currency, "half_even")
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
            withdrawn=dict(sale.withdrawn),
        )
