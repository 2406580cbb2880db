"""A sandbox in this process, and a client that speaks HTTP to it without a socket."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.sandbox.catalogue import Catalogue, build
from tests.sandbox.marketplacer import Sandbox


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return build(7)


@pytest.fixture
def deliveries() -> list[tuple[str, dict[str, str], bytes]]:
    """What the receiver of webhooks got."""
    return []


@pytest.fixture
def answers() -> list[int]:
    """The statuses the receiver is going to answer; 200 once they are used up."""
    return []


@pytest.fixture
def sandbox(catalogue, deliveries, answers) -> Iterator[Sandbox]:
    def receive(url: str, headers: dict[str, str], body: bytes) -> int:
        deliveries.append((url, headers, body))
        return answers.pop(0) if answers else 200

    made = Sandbox(7, catalogue=catalogue, webhook_sender=receive)
    yield made
    made.stop()


@pytest.fixture
def http(sandbox) -> Iterator[httpx.Client]:
    transport = httpx.WSGITransport(app=sandbox.wsgi_app)
    with httpx.Client(transport=transport, base_url="http://marketplace.test") as client:
        yield client


@pytest.fixture
def ask(http) -> Callable[..., dict[str, Any]]:
    """Execute a query over HTTP; the response body. `key` chooses who asks."""

    def send(query: str, *, key: str = "sandbox-operator-key", **variables: Any) -> dict[str, Any]:
        answer = http.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"marketplacer-api-key": key},
        )
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    return send


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def market(catalogue, clock) -> Sandbox:
    return Sandbox(7, catalogue=catalogue, clock=clock)
