"""Business Central's ledger: posting dates, entries with the party in a dimension, balances."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sync.domain.delivery import PeriodClosed, Rejected
from sync.domain.documents import (
    AccountKind,
    Balance,
    LedgerLine,
    LedgerQuery,
    Period,
    PeriodState,
    postable,
)
from sync.erp.business_central.client import BusinessCentralClient, Row
from sync.erp.business_central.filters import both, literal
from sync.erp.business_central.items import changed, moment
from sync.erp.business_central.references import ENTRY, money
from sync.erp.business_central.setup import OURS, Book
from sync.erp.port import Page

ENTRIES = "generalLedgerEntries"
_A_PAGE = 1000
_DOCUMENTS = {"Invoice", "Credit_x0020_Memo"}
_YEARLY = {AccountKind.REVENUE, AccountKind.EXPENSE}
_NEVER = {"", "0001-01-01"}
_ZERO = Decimal(0)


class Ledger:
    def __init__(self, client: BusinessCentralClient, book: Book) -> None:
        self._client, self._book = client, book

    # -- periods --------------------------------------------------------------------------------

    def periods(self) -> tuple[Period, ...]:
        """See ErpPort.periods: the accounting periods, cut where posting is allowed from and to.

        The last one ends with its month. What single users may post besides is not told.
        """
        rows = sorted(self._client.each("accountingPeriods"), key=lambda row: row["startingDate"])
        (general,) = self._client.each("generalLedgerSetup")
        first, last = _day(general["allowPostingFrom"]), _day(general["allowPostingTo"])
        starts = [date.fromisoformat(row["startingDate"]) for row in rows]
        found: list[Period] = []
        for place, row in enumerate(rows):
            start = starts[place]
            after = (start + timedelta(days=32)).replace(day=1)
            end = (starts[place + 1] if place + 1 < len(starts) else after) - timedelta(days=1)
            found += _parts(f"{start:%Y-%m}", start, end, first, last, closed=row["closed"])
        return tuple(found)

    def must_be_open(self, day: date) -> None:
        """Raises PeriodClosed when nothing may be posted that day."""
        if not postable(self.periods(), day):
            raise PeriodClosed(
                f"{day} lies in a closed period of Business Central, or outside of the allowed "
                "posting dates of its general ledger set-up.",
                "posting_date",
            )

    def _year_start(self, day: date) -> date:
        rows = self._client.each("accountingPeriods", "newFiscalYear eq true")
        starts = [date.fromisoformat(row["startingDate"]) for row in rows]
        return max((start for start in starts if start <= day), default=day.replace(month=1, day=1))

    # -- entries --------------------------------------------------------------------------------

    def of_documents(self, numbers: Sequence[str]) -> list[LedgerLine]:
        """The entries of these document numbers, in the order they were posted."""
        rows = self._client.of(ENTRIES, "documentNumber", numbers, expand="dimensionSetLines")
        return self._told(sorted(rows, key=lambda row: int(row["entryNumber"])))

    def lines(self, query: LedgerQuery, cursor: str | None) -> Page[LedgerLine]:
        """See ErpPort.ledger_lines. Raises Rejected for `open_only`, which is not told.

        Business Central filters entries by no dimension: those of other parties are read too.
        """
        if query.open_only:
            raise Rejected(
                "The standard API of Business Central does not tell which entries are open."
            )
        filters = both(
            _one_of("accountNumber", query.accounts),
            _one_of("documentNumber", query.moves),
            f"postingDate ge {literal(query.start)}" if query.start else "",
            f"postingDate le {literal(query.end)}" if query.end else "",
            changed(query.changed_since),
        )
        rows, after = self._client.page(
            ENTRIES, filters, cursor, _A_PAGE, expand="dimensionSetLines"
        )
        told = self._told(rows)
        if query.party:
            told = [line for line in told if line.party == query.party]
        return Page(tuple(told), after)

    def _told(self, rows: Sequence[Row]) -> list[LedgerLine]:
        batches = {row["documentNumber"].removeprefix(ENTRY) for row in rows if _ours(row)}
        journals = self._client.of("journals", "code", batches)
        names = {row["code"]: row["displayName"] for row in journals}
        return [self._line(row, names) for row in rows]

    def _line(self, row: Mapping[str, Any], names: Mapping[str, str]) -> LedgerLine:
        number = row["documentNumber"]
        key = key_in(names.get(number.removeprefix(ENTRY), "")) if _ours(row) else ""
        return LedgerLine(
            ref=str(row["entryNumber"]),
            move_ref=number,
            move_number=number,
            posting_date=date.fromisoformat(row["postingDate"]),
            account=row["accountNumber"],
            party=self._party(row),
            debit=self._book.cash(row["debitAmount"]),
            credit=self._book.cash(row["creditAmount"]),
            memo=row["description"],
            journal="",
            journal_key=key,
            document_ref=number if row["documentType"] in _DOCUMENTS else "",
            reconciled=None,
            modified_at=moment(row["lastModifiedDateTime"]),
        )

    def _party(self, row: Mapping[str, Any]) -> str:
        if not self._book.setup.wants_party(row["accountNumber"]):
            return ""  # an invoice's dimensions stand on all its entries
        wanted = self._book.setup.party_dimension
        return next((x["valueCode"] for x in row["dimensionSetLines"] if x["code"] == wanted), "")

    # -- balances -------------------------------------------------------------------------------

    def balances(self, on: date, accounts: Sequence[str], *, by_party: bool) -> tuple[Balance, ...]:
        """See ErpPort.balances: added up here, entry by entry, a page at a time.

        The trial balance of the standard API is text made for people.
        """
        known = self._book.accounts()
        if unknown := sorted(set(accounts) - set(known)):
            raise Rejected(f"Business Central has no account {', '.join(unknown)}.", "account")
        yearly = [number for number in accounts if known[number].group in _YEARLY]
        standing = [number for number in accounts if known[number].group not in _YEARLY]
        sums: dict[tuple[str, str], Decimal] = dict.fromkeys(((n, "") for n in accounts), _ZERO)
        until = f"postingDate le {literal(on)}"
        self._add(standing, until, sums, by_party)
        if yearly:
            start = f"postingDate ge {literal(self._year_start(on))}"
            self._add(yearly, both(start, until), sums, by_party)
        if by_party:
            named = {account for account, party in sums if party}
            sums = {
                (account, party): amount
                for (account, party), amount in sums.items()
                if party or amount or account not in named
            }
        return tuple(
            Balance(*place, self._book.cash(amount)) for place, amount in sorted(sums.items())
        )

    def reconcile(self, line_refs: Sequence[str]) -> str:
        """See ErpPort.reconcile: people apply payments."""
        raise Rejected("The API of Business Central does not offer the settlement of entries.")

    def _add(
        self,
        accounts: Sequence[str],
        also: str,
        sums: dict[tuple[str, str], Decimal],
        by_party: bool,
    ) -> None:
        for account in accounts:
            filters = both(f"accountNumber eq {literal(account)}", also)
            expand = "dimensionSetLines" if by_party else ""
            for row in self._client.each(ENTRIES, filters, expand=expand):
                place = account, self._party(row) if by_party else ""
                amount = money(row["debitAmount"]) - money(row["creditAmount"])
                sums[place] = sums.get(place, _ZERO) + amount


def key_in(name: str) -> str:
    """The key of the entry whose batch is called that."""
    return name.removeprefix(OURS).partition(" <")[0] if name.startswith(OURS) else ""


def _ours(row: Mapping[str, Any]) -> bool:
    return str(row["documentNumber"]).startswith(ENTRY)


def _one_of(field: str, values: Iterable[str]) -> str:
    wanted = " or ".join(f"{field} eq {literal(value)}" for value in values)
    return f"({wanted})" if wanted else ""


def _day(text: str) -> date | None:
    return None if text in _NEVER else date.fromisoformat(text)


def _parts(
    name: str, start: date, end: date, first: date | None, last: date | None, *, closed: bool
) -> list[Period]:
    """A period, in up to three parts where the allowed days begin or end inside it."""
    one = timedelta(days=1)
    opens = max(start, first) if first else start
    ends = min(end, last) if last else end
    if closed or opens > ends:
        return [Period(name, start, end, PeriodState.CLOSED)]
    found = [Period(name, opens, ends, PeriodState.OPEN)]
    if opens > start:
        found.insert(0, Period(f"{name} (closed)", start, opens - one, PeriodState.CLOSED))
    if ends < end:
        found.append(Period(f"{name} (rest)", ends + one, end, PeriodState.CLOSED))
    return found
