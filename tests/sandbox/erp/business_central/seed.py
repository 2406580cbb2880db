"""A small company of Business Central that is set up as docs/erps.md says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from tests.sandbox.erp.business_central.api import BusinessCentralDouble

# Number: category.
ACCOUNTS = {
    "1.1.5": "Assets",
    "1.1.6": "Assets",
    "1.2.1": "Assets",
    "2.2.3": "Liabilities",
    "2.2.5": "Liabilities",
    "2.2.6": "Liabilities",
    "2.2.7": "Liabilities",
    "2.2.8": "Liabilities",
    "4.1.1": "Income",
    "4.1.3": "Income",
    "4.1.5": "Income",
    "4.1.9": "Income",
    "5.2.4": "Expense",
}
CUSTOMERS = {
    "MKT-PRINCIPAL": "Marketplacer customers (principal)",
    "MKT-AGENT": "Marketplacer customers (agent)",
}
PARTIES = {**CUSTOMERS, "S54": "Quayside Books"}
TAXES = {
    "GB-STD": (Decimal(20), "2.2.3"),
    "GB-ZERO": (Decimal(0), "2.2.3"),
    "GB-STD-SELLER": (Decimal(20), "2.2.8"),
    "NO-TAX": (Decimal(0), "2.2.3"),
}
# What an adapter is told of it, as JSON.
SETUP = {
    "time_zone": "Europe/London",
    "location": "WH",
    "taxes": {
        "GB-STD": {"rate": "0.20", "account": "2.2.3"},
        "GB-ZERO": {"rate": "0", "account": "2.2.3"},
        "GB-STD-SELLER": {"rate": "0.20", "account": "2.2.8"},
    },
    "receivable": "1.2.1",
    "payables": ["2.2.6", "2.2.7"],
    "shipping": "4.1.1",
    "rounding": "4.1.9",
    "seller_goods": "4.1.1",
    "agent_goods": "4.1.5",
    "agent_shipping": "4.1.5",
}
ITEMS = 12


def company() -> BusinessCentralDouble:
    """An environment with a company, its chart, taxes, customers and items with stock."""
    erp = BusinessCentralDouble(
        tenant="northbank.example", environment="Production", client_id="mkterp", secret="a-secret"
    )
    erp.new("companies", {"name": "Northbank UK", "displayName": "Northbank UK"})
    erp.new("generalLedgerSetup", {"localCurrencyCode": "GBP"})
    year = datetime.now(UTC).year
    for month in range(36):
        start = date(year - 1 + month // 12, 1 + month % 12, 1)
        facts = {"startingDate": start.isoformat(), "name": f"{start:%B}"}
        erp.new("accountingPeriods", {**facts, "newFiscalYear": start.month == 1})
    for number, category in ACCOUNTS.items():
        facts = {"number": number, "displayName": f"Account {number}", "category": category}
        # Receivables are posted to by customer, never directly.
        direct = number != "1.2.1"
        erp.new("accounts", {**facts, "accountType": "Posting", "directPosting": direct})
    erp.new("accounts", {"number": "1", "displayName": "Assets", "accountType": "Heading"})
    erp.receivable, erp.revenue = "1.2.1", "4.1.1"
    for code, posting in TAXES.items():
        erp.rates[code] = posting
        erp.new("taxGroups", {"code": code, "displayName": code, "taxType": "VAT"})
    dimension = erp.new("dimensions", {"code": "MKTPARTY", "displayName": "Marketplace party"})
    for code, name in PARTIES.items():
        facts = {"code": code, "displayName": name, "dimensionId": dimension["id"]}
        erp.new("dimensionValues", facts)
    for number, name in CUSTOMERS.items():
        customer = erp.new("customers", {"number": number, "displayName": name})
        facts = {"parentId": customer["id"], "parentType": "Customer"}
        facts |= {"dimensionCode": "MKTPARTY", "dimensionValueCode": number}
        erp.new("defaultDimensions", facts)
    erp.new("locations", {"code": "WH", "displayName": "Leeds"})
    for code in ("DEFAULT", "MISC"):
        facts = {"code": code, "displayName": f"{code.title()} Journal Batch"}
        erp.new("journals", {**facts, "templateDisplayName": "GENERAL"})
    for place in range(1, ITEMS + 1):
        erp.new(
            "items",
            {
                "number": f"BC-{place}",
                "displayName": f"Item BC-{place}",
                "type": "Inventory",
                "gtin": f"50{place:011}",
                "inventory": Decimal(50),
                "unitPrice": Decimal("10.00"),
            },
        )
    erp.new("items", {"number": "HOURS", "displayName": "Consulting", "type": "Service"})
    return erp
