"""The bank's and the gateway's files: CSV, and CAMT.053 in the versions 2 and 8."""

from __future__ import annotations

import csv
import io
from xml.sax.saxutils import escape

from tests.sandbox.marketplacer.store import Doc, Store

ACCOUNT = "GB33NBNK60161331926819"


def _pounds(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def bank_csv(store: Store) -> str:
    """All bank lines as a statement in CSV: date, reference, counterparty, amount, id."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["Date", "Transaction id", "Payee", "Reference", "Amount", "Currency"])
    for row in store.all("BankLine"):
        writer.writerow(
            [row["bookedAt"][:10], row["identity"], row["counterparty"], row["reference"],
             _pounds(row["amountCents"]), row["currency"]]
        )  # fmt: skip
    return out.getvalue()


def gateway_csv(store: Store) -> str:
    """All gateway lines in CSV."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["Transaction", "Type", "Date", "Invoice", "Order", "Amount", "Fee", "Currency", "Payout"]
    )
    for row in store.all("GatewayLine"):
        writer.writerow(
            [row["identity"], row["type"].lower(), row["at"][:10], row["invoiceNumber"],
             row["orderNumber"], _pounds(row["amountCents"]), _pounds(row["feeCents"]),
             row["currency"], row["payout"]]
        )  # fmt: skip
    return out.getvalue()


def bank_camt(store: Store, version: int) -> str:
    """All bank lines as one CAMT.053 statement. `version` 2 or 8."""
    space = f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version:02d}"
    entries = "\n".join(_entry(row, version) for row in store.all("BankLine"))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{space}"><BkToCstmrStmt>'
        "<GrpHdr><MsgId>SANDBOX</MsgId><CreDtTm>2026-01-01T00:00:00Z</CreDtTm></GrpHdr>"
        f"<Stmt><Id>1</Id><Acct><Id><IBAN>{ACCOUNT}</IBAN></Id><Ccy>GBP</Ccy></Acct>\n"
        f"{entries}\n</Stmt></BkToCstmrStmt></Document>\n"
    )


def _entry(row: Doc, version: int) -> str:
    sign = "CRDT" if row["amountCents"] > 0 else "DBIT"
    status = "<Sts><Cd>BOOK</Cd></Sts>" if version >= 8 else "<Sts>BOOK</Sts>"
    name = escape(row["counterparty"])
    party = f"<Pty><Nm>{name}</Nm></Pty>" if version >= 8 else f"<Nm>{name}</Nm>"
    side = "Dbtr" if row["amountCents"] > 0 else "Cdtr"
    return (
        f'<Ntry><Amt Ccy="{row["currency"]}">{_pounds(abs(row["amountCents"]))}</Amt>'
        f"<CdtDbtInd>{sign}</CdtDbtInd>{status}<BookgDt><Dt>{row['bookedAt'][:10]}</Dt></BookgDt>"
        f"<AcctSvcrRef>{row['identity']}</AcctSvcrRef><NtryDtls><TxDtls>"
        f"<RltdPties><{side}>{party}</{side}></RltdPties>"
        f"<RmtInf><Ustrd>{escape(row['reference'])}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )
