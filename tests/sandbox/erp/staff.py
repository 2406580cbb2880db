"""The ERP's people in the demo: they ship what was ordered and post the invoices."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable

import httpx

from tests.sandbox.erp.launcher import Tryton
from tests.sandbox.erp.rpc import Rpc, RpcError

_ORDERS_AT_A_TIME = 3  # about a second of the ERP's time
_DESK = 12  # they take from the oldest, not always the very oldest
_UNFINISHED = [
    ("state", "=", "processing"),
    ["OR", ("shipment_state", "=", "waiting"), ("invoice_state", "in", ["none", "pending"])],
]
_STOCK_OUT = "stock.shipment.out"
_SHIPMENT = f"model.{_STOCK_OUT}"
_COUNTER_SALES = 0.1


class Staff:
    """Each `work()` is one look at the desk: a few orders are shipped and invoiced.

    What Tryton refuses is said and left lying; it never stops the sandbox. Two people who touch
    one order do no harm: each step only takes what is still in the state before it.
    """

    def __init__(self, erp: Tryton, seed: int) -> None:
        self._erp = erp
        self._chance = random.Random(seed)
        self._rpc: Rpc | None = None

    def work(self, limit: int = _ORDERS_AT_A_TIME) -> int:
        """Ship and invoice some orders. Returns how many were taken from the desk."""
        try:
            if self._rpc is None:
                self._rpc = self._erp.rpc("staff")
            return self._handle(self._rpc, limit)
        except (RpcError, httpx.HTTPError) as error:
            _say(f"staff could not go on: {error}")
            if self._rpc is not None:
                self._rpc.close()
                self._rpc = None  # sign in again at the next look
            return 0

    def _handle(self, rpc: Rpc, limit: int) -> int:
        desk = rpc.find("sale.sale", _UNFINISHED, [["id", "ASC"]], max(limit, _DESK))
        chosen = sorted(self._chance.sample(desk, min(limit, len(desk))))
        if not chosen:
            return 0
        rows = rpc.read("sale.sale", [("id", "in", chosen)], ["shipments"])
        shipments = [shipment for row in rows for shipment in row["shipments"]]
        self._hand_to_carriers(rpc, shipments)
        _each(shipments, lambda ids: _send_out(rpc, ids))
        # Read again: shipping is what makes the invoice for the goods.
        rows = rpc.read("sale.sale", [("id", "in", chosen)], ["invoices"])
        invoices = [invoice for row in rows for invoice in row["invoices"]]
        _each(invoices, lambda ids: _post(rpc, ids))
        return len(chosen)

    def _hand_to_carriers(self, rpc: Rpc, shipments: list[int]) -> None:
        """Most get a carrier and a tracking number; some are handed over the counter."""
        carriers = sorted(self._erp.info["ids"].get("carriers", {}).items())
        waiting = rpc.find(_STOCK_OUT, [("id", "in", shipments), ("state", "=", "waiting")])
        for shipment in waiting if carriers else []:
            if self._chance.random() < _COUNTER_SALES:
                continue
            name, carrier = self._chance.choice(carriers)
            number = f"{name[:2].upper()}{self._chance.randrange(10**9):09}GB"
            values = {"carrier": carrier, "shipping_reference": number}
            rpc.call(f"{_SHIPMENT}.write", [shipment], values)


def _each(ids: list[int], action: Callable[[list[int]], None]) -> None:
    """All in one go; when that is refused one by one, so that one cannot hold the others."""
    if not ids:
        return
    try:
        action(ids)
    except RpcError as error:
        if len(ids) == 1:
            _say(f"left lying: {error}")
            return
        for one in ids:
            _each([one], action)


def _send_out(rpc: Rpc, shipments: list[int]) -> None:
    def at(*states: str) -> list[int]:
        here = [("id", "in", shipments), ("state", "in", list(states))]
        return rpc.find("stock.shipment.out", here)

    steps = (
        ("assign_try", "waiting"),
        ("assign_force", "waiting"),  # what the books miss is on the shelf
        ("pick", "assigned"),
        ("pack", "picked"),
        ("do", "packed"),
    )
    for button, state in steps:
        if ids := at(state):
            rpc.call(f"{_SHIPMENT}.{button}", ids)


def _post(rpc: Rpc, invoices: list[int]) -> None:
    drafts = [("id", "in", invoices), ("state", "in", ["draft", "validated"])]
    if ids := rpc.find("account.invoice", drafts):
        rpc.call("model.account.invoice.post", ids)


def _say(text: str) -> None:
    print(f"Tryton: {text}", file=sys.stderr, flush=True)
