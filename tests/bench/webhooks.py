"""Webhook answered and stored: p99 at 200 events a second, none lost, beside a bare receiver."""

import base64
import hashlib
import hmac
import http.client
import json
import statistics
import threading
import time
import uuid

import psycopg

from tests.bench.frame import Row, alternate
from tests.bench.servers import database, gunicorn

RATE = 200
SECONDS = 10
SENDERS = 16
KEY = "bench"


def _event(identity: str) -> tuple[bytes, dict[str, str]]:
    node = {"__typename": "Invoice", "id": f"invoice-{identity}", "statusFlags": ["PAID"]}
    body = json.dumps(
        {"id": identity, "event_name": "update", "payload": {"data": {"node": node}}}
    ).encode()
    digest = hmac.new(KEY.encode(), body, hashlib.sha256).digest()
    return body, {
        "Content-Type": "application/json",
        "Idempotency-Key": identity,
        "Marketplacer-Sequence": "1",
        "Marketplacer-Hmac-256": base64.b64encode(digest).decode(),
    }


def _send(port: int, path: str) -> float:
    """p99 in milliseconds over one burst at a fixed rate, measured from when each was due."""
    events = [_event(uuid.uuid4().hex) for _ in range(RATE * SECONDS)]
    begin = time.perf_counter() + 0.5
    latencies: list[float] = []
    failures: list[int] = []

    def work(mine: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for number in range(mine, len(events), SENDERS):
            due = begin + number / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            body, headers = events[number]
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            response.read()
            latencies.append((time.perf_counter() - due) * 1000)
            if response.status != 200:
                failures.append(response.status)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(f"{len(failures)} webhooks were refused: {set(failures)}")
    return statistics.quantiles(latencies, n=100)[98]


def rows() -> list[Row]:
    with database("bench_webhooks") as address:
        env = {"DATABASE_URL": address, "MARKETPLACER_WEBHOOK_KEY": KEY}
        with psycopg.connect(address, autocommit=True) as server:
            server.execute("CREATE TABLE bare_webhook (identity text PRIMARY KEY, body jsonb)")
            with (
                gunicorn("mkterp.wsgi", env) as ours,
                gunicorn("tests.bench.bare_webhook", env) as bare,
            ):
                rounds = 3
                # Both workers of each have loaded after this.
                _send(ours, "/webhooks/marketplacer/"), _send(bare, "/")
                mine, other = alternate(
                    lambda: _send(ours, "/webhooks/marketplacer/"),
                    lambda: _send(bare, "/"),
                    rounds,
                )
            counted = server.execute("SELECT count(*) FROM sync_inboxmessage").fetchone()
            lost = (rounds + 1) * RATE * SECONDS - (counted[0] if counted else 0)
    return [
        Row(
            name="webhook stored and answered, p99",
            ours=round(mine, 2),
            against="a bare receiver that only inserts the body",
            other=round(other, 2),
            unit="ms",
            ratio=round(mine / other, 3),
            target=f"p99 < 50 ms at {RATE} events/s, none lost ({lost} lost)",
            holds=mine < 50 and lost == 0,
        )
    ]
