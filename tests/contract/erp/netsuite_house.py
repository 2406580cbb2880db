"""A NetSuite of the sandbox as a house of the contract suite."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache

from sync.domain.documents import JournalEntry, JournalLine, OrderDraft, OrderPhase
from sync.erp.netsuite import NetSuiteErp
from sync.erp.netsuite.references import Setup, Tax
from sync.erp.port import ErpPort
from tests.contract.erp.orders import new_key
from tests.sandbox.erp import Box
from tests.sandbox.erp.netsuite import NetSuitePeople, company
from tests.sandbox.erp.netsuite.seed import ZONE, key_pair, setup
from tests.sandbox.erp.served import Served, Wire

KEYS = cache(key_pair)


class NetSuiteHouse:
    confirmed = ("B", "F")
    tax_rounding = "line"

    def __init__(self, zone: str = ZONE) -> None:
        private, public = KEYS()
        self.erp = company(public, zone)
        self.people = NetSuitePeople(self.erp)
        self.wire = Wire(self.erp.name_of, self.erp.answer)
        self.served = Served(self.wire)
        made = Setup.of(setup(self.erp))
        self.taxes = dict(made.taxes)
        object.__setattr__(made, "taxes", self.taxes)  # people change the set-up meanwhile
        self.setup = made
        self.ns_port = NetSuiteErp(
            account="1234567",
            url=self.served.url,
            client_id="mkterp",
            certificate_id="cert-1",
            password=private,
            setup=made,
            timeout=10,
        )
        self.port: ErpPort = self.ns_port
        self.skus = tuple(f"NS-{number}" for number in range(1, 13))
        self.closed_day = date(datetime.now(UTC).year - 1, 1, 15)
        self.people.close_period(self.closed_day)
        self.accounts = ("2.2.5", "4.1.9")
        self.seller = "S54"

    def close(self) -> None:
        self.ns_port.close()
        self.served.stop()

    def lose_next_answer(self) -> None:
        self.wire.lose = "POST salesOrder"

    def strand(self, order: OrderDraft, phase: OrderPhase) -> None:
        """Cut off as it is sent: there is no order yet, in no phase."""
        self.wire.cut = "POST salesOrder"
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
        """What is in which parcel is not written down."""
        self.people.ship(ref, quantities, carrier=carrier, boxes=[box.tracking for box in boxes])

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
        row = self.people.add_tax(code, "2.2.3")
        self.taxes[code] = Tax(rate, "2.2.3", str(row["id"]), str(row["taxtype"]))

    def retire_tax(self, code: str) -> None:
        """In the set-up alone: a code that is inactive in NetSuite can be given back no more."""
        tax = self.taxes[code]
        self.taxes[code] = Tax(tax.rate, tax.account, tax.code, tax.type, retired=True)

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


def entry(house: NetSuiteHouse, day: date | None = None) -> JournalEntry:
    """Three pounds from one of the house's accounts to the other."""
    nothing = Decimal(0)
    one, other = house.accounts
    lines = (JournalLine(one, Decimal(3), nothing), JournalLine(other, nothing, Decimal(3)))
    return JournalEntry(new_key(), day or datetime.now(UTC).date(), "GBP", "a memo", lines)
