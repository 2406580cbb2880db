"""A Business Central of the sandbox as a house of the contract suite."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from sync.domain.documents import JournalEntry, JournalLine, OrderDraft, OrderPhase
from sync.erp.business_central import BusinessCentralErp
from sync.erp.business_central.references import Setup, Tax
from sync.erp.port import ErpPort
from tests.contract.erp.orders import new_key
from tests.sandbox.erp import Box
from tests.sandbox.erp.business_central import BusinessCentralPeople, company
from tests.sandbox.erp.business_central.seed import SETUP
from tests.sandbox.erp.served import Served, Wire


class BusinessCentralHouse:
    confirmed = ("Draft", "Open")
    tax_rounding = "document"

    def __init__(self) -> None:
        self.erp = company()
        self.people = BusinessCentralPeople(self.erp)
        self.wire = Wire(self.erp.name_of, self.erp.answer)
        self.served = Served(self.wire)
        self.taxes = dict(Setup.of(SETUP).taxes)
        setup = Setup.of(SETUP)
        object.__setattr__(setup, "taxes", self.taxes)  # people change the set-up meanwhile
        self.bc_port = BusinessCentralErp(
            url=self.served.url,
            login_url=self.served.url,
            tenant=self.erp.tenant,
            environment=self.erp.environment,
            company="Northbank UK",
            client_id=self.erp.client_id,
            password=self.erp.secret,
            setup=setup,
            timeout=10,
        )
        self.port: ErpPort = self.bc_port
        self.skus = tuple(f"BC-{number}" for number in range(1, 13))
        self.closed_day = date(datetime.now(UTC).year - 1, 1, 15)
        self.people.close_period(self.closed_day)
        self.accounts = ("2.2.5", "4.1.9")
        self.seller = "S54"

    def close(self) -> None:
        self.bc_port.close()
        self.served.stop()

    def lose_next_answer(self) -> None:
        self.wire.lose = "POST salesOrders"

    def strand(self, order: OrderDraft, phase: OrderPhase) -> None:
        """Cut off as it is sent: there is no order yet, in no phase."""
        self.wire.cut = "POST salesOrders"
        self.port.submit_orders([order])
        self.wire.cut = ""

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
        """What the parcels are called is written where the API does not reach."""
        self.people.ship(ref, quantities)

    def receive(self, ref: str, *, restock: bool = True) -> None:
        raise AssertionError("no return is ever announced")

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
        self.people.add_tax(code, rate, "2.2.3")
        self.taxes[code] = Tax(rate, "2.2.3")

    def retire_tax(self, code: str) -> None:
        """Only the set-up knows: Business Central has nothing to say so by."""
        self.taxes[code] = Tax(self.taxes[code].rate, self.taxes[code].account, retired=True)

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


def entry(house: BusinessCentralHouse) -> JournalEntry:
    """Three pounds from one of the house's accounts to the other."""
    nothing = Decimal(0)
    one, other = house.accounts
    lines = (JournalLine(one, Decimal(3), nothing), JournalLine(other, nothing, Decimal(3)))
    return JournalEntry(new_key(), datetime.now(UTC).date(), "GBP", "a memo", lines)
