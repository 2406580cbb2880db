"""What the double says over HTTP: tokens, OData v4, ETags, limits and errors."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from tests.sandbox.erp.business_central.door import Door
from tests.sandbox.erp.business_central.odata import ApiError, Filter, Row, bad
from tests.sandbox.erp.business_central.schema import (
    ENTITIES,
    MAY_CHANGE,
    MAY_CREATE,
    MAY_DELETE,
    OF_A_PARENT,
    PARTS,
)
from tests.sandbox.erp.business_central.trade import LINES, Trade
from tests.sandbox.erp.served import Asked, Told

_SEGMENT = re.compile(r"^([A-Za-z]+)(?:\(([0-9a-f-]{36})\))?$")
_OPTIONS = {"$filter", "$expand", "$top", "$skip", "$select", "$orderby", "$skiptoken"}
_PAGE = 20_000
_PARENTS = {"salesOrderLines": "salesOrders", "salesCreditMemoLines": "salesCreditMemos"}


class BusinessCentralDouble(Trade):
    """One environment with one company; `lacking` are entities the application may not read."""

    def __init__(self, *, tenant: str, environment: str, client_id: str, secret: str) -> None:
        super().__init__()
        self.tenant, self.environment = tenant, environment
        self.client_id, self.secret = client_id, secret
        self.lacking: set[str] = set()
        self.door = Door(client_id, secret)

    # -- HTTP -----------------------------------------------------------------------------------

    @staticmethod
    def name_of(asked: Asked) -> str:
        """`POST salesOrders`, `POST journals.post`, `POST token`."""
        last = asked.path.rpartition("/")[2]
        if last.startswith("Microsoft.NAV."):
            before = asked.path.split("/")[-2].partition("(")[0]
            return f"{asked.verb} {before}.{last.removeprefix('Microsoft.NAV.')}"
        return f"{asked.verb} {last.partition('(')[0]}"

    def answer(self, asked: Asked) -> Told:
        if asked.path == f"/{self.tenant}/oauth2/v2.0/token" and asked.verb == "POST":
            return self.door.token(asked)
        try:
            self.door.enter(asked)
            with self.transaction():
                return self._route(asked)
        except ApiError as error:
            words = f"{error}  CorrelationId:  {uuid.uuid4()}."
            told = {"error": {"code": error.code, "message": words}}
            wait = {"Retry-After": "10"} if error.status == 429 else {}
            return Told(error.status, told, wait)

    def _route(self, asked: Asked) -> Told:
        root = f"/v2.0/{self.tenant}/{self.environment}/api/v2.0/"
        if not asked.path.startswith(root):
            raise ApiError(404, "BadRequest_ResourceNotFound", "No HTTP resource was found.")
        segments = asked.path.removeprefix(root).split("/")
        if segments == ["companies"]:
            return Told(
                200, {"value": [self._shown("companies", x) for x in self.find("companies")]}
            )
        found = _SEGMENT.match(segments[0])
        if not found or found[1] != "companies" or found[2] not in self.tables["companies"]:
            raise ApiError(404, "Internal_CompanyNotFound", "The company does not exist.")
        return self._resource(asked, segments[1:])

    def _resource(self, asked: Asked, segments: list[str]) -> Told:
        action = ""
        if segments[-1].startswith("Microsoft.NAV."):
            action = segments.pop().removeprefix("Microsoft.NAV.")
        entity, ident = self._segment(segments[0])
        parent: Row | None = None
        if len(segments) == 2 and ident:
            parent = self._row(entity, ident)
            child, ident = self._segment(segments[1])
            if child not in PARTS.get(entity, {}):
                raise bad(f"Resource not found for the segment '{child}'.")
            parent = {**parent, "_entity": entity}
            entity = child
        elif len(segments) != 1:
            raise bad("Resource not found.")
        if entity in self.lacking:
            raise ApiError(403, "Authorization_RequestDenied", f"No permission for {entity}.")
        match asked.verb:
            case "GET":
                return self._get(asked, entity, ident, parent)
            case "POST" if action:
                return self._act(entity, ident, action)
            case "POST" if not ident:
                return self._create(entity, parent, self._body(asked))
            case "PATCH" if ident:
                return self._change(asked, entity, ident)
            case "DELETE" if ident:
                return self._delete(asked, entity, ident)
        raise ApiError(405, "BadRequest_MethodNotAllowed", f"{asked.verb} is not supported here.")

    @staticmethod
    def _segment(text: str) -> tuple[str, str]:
        found = _SEGMENT.match(text)
        if not found or found[1] not in ENTITIES:
            raise ApiError(
                404, "BadRequest_NotFound", f"Resource not found for the segment '{text}'."
            )
        return found[1], found[2] or ""

    def _row(self, entity: str, ident: str) -> Row:
        if ident not in self.tables[entity]:
            raise ApiError(404, "Internal_RecordNotFound", "The record was not found.")
        return self.tables[entity][ident]

    @staticmethod
    def _body(asked: Asked) -> dict[str, Any]:
        if not asked.headers.get("content-type", "").startswith("application/json"):
            raise ApiError(415, "BadRequest_UnsupportedMediaType", "JSON is wanted.")
        try:
            told: dict[str, Any] = json.loads(asked.body, parse_float=Decimal)
        except ValueError as error:
            raise bad("The body is not JSON.") from error
        return told

    # -- reading --------------------------------------------------------------------------------

    def _get(self, asked: Asked, entity: str, ident: str, parent: Row | None) -> Told:
        query = dict(asked.query)
        if unknown := set(query) - _OPTIONS:
            raise bad(f"The query parameter '{min(unknown)}' is not supported.")
        expand = [name for name in query.get("$expand", "").split(",") if name]
        for name in expand:
            if name not in PARTS.get(entity, {}):
                raise bad(f"Could not find a property named '{name}' on type '{entity}'.")
        if ident:
            return Told(200, self._shown(entity, self._row(entity, ident), expand))
        if parent is None and entity in OF_A_PARENT:
            raise ApiError(
                400, "Application_DialogException",
                "You must specify an Id or a Document Id to get the lines.",
            )  # fmt: skip
        rows = list(self.tables[entity].values())
        if parent is not None:
            field = PARTS[parent["_entity"]][entity]
            rows = [row for row in rows if row[field] == parent["id"]]
        if text := query.get("$filter", ""):
            test = Filter(entity, text).test
            rows = [row for row in rows if test(row)]
        return self._paged(asked, query, entity, rows, expand)

    def _paged(
        self, asked: Asked, query: dict[str, str], entity: str, rows: list[Row], expand: list[str]
    ) -> Told:
        size = _PAGE
        if found := re.search(r"odata\.maxpagesize=(\d+)", asked.headers.get("prefer", "")):
            size = min(size, int(found[1]))
        start = int(query.get("$skip", 0))
        if mark := query.pop("$skiptoken", ""):
            start = int(base64.urlsafe_b64decode(mark))
        end = start + int(query.get("$top", len(rows)))
        page = rows[start : min(end, start + size)]
        told: dict[str, Any] = {"value": [self._shown(entity, row, expand) for row in page]}
        if start + size < min(end, len(rows)):
            query["$skiptoken"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
            host = asked.headers.get("host", "localhost")
            told["@odata.nextLink"] = f"https://{host}{asked.path}?{urlencode(query)}"
        return Told(200, told)

    def _shown(self, entity: str, row: Row, expand: list[str] | None = None) -> dict[str, Any]:
        told: dict[str, Any] = {"@odata.etag": self._etag(row)}
        told |= {name: _wired(row[name]) for name in ENTITIES[entity]}
        for name in expand or ():
            field = PARTS[entity][name]
            inside = [one for one in self.tables[name].values() if one[field] == row["id"]]
            told[name] = [self._shown(name, one) for one in inside]
        return told

    @staticmethod
    def _etag(row: Row) -> str:
        mark = base64.b64encode(f"{row['id']};{row['_version']}".encode()).decode()
        return f'W/"{mark}"'

    # -- writing --------------------------------------------------------------------------------

    def _create(self, entity: str, parent: Row | None, body: Mapping[str, Any]) -> Told:
        if entity not in MAY_CREATE:
            raise ApiError(405, "BadRequest_MethodNotAllowed", f"{entity} cannot be made.")
        values = self.values(entity, body)
        nested = {name: body[name] for name in PARTS.get(entity, {}) if name in body}
        if entity in LINES:
            if set(nested) - {LINES[entity]}:
                raise bad("This double nests lines alone.")
            lines = [self.values(LINES[entity], x) for x in nested.get(LINES[entity], [])]
            row = self.new_document(entity, values, lines)
        elif nested:
            raise bad("This double nests nothing here.")
        elif entity == "journals":
            row = self.new_journal(values)
        elif parent is None:
            raise bad(f"{entity} are made under their parent.")
        elif entity == "journalLines":
            row = self.new_journal_line(parent, values)
        elif entity == "dimensionSetLines":
            row = self.dimension(parent["id"], values["code"], values["valueCode"])
        else:
            document = self._row(parent["_entity"], parent["id"])
            row = self.new_line(parent["_entity"], document, values)
        return Told(201, self._shown(entity, row))

    def _held(self, asked: Asked, entity: str, ident: str) -> Row:
        """The row, if the ETag sent is that of its present version."""
        row = self._row(entity, ident)
        wanted = asked.headers.get("if-match", "")
        if not wanted:
            raise ApiError(
                400, "BadRequest_InvalidRequestHeaders", "The If-Match header must be specified."
            )
        if wanted not in ("*", self._etag(row)):
            raise ApiError(
                409, "Request_EntityChanged",
                "Another user has already changed the record.",
            )  # fmt: skip
        return row

    def _change(self, asked: Asked, entity: str, ident: str) -> Told:
        row = self._held(asked, entity, ident)
        if entity not in MAY_CHANGE:
            raise ApiError(405, "BadRequest_MethodNotAllowed", f"{entity} cannot be changed.")
        values = self.values(entity, self._body(asked))
        if entity in _PARENTS:
            self.change_line(_PARENTS[entity], row, values)
        elif row["status"] != "Draft":
            raise ApiError(400, "Application_DialogException", "Status must be equal to 'Open'.")
        else:
            self.put(row, values)
        return Told(200, self._shown(entity, row))

    def _delete(self, asked: Asked, entity: str, ident: str) -> Told:
        row = self._held(asked, entity, ident)
        if entity not in MAY_DELETE or row.get("status", "Draft") != "Draft":
            raise ApiError(400, "Application_DialogException", "The record cannot be deleted.")
        for part, field in PARTS.get(entity, {}).items():
            for inside in self.find(part, **{field: ident}):
                del self.tables[part][inside["id"]]
        del self.tables[entity][ident]
        return Told(204)

    def _act(self, entity: str, ident: str, action: str) -> Told:
        row = self._row(entity, ident)
        match entity, action:
            case "journals", "post":
                self.post_journal(row)
            case "salesCreditMemos", "post":
                self.post_memo(row)
            case "salesOrders", "shipAndInvoice":
                self.ship(row)
                self.invoice(row, row["postingDate"])
            case _:
                raise ApiError(404, "BadRequest_NotFound", f"There is no action {action}.")
        return Told(204)


def _wired(value: Any) -> Any:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date():
            return value.isoformat()
    return value
