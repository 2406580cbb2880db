"""FakeErp: the parts put together, and what the ERP says about itself."""

from datetime import date
from decimal import Decimal

from sync.domain.delivery import Failure
from sync.domain.documents import (
    Account,
    AccountKind,
    Journal,
    Party,
    Period,
    ReferenceData,
)
from sync.domain.tax import Arithmetic, Level
from sync.erp.port import Capabilities, Check, ConnectionReport, Page
from tests.fakes.books import FakeBooks
from tests.fakes.state import PARTIES, WITH_PARTY


class FakeErp(FakeBooks):
    """Computes net and tax per line like Tryton, from quantity, price and tax code.

    `knows_every_sku` spares a test the items it is not about. `clock` stamps changes. Safe to
    share between threads.
    """

    def add_tax(self, code: str, rate: Decimal, *, account: str = "") -> None:
        """A new tax code, booked on that account or the usual one."""
        self.taxes[code] = rate
        if account:
            self.tax_accounts[code] = account

    def retire_tax(self, code: str) -> None:
        """Make a tax code inactive; old documents go on naming it."""
        self.retired_taxes[code] = self.taxes.pop(code)

    def delete_tax(self, code: str) -> None:
        """Delete a tax code for good."""
        del self.taxes[code]

    def close_period(self, day: date) -> None:
        """Close the accounting period of that day."""
        self.closed_months.add((day.year, day.month))

    def reopen_period(self, day: date) -> None:
        """Open it again."""
        self.closed_months.discard((day.year, day.month))

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
            modified_since=frozenset(
                {"items", "stock", "orders", "shipments", "returns", "documents", "ledger"}
            ),
            reports_deletes=False,
            push=False,
            erp_computes_tax=True,
            async_writes=False,
            order_cancel=True,
            tracking_numbers=True,
            parcels=True,
            carriers=True,
            arithmetic=Arithmetic(Level.LINE, "half_even"),
            accepted_cancel=True,
            order_amend=True,
            returns=True,
            credit_notes=True,
            line_keys=True,
            balances_by_party=True,
            reconciles=True,
        )

    def check(self) -> ConnectionReport:
        try:
            self._arrive("check")
        except Failure as failure:
            return ConnectionReport("fake", (Check("Address", False, str(failure)),))
        return ConnectionReport("fake", (Check("Version", True, "in memory"),))

    def periods(self) -> tuple[Period, ...]:
        with self._arrive("periods"):
            return self._periods()

    def parties(self, cursor: str | None) -> Page[Party]:
        with self._arrive("parties"):
            return Page(tuple(Party(code, name, code) for code, name in PARTIES.items()), None)

    def reference_data(self) -> ReferenceData:
        with self._arrive("reference_data"):
            return ReferenceData(
                company="Northbank UK",
                currency="GBP",
                time_zone="Europe/London",
                tax_rounding="line",
                taxes=tuple(self._tax_code(code) for code in self.taxes),
                retired_taxes=tuple(self._tax_code(code) for code in self.retired_taxes),
                accounts=tuple(_account(code) for code in self.accounts),
                locations=("WH",),
                open_until=date(self._clock().year + 1, 12, 31),
                journals=(Journal("MISC", "Miscellaneous", "general"),),
                carriers=("DPD", "Royal Mail"),
            )


def _account(code: str) -> Account:
    groups = {"1.2": AccountKind.RECEIVABLE, "4.": AccountKind.REVENUE, "5.": AccountKind.EXPENSE}
    group = next(
        (kind for prefix, kind in groups.items() if code.startswith(prefix)),
        AccountKind.BALANCE_SHEET,
    )
    if code in {"2.2.6", "2.2.7"}:
        group = AccountKind.PAYABLE
    return Account(code, code, "", group, code in WITH_PARTY, code.startswith(("1.2", "2.")))
