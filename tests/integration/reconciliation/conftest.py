"""A small marketplace that has traded, settled and been paid; the far sides in process."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from sync import connections
from sync.marketplacer.client import MarketplacerClient
from sync.services import inbox, payouts, pulls
from tests.factories import make_catalogue_read
from tests.fakes import FakeErp
from tests.integration.reconciliation.pennies import accounts, shop
from tests.sandbox.marketplacer.lifecycle import collect, left_to_ship, ship
from tests.sandbox.marketplacer.sandbox import Sandbox

__all__ = ["accounts", "shop"]

# All trading happens now; the books are looked at when every day of grace is over.
LATER = timedelta(days=20)


@pytest.fixture
def erp(monkeypatch):
    fake = FakeErp()
    monkeypatch.setattr(connections, "_erp", lambda: fake)
    return fake


@pytest.fixture
def market(monkeypatch):
    """A sandbox in which nothing has happened, and the client that `connections` gives on it."""
    running = Sandbox(11, variants=200)
    client = MarketplacerClient(
        "http://sandbox/graphql",
        running.api_key,
        transport=httpx.WSGITransport(app=running.wsgi_app),
        page_size=100,
    )
    monkeypatch.setattr(connections, "_marketplacer", lambda: client)
    make_catalogue_read()
    yield running
    client.close()
    running.stop()


def trade(market, orders=60, *, refunds=0.2, plain=False):
    """Orders, cancellations, shipments, refunds: a market in which everything has gone."""
    market.place_orders(orders, plain=plain)
    market.run_appointments(datetime.now(UTC) + timedelta(days=1))
    for invoice in market.store.all("Invoice"):
        flags = set(invoice["statusFlags"])
        if "CANCELLED" in flags or "PAID" not in flags:
            continue
        number, left = invoice["number"], left_to_ship(market.market, invoice["number"])
        if invoice["deliveryType"] == "BUY_ONLINE" and left:
            ship(market.market, number, quantities=left, carrier=1, tracking=f"T{number}")
        if invoice["deliveryType"] == "CLICK_AND_COLLECT" and "COLLECTED" not in flags:
            if "READY" not in flags:
                collect(market.market, number, "READY")
            collect(market.market, number, "COLLECTED")
    market.refund_some(refunds)


def settle(market, **how):
    """Release, advise and pay everything; the gateway settles too."""
    market.release()
    market.pay_out()
    market.bank_pays(**how)
    market.gateway_pays()


def now():
    return datetime.now(UTC)


def read():
    """Everything Marketplacer can tell, mirrored."""
    pulls.pull_sellers(clock=now)
    pulls.pull_invoices(clock=now)
    inbox.process(clock=now)
    payouts.pull_refunds(clock=now)
    payouts.sweep_remittances(clock=now)
    payouts.pull_advices(clock=now)
    payouts.process(clock=now)
