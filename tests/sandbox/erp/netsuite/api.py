"""What the double says over HTTP: tokens, records, SuiteQL, limits and errors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.sandbox.erp.netsuite import suiteql
from tests.sandbox.erp.netsuite.door import TOKEN_PATH, Door
from tests.sandbox.erp.netsuite.records import RECORDS, TYPES, content, read, told
from tests.sandbox.erp.netsuite.store import ApiError, Row
from tests.sandbox.erp.netsuite.trade import Trade
from tests.sandbox.erp.served import Asked, Told

_ROOT = "/services/rest/"
_RECORD = re.compile(r"^record/v1/(\w+)(?:/((?:eid:)?[\w-]+))?(?:/!transform/(\w+))?$")
_MOST = 1000  # rows a page
_TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}


class NetSuiteDouble(Trade):
    """One account; `lacking` are tables and records the application's role may not see."""

    def __init__(self, *, zone: str, client_id: str, certificate_id: str, public_key: str) -> None:
        super().__init__(zone)
        self.lacking: set[str] = set()
        self.door = Door(client_id, certificate_id, public_key)

    @staticmethod
    def name_of(asked: Asked) -> str:
        """`POST salesOrder`, `GET invoice`, `POST suiteql`, `POST token`."""
        found = _RECORD.match(asked.path.removeprefix(_ROOT))
        return f"{asked.verb} {found[1] if found else asked.path.rpartition('/')[2]}"

    def answer(self, asked: Asked) -> Told:
        if asked.path == TOKEN_PATH and asked.verb == "POST":
            return self.door.token(asked)
        try:
            with self.door.enter(asked), self.whole():
                return self._route(asked)
        except ApiError as error:
            detail = {"detail": str(error), "o:errorCode": error.code}
            if error.path:
                detail["o:errorPath"] = error.path
            told_ = {
                "type": "https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html",
                "title": _TITLES.get(error.status, "Error"),
                "status": error.status,
                "o:errorDetails": [detail],
            }
            return Told(error.status, told_, {"Retry-After": "3"} if error.status == 429 else {})

    def _route(self, asked: Asked) -> Told:
        path = asked.path.removeprefix(_ROOT)
        if path == "query/v1/suiteql" and asked.verb == "POST":
            return self._query(asked)
        found = _RECORD.match(path)
        if not found or found[1] not in RECORDS:
            raise ApiError(404, "NONEXISTENT_RECORD_TYPE", f"Record type {path} does not exist.")
        kind, ident, target = found[1], found[2] or "", found[3]
        if kind in self.lacking:
            words = "Permission Violation: You need a higher permission for this record."
            raise ApiError(403, "INSUFFICIENT_PERMISSION", words)
        match asked.verb:
            case "GET" if ident:
                expanded = asked.query.get("expandSubResources") == "true"
                return Told(200, told(self, kind, self._row(kind, ident), expanded=expanded))
            case "POST" if ident and target:
                return self._transform(asked, kind, ident, target)
            case "POST" if not ident:
                return self._made(kind, self._create(kind, asked, {}))
            case "PUT" if ident.startswith("eid:"):
                external = ident.removeprefix("eid:")
                if self.by_external(TYPES[kind], external) is None:
                    return self._made(kind, self._create(kind, asked, {"externalid": external}))
                return self._change(asked, kind, ident)
            case "PATCH" if ident:
                return self._change(asked, kind, ident)
        raise ApiError(405, "METHOD_NOT_ALLOWED", f"{asked.verb} is not allowed here.")

    # -- SuiteQL --------------------------------------------------------------------------------

    def _query(self, asked: Asked) -> Told:
        if asked.headers.get("prefer") != "transient":
            raise ApiError(400, "INVALID_HEADER", "The header Prefer: transient is missing.")
        limit = int(asked.query.get("limit", _MOST))
        offset = int(asked.query.get("offset", 0))
        if not 1 <= limit <= _MOST or offset % limit:
            raise ApiError(400, "INVALID_PARAMETER", "limit is up to 1000, offset a multiple.")
        rows = suiteql.run(self, str(self._body(asked).get("q", "")), self.lacking)
        page = [{"links": [], **row} for row in rows[offset : offset + limit]]
        more = offset + limit < len(rows)
        links = [{"rel": "self", "href": asked.path}]
        if more:
            following = f"{asked.path}?limit={limit}&offset={offset + limit}"
            links.append({"rel": "next", "href": following})
        return Told(
            200,
            {
                "links": links,
                "count": len(page),
                "hasMore": more,
                "items": page,
                "offset": offset,
                "totalResults": len(rows),
            },
        )

    # -- records --------------------------------------------------------------------------------

    def _row(self, kind: str, ident: str) -> Row:
        if kind == "salesTaxItem":
            found = self.tables["salestaxitem"].get(int(ident))
        elif ident.startswith("eid:"):
            found = self.by_external(TYPES[kind], ident.removeprefix("eid:"))
        else:
            found = self.transactions.get(int(ident))
            if found is not None and found["type"] != TYPES[kind]:
                found = None
        if found is None:
            words = "Error while accessing a resource. The record instance does not exist."
            raise ApiError(404, "NONEXISTENT_ID", f"{words} Provide a valid record instance ID.")
        return found

    @staticmethod
    def _body(asked: Asked) -> dict[str, Any]:
        if not asked.headers.get("content-type", "").startswith("application/json"):
            raise ApiError(415, "INVALID_HEADER", "JSON is wanted.")
        try:
            body: dict[str, Any] = json.loads(asked.body, parse_float=Decimal)
        except ValueError as error:
            raise content("Invalid content in the request body.", "") from error
        return body

    def _read(self, kind: str, asked: Asked) -> tuple[Row, dict[str, list[Row]]]:
        strict = asked.headers.get("x-netsuite-propertynamevalidation") == "Error"
        return read(kind, self._body(asked), strict=strict)

    @staticmethod
    def _made(kind: str, row: Row) -> Told:
        return Told(204, None, {"Location": f"{_ROOT}record/v1/{kind}/{row['id']}"})

    def _create(self, kind: str, asked: Asked, given: Mapping[str, Any]) -> Row:
        facts, lines = self._read(kind, asked)
        facts |= given
        facts.setdefault("trandate", self.today())
        match kind:
            case "salesOrder":
                self._overridden(facts)
                facts["status"] = facts.pop("orderstatus", "A")
                return self.new_order(facts, lines.get("item", []), lines.get("taxDetails", []))
            case "creditMemo":
                self._overridden(facts)
                return self.new_memo(facts, lines.get("item", []), lines.get("taxDetails", []))
            case "journalEntry":
                return self.new_entry(facts, lines.get("line", []))
        raise ApiError(405, "METHOD_NOT_ALLOWED", f"{kind} is not made by itself here.")

    @staticmethod
    def _overridden(facts: Row) -> None:
        if facts.get("taxdetailsoverride") is not True:
            words = "This double has no tax engine: override the tax details."
            raise content(words, "taxDetailsOverride")

    def _change(self, asked: Asked, kind: str, ident: str) -> Told:
        row = self._row(kind, ident)
        if kind != "salesOrder":
            raise ApiError(405, "METHOD_NOT_ALLOWED", f"{kind} is not changed here.")
        facts, lines = self._read(kind, asked)
        replace = set(asked.query.get("replace", "").split(","))
        facts.pop("orderstatus", None)
        row |= facts
        if "item" in replace:
            raise content("This double replaces no items.", "item")
        for values in lines.get("item", []):
            place = values.pop("line", None)
            known = [line for line in row["lines"] if line["id"] == place]
            if known:
                self.change_line(row, known[0], values)
            else:  # a line without the key of one that is there is another one
                self.add_line(row, values)
        if "taxDetails" in lines:
            before = [] if "taxDetails" in replace else row["taxdetails"]
            self.set_taxes(row, [*before, *lines["taxDetails"]])
        self.settle(row)
        return self._made(kind, row)

    def _transform(self, asked: Asked, kind: str, ident: str, target: str) -> Told:
        order = self._row(kind, ident)
        if (kind, target) != ("salesOrder", "invoice"):
            raise ApiError(400, "INVALID_REQUEST", f"{kind} is not transformed into {target} here.")
        made = self.bill(order, self.today())
        if made is None:
            raise content("There is nothing to be billed.", "item")
        return self._made(target, made)
