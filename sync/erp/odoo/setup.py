"""The checks of a new connection to an Odoo, and what its company is set up with."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from sync.domain.delivery import Failure, Misconfigured
from sync.domain.documents import Account, Journal, Party, ReferenceData, TaxCode
from sync.erp.odoo.client import OdooClient
from sync.erp.odoo.ledger import Ledger
from sync.erp.odoo.references import ReferenceBook
from sync.erp.odoo.sales import PRICE_DIGITS
from sync.erp.port import Check, ConnectionReport, Page

SERIES = range(16, 20)
_PARTIES_A_PAGE = 500
# What we call beyond what every Odoo has, and the module that brings it.
_FIELDS = {
    "sale.order": (
        "Sales (sale_management)",
        ("origin", "client_order_ref", "invoice_status", "invoice_ids", "warehouse_id"),
    ),
    "stock.picking": ("Inventory with Sales (sale_stock)", ("sale_id", "picking_type_code")),
    "stock.move": (
        "Inventory with Sales (sale_stock)",
        ("sale_line_id", "to_refund", "origin_returned_move_id"),
    ),
    "product.product": ("Inventory (stock)", ("qty_available", "free_qty", "outgoing_qty")),
    "account.move": ("Invoicing (account)", ("reversed_entry_id", "invoice_origin", "move_type")),
    "account.account": ("Invoicing (account), series 16 or later", ("account_type", "reconcile")),
}
_SHIPPING_FIELDS = ("carrier_id", "carrier_tracking_ref")
_RIGHTS = (
    ("sale.order", "create"),
    ("sale.order", "write"),
    ("sale.order.line", "unlink"),
    ("product.product", "read"),
    ("stock.move", "write"),
    ("stock.picking", "create"),
    ("stock.picking", "write"),
    ("account.move", "create"),
    ("account.move", "unlink"),
    ("account.move.line", "write"),
)


def check(client: OdooClient, book: ReferenceBook) -> ConnectionReport:
    """See ErpPort.check; stops at the first check the later ones depend on."""
    try:
        version = client.version
    except Failure as failure:
        detail = f"{failure} Check the address and that Odoo runs there."
        return ConnectionReport("unknown", (Check("Address", False, detail),))
    fits = client.series in SERIES
    advice = "" if fits else f"; this adapter is made for {SERIES[0]} to {SERIES[-1]}"
    checks = [Check("Version", fits, f"Odoo {version}{advice}")]
    if fits:
        checks.extend(_checks(client, book))
    return ConnectionReport(version, tuple(checks))


def _checks(client: OdooClient, book: ReferenceBook) -> Iterator[Check]:
    book.forget()
    signed_in = _tried("Sign-in", lambda: _signed_in(client))
    yield signed_in
    if not signed_in.ok:
        return
    fields = _tried("Modules and fields", lambda: _fields(client))
    yield fields
    if not fields.ok:
        return
    records = _tried("Company, warehouse and parties", lambda: _records(book))
    yield records
    if not records.ok:
        return
    yield _tried("Taxes", lambda: _taxes(book))
    yield _tried("Shipping, rounding and sellers' items", lambda: _services(book))
    yield _tried("Tax rounding", lambda: _rounding(client, book))
    yield _tried("Price decimals", lambda: _digits(book))
    yield _tried("Rights", lambda: _rights(client))


def _tried(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except Failure as failure:
        return Check(name, False, str(failure))


def _signed_in(client: OdooClient) -> str:
    rows = client.rows("res.users", [["login", "=", client.user]], ["name"], limit=1)
    if not rows:
        raise Misconfigured(f"The key's user may not see {client.user}: is it another's key?")
    return f"user {client.user}"


def _fields(client: OdooClient) -> str:
    for model, (module, wanted) in _FIELDS.items():
        try:
            known = client.fields(model)
        except Failure as failure:
            raise Misconfigured(
                f"{failure} Install {module}, or give the user access."
            ) from failure
        if missing := sorted(set(wanted) - known):
            raise Misconfigured(f"{model} has no {', '.join(missing)}: install {module}.")
    # Told with the carriers of a shipment; without the module there is nothing to read.
    if missing := sorted(set(_SHIPPING_FIELDS) - client.fields("stock.picking")):
        raise Misconfigured(f"stock.picking has no {', '.join(missing)}: install Delivery Costs.")
    return "sales, inventory, invoicing, delivery"


def _records(book: ReferenceBook) -> str:
    references = book.get()
    return f"{references.company_name}, {references.currency}, {references.warehouse_code}"


def _taxes(book: ReferenceBook) -> str:
    if not (taxes := book.taxes()):
        raise Misconfigured("There is no sales tax: order lines name one by its name.")
    return ", ".join(taxes)


def _services(book: ReferenceBook) -> str:
    wanted = book.names.services()
    if missing := sorted(wanted - set(book.products(wanted))):
        raise Misconfigured(
            f"Create services, invoiced on ordered quantities, with the internal references "
            f"{', '.join(missing)}; each once."
        )
    return ", ".join(sorted(wanted))


def _rounding(client: OdooClient, book: ReferenceBook) -> str:
    if tax_rounding(client, book) != "line":
        raise Misconfigured(
            "Set Accounting > Settings > Rounding Method to Round per Line: predicted taxes are "
            "rounded line by line, as Marketplacer's are."
        )
    return "per line"


def _digits(book: ReferenceBook) -> str:
    if (digits := book.price_digits()) < PRICE_DIGITS:
        raise Misconfigured(
            f"Set Settings > Technical > Decimal Accuracy > Product Price to {PRICE_DIGITS}: with "
            f"{digits} Odoo cuts unit prices and totals differ."
        )
    return f"{digits} decimals"


def _rights(client: OdooClient) -> str:
    lacking = [f"{right} {model}" for model, right in _RIGHTS if not _may(client, model, right)]
    if lacking:
        raise Misconfigured(f"Give the user the groups that may {', '.join(lacking)}.")
    return "orders, deliveries, returns, invoices, journals, items, stock"


def _may(client: OdooClient, model: str, right: str) -> bool:
    if client.series >= 18:
        return bool(client.read(model, "has_access", ids=[], operation=right))
    allowed = client.read(model, "check_access_rights", operation=right, raise_exception=False)
    return bool(allowed)


def tax_rounding(client: OdooClient, book: ReferenceBook) -> str:
    """`line` or `document`, as the company's accounting is configured."""
    domain = [["id", "=", book.get().company]]
    (row,) = client.rows("res.company", domain, ["tax_calculation_rounding_method"])
    return "line" if row["tax_calculation_rounding_method"] == "round_per_line" else "document"


def reference_data(client: OdooClient, book: ReferenceBook, ledger: Ledger) -> ReferenceData:
    """See ErpPort.reference_data. A tax's code is its name, which order lines show."""
    references = book.get()
    active, retired = _tax_codes(client, book, ledger)
    journals = client.rows("account.journal", [], ["code", "name", "type"])
    carriers = client.rows("delivery.carrier", [], ["name"])
    return ReferenceData(
        company=references.company_name,
        currency=references.currency,
        time_zone=str(references.time_zone),
        tax_rounding=tax_rounding(client, book),
        taxes=active,
        retired_taxes=retired,
        accounts=tuple(
            Account(a.code, a.name, a.word, a.kind, a.party_required, a.reconciles)
            for a in ledger.accounts()
        ),
        locations=(references.warehouse_code,),
        open_until=ledger.periods()[-1].end,
        journals=tuple(Journal(row["code"], row["name"], row["type"]) for row in journals),
        carriers=tuple(dict.fromkeys(row["name"] for row in carriers)),
    )


def _tax_codes(
    client: OdooClient, book: ReferenceBook, ledger: Ledger
) -> tuple[tuple[TaxCode, ...], tuple[TaxCode, ...]]:
    domain: list[object] = [
        ["type_tax_use", "=", "sale"],
        ["amount_type", "=", "percent"],
        ["price_include", "=", False],  # our prices are net
        ["company_id", "=", book.get().company],
    ]
    fields = ["name", "amount", "active"]
    rows = client.rows("account.tax", domain, fields, archived=True)
    parts = client.rows(
        "account.tax.repartition.line",
        [["tax_id", "in", [row["id"] for row in rows]], ["repartition_type", "=", "tax"]],
        ["tax_id", "account_id"],
    )
    codes = {account.id: account.code for account in ledger.accounts()}
    booked = {part["tax_id"][0]: codes.get(part["account_id"][0], "") for part in parts if part["account_id"]}  # fmt: skip # noqa: E501
    told = [(row, TaxCode(row["name"], _rate(row), row["name"], booked.get(row["id"], ""))) for row in rows]  # fmt: skip # noqa: E501
    active = tuple(code for row, code in told if row["active"])
    return active, tuple(code for row, code in told if not row["active"])


def _rate(row: dict[str, Any]) -> Decimal:
    return (Decimal(str(row["amount"])) / 100).normalize() + Decimal(0)


def parties(client: OdooClient, cursor: str | None) -> Page[Party]:
    """See ErpPort.parties: contacts that have an internal reference; the cursor is an id."""
    domain: list[object] = [["ref", "!=", False]]
    if cursor is not None:
        domain.append(["id", ">", int(cursor)])
    rows = client.rows(
        "res.partner", domain, ["ref", "name", "active"], limit=_PARTIES_A_PAGE, archived=True
    )
    found = tuple(
        Party(row["ref"], row["name"] or "", str(row["id"]), row["active"]) for row in rows
    )
    return Page(found, str(rows[-1]["id"]) if len(rows) == _PARTIES_A_PAGE else None)
