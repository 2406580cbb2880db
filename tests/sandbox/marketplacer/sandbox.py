"""The whole sandbox as one object: mount its `wsgi_app`, or let `__main__` serve it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response

from tests.sandbox.catalogue import Catalogue, build
from tests.sandbox.marketplacer.context import Caller
from tests.sandbox.marketplacer.deliveries import Deliveries, Sender
from tests.sandbox.marketplacer.execution import run
from tests.sandbox.marketplacer.faults import FaultDial
from tests.sandbox.marketplacer.hands import Hands
from tests.sandbox.marketplacer.limits import Limits, RateLimiter
from tests.sandbox.marketplacer.market import Market
from tests.sandbox.marketplacer.server import (
    GraphQLEndpoint,
    LostAnswer,
    OperationLog,
    drop_connection,
)
from tests.sandbox.marketplacer.store import Store
from tests.sandbox.marketplacer.trading import Trading
from tests.sandbox.marketplacer.webhooks import Webhooks
from tests.sandbox.marketplacer.witness import Witness

OPERATOR_KEY = "sandbox-operator-key"
READ_ONLY_KEY = "sandbox-read-only-key"
SELLER_KEY = "sandbox-seller-{}"  # with the seller's legacy id


class WrongState(Exception):
    """The state folder belongs to another seed or size."""


class Sandbox(Hands):
    """A marketplace in this process. Nothing runs in the background before `start`.

    `state` is a folder that survives restarts; without one all is forgotten. Raises WrongState
    when the folder belongs to another seed or size. `webhook_sender`
    replaces HTTP for deliveries (give it Django's test client, say); `keyset_cursors` makes pages
    stand still while invoices change, which the real service does not promise.
    """

    def __init__(
        self,
        seed: int = 7,
        *,
        variants: int = 3000,
        state: Path | None = None,
        per_minute: float = 0,
        api_key: str = OPERATOR_KEY,
        basic_auth: str | None = None,
        limits: Limits | None = None,
        webhook_sender: Sender | None = None,
        webhook_time_scale: float = 1.0,
        keyset_cursors: bool = False,
        clock: Callable[[], datetime] | None = None,
        catalogue: Catalogue | None = None,
    ) -> None:
        self.seed = seed
        self.api_key = api_key
        self.catalogue = catalogue or build(seed, variants)
        self.store = Store(state / "marketplace.sqlite3" if state else None, clock)
        self.market = Market(self.store, self.catalogue)
        meta = {"number": 1, "seed": seed, "variants": len(self.catalogue.variants)}
        if (self.store.get("Meta", 1) or meta) != meta:
            self.store.close()
            raise WrongState(f"{state} was made with another seed or number of variants")
        self.store.put("Meta", meta)
        self.webhooks = Webhooks(self.market, self._run_webhook_query)
        self.operator = Caller(
            self.market, self.webhooks, "Sandbox operator", keyset_cursors=keyset_cursors
        )
        self.faults = FaultDial(seed)
        self.limits = limits or Limits()
        self.log = OperationLog()
        self.trading = Trading(self.market, seed=seed, per_minute=per_minute)
        self.deliveries = Deliveries(
            self.store,
            self.webhooks,
            self.faults,
            time_scale=webhook_time_scale,
            sender=webhook_sender,
        )
        self.endpoint = GraphQLEndpoint(
            self._caller, RateLimiter(self.limits), self.faults, self.log, basic_auth=basic_auth
        )
        self.witness = Witness(self)

    def start(self) -> None:
        """Trade and deliver webhooks in the background until `stop`."""
        self.deliveries.start()
        self.trading.start()

    def stop(self) -> None:
        """Stop what `start` began and close the file. A second call changes nothing."""
        self.trading.stop()
        self.deliveries.stop()
        self.store.close()

    def wsgi_app(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """The application: POST /graphql, and /_sandbox/ for witnesses."""
        request = Request(environ)
        try:
            if request.path == "/graphql":
                response = self.endpoint.answer(request)
            elif request.path.startswith("/_sandbox/"):
                response = self.witness.answer(request)
            else:
                response = Response("Not Found", 404)
        except LostAnswer:
            return drop_connection(environ)
        return response(environ, start_response)

    def graphql(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """Execute a query as the operator, without HTTP."""
        return run(query, self.operator, variables=variables)

    def _caller(self, key: str) -> Caller | None:
        if key == self.api_key:
            return self.operator
        if key == READ_ONLY_KEY:
            return Caller(self.market, self.webhooks, "Read-only key", read_only=True)
        seller = key.removeprefix(SELLER_KEY.format(""))
        if seller != key and seller.isdecimal():
            doc = self.store.get("Seller", int(seller))
            if doc is not None and not doc.get("deleted"):
                return Caller(self.market, self.webhooks, doc["businessName"], int(seller))
        return None

    def _run_webhook_query(self, query: str, opaque: str) -> dict[str, Any]:
        result = run(query, self.operator, variables={"id": opaque})
        return {"data": result.get("data")}
