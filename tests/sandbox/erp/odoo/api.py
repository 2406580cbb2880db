"""What an Odoo says over HTTP: JSON-RPC for every series here, JSON-2 from 19 on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from tests.sandbox.erp.odoo.books import Books
from tests.sandbox.erp.odoo.orm import OdooError, Record
from tests.sandbox.erp.served import Asked, Told

_STATUS = {
    "odoo.exceptions.AccessDenied": 401,
    "odoo.exceptions.AccessError": 403,
    "odoo.exceptions.MissingError": 404,
    "odoo.exceptions.UserError": 422,
    "odoo.exceptions.ValidationError": 422,
}

# The names of positional arguments; a method of records takes their ids first.
_POSITIONAL: Mapping[str, Sequence[str]] = {
    "load": ("fields", "data"),
    "create": ("vals_list",),
    "search_read": ("domain", "fields"),
    "fields_get": ("allfields", "attributes"),
    "check_access_rights": ("operation",),
    "read_group": ("domain", "fields", "groupby"),
}


class OdooDouble(Books):
    """One database, one user with one key; `lacking` are the rights the user does not have."""

    def __init__(self, series: int, *, database: str, login: str, key: str) -> None:
        super().__init__(series)
        self.database, self.login, self.key = database, login, key
        self.lacking: set[tuple[str, str]] = set()  # ("create", "account.move")
        self.missing: set[str] = set()  # models whose module is not installed

    # -- HTTP -----------------------------------------------------------------------------------

    @staticmethod
    def name_of(asked: Asked) -> str:
        """`model.method` of a call, whatever its protocol; `service.method` of the others."""
        if found := re.fullmatch(r"/json/2/([^/]+)/([^/]+)", asked.path):
            return f"{found[1]}.{found[2]}"
        if asked.path == "/jsonrpc":
            parameters = asked.json()["params"]
            if parameters["method"] == "execute_kw":
                return f"{parameters['args'][3]}.{parameters['args'][4]}"
            return f"{parameters['service']}.{parameters['method']}"
        return asked.path

    def answer(self, asked: Asked) -> Told:
        if asked.path == "/jsonrpc" and asked.verb == "POST":
            return self._json_rpc(asked)
        if self.series >= 19 and asked.path.startswith("/json/2/") and asked.verb == "POST":
            return self._json_2(asked)
        return Told(404, b"<!doctype html><title>404 Not Found</title>")

    def _json_rpc(self, asked: Asked) -> Told:
        body = asked.json()
        envelope = {"jsonrpc": "2.0", "id": body.get("id")}
        parameters = body["params"]
        try:
            result = self._service(parameters["service"], parameters["method"], parameters["args"])
        except OdooError as error:
            data: dict[str, Any] = {"name": error.name, "message": str(error)}
            data |= {"arguments": [str(error)], "context": {}, "debug": "Traceback ..."}
            shown = {"code": 200, "message": "Odoo Server Error", "data": data}
            return Told(200, {**envelope, "error": shown})
        return Told(200, {**envelope, "result": result})

    def _service(self, service: str, method: str, arguments: Sequence[Any]) -> Any:
        if (service, method) == ("common", "version"):
            version = f"{self.series}.0"
            return {
                "server_version": version,
                "server_version_info": [self.series, 0, 0, "final", 0, ""],
                "server_serie": version,
                "protocol_version": 1,
            }
        user = next(iter(self.tables["res.users"]))
        if (service, method) == ("common", "login"):
            right = tuple(arguments) == (self.database, self.login, self.key)
            return user if right else False
        if (service, method) != ("object", "execute_kw"):
            raise OdooError("builtins.KeyError", f"'{service}'")
        database, uid, key, model, name, args, *rest = arguments
        if (database, uid, key) != (self.database, user, self.key):
            raise OdooError("odoo.exceptions.AccessDenied", "Access Denied")
        kwargs = dict(rest[0]) if rest else {}
        kwargs |= dict(zip(_POSITIONAL.get(name, ("ids",)), args, strict=False))
        return self.call(model, name, kwargs)

    def _json_2(self, asked: Asked) -> Told:
        _, _, _, model, name = asked.path.split("/")
        try:
            if asked.headers.get("authorization") != f"bearer {self.key}":
                raise OdooError("odoo.exceptions.AccessDenied", "Invalid apikey")
            if asked.headers.get("x-odoo-database", self.database) != self.database:
                return Told(404, b"<!doctype html><title>404 Not Found</title>")
            return Told(200, self.call(model, name, asked.json()))
        except OdooError as error:
            shown = {"name": error.name, "message": str(error), "arguments": [str(error)]}
            return Told(_STATUS.get(error.name, 500), {**shown, "context": {}, "debug": "..."})

    # -- methods --------------------------------------------------------------------------------

    def call(self, model: str, name: str, given: Mapping[str, Any]) -> Any:
        """Call a public method by named arguments. Raises OdooError; then nothing has changed."""
        if name.startswith("_"):
            raise OdooError("odoo.exceptions.AccessError", f"Private methods (such as {name})")
        if model not in self.models or model in self.missing:
            raise OdooError("builtins.KeyError", f"'{model}'")
        arguments = dict(given)
        context = arguments.pop("context", {}) or {}
        if name == "load":
            self._may("create", model)
            return self._load(model, arguments["fields"], arguments["data"])
        with self.transaction():
            return self._wired(self._do(model, name, arguments, context))

    def _may(self, right: str, model: str) -> None:
        if (right, model) in self.lacking:
            raise OdooError(
                "odoo.exceptions.AccessError",
                f"You are not allowed to {right} '{model}' records.",
            )

    def _do(
        self, model: str, name: str, arguments: dict[str, Any], context: Mapping[str, Any]
    ) -> Any:
        match name:
            case "search_read":
                self._may("read", model)
                ids = self.search(
                    model,
                    arguments.get("domain", []),
                    offset=arguments.get("offset", 0),
                    limit=arguments.get("limit"),
                    order=arguments.get("order") or "id",
                    context=context,
                )
                return self.read(model, ids, arguments["fields"], context)
            case "read":
                self._may("read", model)
                return self.read(model, arguments["ids"], arguments["fields"], context)
            case "create":
                self._may("create", model)
                return self.create(model, arguments["vals_list"])
            case "write":
                self._may("write", model)
                return self.write(model, arguments["ids"], arguments["vals"])
            case "message_post":
                self.rows(model, arguments["ids"])
                return True
            case "unlink":
                self._may("unlink", model)
                return self.unlink(model, arguments["ids"])
            case "fields_get":
                self._may("read", model)
                return {
                    field: {
                        "type": spec.type,
                        **({"relation": spec.relation} if spec.relation else {}),
                    }
                    for field, spec in self.models[model].items()
                }
            case "has_access" if self.series >= 18:
                return (arguments["operation"], model) not in self.lacking
            case "check_access_rights" if self.series < 18:
                return (arguments["operation"], model) not in self.lacking
            case "read_group" if self.series < 19:
                return self._groups(arguments, arguments["groupby"], "balance", context)
            case "formatted_read_group" if self.series >= 19:
                return self._groups(arguments, arguments["groupby"], "balance:sum", context)
        method = getattr(self, f"{model.replace('.', '_')}__{name}", None)
        if method is None:
            raise OdooError(
                "builtins.AttributeError", f"The method '{model}.{name}' does not exist"
            )
        self._may("write", model)
        return method(context=context, **arguments)

    def _groups(
        self, arguments: Mapping[str, Any], by: list[str], word: str, context: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        rows = self.grouped(arguments.get("domain", []), by, context)
        return [
            {
                **{name: self._reference("account.move.line", name, row[name]) for name in by},
                word: row["balance"],
                "__domain": [],
            }
            for row in rows
        ]

    def _load(self, model: str, fields: list[str], data: list[list[Any]]) -> dict[str, Any]:
        """Import rows; a row whose external id is known changes that record."""
        ids: list[int] = []
        try:
            with self.transaction():
                for row in data:
                    values = dict(zip(fields, row, strict=True))
                    external = values.pop("id")
                    facts = {name.removesuffix("/.id"): value for name, value in values.items()}
                    if external in self.external:
                        ident = self.external[external][1]
                        self.write(model, [ident], facts)
                    else:
                        (ident,) = self.create(model, [facts])
                        self.external[external] = (model, ident)
                        self._undo.append(partial(self.external.pop, external))
                    ids.append(ident)
        except OdooError as error:
            message = {"type": "error", "message": str(error), "record": len(ids), "rows": {}}
            return {"ids": False, "messages": [message], "nextrow": 0}
        return {"ids": ids, "messages": [], "nextrow": 0}

    # -- reading --------------------------------------------------------------------------------

    def read(
        self, model: str, ids: Sequence[int], fields: Sequence[str], context: Mapping[str, Any]
    ) -> list[Record]:
        """Records as Odoo shows them: references with their names."""
        return [
            {
                "id": ident,
                **{
                    name: self._reference(
                        model, name, self.value(model, self.row(model, ident), name, context)
                    )
                    for name in fields
                },
            }
            for ident in ids
            if ident in self.tables[model]
        ]

    def _reference(self, model: str, name: str, value: Any) -> Any:
        spec = self.field(model, name)
        if spec.type == "many2one" and value:
            row = self.row(spec.relation, value)
            return [value, self.value(spec.relation, row, "display_name", {})]
        return value

    def _wired(self, value: Any) -> Any:
        match value:
            case Decimal():
                return float(value)
            case datetime():
                return value.strftime("%Y-%m-%d %H:%M:%S")
            case dict():
                return {key: self._wired(item) for key, item in value.items()}
            case list() | tuple():
                return [self._wired(item) for item in value]
        return value
