"""One company of a Business Central, over OData v4; and what a refusal of it means.

Signs in with client credentials at Microsoft Entra. A record carries an ETag, and a change or
deletion names it: what somebody else changed meanwhile is a Conflict, never overwritten.
"""

import threading
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from sync.domain.delivery import (
    AuthError,
    Conflict,
    Failure,
    MissingRight,
    PeriodClosed,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from sync.erp import wire
from sync.erp.business_central.filters import literal
from sync.erp.tokens import Tokens

NAME = "Business Central"
AT_ONCE = 5  # what it works on at once for one user
PAGE = 20_000  # entities in one answer, at most
_VALUES = 20  # in one filter: addresses have an end
# Business Central gives a request up after ten minutes at most. A write is waited for longer, so
# that a lost answer means a lost connection and not work that still goes on.
WRITE_TIMEOUT = 630.0
_SCOPE = "https://api.businesscentral.dynamics.com/.default"

Row = dict[str, Any]


class Taken(Rejected):
    """Another record has the same key."""


class BusinessCentralClient:
    """Reads and writes the company's records; safe to share between threads.

    Raises only the failures of `sync.domain.delivery`. A write whose answer is lost is an
    UnknownOutcome, a read is merely Transient.
    """

    def __init__(
        self,
        *,
        url: str,
        login_url: str,
        tenant: str,
        environment: str,
        company: str,
        client_id: str,
        secret: str,
        timeout: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(timeout=httpx.Timeout(timeout, connect=5), transport=transport)
        self._host = url.rstrip("/")
        self._root = f"/v2.0/{tenant}/{environment}/api/v2.0"
        self._timeout = timeout
        self.company_name = company
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": secret,
            "scope": _SCOPE,
        }
        self._tokens = Tokens(
            self._http,
            f"{login_url.rstrip('/')}/{tenant}/oauth2/v2.0/token",
            form=lambda: form,
            door="Microsoft Entra",
            refused=f"Microsoft Entra refuses the application {client_id}: its secret may have "
            "expired",
        )
        self._at_once = threading.BoundedSemaphore(AT_ONCE)
        self._company = ""

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    # -- reading --------------------------------------------------------------------------------

    def company(self) -> str:
        """The company's id, by its name. Raises MissingRight when there is no such company."""
        if not self._company:
            rows = self._send("GET", f"{self._root}/companies", {})["value"]
            wanted = [row for row in rows if self.company_name in (row["name"], row["id"])]
            if not wanted:
                known = ", ".join(row["name"] for row in rows) or "none"
                raise MissingRight(f"{NAME} shows no company {self.company_name}, but: {known}.")
            self._company = wanted[0]["id"]
        return self._company

    def page(
        self, path: str, filters: str, cursor: str | None, limit: int, *, expand: str = ""
    ) -> tuple[list[Row], str | None]:
        """One page of records in the server's order, and where the next one begins."""
        if cursor is not None:
            told = self._send("GET", cursor, {}, limit=limit)
        else:
            query = {"$filter": filters, "$expand": expand}
            given = {name: value for name, value in query.items() if value}
            told = self._send("GET", self._at(path), given, limit=limit)
        link = told.get("@odata.nextLink")
        # The host stays the one we were given; only where the page begins is the server's.
        follow = f"{urlsplit(link).path}?{urlsplit(link).query}" if link else None
        return told["value"], follow

    def each(self, path: str, filters: str = "", *, expand: str = "") -> Iterator[Row]:
        """All records that fit, read a page at a time."""
        cursor: str | None = None
        while True:
            rows, cursor = self.page(path, filters, cursor, PAGE, expand=expand)
            yield from rows
            if cursor is None:
                return

    def of(
        self,
        path: str,
        field: str,
        values: Collection[str],
        *,
        by: str = "{} eq {}",
        also: str = "",
        expand: str = "",
    ) -> list[Row]:
        """The records whose field is one of these values (or fits `by`), and that fit `also`."""
        found: list[Row] = []
        wanted_values = sorted(set(values))
        for start in range(0, len(wanted_values), _VALUES):
            some = wanted_values[start : start + _VALUES]
            wanted = " or ".join(by.format(field, literal(value)) for value in some)
            filters = f"({wanted}) and {also}" if also else wanted
            found += self.each(path, filters, expand=expand)
        return found

    def one(self, path: str) -> Row:
        """A single record. Raises Rejected when it is not there."""
        found: Row = self._send("GET", self._at(path), {})
        return found

    # -- writing --------------------------------------------------------------------------------

    def create(self, path: str, body: Mapping[str, object]) -> Row:
        """Make a record, those nested in it too, all or nothing. Raises Rejected, Taken."""
        made: Row = self._send("POST", self._at(path), {}, body=body)
        return made

    def change(self, path: str, row: Mapping[str, Any], body: Mapping[str, object]) -> None:
        """Change a record as it was read. Raises Rejected, Conflict."""
        self._send("PATCH", self._at(path), {}, body=body, etag=row["@odata.etag"])

    def delete(self, path: str, row: Mapping[str, Any]) -> None:
        """Delete a record as it was read. Raises Rejected, Conflict."""
        self._send("DELETE", self._at(path), {}, etag=row["@odata.etag"])

    def act(self, path: str, action: str) -> None:
        """Press a record's button. Raises Rejected, PeriodClosed."""
        self._send("POST", self._at(f"{path}/Microsoft.NAV.{action}"), {})

    # -- the wire -------------------------------------------------------------------------------

    def _at(self, path: str) -> str:
        return f"{self._root}/companies({self.company()})/{path}"

    def sign_in(self, *, anew: bool = False) -> str:
        """A token that is good for a while. Raises AuthError."""
        return self._tokens.get(anew=anew)

    def _send(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str],
        *,
        body: Mapping[str, object] | None = None,
        etag: str = "",
        limit: int = 0,
    ) -> Any:
        write = verb != "GET"
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if etag:
            headers["If-Match"] = etag
        if limit:
            headers["Prefer"] = f"odata.maxpagesize={min(limit, PAGE)}"
        for last in (False, True):
            headers["Authorization"] = f"Bearer {self.sign_in(anew=last)}"
            try:
                with self._at_once:
                    answer = self._http.request(
                        verb,
                        self._host + path,
                        params=query or None,
                        content=wire.dumps(body) if body is not None else None,
                        headers=headers,
                        timeout=max(self._timeout, WRITE_TIMEOUT) if write else self._timeout,
                    )
            except httpx.HTTPError as error:
                raise wire.no_answer(NAME, error, write=write) from error
            # A token can be taken back before its time; nothing was done with it.
            if answer.status_code != httpx.codes.UNAUTHORIZED or last:
                break
        told = _json(answer)
        if not answer.is_success:
            raise failure(answer, told, write=write)
        if told is None and answer.status_code != httpx.codes.NO_CONTENT:
            raise wire.garbled(NAME, write=write)
        return told


def _json(answer: httpx.Response) -> Any:
    try:
        return wire.loads(answer.content)
    except ValueError:
        return None


def failure(answer: httpx.Response, told: object, *, write: bool) -> Failure:
    """What an answer other than 2xx means, by its status and the code of its error."""
    status = answer.status_code
    error = told.get("error", {}) if isinstance(told, dict) else {}
    code = str(error.get("code", ""))
    words = str(error.get("message", "")).partition("CorrelationId:")[0].strip()
    words = words or f"{NAME} answered {status}."
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Throttled(f"{NAME} asks for fewer calls.", wire.retry_after(answer))
    if status == httpx.codes.UNAUTHORIZED or code.startswith("Authentication_"):
        return AuthError(f"{NAME} refuses the sign-in: {words}")
    if status == httpx.codes.FORBIDDEN or code.startswith("Authorization_"):
        return MissingRight(f"{NAME}: {words}")
    if code == "Internal_EntityWithSameKeyExists":
        return Taken(words)
    if status in (httpx.codes.CONFLICT, httpx.codes.PRECONDITION_FAILED):
        return Conflict(f"Somebody changed the record in {NAME} meanwhile: {words}")
    if status == httpx.codes.SERVICE_UNAVAILABLE:  # it waited in the queue and was not begun
        return Transient(f"{NAME} answered 503.")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.REQUEST_TIMEOUT:
        if write:
            return UnknownOutcome(f"{NAME} answered {status} to a write.")
        return Transient(f"{NAME} answered {status}.")
    if "allowed posting dates" in words:
        return PeriodClosed(words, "posting_date")
    if code in ("BadRequest_NotFound", "BadRequest") and status == httpx.codes.BAD_REQUEST:
        return MissingRight(f"{NAME} lacks something we need: {words}")
    return Rejected(words)
