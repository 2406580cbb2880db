"""What a Tryton is set up with: accounts, taxes, journals, carriers, parties."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sync.domain.documents import (
    Account,
    AccountKind,
    Journal,
    Party,
    ReferenceData,
    TaxCode,
)
from sync.erp.port import Page
from sync.erp.tryton.client import TrytonClient
from sync.erp.tryton.references import ReferenceBook

_PARTIES_A_PAGE = 500
_TYPE_FIELDS = ("name", "receivable", "payable", "revenue", "expense", "statement")


def reference_data(client: TrytonClient, book: ReferenceBook) -> ReferenceData:
    """See ErpPort.reference_data. A tax's code is its description, on which invoices print it."""
    references = book.get()
    company = references.company
    today = datetime.now(references.time_zone).date()
    active, retired = _taxes(client, company, today)
    accounts = client.rows(
        "account.account",
        [
            ["company", "=", company],
            ["closed", "!=", True],
            ["code", "!=", None],
            ["type", "!=", None],  # without one it only groups others
        ],
        ["code", "name", "party_required", "reconcile", *(f"type.{name}" for name in _TYPE_FIELDS)],
        order=[["code", "ASC"]],
    )
    journals = client.rows("account.journal", [], ["code", "name", "type"])
    return ReferenceData(
        company=references.company_name,
        currency=references.currency,
        time_zone=str(references.time_zone),
        tax_rounding=tax_rounding(client),
        taxes=active,
        retired_taxes=retired,
        accounts=tuple(_account(row) for row in accounts),
        locations=tuple(references.warehouses.values()),
        open_until=_open_until(client, company),
        journals=tuple(
            Journal(row["code"], row["name"], row["type"]) for row in journals if row["code"]
        ),
        carriers=_carriers(client, book),
    )


def _taxes(
    client: TrytonClient, company: int, today: date
) -> tuple[tuple[TaxCode, ...], tuple[TaxCode, ...]]:
    """Those in use, and those somebody has retired: made inactive, or ended by date."""
    rows = client.rows(
        "account.tax",
        [["company", "=", company], ["active", "in", [True, False]]],
        ["description", "rate", "name", "active", "end_date", "invoice_account.code"],
    )
    active: list[TaxCode] = []
    retired: list[TaxCode] = []
    for row in rows:
        if row["rate"] is None:  # a group of taxes or a fixed amount: nothing a line can name
            continue
        code = TaxCode(
            row["description"], row["rate"], row["name"], row["invoice_account."]["code"] or ""
        )
        ended = row["end_date"] is not None and row["end_date"] < today
        (active if row["active"] and not ended else retired).append(code)
    return tuple(active), tuple(retired)


def _account(row: Mapping[str, Any]) -> Account:
    kind = row["type."] or {}
    return Account(
        code=row["code"],
        name=row["name"],
        kind=kind.get("name", ""),
        group=_group(kind),
        party_required=bool(row["party_required"]),
        reconciles=bool(row["reconcile"]),
    )


def _group(kind: Mapping[str, Any]) -> AccountKind:
    for name in ("receivable", "payable", "revenue", "expense"):
        if kind.get(name):
            return AccountKind(name)
    if kind.get("statement") == "balance":
        return AccountKind.BALANCE_SHEET
    return AccountKind.OTHER


def tax_rounding(client: TrytonClient) -> str:
    """`line` or `document`, as the company's accounting is configured."""
    rows = client.rows("account.configuration", [], ["tax_rounding"], limit=1)
    return str(rows[0]["tax_rounding"]) if rows else "document"


def _open_until(client: TrytonClient, company: int) -> date | None:
    rows = client.rows(
        "account.period",
        [["company", "=", company], ["state", "=", "open"], ["type", "=", "standard"]],
        ["end_date"],
        order=[["end_date", "DESC"]],
        limit=1,
    )
    found: date | None = rows[0]["end_date"] if rows else None
    return found


def _carriers(client: TrytonClient, book: ReferenceBook) -> tuple[str, ...]:
    if "carrier" not in book.shipping_fields():
        return ()
    rows = client.rows("carrier", [], ["party.name"])
    return tuple(dict.fromkeys(row["party."]["name"] for row in rows))


def parties(client: TrytonClient, cursor: str | None) -> Page[Party]:
    """See ErpPort.parties; the cursor is the last id seen."""
    domain: list[object] = [["active", "in", [True, False]], ["code", "!=", None]]
    if cursor is not None:
        domain.append(["id", ">", int(cursor)])
    rows = client.rows("party.party", domain, ["code", "name", "active"], limit=_PARTIES_A_PAGE)
    found = tuple(
        Party(row["code"], row["name"] or "", str(row["id"]), bool(row["active"])) for row in rows
    )
    return Page(found, str(rows[-1]["id"]) if len(rows) == _PARTIES_A_PAGE else None)
