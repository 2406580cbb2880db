"""Records as REST writes them: which fields they have, read from a body and told in an answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.sandbox.erp.netsuite.store import ApiError, Row, Store

_BODY = dict.fromkeys(
    ("custbody_mkterp_key", "custbody_mkterp_order", "custbody_mkterp_reverses"), "text300"
)
_COLUMN = dict.fromkeys(
    ("custcol_mkterp_line", "custcol_mkterp_sku", "custcol_mkterp_ordered"), "text300"
)
_ALWAYS = {
    "externalId": "text100",
    "subsidiary": "ref",
    "currency": "ref",
    "tranDate": "date",
    "memo": "text999",
    **_BODY,
}
_SALE = {**_ALWAYS, "entity": "ref", "otherRefNum": "text45", "taxDetailsOverride": "bool"}
_ADDRESS = {
    **{"addressee": "text83", "addr1": "text150", "city": "text50"},
    **{"zip": "text36", "state": "text30", "country": "word"},
}
_ITEM = {
    **{"line": "int", "item": "ref", "quantity": "decimal", "price": "ref", "rate": "decimal"},
    **{"description": "text4000", "taxDetailsReference": "text100", "isClosed": "bool"},
    **_COLUMN,
}
_TAX = {
    **{"taxDetailsReference": "text100", "taxType": "ref", "taxCode": "ref"},
    **{"taxRate": "decimal", "taxBasis": "decimal", "taxAmount": "decimal"},
}
_JOURNAL_LINE = {
    **{"line": "int", "account": "ref", "debit": "decimal", "credit": "decimal"},
    **{"memo": "text4000", "entity": "ref"},
}
# Record: its fields, and those of its sublists.
RECORDS: Mapping[str, tuple[Mapping[str, str], Mapping[str, Mapping[str, str]]]] = {
    "salesOrder": (
        {**_SALE, "location": "ref", "orderStatus": "word", "shippingAddress": "address"},
        {"item": _ITEM, "taxDetails": _TAX},
    ),
    "creditMemo": (
        {**_SALE, "postingPeriod": "ref", "autoApply": "bool"},
        {"item": _ITEM, "taxDetails": _TAX},
    ),
    "journalEntry": (
        {**_ALWAYS, "postingPeriod": "ref", "approved": "bool"},
        {"line": _JOURNAL_LINE},
    ),
    "invoice": ({}, {}),
    "itemFulfillment": ({}, {}),
    "salesTaxItem": ({}, {}),
}
TYPES = {
    "salesOrder": "SalesOrd",
    "creditMemo": "CustCred",
    "journalEntry": "Journal",
    "invoice": "CustInvc",
    "itemFulfillment": "ItemShip",
}
_STATUSES = {
    "SalesOrd": {
        **{"A": "Pending Approval", "B": "Pending Fulfillment", "C": "Cancelled"},
        **{"D": "Partially Fulfilled", "E": "Pending Billing/Partially Fulfilled"},
        **{"F": "Pending Billing", "G": "Billed", "H": "Closed"},
    },
    "CustInvc": {"A": "Open", "B": "Paid In Full", "V": "Voided"},
    "CustCred": {"A": "Open", "B": "Fully Applied", "V": "Voided"},
    "ItemShip": {"A": "Picked", "B": "Packed", "C": "Shipped"},
    "Journal": {"A": "Pending Approval", "B": "Approved for Posting"},
}


def content(words: str, path: str) -> ApiError:
    """What does not fit the record."""
    return ApiError(400, "INVALID_CONTENT", f"Error while accessing a resource. {words}", path)


# -- what comes in --------------------------------------------------------------------------------


def read(kind: str, body: Mapping[str, Any], *, strict: bool) -> tuple[Row, dict[str, list[Row]]]:
    """Fields by small name, and the lines of each sublist that is given. Raises ApiError.

    Unknown fields are passed over unless the request asked for an error.
    """
    fields, sublists = RECORDS[kind]
    lines: dict[str, list[Row]] = {}
    found: Row = {}
    for name, value in body.items():
        if name in sublists:
            if not isinstance(value, dict) or set(value) - {"items"}:
                raise content(
                    f"Invalid value for the resource or sub-resource field '{name}'.", name
                )
            lines[name] = [
                _fields(sublists[name], one, strict=strict, path=f"{name}.items[{place}]")
                for place, one in enumerate(value.get("items", []))
            ]
        else:
            found |= _fields(fields, {name: value}, strict=strict, path="")
    return found, lines


def _fields(known: Mapping[str, str], body: Mapping[str, Any], *, strict: bool, path: str) -> Row:
    found: Row = {}
    for name, value in body.items():
        at = f"{path}.{name}".lstrip(".")
        if name not in known:
            if strict:
                raise content(f"Unknown reference or field: {name}.", at)
            continue
        found[name.lower()] = _value(known[name], value, at, strict=strict)
    return found


def _value(kind: str, value: Any, path: str, *, strict: bool) -> Any:
    wrong = content(f"Invalid value for the resource or sub-resource field '{path}'.", path)
    if kind == "address":
        return _fields(_ADDRESS, value, strict=strict, path=path)
    if kind in ("ref", "word"):
        if not isinstance(value, dict) or set(value) != {"id"}:
            raise wrong
        if kind == "word":
            return str(value["id"])
        try:
            return int(value["id"])
        except ValueError as error:
            raise wrong from error
    if kind == "decimal":
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise wrong
        return Decimal(value)
    if kind.startswith("text"):
        if not isinstance(value, str):
            raise wrong
        if len(value) > int(kind.removeprefix("text")):
            raise content(f"The field {path} contained more than the maximum characters.", path)
        return value
    if type(value) is not {"bool": bool, "int": int, "date": str}[kind]:
        raise wrong
    if kind == "date":
        try:
            date.fromisoformat(str(value))
        except ValueError as error:
            raise wrong from error
    return value


# -- what goes out --------------------------------------------------------------------------------


def told(store: Store, kind: str, row: Row, *, expanded: bool) -> dict[str, Any]:
    """A record as an answer has it; sublists are links until they are asked for."""
    if kind == "salesTaxItem":
        return {"id": str(row["id"]), "name": row["itemid"], "isInactive": row["isinactive"]}
    found: dict[str, Any] = {
        "links": [],
        "id": str(row["id"]),
        "tranId": row["tranid"],
        "tranDate": row["trandate"],
        "lastModifiedDate": _wired(row["lastmodifieddate"]),
        "memo": row.get("memo"),
        "otherRefNum": row.get("otherrefnum"),
        "status": _status(row),
        **{name: row.get(name) for name in _BODY},
    }
    for name, table, label in (
        ("entity", "entity", "altname"),
        ("subsidiary", "subsidiary", "name"),
        ("currency", "currency", "name"),
        ("shipMethod", "shipitem", "itemid"),
    ):
        found[name] = _ref(store, table, row.get(name.lower()), label)
    if row["type"] == "SalesOrd":
        found["orderStatus"] = _status(row)
    if row["type"] == "ItemShip":
        found["shipStatus"] = _status(row)
    if row.get("createdfrom"):
        found["createdFrom"] = {"id": str(row["createdfrom"])}
    if "total" in row:
        found["total"] = _wired(row["total"])
    lines = {"item": [_line(store, row, line) for line in row["lines"]]}
    if row["type"] != "ItemShip":
        lines["taxDetails"] = [_tax(store, one) for one in row["taxdetails"]]
    if row["packages"]:
        lines[f"package{row['packages'][0]['carrier']}"] = [
            {"packageTrackingNumber" + one["carrier"]: one["tracking"], "packageWeight": 1.0}
            for one in row["packages"]
        ]
    for name, some in lines.items():
        items = {"items": some, "totalResults": len(some)} if expanded else {}
        found[name] = {"links": [], **items}
    return {name: value for name, value in found.items() if value is not None}


def _status(row: Row) -> dict[str, str]:
    return {"id": row["status"], "refName": _STATUSES[row["type"]][row["status"]]}


def _ref(store: Store, table: str, ident: int | None, label: str) -> dict[str, Any] | None:
    if ident is None:
        return None
    name = store.tables[table].get(ident, {}).get(label, "")
    return {"links": [], "id": str(ident), "refName": name}


def _line(store: Store, row: Row, line: Row) -> dict[str, Any]:
    item = store.tables["item"][line["item"]]
    found: dict[str, Any] = {
        "links": [],
        "line": line["id"],
        "item": {"links": [], "id": str(item["id"]), "refName": item["displayname"]},
        "itemType": {"id": item["itemtype"], "refName": item["itemtype"]},
        "quantity": _wired(line["quantity"]),
        "description": line["description"],
        **{name: line.get(name) for name in _COLUMN},
    }
    if row["type"] == "ItemShip":
        found["orderLine"] = line["orderline"]
    else:
        found |= {
            "rate": _wired(line["rate"]),
            "amount": _wired(line["amount"]),
            "taxDetailsReference": line["taxdetailsreference"],
        }
    if row["type"] == "SalesOrd":
        found |= {
            "isClosed": line["isclosed"],
            "quantityFulfilled": _wired(line["fulfilled"]),
            "quantityBilled": _wired(line["billed"]),
        }
    return {name: value for name, value in found.items() if value is not None}


def _tax(store: Store, one: Row) -> dict[str, Any]:
    return {
        "links": [],
        "taxDetailsReference": one["taxdetailsreference"],
        "taxType": _ref(store, "taxtype", one["taxtype"], "name"),
        "taxCode": _ref(store, "salestaxitem", one["taxcode"], "itemid"),
        "taxRate": _wired(one["taxrate"]),
        "taxBasis": _wired(one["taxbasis"]),
        "taxAmount": _wired(one["taxamount"]),
    }


def _wired(value: Any) -> Any:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            return f"{value.isoformat()}Z"
    return value
