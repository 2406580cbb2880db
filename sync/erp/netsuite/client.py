"""One account of a NetSuite, over its REST record API and SuiteQL; and what a refusal of it means.

Signs in with OAuth 2.0 client credentials: a certificate is mapped to the application and its
private key signs each request for a token.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

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
from sync.erp.tokens import Tokens

NAME = "NetSuite"
AT_ONCE = 5  # calls an account works on at once, in its smallest tier, all integrations together
PAGE = 1000  # rows of SuiteQL in one answer, at most
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Row = dict[str, Any]
Given = TypeVar("Given")
Got = TypeVar("Got")


class Taken(Rejected):
    """Another record has the same external id."""


class Missing(Rejected):
    """There is no such record."""


class NetSuiteClient:
    """Reads and writes the account's records; safe to share between threads.

    `key` is the private key in PEM, RSA or EC. Raises only the failures of `sync.domain.delivery`.
    A write whose answer is lost is an UnknownOutcome, a read is merely Transient.
    """

    def __init__(
        self,
        *,
        url: str,
        client_id: str,
        certificate_id: str,
        key: str,
        timeout: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(timeout=httpx.Timeout(timeout, connect=5), transport=transport)
        self._root = f"{url.rstrip('/')}/services/rest"
        self._login = f"{self._root}/auth/oauth2/v1/token"
        self._client_id, self._certificate_id, self._key = client_id, certificate_id, key
        self._at_once = threading.BoundedSemaphore(AT_ONCE)
        self._tokens = Tokens(
            self._http,
            self._login,
            form=self._login_form,
            door=NAME,
            refused=f"NetSuite refuses the application {client_id}: its certificate may have "
            "expired, or be mapped to another one",
        )

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    # -- reading --------------------------------------------------------------------------------

    def page(self, query: str, limit: int = PAGE) -> list[Row]:
        """The first rows of a query; it says its order and where to begin (`id > 41`).

        Keys rather than offsets: they stay right while rows are added, and have no end.
        """
        answer = self._send(
            "POST", "query/v1/suiteql", query={"limit": str(limit), "offset": "0"},
            body={"q": query}, headers={"Prefer": "transient"}, write=False,
        )  # fmt: skip
        rows: list[Row] = _json(answer)["items"]
        return rows

    def rows(self, query: Callable[[str], str], after: str = "0") -> Iterator[Row]:
        """All rows of `query(after)`, a page at a time; its column `id` is unique and its order."""
        while True:
            rows = self.page(query(after))
            yield from rows
            if len(rows) < PAGE:
                return
            after = str(rows[-1]["id"])

    def record(self, kind: str, ref: str | int) -> Row:
        """A record with its lines and subrecords. Raises Missing."""
        path = f"record/v1/{kind}/{ref}"
        answer = self._send("GET", path, query={"expandSubResources": "true"})
        found: Row = _json(answer)
        return found

    def each(self, work: Callable[[Given], Got], of: Iterable[Given]) -> list[Got]:
        """The work done for each, several at once; the first failure is raised."""
        things: Sequence[Given] = list(of)
        if len(things) < 2:
            return [work(one) for one in things]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(work, things))

    # -- writing --------------------------------------------------------------------------------

    def create(self, kind: str, body: Mapping[str, object]) -> str:
        """Make a record, all or nothing. Returns its id. Raises Rejected, Taken, PeriodClosed.

        Never an upsert: that would write over a record that is there already.
        """
        answer = self._send("POST", f"record/v1/{kind}", body=body)
        return str(answer.headers.get("Location", "")).rpartition("/")[2]

    def change(self, kind: str, ref: str, body: Mapping[str, object], *, replace: str = "") -> None:
        """Change fields and keyed lines; the lines of `replace` become those given. Rejected."""
        query = {"replace": replace} if replace else {}
        self._send("PATCH", f"record/v1/{kind}/{ref}", query=query, body=body)

    # -- the wire -------------------------------------------------------------------------------

    def sign_in(self, *, anew: bool = False) -> str:
        """A token that is good for a while. Raises AuthError."""
        return self._tokens.get(anew=anew)

    def _assertion(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self._client_id,
            "scope": ["rest_webservices"],
            "aud": self._login,
            "iat": now,
            "exp": now + 300,
        }
        try:
            key = load_pem_private_key(self._key.encode(), password=None)
            algorithm = "PS256" if isinstance(key, RSAPrivateKey) else "ES256"
            named = {"kid": self._certificate_id}
            return jwt.encode(claims, self._key, algorithm=algorithm, headers=named)
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise AuthError("ERP_PASSWORD is not a private key in PEM, RSA or EC.") from error

    def _login_form(self) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION,
            "client_assertion": self._assertion(),
        }

    def _send(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        write: bool | None = None,
    ) -> httpx.Response:
        write = verb != "GET" if write is None else write
        told = {"Accept": "application/json", **(headers or {})}
        if body is not None:
            told["Content-Type"] = "application/json"
        if write:
            # Else a field it does not know is passed over in silence.
            told["X-NetSuite-PropertyNameValidation"] = "Error"
            told["X-NetSuite-PropertyValueValidation"] = "Error"
        content = wire.dumps(body) if body is not None else None
        for last in (False, True):
            told["Authorization"] = f"Bearer {self.sign_in(anew=last)}"
            try:
                with self._at_once:
                    answer = self._http.request(
                        verb,
                        f"{self._root}/{path}",
                        params=query or None,
                        content=content,
                        headers=told,
                    )
            except httpx.HTTPError as error:
                raise wire.no_answer(NAME, error, write=write) from error
            # A token can be taken back before its time; nothing was done with it.
            if answer.status_code != httpx.codes.UNAUTHORIZED or last:
                break
        if not answer.is_success:
            raise failure(answer, write=write)
        if not write and not isinstance(_json(answer), dict):
            raise wire.garbled(NAME, write=False)
        return answer


def _json(answer: httpx.Response) -> Any:
    try:
        return wire.loads(answer.content)
    except ValueError:
        return None


def failure(answer: httpx.Response, *, write: bool) -> Failure:
    """What an answer other than 2xx means, by its status and the first of its details."""
    status, told = answer.status_code, _json(answer)
    details = told.get("o:errorDetails") if isinstance(told, dict) else None
    first = details[0] if isinstance(details, list) and details else {}
    code = str(first.get("o:errorCode", ""))
    words = str(first.get("detail", "")).removeprefix("Error while accessing a resource. ").strip()
    words = words or f"NetSuite answered {status}."
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Throttled("NetSuite works on as many calls as it may.", wire.retry_after(answer))
    if status == httpx.codes.UNAUTHORIZED:
        return AuthError(f"NetSuite refuses the sign-in: {words}")
    if status == httpx.codes.FORBIDDEN or code == "INSUFFICIENT_PERMISSION":
        return MissingRight(f"NetSuite: {words}")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.REQUEST_TIMEOUT:
        if write:
            return UnknownOutcome(f"NetSuite answered {status} to a write.")
        return Transient(f"NetSuite answered {status}.")
    if status == httpx.codes.NOT_FOUND:
        return Missing(words)
    if code == "RCRD_HAS_BEEN_CHANGED" or status == httpx.codes.CONFLICT:
        return Conflict(f"Somebody changed the record in NetSuite meanwhile: {words}")
    if code == "INVALID_PARAMETER" and not write:
        return MissingRight(f"NetSuite lacks something we need: {words}")
    small = words.lower()
    if "already exists" in small:
        return Taken(words)
    if "period" in small and ("closed" in small or "locked" in small):
        return PeriodClosed(words, "posting_date")
    return Rejected(words, first.get("o:errorPath"))
