"""The company as it is set up: looked up for documents, told for mapping, checked for go-live."""

from collections.abc import Callable, Collection, Iterator
from decimal import Decimal

from mkterp.core.money import round_to_unit
from sync.domain.delivery import Failure, Misconfigured, MissingRight
from sync.domain.documents import (
    Account,
    AccountKind,
    Journal,
    Party,
    Period,
    ReferenceData,
    TaxCode,
)
from sync.erp.business_central.client import BusinessCentralClient
from sync.erp.business_central.references import Setup, money
from sync.erp.port import Check, ConnectionReport, Page

_PARTIES_A_PAGE = 500
_NOT_BLOCKED = ("", " ", "_x0020_")  # a blank option, as OData writes it
_KINDS = {
    "Income": AccountKind.REVENUE,
    "Expense": AccountKind.EXPENSE,
    "Cost of Goods Sold": AccountKind.EXPENSE,
    "Assets": AccountKind.BALANCE_SHEET,
    "Liabilities": AccountKind.BALANCE_SHEET,
    "Equity": AccountKind.BALANCE_SHEET,
}
# Everything we read or write; asked for one record each.
_ENTITIES = (
    *("items", "itemLedgerEntries", "locations", "customers", "accounts", "taxGroups"),
    *("salesOrders", "salesShipments", "salesInvoices", "salesCreditMemos"),
    *("journals", "generalLedgerEntries", "dimensions", "accountingPeriods", "generalLedgerSetup"),
)


class Book:
    """The records documents refer to, read when they are needed; the currency is kept."""

    def __init__(self, client: BusinessCentralClient, setup: Setup) -> None:
        self._client, self.setup = client, setup
        self._currency, self._location = "", ""

    def currency(self) -> str:
        """The company's currency."""
        if not self._currency:
            (row,) = self._client.each("generalLedgerSetup")
            self._currency = row["localCurrencyCode"]
        return self._currency

    def cash(self, value: object, currency: str = "") -> Decimal:
        """An amount of money, to the smallest unit of its currency (the company's)."""
        return round_to_unit(money(value), currency or self.currency())

    def location(self) -> str:
        """The id of the location goods leave from; empty without one in the set-up."""
        code = self.setup.location
        if code and not self._location:
            rows = self._client.of("locations", "code", [code])
            if not rows:
                raise MissingRight(f"Business Central has no location {code}.")
            self._location = rows[0]["id"]
        return self._location

    def items(self, skus: Collection[str]) -> dict[str, str]:
        """The ids of the items with these numbers that may be sold."""
        rows = self._client.of("items", "number", skus)
        return {row["number"]: row["id"] for row in rows if not row["blocked"]}

    def taxes(self, *, retired: bool = False) -> list[str]:
        """The tax groups that are in the company and in the set-up."""
        known = {row["code"] for row in self._client.each("taxGroups")}
        taxes = self.setup.taxes
        return [code for code, tax in taxes.items() if code in known and tax.retired is retired]

    def accounts(self) -> dict[str, Account]:
        """The accounts that can be posted to, by number."""
        found: dict[str, Account] = {}
        for row in self._client.each("accounts", "accountType eq 'Posting'"):
            number, kind = row["number"], _KINDS.get(row["category"], AccountKind.OTHER)
            if number == self.setup.receivable:
                kind = AccountKind.RECEIVABLE
            elif number in self.setup.payables:
                kind = AccountKind.PAYABLE
            if not row["blocked"]:
                found[number] = Account(
                    number, row["displayName"], row["category"], kind,
                    self.setup.wants_party(number),
                )  # fmt: skip
        return found

    def parties(self, cursor: str | None) -> Page[Party]:
        """See ErpPort.parties: the values of the parties' dimension."""
        code = self.setup.party_dimension
        rows = self._client.of("dimensions", "code", [code])
        if not rows:
            raise MissingRight(f"Business Central has no dimension {code}.")
        path = f"dimensions({rows[0]['id']})/dimensionValues"
        values, after = self._client.page(path, "", cursor, _PARTIES_A_PAGE)
        return Page(tuple(Party(v["code"], v["displayName"], v["id"]) for v in values), after)

    def reference_data(self, periods: tuple[Period, ...]) -> ReferenceData:
        """See ErpPort.reference_data. Rates and accounts of taxes are those of the set-up."""

        def told(codes: list[str]) -> tuple[TaxCode, ...]:
            taxes = self.setup.taxes
            return tuple(TaxCode(c, taxes[c].rate, c, taxes[c].account) for c in codes)

        return ReferenceData(
            company=self._client.company_name,
            currency=self.currency(),
            time_zone=str(self.setup.time_zone),
            # Business Central rounds the tax once for all lines with one code.
            tax_rounding="document",
            taxes=told(self.taxes()),
            retired_taxes=told(self.taxes(retired=True)),
            accounts=tuple(self.accounts().values()),
            locations=tuple(row["code"] for row in self._client.each("locations")),
            open_until=periods[-1].end if periods else None,
            journals=tuple(
                Journal(row["code"], row["displayName"], row["templateDisplayName"])
                for row in self._client.each("journals")
                if not row["displayName"].startswith(OURS)
            ),
        )


OURS = "mkterp "  # before our key in a journal batch's name


def check(
    client: BusinessCentralClient, book: Book, dates: Callable[[], tuple[Period, ...]]
) -> ConnectionReport:
    """See ErpPort.check; stops at the first check the later ones depend on."""
    return ConnectionReport("API v2.0", tuple(_checks(client, book, dates)))


def _checks(
    client: BusinessCentralClient, book: Book, dates: Callable[[], tuple[Period, ...]]
) -> Iterator[Check]:
    needed: tuple[tuple[str, Callable[[], str]], ...] = (
        ("Sign-in", lambda: _signed_in(client)),
        ("Company", lambda: f"{client.company_name}, {client.company()}"),
        ("Rights to read", lambda: _rights(client)),
    )
    for name, look in needed:
        step = _tried(name, look)
        yield step
        if not step.ok:
            return
    yield _tried("Customers", lambda: _customers(client, book.setup))
    yield _tried("Accounts", lambda: _accounts(client, book))
    yield _tried("Taxes", lambda: _taxes(client, book.setup))
    yield _tried("Location", lambda: _location(book))
    yield _tried("Parties", lambda: _parties(book))
    yield _tried("Posting dates", lambda: _dates(dates()))


def _tried(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except Failure as failure:
        return Check(name, False, str(failure))


def _signed_in(client: BusinessCentralClient) -> str:
    client.sign_in(anew=True)
    return "a token for the application"


def _rights(client: BusinessCentralClient) -> str:
    lacking: list[str] = []
    for entity in _ENTITIES:
        try:
            client.page(entity, "", None, 1)
        except MissingRight as failure:
            lacking.append(f"{entity} ({failure})")
    if lacking:
        raise Misconfigured(f"Give the application permission sets that read {', '.join(lacking)}.")
    # Business Central tells no right to write before something is written.
    return "everything that is read; rights to write show at the first document"


def _customers(client: BusinessCentralClient, setup: Setup) -> str:
    wanted = {setup.principal_customer, setup.agent_customer}
    rows = client.of("customers", "number", wanted, expand="defaultDimensions")
    open_ones = {row["number"] for row in rows if row["blocked"] in _NOT_BLOCKED}
    if missing := sorted(wanted - open_ones):
        raise Misconfigured(f"Create the customers {', '.join(missing)}, not blocked.")
    for row in rows:
        own = {one["dimensionCode"]: one["dimensionValueCode"] for one in row["defaultDimensions"]}
        if own.get(setup.party_dimension) != row["number"]:
            raise Misconfigured(
                f"Give the customer {row['number']} the default dimension {setup.party_dimension} "
                f"with the value {row['number']}: its ledger entries name it by that."
            )
    return ", ".join(sorted(wanted))


def _accounts(client: BusinessCentralClient, book: Book) -> str:
    named, known = book.setup.accounts(), book.accounts()
    if unnamed := sorted(use for use, number in named.items() if not number):
        raise Misconfigured(f"Name an account in ERP_OPTIONS setup for {', '.join(unnamed)}.")
    if missing := sorted({n for n in named.values() if n not in known}):
        raise Misconfigured(f"There is no account {', '.join(missing)} that is open for posting.")
    direct = {named[use] for use in named if use != "receivable" and not use.startswith("tax ")}
    rows = client.of("accounts", "number", direct)
    if closed := sorted(row["number"] for row in rows if not row["directPosting"]):
        raise Misconfigured(f"Allow Direct Posting on the accounts {', '.join(closed)}.")
    return ", ".join(sorted(set(named.values())))


def _taxes(client: BusinessCentralClient, setup: Setup) -> str:
    known = {row["code"] for row in client.each("taxGroups")}
    if not setup.taxes:
        raise Misconfigured("Give the taxes, their rates and accounts in ERP_OPTIONS setup.")
    wanted = {code for code, tax in setup.taxes.items() if not tax.retired} | {setup.no_tax}
    if missing := sorted(wanted - known):
        raise Misconfigured(f"Business Central has no tax group {', '.join(missing)}.")
    return ", ".join(sorted(wanted))


def _location(book: Book) -> str:
    book.location()
    return book.setup.location or "left to the company"


def _parties(book: Book) -> str:
    if not book.parties(None).rows:
        raise Misconfigured(
            f"The dimension {book.setup.party_dimension} has no values: one is wanted for each "
            "seller and for both customers."
        )
    return f"dimension {book.setup.party_dimension}"


def _dates(periods: tuple[Period, ...]) -> str:
    if not periods:
        raise Misconfigured("Create accounting periods in Business Central.")
    return f"{periods[0].start} to {periods[-1].end}"
