"""Order pull: stored, translated and queued, beside a script that only pulls and copies.

The marketplace answers each page after a set time (BENCH_PAGE_MS, 400 by default), as one does
that is reached over the internet and has to gather two hundred invoices; both sides wait for it
alike. Ours reads in one process and decides in another, as two workers do.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import psycopg
from django.db import connection
from django.utils import timezone

from sync import connections
from sync.marketplacer.client import MarketplacerClient, document
from sync.models import InboxMessage, Invoice
from sync.services import pulls
from tests.bench import registry
from tests.bench.frame import Row, alternate
from tests.sandbox.catalogue import build
from tests.sandbox.marketplacer.running import running_sandbox

ORDERS = 1200
PAGE = 200
PAGE_MS = int(os.environ.get("BENCH_PAGE_MS", "400"))
MIRRORS = (
    "sync_invoiceline, sync_invoice_cases, sync_erpdocument, sync_invoice, sync_order, "
    "sync_outboxattempt, sync_outboxmessage, sync_exceptioncase, sync_inboxmessage, "
    "django_q_ormq, sync_lane"
)


@contextlib.contextmanager
def _decider() -> Iterator["subprocess.Popen[str]"]:
    """A second worker that decides on what the first one stores."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.decide"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()  # ready
    try:
        yield process
    finally:
        process.communicate()


def forget() -> None:
    """As if no order had ever been read."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {MIRRORS} CASCADE")
        cursor.execute("DELETE FROM sync_feed WHERE name = 'invoices'")


def _ours() -> float:
    """Invoices a second, from the first page asked for to the last one decided on."""
    forget()
    with _decider() as decider:
        assert decider.stdin is not None
        assert decider.stdout is not None
        began = time.perf_counter()
        pulls.pull_invoices(clock=timezone.now)
        decider.stdin.write("read\n")
        decider.stdin.flush()
        decider.stdout.readline()  # decided
        seconds = time.perf_counter() - began
    many = Invoice.objects.count()
    if many != InboxMessage.objects.count():
        raise RuntimeError("not every invoice that was read was decided on")
    return many / seconds


def _bare(url: str, key: str, address: str) -> float:
    """Invoices a second of a script that pulls the same pages and copies them."""
    with psycopg.connect(address, autocommit=True) as server, httpx.Client(timeout=60) as http:
        server.execute("CREATE TABLE IF NOT EXISTS bare_pull (id text, body jsonb)")
        server.execute("TRUNCATE bare_pull")
        began, many, after = time.perf_counter(), 0, None
        while True:
            variables = {"updatedSince": "2000-01-01T00:00:00Z", "first": PAGE, "after": after}
            answer = http.post(
                url,
                json={"query": document("invoices_updated"), "variables": variables},
                headers={"marketplacer-api-key": key},
            ).json()["data"]["invoices"]
            with server.cursor().copy("COPY bare_pull FROM STDIN") as copy:
                for node in answer["nodes"]:
                    copy.write_row((node["id"], json.dumps(node)))
            many += len(answer["nodes"])
            after = answer["pageInfo"]["endCursor"]
            if not answer["pageInfo"]["hasNextPage"]:
                return many / (time.perf_counter() - began)


def rows() -> list[Row]:
    address = os.environ["DATABASE_URL"]
    with running_sandbox("--seed", "7") as sandbox:
        limits = dict.fromkeys(sandbox.witness("limits"), 10**9)
        sandbox.control("limits", **limits)
        client = MarketplacerClient(sandbox.graphql_url, sandbox.api_key, page_size=PAGE)
        connections._marketplacer = lambda: client  # type: ignore[assignment]
        registry.fill(build(7), 7)
        sandbox.control("orders", count=ORDERS)
        sandbox.control("faults", slow_ms=PAGE_MS, p_slow=1.0)
        ours, bare = alternate(
            _ours, lambda: _bare(sandbox.graphql_url, sandbox.api_key, address), 3
        )
        client.close()
    forget()
    return [
        Row(
            name="order pull",
            ours=round(ours, 1),
            against=f"pull and COPY alone, pages of {PAGE} answered after {PAGE_MS} ms",
            other=round(bare, 1),
            unit="orders/s",
            ratio=round(ours / bare, 3),
            target="at least 0.80 of the bare rate",
            holds=ours / bare >= 0.8,
        )
    ]
