"""SuiteQL as the REST service takes it, run by SQLite over the tables as they are at the moment.

Only tables and columns of the records catalog are there. What SuiteQL does not know (LIMIT, names
that are reserved words) is refused, and so is a page without an order.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.sandbox.erp.netsuite.store import ZERO, ApiError, Row
from tests.sandbox.erp.netsuite.trade import STOCKED, Trade

_BODY = ("custbody_mkterp_key", "custbody_mkterp_order", "custbody_mkterp_reverses")
_LINE = ("custcol_mkterp_line", "custcol_mkterp_sku", "custcol_mkterp_ordered")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "subsidiary": ("id", "name", "currency", "isinactive"),
    "currency": ("id", "name", "symbol"),
    "location": ("id", "name", "isinactive"),
    "item": (
        *("id", "itemid", "displayname", "upccode", "itemtype", "matrixtype", "parent"),
        *("isinactive", "incomeaccount", "lastmodifieddate"),
    ),
    "pricing": ("item", "pricelevel", "currency", "quantity", "unitprice"),
    "aggregateitemlocation": (
        *("item", "location", "quantityonhand", "quantityavailable", "quantitycommitted"),
        "quantitybackordered",
    ),
    "account": ("id", "acctnumber", "fullname", "accttype", "isinactive", "issummary"),
    "entity": ("id", "entityid", "altname", "type", "isinactive"),
    "shipitem": ("id", "itemid", "isinactive"),
    "accountingperiod": (
        *("id", "periodname", "startdate", "enddate", "closed", "alllocked", "arlocked"),
        *("isyear", "isquarter", "isadjust", "isinactive"),
    ),
    "transaction": (
        *("id", "type", "tranid", "status", "voided", "posting", "trandate", "externalid"),
        *("otherrefnum", "memo", "entity", "currency", "lastmodifieddate", *_BODY),
    ),
    "transactionline": (
        *("uniquekey", "id", "transaction", "mainline", "taxline", "item", "quantity", "rate"),
        *("memo", "createdfrom", "subsidiary", "entity", "isclosed", *_LINE),
    ),
    "transactionaccountingline": (
        *("transaction", "transactionline", "accountingbook", "account", "debit", "credit"),
        *("posting", "amount"),
    ),
    "dual": ("dummy",),
}
_RESERVED = ("access", "comment", "date", "level", "mode", "number", "order", "size", "user")
_NOT_KNOWN = re.compile(r"\b(limit|offset|ilike|returning|top)\b|::|;", re.I)
_WRITES = re.compile(r"\b(insert|update|delete|create|drop|alter|pragma|attach)\b", re.I)
_TOLD = "\x01"  # before text that was made by TO_CHAR
_DATE = re.compile(r"^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?$")
_FORMATS = {"YYYY-MM-DD": 10, "YYYY-MM-DD HH24:MI:SS": 19}
MOST = 100_000


def invalid(words: str) -> ApiError:
    """What the query service says to a query it does not take."""
    told = f"Invalid search query. Detailed unprocessed description follows. {words}"
    return ApiError(400, "INVALID_PARAMETER", told)


def run(trade: Trade, text: str, lacking: Iterable[str]) -> list[Row]:
    """The rows of a query, as the service tells them: text, and nothing for NULL."""
    bare = re.sub(r"'(?:[^']|'')*'", "''", text)
    if not re.match(r"\s*select\b", bare, re.I) or _WRITES.search(bare):
        raise invalid("Only SELECT is supported.")
    if found := _NOT_KNOWN.search(bare):
        raise invalid(f"Unexpected token: {found[0]}.")
    if found := re.search(rf"\bAS ({'|'.join(_RESERVED)})\b", bare, re.I):
        raise invalid(f"Unexpected token: {found[1]}.")
    if not re.search(r"\border\s+by\b", bare, re.I):
        raise invalid("This double gives no pages without an order.")
    for table in re.findall(r"\b(?:from|join)\s+(\w+)", bare, re.I):
        if table.lower() not in COLUMNS or table.lower() in lacking:
            raise invalid(f"Record '{table}' was not found.")
    connection = _loaded(trade)
    now = trade.now().isoformat(" ")
    parts = re.split(r"('(?:[^']|'')*')", text)
    for place in range(0, len(parts), 2):
        parts[place] = re.sub(r"\btransaction\b", '"transaction"', parts[place], flags=re.I)
        parts[place] = re.sub(r"\bSYSDATE\b", f"'{now}'", parts[place], flags=re.I)
    try:
        cursor = connection.execute("".join(parts))
        names = [column[0].lower() for column in cursor.description]
        rows = cursor.fetchall()
    except sqlite3.Error as error:
        raise invalid(f"{error}.") from error
    finally:
        connection.close()
    if len(rows) > MOST:
        raise invalid("The result has more than 100000 rows.")
    return [{n: _out(v) for n, v in zip(names, row, strict=True) if v is not None} for row in rows]


def _loaded(trade: Trade) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.create_function("TO_CHAR", 2, _to_char)
    connection.create_function("TO_DATE", 2, _to_date)
    connection.create_function("NVL", 2, lambda value, other: other if value is None else value)
    for table, columns in COLUMNS.items():
        names = ", ".join(f'"{column}"' for column in columns)
        connection.execute(f'CREATE TABLE "{table}" ({names})')
        marks = ", ".join("?" * len(columns))
        connection.executemany(
            f'INSERT INTO "{table}" VALUES ({marks})',
            [[_in(row.get(column)) for column in columns] for row in _rows(trade, table)],
        )
    return connection


def _to_char(value: str | None, shape: str) -> str | None:
    return None if value is None else _TOLD + value.ljust(19, " ")[: _FORMATS[shape]].strip()


def _to_date(value: str, shape: str) -> str:
    if len(value) != _FORMATS[shape]:
        raise ValueError(f"{value} is not {shape}")
    return value


def _in(value: Any) -> Any:
    match value:
        case bool():
            return "T" if value else "F"
        case Decimal():
            return float(value)
        case datetime():
            return value.isoformat(" ")
        case date():
            return value.isoformat()
    return value


def _out(value: Any) -> str:
    if isinstance(value, float):
        value = round(value, 8)
        return str(int(value)) if value == int(value) else repr(value)
    if isinstance(value, str):
        if value.startswith(_TOLD):
            return value[1:]
        if _DATE.match(value):  # in the user's own format, without a time
            year, month, day = value[:10].split("-")
            return f"{int(day)}/{int(month)}/{year}"
    return str(value)


# -- the tables -----------------------------------------------------------------------------------


def _rows(trade: Trade, table: str) -> Iterable[Row]:
    match table:
        case "dual":
            return [{"dummy": "X"}]
        case "transaction":
            return list(trade.transactions.values())
        case "transactionline":
            return _lines(trade)
        case "transactionaccountingline":
            return _booked(trade)
        case "aggregateitemlocation":
            return _levels(trade)
    return list(trade.tables[table].values())


def _main(row: Row) -> Row:
    return {
        "uniquekey": row["mainkey"],
        "id": 0,
        "mainline": True,
        "taxline": False,
        "createdfrom": row["createdfrom"],
        "entity": row.get("entity"),
        **row.get("main", {}),
    }


def _all_lines(row: Row) -> Iterable[Row]:
    if row["type"] == "Journal":  # has no line for the whole
        yield from ({**line, "mainline": False, "taxline": False} for line in row["lines"])
        return
    yield _main(row)
    sign = -1 if row["type"] in ("SalesOrd", "CustInvc", "ItemShip") else 1
    for line in row["lines"]:
        facts = {"mainline": False, "taxline": False, "createdfrom": row["createdfrom"]}
        facts |= {"quantity": sign * line.get("quantity", ZERO), "memo": line.get("description")}
        yield {**line, **facts, "entity": row.get("entity")}
    for line in row.get("taxlines", []):
        yield {**line, "mainline": False, "taxline": True, "entity": row.get("entity")}


def _lines(trade: Trade) -> Iterable[Row]:
    for row in trade.transactions.values():
        for line in _all_lines(row):
            yield {**line, "transaction": row["id"], "subsidiary": row.get("subsidiary")}


def _booked(trade: Trade) -> Iterable[Row]:
    for row in trade.transactions.values():
        for line in _all_lines(row):
            if line.get("account") is not None:
                yield {
                    "transaction": row["id"],
                    "transactionline": line["id"],
                    "accountingbook": 1,
                    "account": line["account"],
                    "debit": line.get("debit"),
                    "credit": line.get("credit"),
                    "amount": (line.get("debit") or ZERO) - (line.get("credit") or ZERO),
                    "posting": row["posting"],
                }


def _levels(trade: Trade) -> Iterable[Row]:
    committed = trade.committed()
    (location,) = trade.find("location", name="WH")
    for item in trade.find("item", itemtype=STOCKED):
        taken, waiting = committed.get(item["id"], (ZERO, ZERO))
        yield {
            "item": item["id"],
            "location": location["id"],
            "quantityonhand": item["onhand"],
            "quantityavailable": item["onhand"] - taken,
            "quantitycommitted": taken or None,
            "quantitybackordered": waiting or None,
        }
