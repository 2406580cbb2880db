"""The two ERPs the suite runs on, each with the things people do in it besides our calls.

A house is the far side: what it says about itself does not pass through the code under test.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import httpx

from sync.domain.documents import OrderDraft, OrderPhase
from sync.erp.port import ErpPort
from sync.erp.tryton import TrytonErp
from tests.fakes import FakeErp
from tests.sandbox.erp import Box, Hands, Tryton


class ErpHouse(Protocol):
    port: ErpPort
    skus: tuple[str, ...]  # active items with stock
    closed_day: date  # lies in a closed period
    accounts: tuple[str, str]  # two that may be posted to without a customer
    seller: str  # the code of a seller's party
    confirmed: tuple[str, ...]  # the ERP's words for a sale that is on its way
    tax_rounding: str  # where it rounds: on each line, or once for the document

    def lose_next_answer(self) -> None:
        """The next order is written and its answer lost."""
        ...

    def strand(self, order: OrderDraft, phase: OrderPhase) -> None:
        """Leave the order behind in that phase, as a worker does that is killed."""
        ...

    def sales(self, key: str) -> list[tuple[str, Decimal]]:
        """State and gross of every sale under the key."""
        ...

    def pick(self, ref: str) -> None: ...

    def ship(
        self,
        ref: str,
        quantities: Mapping[str, Decimal] | None = None,
        *,
        carrier: str = "",
        boxes: Sequence[Box] = (),
    ) -> None: ...

    def receive(self, ref: str, *, restock: bool = True) -> None: ...

    def count_stock(self, levels: Mapping[str, int]) -> None: ...

    def post_invoices(self, ref: str, on: date | None = None) -> None: ...

    def reword_invoice(self, ref: str, words: str) -> None: ...

    def replace_invoice(self, ref: str, extra: Decimal) -> None: ...

    def book_by_hand(self, debit: str, credit: str, amount: Decimal, words: str) -> None: ...

    def add_tax(self, code: str, rate: Decimal) -> None: ...

    def retire_tax(self, code: str) -> None: ...

    def delete_tax(self, code: str) -> None: ...

    def close_period(self, day: date) -> None: ...

    def reopen_period(self, day: date) -> None: ...

    def retire(self, sku: str) -> None: ...

    def journals(self, key: str) -> int:
        """How many posted entries are under the key."""
        ...


class FakeHouse:
    confirmed = ("confirmed", "processing", "done")
    tax_rounding = "line"

    def __init__(self) -> None:
        self._age = timedelta(hours=1)  # its items were there before the test began
        self.erp = FakeErp(clock=lambda: datetime.now(UTC) - self._age)
        self.port: ErpPort = self.erp
        self.skus = tuple(f"FAKE-{number}" for number in range(1, 13))
        for sku in self.skus:
            self.erp.add_item(sku, on_hand=Decimal(50), options={"size": "M"})
        self._age = timedelta()
        self.closed_day = date(2025, 1, 15)
        self.erp.closed_until = date(2025, 1, 31)
        self.accounts = ("2.2.5", "4.1.9")
        self.seller = "S54"
        self.erp.add_tax("GB-STD-SELLER", Decimal("0.20"), account="2.2.8")

    def lose_next_answer(self) -> None:
        self.erp.lose_answers(1)

    def strand(self, order: OrderDraft, phase: OrderPhase) -> None:
        self.erp.strand(order, phase)

    def sales(self, key: str) -> list[tuple[str, Decimal]]:
        return [(o.erp_state, o.gross) for o in self.erp.orders if o.key == key]

    def pick(self, ref: str) -> None:
        self.erp.pick(ref)

    def ship(
        self,
        ref: str,
        quantities: Mapping[str, Decimal] | None = None,
        *,
        carrier: str = "",
        boxes: Sequence[Box] = (),
    ) -> None:
        packed = [(box.tracking, box.quantities) for box in boxes]
        self.erp.ship(ref, quantities, carrier=carrier or None, boxes=packed)

    def receive(self, ref: str, *, restock: bool = True) -> None:
        self.erp.receive(ref, restock=restock)

    def count_stock(self, levels: Mapping[str, int]) -> None:
        self.erp.count_stock(levels)

    def post_invoices(self, ref: str, on: date | None = None) -> None:
        self.erp.post_invoices(ref, on)

    def reword_invoice(self, ref: str, words: str) -> None:
        self.erp.reword_invoice(ref, words)

    def replace_invoice(self, ref: str, extra: Decimal) -> None:
        self.erp.replace_invoice(ref, extra)

    def book_by_hand(self, debit: str, credit: str, amount: Decimal, words: str) -> None:
        self.erp.book_by_hand(debit, credit, amount, words)

    def add_tax(self, code: str, rate: Decimal) -> None:
        self.erp.add_tax(code, rate)

    def retire_tax(self, code: str) -> None:
        self.erp.retire_tax(code)

    def delete_tax(self, code: str) -> None:
        self.erp.delete_tax(code)

    def close_period(self, day: date) -> None:
        self.erp.close_period(day)

    def reopen_period(self, day: date) -> None:
        self.erp.reopen_period(day)

    def retire(self, sku: str) -> None:
        self.erp.retire(sku)

    def journals(self, key: str) -> int:
        return int(self.erp.find_journal(key) is not None)


class Meddler(httpx.BaseTransport):
    """The wire to Tryton, and what can happen on it."""

    def __init__(self) -> None:
        self._wire = httpx.HTTPTransport()
        self.lose: str | None = None  # the method whose next answer is lost
        self.cut_before: str | None = None  # from this method on, nobody is reached
        self.expire = False  # the next call carries a session Tryton has forgotten
        self.calls: Counter[str] = Counter()
        self.longest_answer = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        method = str(json.loads(request.content)["method"])
        self.calls[method] += 1
        if method == self.cut_before:
            raise httpx.ConnectError("cut by the test", request=request)
        if self.expire and "Authorization" in request.headers:
            self.expire = False
            request.headers["Authorization"] = "Session aW50ZWdyYXRpb246MjpleHBpcmVk"
        answer = self._wire.handle_request(request)
        if method == self.lose:
            self.lose = None
            answer.read()
            answer.close()
            raise httpx.ReadTimeout("lost by the test", request=request)
        return answer

    def close(self) -> None:
        self._wire.close()


class TrytonHouse:
    confirmed = ("confirmed", "processing", "done")
    tax_rounding = "line"

    def __init__(self, tryton: Tryton) -> None:
        self.wire = Meddler()
        info = tryton.info
        self.tryton_port = TrytonErp(
            url=info["url"],
            database=info["database"],
            user=info["user"],
            password=info["password"],
            timeout=60,
            transport=self.wire,
        )
        self.port: ErpPort = self.tryton_port
        self.hands = Hands(tryton)
        self._staff = self.hands.staff
        stocked = self._staff.read(
            "stock.inventory.line", [("quantity", ">", 20)], ["product.code"], limit=24
        )
        self.skus = tuple(row["product."]["code"] for row in stocked)
        self.closed_day = date(datetime.now(UTC).year - 1, 1, 15)
        self.hands.close_period(self.closed_day)
        self.accounts = ("2.2.5", "4.1.9")
        self.seller = sorted(info["ids"]["sellers"])[0]

    def close(self) -> None:
        self.tryton_port.close()
        self.hands.close()

    def lose_next_answer(self) -> None:
        self.wire.lose = "model.sale.sale.create"

    def strand(self, order: OrderDraft, phase: OrderPhase) -> None:
        next_step = {OrderPhase.DRAFT: "quote", OrderPhase.QUOTED: "confirm"}[phase]
        with self.cut(f"model.sale.sale.{next_step}"):
            self.port.submit_orders([order])

    @contextmanager
    def cut(self, method: str) -> Iterator[None]:
        """Nobody is reached by that method meanwhile."""
        self.wire.cut_before = method
        try:
            yield
        finally:
            self.wire.cut_before = None

    def sales(self, key: str) -> list[tuple[str, Decimal]]:
        rows = self._staff.read("sale.sale", [("web_id", "=", key)], ["state", "total_amount"])
        return [(row["state"], row["total_amount"]) for row in rows]

    def sale(self, ref: str, *fields: str) -> dict[str, Any]:
        (row,) = self._staff.read("sale.sale", [("id", "=", int(ref))], fields)
        return row

    def pick(self, ref: str) -> None:
        self.hands.pick(ref)

    def ship(
        self,
        ref: str,
        quantities: Mapping[str, Decimal] | None = None,
        *,
        carrier: str = "",
        boxes: Sequence[Box] = (),
    ) -> None:
        self.hands.ship(ref, quantities, carrier=carrier, boxes=boxes)

    def receive(self, ref: str, *, restock: bool = True) -> None:
        self.hands.receive(ref, restock=restock)

    def count_stock(self, levels: Mapping[str, int]) -> None:
        self.hands.count_stock(levels)

    def post_invoices(self, ref: str, on: date | None = None) -> None:
        self.hands.post_invoices([ref], on)

    def reword_invoice(self, ref: str, words: str) -> None:
        self.hands.reword_invoice(ref, words)

    def replace_invoice(self, ref: str, extra: Decimal) -> None:
        self.hands.replace_invoice(ref, extra)

    def book_by_hand(self, debit: str, credit: str, amount: Decimal, words: str) -> None:
        self.hands.book_by_hand(debit, credit, amount, words)

    def add_tax(self, code: str, rate: Decimal) -> None:
        self.hands.add_tax(code, rate)

    def retire_tax(self, code: str) -> None:
        self.hands.retire_tax(code)

    def delete_tax(self, code: str) -> None:
        self.hands.delete_tax(code)

    def close_period(self, day: date) -> None:
        self.hands.close_period(day)

    def reopen_period(self, day: date) -> None:
        self.hands.reopen_period(day)

    def retire(self, sku: str) -> None:
        self.hands.retire_item(sku)

    def journals(self, key: str) -> int:
        posted = [("description", "=", key), ("state", "=", "posted")]
        return len(self._staff.find("account.move", posted))

    def invoices_named(self, key: str) -> list[str]:
        """The states of all invoices and credit notes with that key in their reference."""
        named = [("reference", "like", f"%{key}")]
        return [row["state"] for row in self._staff.read("account.invoice", named, ["state"])]
