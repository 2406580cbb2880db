"""One signed-in user of a Tryton database over JSON-RPC: sessions, calls, warnings, failures."""

import base64
import threading
from collections.abc import Sequence
from typing import Any

import httpx

from sync.domain.delivery import AuthError, Failure, NeedsConfirmation, Throttled
from sync.erp.tryton import wire
from sync.erp.tryton.failures import Warned, from_error, from_status, from_transport
from sync.erp.wire import retry_after

# Warnings that say what we know already: selling what is short is the marketplace's doing, and a
# person has dealt with it by the time the order reaches the ERP. A credit note's tax is that of the
# original line, not the item's usual one. Tryton 8.2 may put a checksum of the records before the
# name, and modules append an id to it.
HARMLESS_WARNINGS = ("stock_quantity_warning", "invoice_taxes")
_MOST_WARNINGS = 50  # a batch can warn once a line


class TrytonClient:
    """Calls Tryton's methods; safe to share between threads. Signs in when first needed.

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
        # Tryton labels every answer over 1,400 characters gzip, but compresses it only for those
        # who ask. A write may take long (a batch of orders), a connection may not.
        self._http = httpx.Client(
            base_url=url,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 5)),
            headers={"Accept-Encoding": "gzip", "Content-Type": "application/json"},
            transport=transport,
        )
        self._path = f"/{database}/rpc/"
        self.user = user
        self._password = password
        self._lock = threading.Lock()
        self._session = ""
        self._context: dict[str, Any] = {}

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    @property
    def context(self) -> dict[str, Any]:
        """The user's preferences (company, time zone …), signing in when need be."""
        self._signed_in()
        return self._context

    def server_version(self) -> str:
        """Tryton's series, without signing in."""
        method = "common.server.version"
        answer = self._post(method, [], None, write=False, path="/rpc/")
        return str(self._result(answer, method=method, write=False))

    def read(self, method: str, *arguments: object, **context: object) -> Any:
        """Call a method that changes nothing; `context` is added to the user's own."""
        return self._call(method, arguments, context, write=False)

    def write(self, method: str, *arguments: object, **context: object) -> Any:
        """Call a method that changes something, confirming harmless warnings.

        Raises NeedsConfirmation for a warning a person has to see, UnknownOutcome when the answer
        is lost: look before sending it again.
        """
        for _ in range(_MOST_WARNINGS):
            try:
                return self._call(method, arguments, context, write=True)
            except Warned as warning:
                if not any(name in warning.name for name in HARMLESS_WARNINGS):
                    raise NeedsConfirmation(str(warning)) from warning
                self._call("model.res.user.warning.skip", (warning.name, False), {}, write=True)
        raise NeedsConfirmation(f"Tryton warns again and again in {method}.")

    def rows(
        self,
        model: str,
        domain: Sequence[object],
        fields: Sequence[str],
        *,
        limit: int | None = None,
        order: Sequence[Sequence[str]] = (("id", "ASC"),),
        **context: object,
    ) -> list[dict[str, Any]]:
        """The named fields of the records that fit; `a.b` gives `row["a."]["b"]`."""
        found: list[dict[str, Any]] = self.read(
            f"model.{model}.search_read", domain, 0, limit, order, fields, **context
        )
        return found

    def _call(
        self, method: str, arguments: Sequence[object], context: dict[str, object], *, write: bool
    ) -> Any:
        session = self._signed_in()
        params = [*arguments, {**self._context, **context}]
        answer = self._post(method, params, session, write=write)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            # An expired session was refused before the call ran: sign in and repeat it once.
            session = self._signed_in(instead_of=session)
            answer = self._post(method, params, session, write=write)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                raise AuthError("Tryton refuses a session it has just given.")
        return self._result(answer, method=method, write=write)

    def _signed_in(self, *, instead_of: str | None = None) -> str:
        with self._lock:
            if not self._session or self._session == instead_of:
                session = self._sign_in()
                method = "model.res.user.get_preferences"
                answer = self._post(method, [True, {}], session, write=False)
                preferences = self._result(answer, method=method, write=False)
                # English whatever the user prefers: see failures.py. The session last: without
                # the preferences it is worth nothing, and the next call must ask again.
                self._context = {**preferences, "language": "en"}
                self._session = session
            return self._session

    def _sign_in(self) -> str:
        parameters = [self.user, {"password": self._password}]
        answer = self._post("common.db.login", parameters, None, write=False)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise AuthError(f"Tryton refuses the user name or password of {self.user}.")
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise Throttled("Too many sign-ins at Tryton.", retry_after(answer))
        user_id, token, *_ = self._result(answer, method="common.db.login", write=False)
        secret = f"{self.user}:{user_id}:{token}".encode()
        return "Session " + base64.b64encode(secret).decode()

    def _post(
        self,
        method: str,
        params: object,
        session: str | None,
        *,
        write: bool,
        path: str | None = None,
    ) -> httpx.Response:
        body = wire.dumps({"id": 1, "method": method, "params": params})
        headers = {"Authorization": session} if session else {}
        try:
            return self._http.post(path or self._path, content=body, headers=headers)
        except httpx.TransportError as error:
            raise from_transport(error, write=write) from error
        except httpx.DecodingError as error:
            raise _garbled(write=write) from error

    def _result(self, answer: httpx.Response, *, method: str, write: bool) -> Any:
        if answer.status_code != httpx.codes.OK:
            raise from_status(answer, method=method, write=write)
        try:
            data = wire.loads(answer.content)
        except ValueError as error:
            raise _garbled(write=write) from error
        if not isinstance(data, dict) or not ("result" in data or "error" in data):
            raise _garbled(write=write)
        if "error" in data:
            raise from_error(data["error"], method=method)
        return data["result"]


def _garbled(*, write: bool) -> Failure:
    return from_transport(httpx.RemoteProtocolError("not Tryton's JSON"), write=write)
