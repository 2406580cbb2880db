"""A double on a real socket, with what can go wrong on the way to it.

The doubles of ERPs that only exist as a service (Odoo, Business Central, NetSuite) are served by
this; what they say is theirs. Nothing here knows a protocol beyond HTTP.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request as it came: header names in lower case, the query decoded, the body as bytes."""

    verb: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body or b"null")


@dataclass(frozen=True)
class Told:
    """An answer; a body that is not bytes goes out as JSON."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


class Wire:
    """What happens between the socket and the double. `name` says what a request is called.

    Counts every request by its name, loses answers after the work is done, cuts requests before
    it, and answers some with a status of its own.
    """

    def __init__(self, name: Callable[[Asked], str], answer: Callable[[Asked], Told]) -> None:
        self._name, self._answer = name, answer
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()
        self.lose: str = ""  # the next answer to a request of that name
        self.cut: str = ""  # requests of that name are not heard at all
        self._instead: list[tuple[str, Told]] = []

    def instead(self, told: Told, *, name: str = "", times: int = 1) -> None:
        """Answer the next requests (of that name) with this, unheard."""
        with self._lock:
            self._instead += [(name, told)] * times

    def handle(self, asked: Asked) -> Told | None:
        """The answer; None when nobody is to hear one."""
        name = self._name(asked)
        with self._lock:
            self.calls[name] += 1
            if name == self.cut:
                return None
            for index, (only, told) in enumerate(self._instead):
                if only in ("", name):
                    del self._instead[index]
                    return told
        told = self._answer(asked)
        with self._lock:
            if name == self.lose:
                self.lose = ""
                return None
        return told


class Served:
    """The wire on a free port of this machine; `stop` gives the port back."""

    def __init__(self, wire: Wire, port: int = 0) -> None:
        self.wire = wire
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(wire))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it answers."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(wire: Wire) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            asked = Asked(
                self.command,
                parts.path,
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(length),
            )
            told = wire.handle(asked)
            if told is None:
                self.close_connection = True
                return
            body = told.encoded()
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            if not isinstance(told.body, bytes):
                self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the wire counts."""

    return Handler
