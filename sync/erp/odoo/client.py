"""One user of an Odoo database: calls over JSON-RPC or JSON-2, and what a refusal means.

JSON-2 came with 19, where JSON-RPC is deprecated; before, there is only JSON-RPC. Both call the
same methods by the same named arguments, one transaction a call.
"""

import threading
from collections.abc import Sequence
from typing import Any

import httpx

from sync.domain.delivery import (
    AuthError,
    Failure,
    MissingRight,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from sync.erp import wire

JSON_2_SINCE = 19
# Methods whose first argument JSON-RPC wants by position, because Odoo looks at it before the call.
_POSITIONAL = {"create": ("vals_list",), "load": ("fields", "data")}
_RIGHTS = {"odoo.exceptions.AccessError"}
_SIGN_IN = {"odoo.exceptions.AccessDenied", "odoo.http.SessionExpiredException"}
# A model, field or method this Odoo does not have: another series, or a module is missing.
_ABSENT = {"builtins.KeyError", "builtins.AttributeError", "builtins.ValueError"}
_BUSY = ("SerializationFailure", "LockNotAvailable", "ConcurrencyError", "DeadlockDetected")
_REFUSED = {
    "odoo.exceptions.UserError",
    "odoo.exceptions.ValidationError",
    "odoo.exceptions.RedirectWarning",
    "odoo.exceptions.MissingError",
}


class OdooClient:
    """Calls Odoo's methods; safe to share between threads. Signs in when first needed.

    Raises only the failures of `sync.domain.delivery`. A `write` whose answer is lost is an
    UnknownOutcome, a read is merely Transient.
    """

    def __init__(
        self,
        url: str,
        database: str,
        user: str,
        password: str,
        *,
        timeout: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=url,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 5)),
            headers={"Content-Type": "application/json"},
            transport=transport,
        )
        self._database, self.user, self._password = database, user, password
        self._lock = threading.Lock()
        self._uid: int | None = None
        self._version = ""

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    @property
    def version(self) -> str:
        """Odoo's version ("19.0"), without signing in."""
        with self._lock:
            if not self._version:
                told = self._rpc("common", "version", [], write=False)
                self._version = str(told["server_version"])
            return self._version

    @property
    def series(self) -> int:
        """The number before the dot; 0 when the version names none."""
        number = self.version.removeprefix("saas~").partition(".")[0]
        return int(number) if number.isdigit() else 0

    def sign_in(self) -> int:
        """The user's id. Raises AuthError."""
        with self._lock:
            if self._uid is None:
                arguments = [self._database, self.user, self._password]
                uid = self._rpc("common", "login", arguments, write=False)
                if not uid:
                    raise AuthError(f"Odoo refuses the user name or API key of {self.user}.")
                self._uid = int(uid)
            return self._uid

    def read(
        self, model: str, method: str, *, ids: Sequence[int] | None = None, **named: object
    ) -> Any:
        """Call a method that changes nothing."""
        return self._call(model, method, ids, named, write=False)

    def write(
        self, model: str, method: str, *, ids: Sequence[int] | None = None, **named: object
    ) -> Any:
        """Call a method that changes something."""
        return self._call(model, method, ids, named, write=True)

    def rows(
        self,
        model: str,
        domain: Sequence[object],
        fields: Sequence[str],
        *,
        limit: int | None = None,
        order: str = "id",
        archived: bool = False,
        context: dict[str, object] | None = None,
    ) -> list[dict[str, Any]]:
        """The named fields of the records that fit, archived ones only when asked."""
        named: dict[str, object] = {
            "domain": list(domain),
            "fields": list(fields),
            "order": order,
            "context": {**(context or {}), **({"active_test": False} if archived else {})},
        }
        if limit is not None:
            named["limit"] = limit
        found: list[dict[str, Any]] = self._call(model, "search_read", None, named, write=False)
        return found

    def fields(self, model: str) -> frozenset[str]:
        """The names of a model's fields, as this user may see them."""
        return frozenset(self.read(model, "fields_get", attributes=["type"]))

    def upsert(self, model: str, rows: Sequence[dict[str, object]]) -> list[int]:
        """Create records under external ids of ours, or change those that have them already.

        Odoo keeps external ids unique, so two who do this at once get the same record. All rows
        have the same fields, `id` (the external one) among them; all or nothing. Raises Rejected.
        """
        names = list(rows[0])
        told = self.write(model, "load", fields=names, data=[[r[n] for n in names] for r in rows])
        errors = [m for m in told["messages"] if m.get("type") == "error"]
        if errors or not told["ids"]:
            words = "; ".join(str(m["message"]) for m in errors) or "Odoo loaded nothing."
            if "external identifier" in words or "unique" in words:
                # Somebody is making the same one at this moment.
                raise Transient(f"Odoo: {words}")
            raise Rejected(words)
        return [int(ident) for ident in told["ids"]]

    # -- the wire -------------------------------------------------------------------------------

    def _call(
        self,
        model: str,
        method: str,
        ids: Sequence[int] | None,
        named: dict[str, object],
        *,
        write: bool,
    ) -> Any:
        # English whatever the user prefers: some failures can only be told by their words.
        given = dict(named.pop("context", None) or {})  # type: ignore[call-overload]
        named = {**named, "context": {"lang": "en_US", **given}}
        if self.series >= JSON_2_SINCE:
            body = {**({"ids": list(ids)} if ids is not None else {}), **named}
            headers = {
                "Authorization": f"bearer {self._password}",
                "X-Odoo-Database": self._database,
            }
            answer = self._post(f"/json/2/{model}/{method}", body, headers, write=write)
            return self._result(answer, write=write)
        uid = self.sign_in()
        positional: list[object] = [named.pop(name) for name in _POSITIONAL.get(method, ())]
        if ids is not None:
            positional.insert(0, list(ids))
        call = [self._database, uid, self._password, model, method, positional, named]
        return self._rpc("object", "execute_kw", call, write=write)

    def _rpc(self, service: str, method: str, arguments: Sequence[object], *, write: bool) -> Any:
        parameters = {"service": service, "method": method, "args": arguments}
        body = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": parameters}
        answer = self._post("/jsonrpc", body, {}, write=write)
        told = self._result(answer, write=write)
        if not isinstance(told, dict) or not ("result" in told or "error" in told):
            raise wire.garbled("Odoo", write=write)
        if "error" in told:
            data = told["error"].get("data") or {}
            raise failure(str(data.get("name", "")), str(data.get("message", told["error"])))
        return told["result"]

    def _post(
        self, path: str, body: object, headers: dict[str, str], *, write: bool
    ) -> httpx.Response:
        try:
            return self._http.post(path, content=wire.dumps(body), headers=headers)
        except httpx.HTTPError as error:
            raise wire.no_answer("Odoo", error, write=write) from error

    @staticmethod
    def _result(answer: httpx.Response, *, write: bool) -> Any:
        try:
            told = wire.loads(answer.content)
        except ValueError:
            told = None
        if answer.is_success:
            if told is None and answer.content != b"null":
                raise wire.garbled("Odoo", write=write)
            return told
        raise from_status(answer, told, write=write)


def from_status(answer: httpx.Response, told: object, *, write: bool) -> Failure:
    """What an HTTP status other than 2xx means; JSON-2 says the exception's name beside it."""
    status = answer.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Throttled("Odoo asks for fewer calls.", wire.retry_after(answer))
    if isinstance(told, dict) and told.get("name"):
        return failure(str(told["name"]), str(told.get("message", "")))
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return AuthError("Odoo refuses the API key: it may have expired (at most three months).")
    if status == httpx.codes.NOT_FOUND:
        return MissingRight("Odoo has no such database or interface at this address.")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        if write and status != httpx.codes.SERVICE_UNAVAILABLE:
            return UnknownOutcome(f"Odoo answered {status} to a write.")
        return Transient(f"Odoo answered {status}.")
    return Rejected(f"Odoo answered {status}: {answer.text[:200]}")


def failure(name: str, message: str) -> Failure:
    """One of Odoo's exceptions, by its Python name."""
    message = message.strip() or name
    if name in _RIGHTS:
        return MissingRight(f"Odoo: {message}")
    if name in _SIGN_IN:
        return AuthError(f"Odoo refuses the sign-in: {message}")
    if name in _REFUSED:
        return Rejected(message)
    if any(word in name for word in _BUSY):
        return Transient(f"Odoo is busy with the same records: {message}")
    if name in _ABSENT:
        return MissingRight(f"Odoo lacks something we need: {message}")
    return Rejected(f"Odoo failed inside: {name}: {message}")
