"""The checks of a new connection to a Tryton."""

from collections.abc import Callable, Iterator

from sync.domain.delivery import Failure, Misconfigured
from sync.erp.port import Check, ConnectionReport
from sync.erp.tryton.client import TrytonClient
from sync.erp.tryton.masters import tax_rounding
from sync.erp.tryton.references import ReferenceBook

SERIES = "8.2"
# Model and what we must be allowed to do with it.
_RIGHTS = (
    ("sale.sale", "create"),
    ("sale.sale", "write"),
    ("account.move", "create"),
    ("account.move", "delete"),
    ("product.product", "read"),
    ("stock.shipment.out", "read"),
    ("stock.shipment.out", "write"),
    ("stock.shipment.out.return", "create"),
    ("account.invoice", "read"),
    ("account.invoice", "create"),
    ("account.move.reconciliation", "create"),
)


def check(client: TrytonClient, book: ReferenceBook) -> ConnectionReport:
    """See ErpPort.check; stops at the first check the later ones depend on."""
    version = "unknown"
    checks: list[Check] = []
    try:
        version = client.server_version()
        fits = version.startswith(SERIES)
        advice = "" if fits else f"; this adapter is made for {SERIES}"
        checks.append(Check("Version", fits, f"Tryton {version}{advice}"))
    except Failure as failure:
        detail = f"{failure} Check the address and that trytond runs."
        return ConnectionReport(version, (Check("Address", False, detail),))
    checks.extend(_checks(client, book))
    return ConnectionReport(version, tuple(checks))


def _checks(client: TrytonClient, book: ReferenceBook) -> Iterator[Check]:
    book.forget()
    signed_in = _tried("Sign-in", lambda: f"user {client.context and client.user}")
    yield signed_in
    if not signed_in.ok:
        return
    records = _tried("Company, web shop and parties", lambda: _records(book))
    yield records
    if not records.ok:
        return
    yield _tried("Taxes", lambda: _taxes(book))
    yield _tried("Shipping and rounding items", lambda: _services(book))
    yield _tried("Tax rounding", lambda: _rounding(client))
    yield _tried("Rights", lambda: _rights(client))
    yield _tried("Parcels and tracking numbers", lambda: _parcels(book))


def _tried(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except Failure as failure:
        return Check(name, False, str(failure))


def _records(book: ReferenceBook) -> str:
    references = book.get()
    return f"{references.company_name}, {references.currency}, {book.names.shop}"


def _taxes(book: ReferenceBook) -> str:
    taxes = [code for code in book.get().taxes if code]
    if not taxes:
        raise Misconfigured("No tax has a description: it is the code order lines name.")
    return ", ".join(taxes)


def _services(book: ReferenceBook) -> str:
    wanted = book.names.services()
    if missing := sorted(wanted - set(book.products(wanted))):
        raise Misconfigured(f"Create service items with the codes {', '.join(missing)}.")
    return ", ".join(sorted(wanted))


def _rounding(client: TrytonClient) -> str:
    rounding = tax_rounding(client)
    if rounding != "line":
        raise Misconfigured(
            "Set Accounting > Configuration > Tax Rounding to Per Line: predicted taxes are "
            "rounded line by line, as Marketplacer's are."
        )
    return "per line"


def _rights(client: TrytonClient) -> str:
    models = sorted({model for model, _ in _RIGHTS})
    access = client.read("model.ir.model.access.get_access", models)
    lacking = [f"{right} {model}" for model, right in _RIGHTS if not access[model][right]]
    if lacking:
        raise Misconfigured(f"Give the user the groups that may {', '.join(lacking)}.")
    return "orders, shipments, returns, invoices, journals, items, stock"


def _parcels(book: ReferenceBook) -> str:
    """Never a failure: without the modules there is the free text."""
    missing = {"carrier", "packages", "shipping_reference"} - book.shipping_fields()
    if not missing:
        return "from the modules stock_package_shipping and carrier"
    return (
        f"no {', '.join(sorted(missing))}: install stock_package_shipping, or write "
        "`Carrier: number, number` into a shipment's reference"
    )
