"""The GraphQL endpoint: basic auth, key, rate limit, faults, execution."""

from __future__ import annotations

import base64
import binascii
import json
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any

import httpx
from werkzeug.wrappers import Request, Response

from tests.sandbox.marketplacer.context import Caller
from tests.sandbox.marketplacer.execution import prepare, root_fields, run
from tests.sandbox.marketplacer.faults import FaultDial
from tests.sandbox.marketplacer.limits import RateLimiter

KEPT_OPERATIONS = 5000
LARGEST_BODY = 10_000_000


class OperationLog:
    """What was executed: the last operations with variables, and counters since the start."""

    def __init__(self) -> None:
        self.operations: deque[dict[str, Any]] = deque(maxlen=KEPT_OPERATIONS)
        self.root_fields: Counter[str] = Counter()
        self.names: Counter[str] = Counter()
        self.mutations: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._number = 0

    def executed(self, fields: list[tuple[str, str]], name: str | None, variables: Any) -> None:
        """Note an operation that is about to be carried out."""
        with self._lock:
            self._number += 1
            self.names[name or "anonymous"] += 1
            for kind, field in fields:
                self.root_fields[field] += 1
                if kind == "mutation":
                    self.mutations[field] += 1
            self.operations.append(
                {
                    "number": self._number,
                    "operation": name,
                    "type": fields[0][0] if fields else None,
                    "root_fields": [field for _, field in fields],
                    "variables": variables,
                }
            )

    def answered(self, status: int) -> None:
        """Note the HTTP status of an answer."""
        with self._lock:
            self.statuses[status] += 1


class LostAnswer(Exception):
    """The request was carried out and its answer is to be lost."""


class GraphQLEndpoint:
    """POST /graphql. `callers` gives the principal behind a key, or None."""

    def __init__(
        self,
        callers: Callable[[str], Caller | None],
        limiter: RateLimiter,
        faults: FaultDial,
        log: OperationLog,
        *,
        basic_auth: str | None = None,
    ) -> None:
        self.callers = callers
        self.limiter = limiter
        self.faults = faults
        self.log = log
        self.basic_auth = basic_auth

    def answer(self, request: Request) -> Response:
        """The response to a request. Raises LostAnswer when the dial says so."""
        response = self._answer(request)
        self.log.answered(response.status_code)
        return response

    def _answer(self, request: Request) -> Response:
        if request.method != "POST":
            return Response("Not Found", 404)
        if self.basic_auth is not None and not self._basic_auth_fits(request):
            headers = {"WWW-Authenticate": 'Basic realm="Application"'}
            return Response("Unauthorized", 401, headers)
        key = _api_key(request)
        who = self.callers(key)
        if who is None:
            return Response("API Token has expired", 401)
        wait = self.limiter.wait_for(key, request.remote_addr or "")
        if wait:
            return Response("Too Many Requests", 429, {"Retry-After": str(wait)})
        try:
            body = json.loads(request.get_data(cache=False))
            query = body["query"]
            variables = body.get("variables") or {}
            name = body.get("operationName")
        except (ValueError, KeyError, TypeError, AttributeError):
            return Response("Bad Request", 400)
        if not isinstance(query, str) or not isinstance(variables, dict):
            return Response("Bad Request", 400)
        return self._execute(who, query, variables, name)

    def _execute(
        self, who: Caller, query: str, variables: dict[str, Any], name: str | None
    ) -> Response:
        document, _ = prepare(query)
        fields = list(root_fields(document, name)) if document else []
        only = self.faults.settings.only_operation
        troubled = not only or any(field == only for _, field in fields)
        if troubled:
            trouble = self._trouble()
            if trouble is not None:
                return trouble
        if fields:
            self.log.executed(fields, name, variables)
        result = run(query, who, variables=variables, operation_name=name)
        if troubled and (
            self.faults.take("lose_next")
            or self.faults.hit("lost_answer", self.faults.settings.p_lost_answer)
        ):
            if self.faults.settings.lost_answer_as == "502":
                return Response("Bad Gateway", 502)
            raise LostAnswer
        return Response(
            json.dumps(result, ensure_ascii=False, separators=(",", ":")),
            200,
            content_type="application/json; charset=utf-8",
        )

    def _trouble(self) -> Response | None:
        """What goes wrong before anything is carried out, if anything does."""
        dial, settings = self.faults, self.faults.settings
        if settings.slow_ms and dial.hit("slow", settings.p_slow):
            time.sleep(settings.slow_ms / 1000)
        if dial.take("fail_next"):
            return _failure(settings.fail_status, settings.retry_after)
        for status, probability in (
            (500, settings.p_500),
            (503, settings.p_503),
            (429, settings.p_429),
        ):
            if dial.hit(str(status), probability):
                return _failure(status, settings.retry_after)
        return None

    def _basic_auth_fits(self, request: Request) -> bool:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            return base64.b64decode(value, validate=True).decode() == self.basic_auth
        except (binascii.Error, UnicodeDecodeError):
            return False


def _failure(status: int, retry_after: int | None) -> Response:
    texts = {429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Response(texts.get(status, "Error"), status, headers)


def _api_key(request: Request) -> str:
    key: str | None = request.headers.get("marketplacer-api-key")
    if key:
        return key
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def drop_connection(environ: dict[str, Any]) -> Iterable[bytes]:
    """End a request without an answer: close the socket, or in process raise what httpx would."""
    connection: socket.socket | None = environ.get("werkzeug.socket")
    if connection is None:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
    connection.shutdown(socket.SHUT_RDWR)
    return [b""]
