"""The two far sides in process: the sandbox marketplace over WSGI, the ERP in memory."""

import httpx
import pytest

from sync import connections
from sync.marketplacer.client import MarketplacerClient
from tests.fakes import FakeErp
from tests.sandbox.marketplacer.sandbox import Sandbox


@pytest.fixture
def erp(monkeypatch):
    """The ERP that `connections` gives, in memory."""
    fake = FakeErp()
    monkeypatch.setattr(connections, "_erp", lambda: fake)
    return fake


@pytest.fixture
def sandbox():
    running = Sandbox(7)
    yield running
    running.stop()


@pytest.fixture
def marketplacer(sandbox, monkeypatch):
    """The client that `connections` gives, on the sandbox in process; pages of two."""
    client = MarketplacerClient(
        "http://sandbox/graphql",
        sandbox.api_key,
        transport=httpx.WSGITransport(app=sandbox.wsgi_app),
        page_size=2,
    )
    monkeypatch.setattr(connections, "_marketplacer", lambda: client)
    yield client
    client.close()
