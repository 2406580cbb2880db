"""Items, stock, shipments and returns of the ERP in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sync.domain.delivery import Rejected, UnknownOutcome
from sync.domain.documents import (
    Item,
    Parcel,
    ReturnDraft,
    ReturnPhase,
    ReturnState,
    Shipment,
    ShipmentPhase,
    ShippedLine,
    StockLevel,
    WriteStatus,
    Written,
)
from sync.erp.port import Page
from tests.fakes.state import ZERO, FakeState, Parcelled, Product, Sale

_LEVELS_A_PAGE = 500


class FakeGoods(FakeState):
    def add_item(
        self,
        sku: str,
        *,
        name: str = "",
        barcodes: Sequence[str] = (),
        price: Decimal = Decimal("10.00"),
        active: bool = True,
        options: dict[str, str] | None = None,
        on_hand: Decimal = ZERO,
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
            self._products[sku] = Product(item, on_hand)
            return item

    def retire(self, sku: str) -> None:
        """Take an item out of use."""
        product = self._products[sku]
        product.item = replace(product.item, active=False, modified_at=self._clock())

    def count_stock(self, levels: Mapping[str, int | Decimal]) -> None:
        """Count these items: their levels become what is given."""
        with self._lock:
            for sku, level in levels.items():
                product = self._products[sku]
                product.on_hand, product.moved_at = Decimal(level), self._clock()

    def pick(self, ref: str) -> None:
        """Take an order's goods off the shelf, and no more."""
        for shipment in self._open(self._by_ref(ref)):
            shipment.picked = True

    def ship(
        self,
        ref: str,
        quantities: Mapping[str, Decimal] | None = None,
        *,
        carrier: str | None = None,
        boxes: Sequence[tuple[str, Mapping[str, Decimal]]] = (),
    ) -> None:
        """Send out what the order sold, or these quantities by SKU; the rest waits.

        `boxes` are parcels: a tracking number and quantities by SKU.
        """
        with self._lock:
            sale = self._by_ref(ref)
            for shipment in self._open(sale):
                self._leave(shipment, sale, quantities)
                shipment.carrier = carrier
                shipment.boxes = [
                    (tracking, {self._key(sale, sku): n for sku, n in packed.items()})
                    for tracking, packed in boxes
                ]

    def receive(self, ref: str, *, restock: bool = True) -> None:
        """Take goods in that come back, and put them on the shelf."""
        with self._lock:
            for key, state in self._returns.items():
                if state.ref == ref:
                    phase = ReturnPhase.RESTOCKED if restock else ReturnPhase.RECEIVED
                    self._returns[key] = replace(
                        state,
                        phase=phase,
                        erp_state="done" if restock else "received",
                        received_on=self._today(),
                        modified_at=self._clock(),
                    )
                    for line in state.lines:
                        self._move(line.sku, line.quantity)

    # -- the port -------------------------------------------------------------------------------

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
            promised = self._promised()
            levels = tuple(self._level(product, promised) for product in wanted)
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

    def shipments(self, since: datetime, cursor: str | None) -> Page[Shipment]:
        with self._arrive("shipments"):
            found = [one for one in self._shipments.values() if one.touched_at >= since]
            return Page(tuple(self._shipment(one) for one in found), None)

    def find_returns(self, keys: Sequence[str]) -> dict[str, ReturnState]:
        with self._arrive("find_returns"):
            return {key: self._returns[key] for key in keys if key in self._returns}

    def returns(self, since: datetime, cursor: str | None) -> Page[ReturnState]:
        with self._arrive("returns"):
            found = [r for r in self._returns.values() if (r.modified_at or since) >= since]
            return Page(tuple(found), None)

    def submit_return(self, draft: ReturnDraft) -> Written:
        with self._arrive("submit_return"):
            status = WriteStatus.EXISTED
            if draft.key not in self._returns:
                status = WriteStatus.CREATED
                self._returns[draft.key] = self._announce(draft)
            state = self._returns[draft.key]
            if self._lost():
                raise UnknownOutcome("The answer was lost.")
            return Written(state.ref, state.number, status, returned=state)

    # -- inside ---------------------------------------------------------------------------------

    def _announce(self, draft: ReturnDraft) -> ReturnState:
        sale = self._by_key(draft.order_key)
        for line in draft.lines:
            left = self._left(sale, line.line_key) - self._coming_back(sale, line.line_key)
            if line.quantity > left:
                raise Rejected(
                    f"{draft.reference} returns {line.quantity - left:f} of {line.sku} more than "
                    "have left.",
                    "quantity",
                )
        ref = str(len(self._returns) + 1)
        return ReturnState(
            ref=ref,
            number=f"CR{int(ref):05}",
            key=draft.key,
            order_key=draft.order_key,
            phase=ReturnPhase.EXPECTED,
            erp_state="draft",
            lines=draft.lines,
            modified_at=self._clock(),
        )

    def _left(self, sale: Sale, key: str) -> Decimal:
        """How much of a line has left the house."""
        shipped = [one for one in self._of(sale) if one.phase is ShipmentPhase.SHIPPED]
        return sum((one.quantities.get(key, ZERO) for one in shipped), ZERO)

    def _coming_back(self, sale: Sale, key: str) -> Decimal:
        return sum(
            (
                line.quantity
                for state in self._returns.values()
                if state.order_key == sale.draft.key and state.phase is not ReturnPhase.CANCELLED
                for line in state.lines
                if line.line_key == key
            ),
            ZERO,
        )

    def _of(self, sale: Sale) -> list[Parcelled]:
        return list(sale.shipments)

    def _open(self, sale: Sale) -> list[Parcelled]:
        return [one for one in self._of(sale) if one.phase is ShipmentPhase.OPEN]

    def _await_shipment(self, sale: Sale, quantities: dict[str, Decimal]) -> None:
        """Make a shipment of these line keys, to be sent."""
        if not quantities:
            return
        ref = str(len(self._shipments) + 1)
        number = f"SH{int(ref):05}"
        self._shipments[ref] = Parcelled(ref, number, sale, quantities, self._clock())
        sale.shipments.append(self._shipments[ref])
        for key in quantities:
            self._touch(sale.line(key).sku)

    def _leave(
        self, shipment: Parcelled, sale: Sale, quantities: Mapping[str, Decimal] | None
    ) -> None:
        rest: dict[str, Decimal] = {}
        wanted = dict(quantities or {})
        for key, there in list(shipment.quantities.items()):
            sku = sale.line(key).sku
            share = there if quantities is None else min(there, wanted.get(sku, ZERO))
            wanted[sku] = wanted.get(sku, ZERO) - share
            if share < there:
                rest[key] = there - share
            shipment.quantities[key] = share
            self._move(sku, -share)
        shipment.quantities = {key: n for key, n in shipment.quantities.items() if n}
        shipment.phase, shipment.shipped_on = ShipmentPhase.SHIPPED, self._today()
        shipment.touched_at = sale.touched_at = self._clock()
        self._await_shipment(sale, rest)

    def _key(self, sale: Sale, sku: str) -> str:
        return next(line.key for line in sale.goods() if line.sku == sku)

    def _touch(self, sku: str) -> None:
        if sku in self._products:
            self._products[sku].moved_at = self._clock()

    def _move(self, sku: str, quantity: Decimal) -> None:
        if sku in self._products:
            self._products[sku].on_hand += quantity
            self._touch(sku)

    def _promised(self) -> dict[str, Decimal]:
        promised: dict[str, Decimal] = {}
        for shipment in self._shipments.values():
            if shipment.phase is ShipmentPhase.OPEN:
                for key, quantity in shipment.quantities.items():
                    sku = shipment.sale.line(key).sku
                    promised[sku] = promised.get(sku, ZERO) + quantity
        return promised

    def _level(self, product: Product, promised: Mapping[str, Decimal]) -> StockLevel:
        sku = product.item.sku
        return StockLevel(
            sku=sku,
            location="WH",
            on_hand=product.on_hand,
            reserved=ZERO,
            available=product.on_hand - promised.get(sku, ZERO),
            as_of=self._clock(),
        )

    def _shipment(self, one: Parcelled) -> Shipment:
        states = {ShipmentPhase.OPEN: "waiting", ShipmentPhase.SHIPPED: "done"}
        lines = self._lines(one.sale, one.quantities)
        parcels = tuple(
            Parcel(f"{one.number}-{index}", tracking, self._lines(one.sale, packed))
            for index, (tracking, packed) in enumerate(one.boxes, start=1)
        )
        return Shipment(
            ref=one.ref,
            number=one.number,
            order_ref=one.sale.ref,
            order_key=one.sale.draft.key,
            state="picked" if one.picked else states.get(one.phase, "cancelled"),
            phase=one.phase,
            shipped_on=one.shipped_on,
            lines=lines,
            carrier=one.carrier,
            tracking=tuple(parcel.tracking for parcel in parcels if parcel.tracking),
            parcels=parcels,
            modified_at=one.touched_at,
        )

    @staticmethod
    def _lines(sale: Sale, quantities: Mapping[str, Decimal]) -> tuple[ShippedLine, ...]:
        return tuple(
            ShippedLine(sale.line(key).sku, quantity, key) for key, quantity in quantities.items()
        )
