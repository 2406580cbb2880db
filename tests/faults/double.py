"""An ERP in a process of its own: the fake behind a socket, for volume, with faults on the wire.

    python -m tests.faults.double --port 0 --seed 7

`RemoteErp` is the adapter that speaks to it (ERP_ADAPTER). The two are ours alone and only ever
meet on this machine, so values cross as pickles. No key is unique here: told twice, it holds two
orders, and only whoever looks first is safe from that.
"""

import argparse
import json
import pickle
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from sync.domain.delivery import Failure, Rejected, Throttled, Transient, UnknownOutcome
from sync.domain.documents import OrderDraft, OrderPhase, OrderState, WriteStatus, Written
from sync.erp.port import Capabilities, ErpPort
from tests.fakes import FakeErp
from tests.sandbox.catalogue import build

WRITES = {
    *("create_orders", "cancel_order", "amend_order", "submit_return", "post_credit_note"),
    *("post_journal", "reverse_journal", "reconcile"),
}
PORT = {name for name in vars(ErpPort) if not name.startswith("_")}
CALLS = PORT - {"capabilities", "submit_orders"} | {"create_orders"}
PATIENCE = 5.0  # seconds that the adapter waits for an answer


class LooksFirst:
    """The way of an adapter whose ERP keeps no key unique."""

    def submit_orders(self, orders: Sequence[OrderDraft]) -> list[Written | Failure]:
        """As the port says: what is there already under our key is not created again."""
        there = self.find_orders([order.key for order in orders])
        missing = [order for order in orders if order.key not in there]
        made = iter(self.create_orders(missing) if missing else ())
        return [_held(there[o.key]) if o.key in there else next(made) for o in orders]


class RemoteErp(LooksFirst):
    """The port over HTTP. A write whose answer is lost is an UnknownOutcome, a read Transient."""

    def __init__(self, url: str, at_once: int = 4, **_: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=PATIENCE)
        able = replace(FakeErp().capabilities(), native_idempotency=frozenset())
        self._able = replace(able, max_concurrency=at_once)

    def capabilities(self) -> Capabilities:
        return self._able

    def __getattr__(self, name: str) -> Any:
        if name not in CALLS:
            raise AttributeError(name)
        return partial(self._call, name)

    def _call(self, name: str, *given: Any, **named: Any) -> Any:
        try:
            answer = self._http.post("/port", content=pickle.dumps((name, given, named)))
        except httpx.TransportError as error:
            lost = name in WRITES and not isinstance(error, httpx.ConnectError)
            raise (UnknownOutcome if lost else Transient)(f"no answer to {name}") from error
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise Throttled("slow down", float(answer.headers["Retry-After"]))
        if answer.status_code != httpx.codes.OK:
            raise Transient(f"{name} answered {answer.status_code}")
        found = pickle.loads(answer.content)
        if isinstance(found, Failure):
            raise found
        return found


def _held(state: OrderState) -> Written | Failure:
    if state.phase is OrderPhase.CANCELLED:
        return Rejected(f"Sale {state.number or state.ref} is cancelled.")
    return Written(state.ref, state.number, WriteStatus.EXISTED, order=state)


class KeylessErp(FakeErp):
    """Creates what it is told to create, as often as it is told."""

    def create_orders(self, orders: Sequence[OrderDraft]) -> list[Written | Failure]:
        with self._arrive("create_orders"):
            for order in orders:
                if earlier := self._sales.pop(order.key, None):
                    self._sales[f"{order.key} (earlier: {earlier.ref})"] = earlier
            answers = [self._submit(order) for order in orders]
            return (
                [UnknownOutcome("The answer was lost.")] * len(orders) if self._lost() else answers
            )

    def witness(self) -> dict[str, Any]:
        """What it holds, for the verdict."""
        with self._lock:
            orders = [
                {
                    "key": sale.draft.key,
                    "number": sale.number,
                    "phase": sale.phase.value,
                    "gross": str(sale.draft.gross),
                }
                for sale in self._sales.values()
            ]
            off = [
                move.number
                for move in self._moves
                if sum(line.body.debit - line.body.credit for line in move.lines)
            ]
            keys = Counter(move.key for move in self._moves if move.key)
        return {"orders": orders, "unbalanced": off + [key for key, n in keys.items() if n > 1]}


class Dial:
    """What goes wrong on the wire: probabilities a call, and how often each has struck."""

    def __init__(self, seed: int) -> None:
        self.chances = {"refuse": 0.0, "throttle": 0.0, "lose": 0.0, "slow": 0.0}
        self.struck: Counter[str] = Counter()
        self._random = random.Random(f"double-{seed}")
        self._lock = threading.Lock()

    def hits(self, name: str) -> bool:
        with self._lock:
            hit = self._random.random() < self.chances[name]
            self.struck[name] += hit
            return hit


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    erp: KeylessErp
    dial: Dial
    latency = 0.0  # seconds that every call takes, however many are made at once

    def log_message(self, *_: object) -> None:
        """The campaign counts; nobody reads a line a call."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/dial":
            self.dial.chances.update(json.loads(body))
            self._answer(200, b"{}")
            return
        name, given, named = pickle.loads(body)
        time.sleep(self.latency)  # what an ERP takes for a call, whatever it is asked
        if self.dial.hits("refuse"):
            self._answer(503, b"")
            return
        if self.dial.hits("throttle"):
            self._answer(429, b"", {"Retry-After": "1"})
            return
        try:
            found: Any = getattr(self.erp, name)(*given, **named)
        except Failure as failure:
            found = failure
        if self.dial.hits("slow"):
            time.sleep(PATIENCE + 1)
        if self.dial.hits("lose"):
            self.close_connection = True
            return
        self._answer(200, pickle.dumps(found))

    def do_GET(self) -> None:
        found = {**self.erp.witness(), "struck": dict(self.dial.struck)}
        self._answer(200, json.dumps(found).encode())

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:  # whoever asked has been killed, or would not wait
            self.close_connection = True


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.double")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that every call takes")
    given = parser.parse_args()
    Handler.latency = given.latency
    Handler.erp, Handler.dial = KeylessErp(knows_every_sku=True, max_batch=20), Dial(given.seed)
    for item in build(given.seed).erp_items:
        Handler.erp.add_item(
            item.sku,
            name=item.name,
            barcodes=(item.barcode,) if item.barcode else (),
            price=item.list_price,
            active=item.active,
        )
    server = ThreadingHTTPServer((given.host, given.port), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
