"""The account as it is set up: looked up for documents, told for mapping."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from mkterp.core.money import round_to_unit
from sync.domain.delivery import MissingRight
from sync.domain.documents import (
    Account,
    AccountKind,
    Party,
    Period,
    ReferenceData,
    TaxCode,
)
from sync.erp.netsuite import suiteql
from sync.erp.netsuite.client import Missing, NetSuiteClient, Row
from sync.erp.netsuite.references import Setup, money
from sync.erp.netsuite.sales import Records
from sync.erp.port import Page

_PARTIES_A_PAGE = 500
_PARTIES = suiteql.one_of("e.type", ("CustJob", "Vendor"))
_IN_USE = "i.isinactive = 'F'"
_KINDS = {
    "AcctRec": AccountKind.RECEIVABLE,
    "AcctPay": AccountKind.PAYABLE,
    **dict.fromkeys(("Income", "OthIncome"), AccountKind.REVENUE),
    **dict.fromkeys(("COGS", "Expense", "OthExpense"), AccountKind.EXPENSE),
    **dict.fromkeys(
        (
            *("Bank", "CredCard", "OthCurrAsset", "OthCurrLiab", "FixedAsset", "OthAsset"),
            *("LongTermLiab", "Equity", "DeferExpense", "DeferRevenue", "UnbilledRec"),
        ),
        AccountKind.BALANCE_SHEET,
    ),
}
_OF_A_PARTY = {AccountKind.RECEIVABLE, AccountKind.PAYABLE}


@dataclass(frozen=True)
class Company:
    """Our subsidiary and its currency, by symbol and by id."""

    name: str
    currency: str
    currency_id: str


class Book:
    """The records documents refer to, read when they are needed; the subsidiary is kept."""

    def __init__(self, client: NetSuiteClient, setup: Setup) -> None:
        self._client, self.setup = client, setup
        self._company: Company | None = None
        self._symbols: dict[str, str] = {}

    def company(self) -> Company:
        """Our subsidiary. Raises MissingRight when it is not there."""
        if self._company is None:
            rows = self._client.page(
                "SELECT s.name AS name, c.symbol AS symbol, c.id AS currency FROM subsidiary s "
                f"JOIN currency c ON c.id = s.currency WHERE s.id = {self.setup.subsidiary} "
                "ORDER BY s.id"
            )
            if not rows:
                raise MissingRight(f"NetSuite shows no subsidiary {self.setup.subsidiary}.")
            row = rows[0]
            self._company = Company(row["name"], row["symbol"], row["currency"])
        return self._company

    def currency(self) -> str:
        """The subsidiary's currency."""
        return self.company().currency

    def symbol(self, ident: str) -> str:
        """What a currency is called everywhere; ours without an id."""
        company = self.company()
        if ident in ("", company.currency_id):
            return company.currency
        if ident not in self._symbols:
            rows = self._client.page(
                "SELECT c.id AS id, c.symbol AS symbol FROM currency c ORDER BY c.id"
            )
            self._symbols = {row["id"]: row["symbol"] for row in rows}
        return self._symbols.get(ident, ident)

    def cash(self, value: object, currency: str = "") -> Decimal:
        """An amount of money, to the smallest unit of its currency (the subsidiary's)."""
        return round_to_unit(money(value), currency or self.currency())

    def location(self) -> str:
        """The id of the location goods leave from; empty without one in the set-up."""
        name = self.setup.location
        if not name:
            return ""
        rows = self._client.page(
            f"SELECT l.id AS id FROM location l WHERE l.name = {suiteql.text(name)} "
            "AND l.isinactive = 'F' ORDER BY l.id"
        )
        if not rows:
            raise MissingRight(f"NetSuite shows no location {name}.")
        return str(rows[0]["id"])

    def items(self, names: Collection[str], also: str = _IN_USE) -> dict[str, Row]:
        """The items with these names that may be sold: id, type and income account."""
        if not names:
            return {}

        def query(after: str) -> str:
            return (
                "SELECT i.id AS id, i.itemid AS name, i.itemtype AS type, a.acctnumber AS account "
                "FROM item i LEFT JOIN account a ON a.id = i.incomeaccount "
                f"WHERE {suiteql.one_of('i.itemid', sorted(set(names)))} AND {also} "
                f"AND i.id > {int(after)} ORDER BY i.id"
            )

        return {row["name"]: row for row in self._client.rows(query)}

    def skus(self, ids: Iterable[str]) -> dict[str, str]:
        """What the items with these ids are called, whatever their kind."""
        wanted = sorted({int(one) for one in ids if one})
        if not wanted:
            return {}

        def query(after: str) -> str:
            return (
                "SELECT i.id AS id, i.itemid AS name FROM item i "
                f"WHERE {suiteql.one_of('i.id', wanted)} AND i.id > {int(after)} ORDER BY i.id"
            )

        return {row["id"]: row["name"] for row in self._client.rows(query)}

    def entities(self, column: str, values: Iterable[str]) -> dict[str, str]:
        """Ids by name of the customers and vendors; `column` is e.id or e.entityid."""
        wanted: list[str | int] = sorted(set(values))
        if not wanted:
            return {}
        if column == "e.id":
            wanted = [int(one) for one in wanted]

        def query(after: str) -> str:
            return (
                "SELECT e.id AS id, e.entityid AS name FROM entity e "
                f"WHERE {_PARTIES} AND {suiteql.one_of(column, wanted)} AND e.id > {int(after)} "
                "ORDER BY e.id"
            )

        return {row["name"]: row["id"] for row in self._client.rows(query)}

    def records(self, skus: Collection[str]) -> Records:
        """What orders with these goods refer to. Raises MissingRight for what is ours to have."""
        setup = self.setup
        found = {name: row["id"] for name, row in self.items({*skus, *setup.services()}).items()}
        if missing := sorted(set(setup.services()) - set(found)):
            raise MissingRight(f"NetSuite has no item {', '.join(missing)} in use.")
        wanted = {setup.principal_customer, setup.agent_customer}
        customers = self.entities("e.entityid", wanted)
        if missing := sorted(wanted - set(customers)):
            raise MissingRight(f"NetSuite has no customer {', '.join(missing)}.")
        return Records(customers, found, setup.taxes, self.company().currency_id, self.location())

    def accounts(self) -> dict[str, Account]:
        """The accounts that can be posted to, by number."""
        return {number: account for number, (account, _) in self.account_rows().items()}

    def account_rows(self) -> dict[str, tuple[Account, str]]:
        """The same, each with its id."""

        def query(after: str) -> str:
            return (
                "SELECT a.id AS id, a.acctnumber AS code, a.fullname AS name, a.accttype AS type "
                "FROM account a WHERE a.isinactive = 'F' AND a.issummary = 'F' "
                f"AND a.acctnumber IS NOT NULL AND a.id > {int(after)} ORDER BY a.id"
            )

        found: dict[str, tuple[Account, str]] = {}
        for row in self._client.rows(query):
            group = _KINDS.get(row["type"], AccountKind.OTHER)
            account = Account(row["code"], row["name"], row["type"], group, group in _OF_A_PARTY)
            found[row["code"]] = account, row["id"]
        return found

    def parties(self, cursor: str | None) -> Page[Party]:
        """See ErpPort.parties: customers and vendors; the cursor is the last id seen."""
        rows = self._client.page(
            "SELECT e.id AS id, e.entityid AS code, e.altname AS name, e.isinactive AS gone "
            f"FROM entity e WHERE {_PARTIES} AND e.id > {int(cursor or 0)} ORDER BY e.id",
            _PARTIES_A_PAGE,
        )
        after = rows[-1]["id"] if len(rows) == _PARTIES_A_PAGE else None
        return Page(
            tuple(
                Party(row["code"], str(row.get("name", row["code"])), row["id"], row["gone"] == "F")
                for row in rows
            ),
            after,
        )

    def tax_names(self) -> dict[str, str]:
        """The set-up's taxes that NetSuite has, with what it calls them."""
        found: dict[str, str] = {}
        for name, tax in self.setup.taxes.items():
            try:
                row = self._client.record("salesTaxItem", tax.code)
            except Missing:
                continue
            if not row.get("isInactive"):
                found[name] = row["name"]
        return found

    def reference_data(self, periods: tuple[Period, ...]) -> ReferenceData:
        """See ErpPort.reference_data. Rates and accounts of taxes are those of the set-up."""
        taxes, known = self.setup.taxes, self.tax_names()

        def told(*, retired: bool) -> tuple[TaxCode, ...]:
            return tuple(
                TaxCode(name, taxes[name].rate, words, taxes[name].account)
                for name, words in known.items()
                if taxes[name].retired is retired
            )

        company = self.company()
        return ReferenceData(
            company=company.name,
            currency=company.currency,
            time_zone=str(self.setup.time_zone),
            tax_rounding="line",
            taxes=told(retired=False),
            retired_taxes=told(retired=True),
            accounts=tuple(self.accounts().values()),
            locations=self._names("location", "name"),
            open_until=periods[-1].end if periods else None,
            carriers=self._names("shipitem", "itemid"),
        )

    def _names(self, table: str, column: str) -> tuple[str, ...]:
        def query(after: str) -> str:
            return (
                f"SELECT x.id AS id, x.{column} AS name FROM {table} x "
                f"WHERE x.isinactive = 'F' AND x.id > {int(after)} ORDER BY x.id"
            )

        return tuple(row["name"] for row in self._client.rows(query))
