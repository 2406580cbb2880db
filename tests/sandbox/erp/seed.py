"""What the sandbox company has in its ERP on the first day: books, taxes, shop, parties, users.

The ids and codes made here are what a consultant would set up at a real company; the product
finds them by code or name, as it would there.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.sandbox.catalogue import Catalogue
from tests.sandbox.erp.rpc import Rpc

COMPANY = "Northbank UK"
TIME_ZONE = "Europe/London"
SHOP = "Marketplacer"
PARTIES = {
    "principal": "Marketplacer customers (principal)",
    "agent": "Marketplacer customers (agent)",
}
# Code, name, rate, the account of its amounts. "-SELLER" is for goods whose tax the seller owes:
# the operator collects it and passes it on.
TAXES = (
    ("GB-STD", "VAT 20 %", Decimal("0.20"), "2.2.3"),
    ("GB-ZERO", "VAT zero rate", Decimal("0"), "2.2.3"),
    ("GB-STD-SELLER", "VAT 20 %, owed by the seller", Decimal("0.20"), "2.2.8"),
)
# Accounts beside the chart: code, name, the account whose type and parent they share.
ACCOUNTS = (
    ("1.1.5", "Bank", "1.1.1"),
    ("1.1.6", "Payment gateway", "1.1.1"),
    ("2.2.5", "Marketplace clearing", "2.2.3"),
    # One balance for each seller: Tryton wants a party on every line of these two.
    ("2.2.6", "Seller payable, pending", "2.1.1"),
    ("2.2.7", "Seller payable, due", "2.1.1"),
    ("2.2.8", "Sellers' tax, passed on", "2.2.3"),
    ("4.1.3", "Commission revenue", "4.1.1"),
    # Tryton takes only revenue accounts for what is sold, and what is sold for a seller is sold.
    # The entry that moves it on to the seller's payable leaves this account at zero.
    ("4.1.5", "Sold for sellers, passed on", "4.1.1"),
    # The rounding line is sold as well.
    ("4.1.9", "Tax Adjustment", "4.1.1"),
    ("5.2.4", "Payment fees and chargebacks", "5.2.1"),
)
CARRIERS = ("DPD", "Royal Mail", "Parcelforce")
# What the integration may do: sell, see stock, keep books. No items, no parties, no set-up.
INTEGRATION_GROUPS = ("sale.group_sale", "stock.group_stock", "account.group_account")
STAFF_GROUPS = (*INTEGRATION_GROUPS, "stock.group_stock_force_assignment")


def seed_books(
    rpc: Rpc, passwords: dict[str, str], catalogue: Catalogue, say: Callable[[str], None]
) -> dict[str, Any]:
    """Set up the company for an administrator's session. Returns the ids other steps need."""
    say("setting up the company, its accounts and taxes")
    ids = _company(rpc)
    _chart(rpc, ids)
    _fiscal_years(rpc, ids["company"])
    _taxes(rpc, ids)
    _categories(rpc, ids)
    _trade(rpc, ids)
    _sellers(rpc, ids, catalogue)
    _carriers(rpc, ids)
    _users(rpc, ids["company"], passwords)
    return ids


def _company(rpc: Rpc) -> dict[str, Any]:
    (currency,) = rpc.create(
        "currency.currency",
        {
            "name": "Pound Sterling",
            "code": "GBP",
            "numeric_code": "826",
            "symbol": "£",
            "rounding": Decimal("0.01"),
            "digits": 2,
            "rates": [("create", [{"date": datetime.date(2020, 1, 1), "rate": Decimal(1)}])],
        },
    )
    (party,) = rpc.create("party.party", {"name": COMPANY})
    (company,) = rpc.create(
        "company.company",
        {
            "party": party,
            "currency": currency,
            "timezone": TIME_ZONE,
            "cancel_invoice_out": True,  # its accountants may take back a posted invoice
        },
    )
    rpc.call(
        "model.res.user.write",
        [rpc.user_id],
        {"companies": [("add", [company])], "company": company},
    )
    rpc.load_context()
    return {"company": company, "currency": currency}


def account(rpc: Rpc, company: int, code: str) -> int:
    """The account with that code. Raises LookupError when there is none."""
    return rpc.one("account.account", [("code", "=", code), ("company", "=", company)])


def _chart(rpc: Rpc, ids: dict[str, Any]) -> None:
    company = ids["company"]
    template = rpc.xml_id("account.account_template_root_en")
    wizard = rpc.call("wizard.account.create_chart.create")[0]
    chosen = {"account": {"company": company, "account_template": template}}
    rpc.call("wizard.account.create_chart.execute", wizard, chosen, "create_account")
    names = ("receivable", "payable", "revenue", "expense", "tax_due")
    for name, code in zip(names, ("1.2.1", "2.1.1", "4.1.1", "5.2.1", "2.2.3"), strict=True):
        ids[name] = account(rpc, company, code)
    properties = {
        "company": company,
        "account_receivable": ids["receivable"],
        "account_payable": ids["payable"],
        "category_account_revenue": ids["revenue"],
        "category_account_expense": ids["expense"],
    }
    rpc.call(
        "wizard.account.create_chart.execute",
        wizard,
        {"properties": properties},
        "create_properties",
    )
    rpc.call("wizard.account.create_chart.delete", wizard)
    configuration = rpc.find("account.configuration", [], None, 1) or [1]
    rpc.call("model.account.configuration.write", configuration, {"tax_rounding": "line"})
    for code, name, like in ACCOUNTS:
        model = rpc.read("account.account", [("code", "=", like)], ["type", "parent"])[0]
        (made,) = rpc.create(
            "account.account",
            {
                "name": name,
                "code": code,
                "type": model["type"],
                "parent": model["parent"],
                "company": company,
                "reconcile": code.startswith("2."),
                "party_required": code in {"2.2.6", "2.2.7"},
            },
        )
        ids["account:" + name] = made
        ids["account:" + code] = made


def _fiscal_years(rpc: Rpc, company: int) -> None:
    move_type = rpc.one("ir.sequence.type", [("name", "=", "Account Move")])
    invoice_type = rpc.one("ir.sequence.type", [("name", "=", "Invoice")])
    this_year = datetime.datetime.now(datetime.UTC).year
    for year in (this_year - 1, this_year, this_year + 1):
        own = {"company": company}
        (moves,) = rpc.create(
            "ir.sequence.strict", {"name": f"Moves {year}", "sequence_type": move_type, **own}
        )
        invoices, credit_notes = rpc.create(
            "ir.sequence.strict",
            *[
                {
                    "name": f"{name} {year}",
                    "sequence_type": invoice_type,
                    "prefix": f"{prefix}{year}-",
                    "padding": 5,
                    **own,
                }
                for name, prefix in (("Invoices", "SI"), ("Credit notes", "SC"))
            ],
        )
        numbering = {
            **own,
            "out_invoice_sequence": invoices,
            "out_credit_note_sequence": credit_notes,
            "in_invoice_sequence": invoices,
            "in_credit_note_sequence": credit_notes,
        }
        fiscal_year = rpc.create(
            "account.fiscalyear",
            {
                **own,
                "name": str(year),
                "move_sequence": moves,
                "start_date": datetime.date(year, 1, 1),
                "end_date": datetime.date(year, 12, 31),
                "invoice_sequences": [("create", [numbering])],
            },
        )
        rpc.call("model.account.fiscalyear.create_period", fiscal_year)


def _taxes(rpc: Rpc, ids: dict[str, Any]) -> None:
    made = rpc.create(
        "account.tax",
        *[
            {
                "name": name,
                "description": code,  # the code mkterp calls it by, and what invoices print
                "type": "percentage",
                "rate": rate,
                "company": ids["company"],
                "invoice_account": account(rpc, ids["company"], booked),
                "credit_note_account": account(rpc, ids["company"], booked),
            }
            for code, name, rate, booked in TAXES
        ],
    )
    ids["taxes"] = dict(zip([code for code, *_ in TAXES], made, strict=True))


def _categories(rpc: Rpc, ids: dict[str, Any]) -> None:
    def category(name: str, revenue: int, tax: str | None) -> dict[str, Any]:
        return {
            "name": name,
            "accounting": True,
            "account_revenue": revenue,
            "account_expense": ids["expense"],
            "customer_taxes": [("add", [ids["taxes"][tax]])] if tax else [],
        }

    standard, zero, adjustment, passed_on = rpc.create(
        "product.category",
        category("Standard-rated goods", ids["revenue"], "GB-STD"),
        category("Zero-rated goods", ids["revenue"], "GB-ZERO"),
        category("Tax adjustment", ids["account:4.1.9"], None),
        category("Sold for sellers", ids["account:4.1.5"], None),
    )
    ids["categories"] = {"standard": standard, "zero": zero}
    ids["uom"] = rpc.one("product.uom", [("name", "=", "Unit")])

    def service(code: str, name: str, category: int) -> dict[str, Any]:
        return {
            "name": name,
            "code": code,
            "type": "service",
            "default_uom": ids["uom"],
            "sale_uom": ids["uom"],
            "salable": True,
            "list_price": Decimal(0),
            "account_category": category,
            "products": [("create", [{}])],
        }

    rpc.create(
        "product.template",
        service("MKT-SHIPPING-STD", "Shipping, standard rate", standard),
        service("MKT-SHIPPING-ZERO", "Shipping, zero rate", zero),
        service("MKT-ROUNDING", "Rounding", adjustment),
        # What a seller sells and dispatches itself: its own items would book our revenue.
        service("MKT-AGENT-GOODS", "Sold for a seller", passed_on),
        service("MKT-AGENT-SHIPPING", "Shipping for a seller", passed_on),
        service("MKT-CARRIAGE", "Carriage", standard),
    )


def _trade(rpc: Rpc, ids: dict[str, Any]) -> None:
    (term,) = rpc.create(
        "account.invoice.payment_term",
        {"name": "Paid at checkout", "lines": [("create", [{"type": "remainder"}])]},
    )
    warehouse = rpc.one("stock.location", [("type", "=", "warehouse")])
    guest, *customers = rpc.create(
        "party.party",
        # Tryton confirms no order of a shop's guest, so the guest is nobody's customer.
        {"name": "Marketplacer guest (never billed)"},
        *[
            {
                "name": name,
                "customer_payment_term": term,
                "addresses": [("create", [{"party_name": "see the order", "city": "London"}])],
            }
            for name in PARTIES.values()
        ],
    )
    (shop,) = rpc.create(
        "web.shop",
        {
            "name": SHOP,
            "company": ids["company"],
            "currency": ids["currency"],
            "language": rpc.one("ir.lang", [("code", "=", "en")]),
            "warehouses": [("add", [warehouse])],
            "guest_party": guest,
        },
    )
    for kind, prefix in (("Sale", "SO"), ("Customer Shipment", "SH")):
        sequences = rpc.find("ir.sequence", [("sequence_type.name", "=", kind)])
        rpc.call("model.ir.sequence.write", sequences, {"prefix": prefix, "padding": 5})
    ids.update(
        payment_term=term,
        warehouse=warehouse,
        storage=rpc.one("stock.location", [("code", "=", "STO")]),
        shop=shop,
        parties=dict(zip(PARTIES, customers, strict=True)),
        journal=rpc.one("account.journal", [("code", "=", "MISC")]),
    )


def _sellers(rpc: Rpc, ids: dict[str, Any], catalogue: Catalogue) -> None:
    """A supplier for each seller; `S<number>` is the code journal lines name it by."""
    parties = [
        {"name": seller.business_name, "code": f"S{seller.legacy_id}"}
        for seller in catalogue.sellers
        if not seller.own
    ]
    made = rpc.create("party.party", *parties)
    ids["sellers"] = dict(zip([party["code"] for party in parties], made, strict=True))


def _carriers(rpc: Rpc, ids: dict[str, Any]) -> None:
    carriage = rpc.one("product.product", [("code", "=", "MKT-CARRIAGE")])
    parties = rpc.create("party.party", *[{"name": name} for name in CARRIERS])
    made = rpc.create(
        "carrier", *[{"party": party, "carrier_product": carriage} for party in parties]
    )
    ids["carriers"] = dict(zip(CARRIERS, made, strict=True))
    (ids["package_type"],) = rpc.create("stock.package.type", {"name": "Box"})


def _users(rpc: Rpc, company: int, passwords: dict[str, str]) -> None:
    people = (
        ("integration", "mkterp integration", INTEGRATION_GROUPS),
        ("staff", "Warehouse and accounts", STAFF_GROUPS),
    )
    for login, name, groups in people:
        rpc.create(
            "res.user",
            {
                "name": name,
                "login": login,
                "password": passwords[login],
                "companies": [("add", [company])],
                "company": company,
                "groups": [("add", [rpc.xml_id(group) for group in groups])],
            },
        )
