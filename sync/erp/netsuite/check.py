"""Whether a NetSuite account is ready for mkterp, step by step; nothing is written."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from sync.domain.delivery import Failure, Misconfigured, MissingRight
from sync.domain.documents import Period
from sync.erp.netsuite import suiteql
from sync.erp.netsuite.book import Book
from sync.erp.netsuite.client import NetSuiteClient
from sync.erp.netsuite.references import BODY_FIELDS, LINE_FIELDS
from sync.erp.netsuite.transactions import STOCKED
from sync.erp.port import Check, ConnectionReport

# Every table that is read, with a column it can be put in order by.
_TABLES = {
    **dict.fromkeys(("subsidiary", "currency", "location", "item", "account", "entity"), "id"),
    **dict.fromkeys(("shipitem", "accountingperiod", "transaction", "transactionline"), "id"),
    **dict.fromkeys(("aggregateitemlocation", "pricing"), "item"),
    "transactionaccountingline": "transaction",
}
_CLOCK = timedelta(minutes=5)


def check(
    client: NetSuiteClient, book: Book, dates: Callable[[], tuple[Period, ...]]
) -> ConnectionReport:
    """See ErpPort.check; stops at the first check the later ones depend on."""
    return ConnectionReport("REST v1", tuple(_checks(client, book, dates)))


def _checks(
    client: NetSuiteClient, book: Book, dates: Callable[[], tuple[Period, ...]]
) -> Iterator[Check]:
    needed: tuple[tuple[str, Callable[[], str]], ...] = (
        ("Sign-in", lambda: _signed_in(client)),
        ("Rights to read", lambda: _rights(client)),
        ("Subsidiary", lambda: f"{book.company().name}, {book.currency()}"),
        ("Custom fields", lambda: _fields(client)),
    )
    for name, look in needed:
        step = _tried(name, look)
        yield step
        if not step.ok:
            return
    yield _tried("Clock", lambda: _clock(client, book))
    yield _tried("Customers", lambda: _customers(book))
    yield _tried("Items", lambda: _items(book))
    yield _tried("Taxes", lambda: _taxes(book))
    yield _tried("Location", lambda: (book.location() and book.setup.location) or "none named")
    yield _tried("Accounting periods", lambda: _dates(dates()))


def _tried(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except Failure as failure:
        return Check(name, False, str(failure))


def _signed_in(client: NetSuiteClient) -> str:
    client.sign_in(anew=True)
    return "a token for the application"


def _rights(client: NetSuiteClient) -> str:
    lacking: list[str] = []
    for table, key in _TABLES.items():
        try:
            client.page(f"SELECT x.{key} AS one FROM {table} x ORDER BY x.{key}", 1)
        except MissingRight as failure:
            lacking.append(f"{table} ({failure})")
    if lacking:
        raise Misconfigured(f"Give the application's role rights to see {', '.join(lacking)}.")
    # NetSuite tells no right to write before something is written.
    return "everything that is read; rights to write show at the first document"


def _fields(client: NetSuiteClient) -> str:
    missing: list[str] = []
    for table, names in (("transaction", BODY_FIELDS), ("transactionline", LINE_FIELDS)):
        for name in names:
            try:
                client.page(f"SELECT x.id AS id, x.{name} AS told FROM {table} x ORDER BY x.id", 1)
            except MissingRight:
                missing.append(name)
    if missing:
        raise Misconfigured(f"Create the custom fields {', '.join(missing)} (docs/erps.md).")
    return ", ".join((*BODY_FIELDS, *LINE_FIELDS))


def _clock(client: NetSuiteClient, book: Book) -> str:
    (row,) = client.page(f"SELECT {suiteql.moment('SYSDATE')} AS now FROM Dual ORDER BY 1", 1)
    zone = book.setup.time_zone
    apart = abs(suiteql.read_moment(row["now"], zone) - datetime.now(UTC))
    if apart > _CLOCK:
        raise Misconfigured(
            f"NetSuite says it is {row['now']}, which is not the time in {zone}: make time_zone in "
            "ERP_OPTIONS that of the integration's user."
        )
    return f"{row['now']} in {zone}"


def _customers(book: Book) -> str:
    wanted = {book.setup.principal_customer, book.setup.agent_customer}
    if missing := sorted(wanted - set(book.entities("e.entityid", wanted))):
        raise Misconfigured(f"Create the customers {', '.join(missing)}.")
    return ", ".join(sorted(wanted))


def _items(book: Book) -> str:
    setup = book.setup
    found = book.items(setup.services())
    if missing := sorted(set(setup.services()) - set(found)):
        raise Misconfigured(f"Create the items {', '.join(missing)}, without stock.")
    if wrong := sorted(name for name, row in found.items() if row["type"] == STOCKED):
        raise Misconfigured(f"The items {', '.join(wrong)} move stock: make them services.")
    for account, item in setup.refunds.items():
        if found[item].get("account") != account:
            raise Misconfigured(
                f"Refunds of account {account} use the item {item}, whose income account is "
                f"{found[item].get('account') or 'none'}."
            )
    return ", ".join(sorted(found))


def _taxes(book: Book) -> str:
    if not book.setup.taxes:
        raise Misconfigured("Give the taxes, their ids, rates and accounts in ERP_OPTIONS setup.")
    known = book.tax_names()
    wanted = {name for name, tax in book.setup.taxes.items() if not tax.retired}
    if missing := sorted(wanted - set(known)):
        codes = ", ".join(f"{name} (id {book.setup.taxes[name].code})" for name in missing)
        raise Misconfigured(f"NetSuite has no tax code {codes} in use.")
    accounts = book.accounts()
    booked = {tax.account for tax in book.setup.taxes.values() if tax.account}
    if unknown := sorted(booked - set(accounts)):
        raise Misconfigured(f"There is no account {', '.join(unknown)} for the taxes.")
    return ", ".join(f"{name} is {known[name]}" for name in sorted(wanted))


def _dates(periods: tuple[Period, ...]) -> str:
    if not periods:
        raise Misconfigured("Create accounting periods in NetSuite.")
    return f"{periods[0].start} to {periods[-1].end}"
