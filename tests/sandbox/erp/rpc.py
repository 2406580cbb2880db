"""The sandbox's own small client of Tryton's JSON-RPC: what seeds the ERP and plays its people."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import httpx


class RpcError(Exception):
    """An error Tryton itself answered; `args` are its kind and its words."""


def _encode(value: object) -> dict[str, object]:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, datetime.date):
        day = {"year": value.year, "month": value.month, "day": value.day}
        return {"__class__": "date", **day}
    raise TypeError(f"no way to send {value!r}")


def _decode(value: dict[str, Any]) -> Any:
    if value.get("__class__") == "Decimal":
        return Decimal(value["decimal"])
    if value.get("__class__") == "date":
        return datetime.date(value["year"], value["month"], value["day"])
    return value


# A shipment without a carrier (handed over the counter, or written into its reference), a line with
# another tax than its item's usual one. Tryton puts a checksum of the records before the name.
_WAVED_THROUGH = (".no_carrier", ".invoice_taxes")


def _warning(error: RpcError) -> str:
    """The warning's name, empty when it is another error."""
    match error.args:
        case [_, "UserWarning", [name, *_]]:
            return str(name)
    return ""


class Rpc:
    """One signed-in user. Raises RpcError for whatever Tryton refuses, httpx's errors otherwise."""

    def __init__(self, url: str, database: str, user: str, password: str) -> None:
        self.context: dict[str, Any] = {}
        # Answers over 1,400 characters are compressed only for those who ask, and labelled
        # compressed for everybody.
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=300)
        self._path = f"/{database}/rpc/"
        self.user_id, token, _bus = self._send("common.db.login", [user, {"password": password}])
        session = base64.b64encode(f"{user}:{self.user_id}:{token}".encode()).decode()
        self._http.headers["Authorization"] = f"Session {session}"
        self.load_context()

    def close(self) -> None:
        """Close the connection; the session stays valid in Tryton."""
        self._http.close()

    def load_context(self) -> None:
        """Take over the user's preferences: without the company in them, defaults stay empty."""
        self.context = {}
        self.context = self.call("model.res.user.get_preferences", True)

    def _send(self, method: str, params: list[Any]) -> Any:
        body = json.dumps({"id": 1, "method": method, "params": params}, default=_encode)
        answer = self._http.post(self._path, content=body)
        if answer.status_code != 200:
            raise RpcError("HTTP", f"{method}: {answer.status_code} {answer.text[:300]}")
        data = json.loads(answer.content, object_hook=_decode)
        if "error" in data:
            raise RpcError(method, *data["error"])
        return data["result"]

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method; the context goes along as its last argument.

        Answers yes to the warnings that people wave through all day.
        """
        while True:
            try:
                return self._send(method, [*arguments, self.context])
            except RpcError as error:
                name = _warning(error)
                if not name.endswith(_WAVED_THROUGH):
                    raise
                self._send("model.res.user.warning.skip", [name, False, self.context])

    def create(self, model: str, *values: dict[str, Any]) -> list[int]:
        """Create records in one transaction and return their ids."""
        ids: list[int] = self.call(f"model.{model}.create", list(values))
        return ids

    def find(
        self,
        model: str,
        domain: Sequence[Any],
        order: Sequence[Any] | None = None,
        limit: int | None = None,
    ) -> list[int]:
        """The ids of the records that fit the domain."""
        ids: list[int] = self.call(f"model.{model}.search", domain, 0, limit, order)
        return ids

    def read(
        self, model: str, domain: Sequence[Any], fields: Sequence[str], limit: int | None = None
    ) -> list[dict[str, Any]]:
        """The named fields of the records that fit the domain, oldest first."""
        rows: list[dict[str, Any]] = self.call(
            f"model.{model}.search_read", domain, 0, limit, [["id", "ASC"]], fields
        )
        return rows

    def one(self, model: str, domain: Sequence[Any]) -> int:
        """The first record that fits. Raises LookupError when there is none."""
        ids = self.find(model, domain, [["id", "ASC"]], 1)
        if not ids:
            raise LookupError(f"no {model} with {domain}")
        return ids[0]

    def xml_id(self, name: str) -> int:
        """The id of a record a module brought along, by its name there."""
        found: int = self.call("model.ir.model.data.get_id", name)
        return found
