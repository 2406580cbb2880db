"""A small account of NetSuite that is set up as docs/erps.md says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.sandbox.erp.netsuite.api import NetSuiteDouble
from tests.sandbox.erp.netsuite.trade import STOCKED

ZONE = "Europe/London"
# Number: type.
ACCOUNTS = {
    "1.1.5": "Bank",
    "1.1.6": "OthCurrAsset",
    "1.2.1": "AcctRec",
    "2.2.3": "OthCurrLiab",
    "2.2.5": "OthCurrLiab",
    "2.2.6": "AcctPay",
    "2.2.7": "AcctPay",
    "2.2.8": "OthCurrLiab",
    "4.1.1": "Income",
    "4.1.3": "Income",
    "4.1.5": "Income",
    "4.1.9": "OthIncome",
    "5.2.4": "Expense",
}
CUSTOMERS = {
    "MKT-PRINCIPAL": "Marketplacer customers (principal)",
    "MKT-AGENT": "Marketplacer customers (agent)",
}
# Item without stock: its income account.
SERVICES = {
    "MKT-SHIPPING": "4.1.1",
    "MKT-ROUNDING": "4.1.9",
    "MKT-SELLER-GOODS": "4.1.1",
    "MKT-AGENT-GOODS": "4.1.5",
    "MKT-AGENT-SHIPPING": "4.1.5",
    "MKT-REFUND": "4.1.1",
    "MKT-AGENT-REFUND": "4.1.5",
}
TAXES = {"GB-STD": "2.2.3", "GB-ZERO": "2.2.3", "GB-STD-SELLER": "2.2.8"}
RATES = {"GB-STD": "0.20", "GB-ZERO": "0", "GB-STD-SELLER": "0.20"}
ITEMS = 12


def key_pair() -> tuple[str, str]:
    """A private key and its public one, in PEM: what a certificate is made of."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


def company(public_key: str, zone: str = ZONE) -> NetSuiteDouble:
    """An account with a subsidiary, its chart, taxes, customers and items with stock."""
    erp = NetSuiteDouble(
        zone=zone, client_id="mkterp", certificate_id="cert-1", public_key=public_key
    )
    erp.age = timedelta(hours=1)  # it was there before
    pound = erp.new("currency", name="British Pound", symbol="GBP")["id"]
    erp.new("currency", name="Euro", symbol="EUR")
    erp.tables["subsidiary"][1] = {
        **{"id": 1, "name": "Northbank UK", "currency": pound, "isinactive": False},
    }
    _periods(erp)
    accounts = {
        number: erp.new(
            "account",
            acctnumber=number,
            fullname=f"Account {number}",
            accttype=kind,
            issummary=False,
        )["id"]
        for number, kind in ACCOUNTS.items()
    }
    erp.new("account", acctnumber="1", fullname="Assets", accttype="Bank", issummary=True)
    erp.receivable = accounts["1.2.1"]
    for code, name in CUSTOMERS.items():
        erp.new("entity", entityid=code, altname=name, type="CustJob")
    erp.new("entity", entityid="S54", altname="Quayside Books", type="Vendor")
    erp.new("entity", entityid="E1", altname="A clerk", type="Employee")
    erp.new("location", name="WH")
    for carrier in ("DPD", "Royal Mail", "UPS"):
        erp.new("shipitem", itemid=carrier)
    vat = erp.new("taxtype", name="VAT")["id"]
    for code, account in TAXES.items():
        erp.new("salestaxitem", itemid=code, taxtype=vat, account=accounts[account])
    for name, account in SERVICES.items():
        _item(erp, name, "Service", accounts[account])
    for place in range(1, ITEMS + 1):
        item = _item(erp, f"NS-{place}", STOCKED, accounts["4.1.1"])
        item |= {"onhand": Decimal(50), "upccode": f"50{place:011}", "baseprice": Decimal(11)}
        facts = {"item": item["id"], "pricelevel": 1, "currency": pound}
        erp.new("pricing", **facts, quantity=0, unitprice=Decimal(11))
    erp.age = timedelta()
    return erp


def _item(erp: NetSuiteDouble, name: str, kind: str, account: int) -> dict[str, Any]:
    facts: dict[str, Any] = {"itemid": name, "displayname": f"Item {name}", "itemtype": kind}
    facts |= {"matrixtype": None, "parent": None, "upccode": None}
    return erp.new("item", **facts, incomeaccount=account, onhand=Decimal(0), baseprice=Decimal(0))


def _periods(erp: NetSuiteDouble) -> None:
    year = datetime.now(UTC).year
    usual = {"closed": False, "alllocked": False, "arlocked": False, "isadjust": False}
    for number in (year - 1, year, year + 1):
        first, last = date(number, 1, 1), date(number, 12, 31)
        days = {"startdate": first.isoformat(), "enddate": last.isoformat()}
        erp.new(
            "accountingperiod",
            periodname=f"FY {number}",
            **days,
            isyear=True,
            isquarter=False,
            **usual,
        )
        for month in range(1, 13):
            start = date(number, month, 1)
            end = (start + timedelta(days=32)).replace(day=1) - timedelta(days=1)
            days = {"startdate": start.isoformat(), "enddate": end.isoformat()}
            name = f"{start:%b} {number}"
            erp.new(
                "accountingperiod", periodname=name, **days, isyear=False, isquarter=False, **usual
            )


def setup(erp: NetSuiteDouble) -> dict[str, Any]:
    """What an adapter is told of the account, as JSON."""
    taxes = {}
    for row in erp.find("salestaxitem"):
        name = row["itemid"]
        facts = {"code": str(row["id"]), "type": str(row["taxtype"])}
        taxes[name] = {"rate": RATES[name], "account": TAXES[name], **facts}
    return {
        "time_zone": erp.zone.key,
        "subsidiary": "1",
        "location": "WH",
        "taxes": taxes,
        "refunds": {"4.1.1": "MKT-REFUND", "4.1.5": "MKT-AGENT-REFUND"},
    }
