"""An Odoo of the sandbox as a house of the contract suite: JSON-RPC on 16, JSON-2 on 19."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from sync.domain.documents import OrderDraft, OrderPhase
from sync.erp.odoo import OdooErp
from sync.erp.port import ErpPort
from tests.sandbox.erp import Box
from tests.sandbox.erp.odoo import OdooPeople, company
from tests.sandbox.erp.served import Served, Wire


class OdooHouse:
    confirmed = ("sale", "done")
    tax_rounding = "line"

    def __init__(self, series: int) -> None:
        self.odoo = company(series)
        self.people = OdooPeople(self.odoo)
        self.wire = Wire(self.odoo.name_of, self.odoo.answer)
        self.served = Served(self.wire)
        self.odoo_port = OdooErp(
            url=self.served.url,
            database=self.odoo.database,
            user=self.odoo.login,
            password=self.odoo.key,
            timeout=10,
        )
        self.port: ErpPort = self.odoo_port
        self.skus = tuple(f"ODOO-{number}" for number in range(1, 13))
        self.closed_day = date(datetime.now(UTC).year - 1, 1, 15)
        self.people.close_period(self.closed_day)
        self.accounts = ("2.2.5", "4.1.9")
        self.seller = "S54"

    def close(self) -> None:
        self.odoo_port.close()
        self.served.stop()

    def lose_next_answer(self) -> None:
        self.wire.lose = "sale.order.load"

    def strand(self, order: OrderDraft, phase: OrderPhase) -> None:
        self.wire.cut = "sale.order.action_confirm"
        self.port.submit_orders([order])
        self.wire.cut = ""
        if phase is OrderPhase.QUOTED:
            self.people.send_quotation(order.key)

    def sales(self, key: str) -> list[tuple[str, Decimal]]:
        return self.people.sales(key)

    def pick(self, ref: str) -> None:
        self.people.pick(ref)

    def ship(
        self,
        ref: str,
        quantities: Mapping[str, Decimal] | None = None,
        *,
        carrier: str = "",
        boxes: Sequence[Box] = (),
    ) -> None:
        self.people.ship(ref, quantities, carrier=carrier, boxes=boxes)

    def receive(self, ref: str, *, restock: bool = True) -> None:
        self.people.receive(ref)

    def count_stock(self, levels: Mapping[str, int]) -> None:
        self.people.count_stock(levels)

    def post_invoices(self, ref: str, on: date | None = None) -> None:
        self.people.post_invoices(ref, on)

    def reword_invoice(self, ref: str, words: str) -> None:
        self.people.reword_invoice(ref, words)

    def replace_invoice(self, ref: str, extra: Decimal) -> None:
        self.people.replace_invoice(ref, extra)

    def book_by_hand(self, debit: str, credit: str, amount: Decimal, words: str) -> None:
        self.people.book_by_hand(debit, credit, amount, words)

    def add_tax(self, code: str, rate: Decimal) -> None:
        self.people.add_tax(code, rate)

    def retire_tax(self, code: str) -> None:
        self.people.retire_tax(code)

    def delete_tax(self, code: str) -> None:
        self.people.delete_tax(code)

    def close_period(self, day: date) -> None:
        self.people.close_period(day)

    def reopen_period(self, day: date) -> None:
        self.people.reopen_period(day)

    def retire(self, sku: str) -> None:
        self.people.retire(sku)

    def journals(self, key: str) -> int:
        return self.people.entries(key)
