"""1,000,000 expected payouts against 1,000,000 remittances, both in PostgreSQL, results stored.

Beside it, in the same run and alternating: the bare join, and moving both sides to DuckDB and to
polars, joining there and storing the pairs. Only ours stores them with their indexes.
"""

import json
import os
import statistics
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from django.db import connection

from mapping.models import Seller
from sync.models import InboxMessage, Invoice, Order
from tests.bench.frame import Row
from tests.bench.servers import ROOT

LINES = int(os.environ.get("MKTERP_BENCH_LINES", "1000000"))
ROUNDS = 3
START = datetime(2026, 1, 1, tzinfo=UTC)
WORSE = 500  # one in so many differs


def rows() -> list[Row]:
    _fill()
    ours: list[dict[str, float]] = []
    peers: dict[str, list[float]] = {"bare": [], "duckdb": [], "polars": []}
    for number in range(ROUNDS):
        ways = ["ours", *peers]
        for way in ways if number % 2 else reversed(ways):
            if way == "ours":
                _sql("TRUNCATE reconciliation_payoutmatch")
                ours.append(_run(way))
            else:
                peers[way].append(_run(way)["seconds"])
    seconds = statistics.median(one["seconds"] for one in ours)
    medians = {way: statistics.median(found) for way, found in peers.items()}
    name, other = min((medians[way], way) for way in ("duckdb", "polars"))[::-1]
    since = datetime.now(UTC)
    _sql(
        "UPDATE sync_remittance SET amount_minor = amount_minor + 1, touched_at = %s"
        " WHERE created_date = %s",
        [since + timedelta(seconds=1), (START + timedelta(days=100)).date()],
    )
    _sql("ANALYZE sync_remittance")
    day = _run("ours", BENCH_SINCE=since.isoformat())
    again = _run("ours")
    memory = max(one["megabytes"] for one in (*ours, day, again))
    lines = f"{LINES:,} x {LINES:,} lines"
    return [
        Row(
            "reconcile: all lines",
            seconds,
            f"moved to {name}, joined there, stored without an index, {lines}",
            other,
            "s",
            seconds / other,
            "faster",
            seconds < other,
        ),
        Row(
            "reconcile: against the bare join",
            seconds,
            "CREATE TABLE AS the same join, no indexes",
            medians["bare"],
            "s",
            seconds / medians["bare"],
            "at most twice",
            seconds <= 2 * medians["bare"],
        ),
        _alone("reconcile: memory in Python", memory, lines, "MB", 300),
        _alone(
            f"reconcile: one day changed ({day['pairs']:,.0f} pairs)", day["seconds"], lines, "s",
            seconds / 2,
        ),
        Row(
            "reconcile: written by a second run",
            again["pairs"],
            f"nothing changed, {lines}",
            None,
            "rows",
            None,
            "none",
            again["pairs"] == 0,
        ),
    ]  # fmt: skip


def _alone(name: str, figure: float, against: str, unit: str, limit: float) -> Row:
    return Row(
        name, figure, against, None, unit, None, f"under {limit:,.1f} {unit}", figure < limit
    )


def _run(way: str, **env: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.reconcile_worker", way],
        cwd=ROOT,
        env={**os.environ, **env},
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _sql(statement: str, values: list[object] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _fill() -> None:
    """Twenty sellers, a year of sales; one in five hundred is remitted otherwise."""
    at = START
    sellers = [
        Seller.objects.create(
            marketplacer_id=f"bench-{n}", legacy_id=n, business_name=f"Seller {n}", seen_at=at
        ).pk
        for n in range(20)
    ]
    told = InboxMessage.objects.create(
        source="NODE", identity="bench", typename="Invoice", node_id="bench", body={},
        received_at=at, not_before=at,
    )  # fmt: skip
    order = Order.objects.create(marketplacer_id="bench")
    invoice = Invoice.objects.create(
        marketplacer_id="bench", legacy_id=1, order=order, state="POSTED", delivery_type="",
        placed_at=at, paid_at=at, changed_at=at, currency="GBP", gross=1, tax=0, content_hash="",
        source=told,
    )  # fmt: skip
    values = {"many": LINES, "start": START, "sellers": sellers, "worse": WORSE}
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reconciliation_expectation (origin, kind, invoice_id, seller_id,"
            " treatment, currency, due_date, amount_minor, commission_minor, components, version,"
            " touched_at)"
            " SELECT 'SW52b2ljZS0' || n, 'SALE', %(invoice)s, (%(sellers)s::bigint[])[1 + n %% 20],"
            " 'agent', 'GBP', (%(start)s::timestamptz)::date + (n %% 365)::int,"
            " 500 + n %% 90000, 50 + n %% 900, '{}', '', %(start)s"
            " FROM generate_series(1, %(many)s) AS n",
            {**values, "invoice": invoice.pk},
        )
        cursor.execute(
            "INSERT INTO sync_remittance (marketplacer_id, origin, seller_id, currency,"
            " amount_minor, commission_minor, released, pending_reasons, created_at, created_date,"
            " touched_at, seen_at)"
            " SELECT 'UmVtaXR0YW5jZS0' || n, 'SW52b2ljZS0' || n,"
            " (%(sellers)s::bigint[])[1 + n %% 20], 'GBP',"
            " 500 + n %% 90000 - (n %% %(worse)s = 0)::int, 50 + n %% 900, true, '{}', %(start)s,"
            " (%(start)s::timestamptz)::date + (n %% 365)::int, %(start)s, %(start)s"
            " FROM generate_series(%(many)s, 1, -1) AS n",
            values,
        )
        cursor.execute("ANALYZE reconciliation_expectation")
        cursor.execute("ANALYZE sync_remittance")
