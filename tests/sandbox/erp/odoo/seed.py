"""A small Odoo company that is set up as docs/erps.md says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.sandbox.erp.odoo.api import OdooDouble

ACCOUNTS = {
    "1.1.5": "asset_cash",
    "1.1.6": "asset_cash",
    "1.2.1": "asset_receivable",
    "2.2.3": "liability_current",
    "2.2.5": "liability_current",
    "2.2.6": "liability_payable",
    "2.2.7": "liability_payable",
    "2.2.8": "liability_current",
    "4.1.1": "income",
    "4.1.3": "income",
    "4.1.5": "income",
    "4.1.9": "income_other",
    "5.2.4": "expense",
}
PARTIES = {
    "3": "Marketplacer customers (principal)",
    "4": "Marketplacer customers (agent)",
    "S54": "Quayside Books",
}
SERVICES = {
    "MKT-SHIPPING": "4.1.1",
    "MKT-ROUNDING": "4.1.9",
    "MKT-AGENT-GOODS": "4.1.5",
    "MKT-AGENT-SHIPPING": "4.1.5",
    "MKT-SELLER-GOODS": "4.1.1",
}
ITEMS = 12


def company(series: int) -> OdooDouble:
    """An Odoo of that series with a company, a chart, taxes, parties and items with stock."""
    odoo = OdooDouble(series, database="northbank", login="integration", key="an-api-key")
    gbp = odoo.new("res.currency", {"name": "GBP"})
    own = odoo.new("res.partner", {"name": "Northbank UK", "tz": "Europe/London"})
    company_id = odoo.new(
        "res.company",
        {
            "name": "Northbank UK",
            "currency_id": gbp,
            "partner_id": own,
            "tax_calculation_rounding_method": "round_per_line",
            "fiscalyear_last_day": 31,
            "fiscalyear_last_month": "12",
        },
    )
    odoo.new(
        "res.users",
        {
            "login": odoo.login,
            "name": "Integration",
            "company_id": company_id,
            "tz": "Europe/London",
        },
    )
    odoo.new("decimal.precision", {"name": "Product Price", "digits": 4})
    for code, name in PARTIES.items():
        odoo.new("res.partner", {"name": name, "ref": code})
    for name in ("DPD", "Royal Mail"):
        odoo.new("delivery.carrier", {"name": name})
    _warehouse(odoo)
    _books(odoo)
    for number in range(1, ITEMS + 1):
        add_item(odoo, f"ODOO-{number}", size="M", on_hand=50)
    return odoo


def _warehouse(odoo: OdooDouble) -> None:
    stock = odoo.new("stock.location", {"name": "WH/Stock", "usage": "internal"})
    customers = odoo.new("stock.location", {"name": "Customers", "usage": "customer"})
    out = odoo.new(
        "stock.picking.type",
        {"name": "Delivery", "code": "outgoing", "default_location_dest_id": customers},
    )
    back = odoo.new(
        "stock.picking.type",
        {"name": "Receipts", "code": "incoming", "default_location_dest_id": stock},
    )
    warehouse = odoo.new(
        "stock.warehouse",
        {
            "name": "Leeds",
            "code": "WH",
            "lot_stock_id": stock,
            "out_type_id": out,
            "in_type_id": back,
        },
    )
    odoo.put("stock.picking.type", [out, back], {"warehouse_id": warehouse})


def _books(odoo: OdooDouble) -> None:
    for code, kind in ACCOUNTS.items():
        facts: dict[str, Any] = {"code": code, "name": f"Account {code}", "account_type": kind}
        odoo.new("account.account", {**facts, "reconcile": code.startswith(("1.2", "2.2"))})
    for code, kind in (("MISC", "general"), ("INV", "sale"), ("CASH", "general")):
        odoo.new("account.journal", {"code": code, "name": code.title(), "type": kind})
    add_tax(odoo, "GB-STD", Decimal(20))
    add_tax(odoo, "GB-ZERO", Decimal(0))
    add_tax(odoo, "GB-STD-SELLER", Decimal(20), account="2.2.8")
    for sku, account in SERVICES.items():
        template = odoo.new("product.template", {"name": sku})
        odoo.new(
            "product.product",
            {
                "default_code": sku,
                "name": sku,
                "product_tmpl_id": template,
                "type": "service",
                "invoice_policy": "order",
                "property_account_income_id": account_id(odoo, account),
            },
        )


def account_id(odoo: OdooDouble, code: str) -> int:
    """The id of the account with that code."""
    (found,) = odoo.search("account.account", [["code", "=", code]])
    return found


def add_tax(odoo: OdooDouble, name: str, percent: Decimal, account: str = "2.2.3") -> int:
    """A sales tax in per cent, booked on that account."""
    tax = odoo.new(
        "account.tax",
        {
            "name": name,
            "amount": percent,
            "amount_type": "percent",
            "type_tax_use": "sale",
            "company_id": next(iter(odoo.tables["res.company"])),
        },
    )
    for kind, booked in (("base", False), ("tax", account_id(odoo, account))):
        odoo.new(
            "account.tax.repartition.line",
            {"tax_id": tax, "repartition_type": kind, "account_id": booked},
        )
    return tax


def add_item(odoo: OdooDouble, sku: str, *, size: str, on_hand: int) -> int:
    """A storable product with one option and stock."""
    template = odoo.new("product.template", {"name": f"Item {sku}"})
    attribute = odoo.new("product.attribute", {"name": "Size"})
    value = odoo.new("product.template.attribute.value", {"name": size, "attribute_id": attribute})
    storable: dict[str, Any] = {"type": "product", "detailed_type": "product"}
    if odoo.series >= 18:
        storable = {"type": "consu", "is_storable": True}
    return odoo.new(
        "product.product",
        {
            "default_code": sku,
            "name": f"Item {sku}",
            "barcode": f"50{abs(hash(sku)) % 10**11:011}",
            "lst_price": Decimal("10.00"),
            "product_tmpl_id": template,
            "invoice_policy": "delivery",
            "qty_available": on_hand,
            "product_template_attribute_value_ids": [[6, 0, [value]]],
            "property_account_income_id": account_id(odoo, "4.1.1"),
            **storable,
        },
    )
