"""The ERP's people in the demo: they ship what was ordered and post the invoices."""

from __future__ import annotations

import random
import sys

import httpx

from tests.sandbox.erp.launcher import Tryton
from tests.sandbox.erp.rpc import Rpc, RpcError

_SHIPMENTS_AT_A_TIME = 6
_INVOICES_AT_A_TIME = 10


class Staff:
    """Each `work()` is one look at the desk: some shipments go out, some invoices are posted.

    What Tryton refuses is said and left for the next look; they never stop the sandbox.
    """

    def __init__(self, erp: Tryton, seed: int) -> None:
        self._erp = erp
        self._chance = random.Random(seed)
        self._rpc: Rpc | None = None

    def work(self) -> None:
        """Ship and invoice a few documents."""
        try:
            if self._rpc is None:
                self._rpc = self._erp.rpc("staff")
            self.ship(self._rpc, _SHIPMENTS_AT_A_TIME)
            self.post_invoices(self._rpc, _INVOICES_AT_A_TIME)
        except (RpcError, httpx.HTTPError) as error:
            print(f"Tryton: staff could not go on: {error}", file=sys.stderr, flush=True)
            self._rpc = None  # sign in again at the next look

    def ship(self, rpc: Rpc, limit: int) -> int:
        """Send out some waiting shipments, stock or no stock. Returns how many."""
        waiting = rpc.find(
            "stock.shipment.out",
            [("state", "in", ["waiting", "assigned"])],
            [["id", "ASC"]],
            limit * 3,
        )
        chosen = sorted(self._chance.sample(waiting, min(limit, len(waiting))))
        for shipment in chosen:
            # One at a time: a shipment that cannot go must not hold the others.
            try:
                self._send_out(rpc, shipment)
            except RpcError as error:
                print(f"Tryton: shipment {shipment} stays: {error}", file=sys.stderr, flush=True)
        return len(chosen)

    def _send_out(self, rpc: Rpc, shipment: int) -> None:
        model = "model.stock.shipment.out"
        rpc.call(f"{model}.assign_try", [shipment])
        (row,) = rpc.read("stock.shipment.out", [("id", "=", shipment)], ["state"])
        if row["state"] == "waiting":  # what the books miss is on the shelf
            rpc.call(f"{model}.assign_force", [shipment])
        for step in ("pick", "pack", "do"):
            rpc.call(f"{model}.{step}", [shipment])

    def post_invoices(self, rpc: Rpc, limit: int) -> int:
        """Post some draft customer invoices. Returns how many."""
        drafts = rpc.find(
            "account.invoice",
            [("type", "=", "out"), ("state", "in", ["draft", "validated"])],
            [["id", "ASC"]],
            limit,
        )
        if drafts:
            rpc.call("model.account.invoice.post", drafts)
        return len(drafts)
