"""One way of pairing both sides, in a process of its own: prints its seconds and megabytes.

`ours` is the product's. `bare` is the same join without any product around it. `duckdb` and
`polars` move both sides out of PostgreSQL, join there and bring the pairs back, as CSV each way;
they are stored without an index.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

EXPECTED = (
    "SELECT id, origin, seller_id, amount_minor, commission_minor, currency, due_date"
    " FROM reconciliation_expectation"
)
REMITTED = (
    "SELECT id, origin, seller_id, amount_minor, commission_minor, currency FROM sync_remittance"
    " WHERE gone_at IS NULL"
)
JOIN = """
    SELECT r.id AS remittance_id, e.id AS expectation_id,
           CASE WHEN r.amount_minor = e.amount_minor AND r.commission_minor = e.commission_minor
                     AND r.seller_id = e.seller_id AND r.currency = e.currency THEN 0
                ELSE 2 END AS state,
           r.amount_minor - e.amount_minor AS residue_minor
      FROM {expected} e JOIN {remitted} r ON r.origin = e.origin
"""


# Each way imports what it alone needs, before its time and memory are taken.


def ours() -> Callable[[], int]:
    import django  # noqa: PLC0415

    django.setup()
    from reconciliation.services import pairing  # noqa: PLC0415

    since = os.environ.get("BENCH_SINCE")
    moment = datetime.fromisoformat(since) if since else None
    return lambda: pairing.pair(since=moment)["pairs written"]


def bare() -> Callable[[], int]:
    return _bare


def _bare() -> int:
    with psycopg.connect(os.environ["DATABASE_URL"]) as server:
        server.execute("SET work_mem = '256MB'")
        server.execute("DROP TABLE IF EXISTS bench_pairs")
        made = server.execute(
            "CREATE TABLE bench_pairs AS "
            + JOIN.format(
                expected="reconciliation_expectation",
                remitted="(SELECT * FROM sync_remittance WHERE gone_at IS NULL)",
            )
        )
        return made.rowcount


def _out(folder: Path) -> tuple[Path, Path]:
    """Both sides as CSV, as fast as PostgreSQL writes them."""
    files = folder / "expected.csv", folder / "remitted.csv"
    with psycopg.connect(os.environ["DATABASE_URL"]) as server:
        for file, statement in zip(files, (EXPECTED, REMITTED), strict=True):
            with (
                file.open("wb") as sink,
                server.cursor().copy(f"COPY ({statement}) TO STDOUT (FORMAT csv, HEADER)") as copy,
            ):
                for block in copy:
                    sink.write(block)
    return files


def _back(file: Path) -> int:
    """Store the pairs of a CSV file, into a table of this transaction's own: nothing is logged."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as server:
        server.execute("DROP TABLE IF EXISTS bench_pairs")
        server.execute(
            "CREATE TABLE bench_pairs (remittance_id bigint, expectation_id bigint, state smallint,"
            " residue_minor bigint)"
        )
        cursor = server.cursor()
        with (
            file.open("rb") as source,
            cursor.copy("COPY bench_pairs FROM STDIN (FORMAT csv, HEADER)") as copy,
        ):
            while block := source.read(1 << 20):
                copy.write(block)
        return cursor.rowcount


def in_duckdb() -> Callable[[], int]:
    import duckdb  # noqa: PLC0415

    def join() -> int:
        with TemporaryDirectory() as folder:
            expected, remitted = (f"read_csv('{file}')" for file in _out(Path(folder)))
            made = JOIN.format(expected=expected, remitted=remitted)
            pairs = Path(folder) / "pairs.csv"
            with duckdb.connect() as memory:
                memory.execute(f"COPY ({made}) TO '{pairs}' (HEADER)")
            return _back(pairs)

    return join


def in_polars() -> Callable[[], int]:
    import polars  # noqa: PLC0415

    def same(name: str) -> polars.Expr:
        return polars.col(name) == polars.col(f"{name}_expected")

    def join() -> int:
        with TemporaryDirectory() as folder:
            expected, remitted = (polars.read_csv(file) for file in _out(Path(folder)))
            equal = (
                same("amount_minor")
                & same("commission_minor")
                & same("seller_id")
                & same("currency")
            )
            pairs = Path(folder) / "pairs.csv"
            remitted.join(expected, on="origin", suffix="_expected").select(
                remittance_id=polars.col("id"),
                expectation_id=polars.col("id_expected"),
                state=polars.when(equal).then(0).otherwise(2),
                residue_minor=polars.col("amount_minor") - polars.col("amount_minor_expected"),
            ).write_csv(pairs)
            return _back(pairs)

    return join


WAYS: dict[str, Callable[[], Callable[[], int]]] = {
    "ours": ours,
    "bare": bare,
    "duckdb": in_duckdb,
    "polars": in_polars,
}

if __name__ == "__main__":
    way = WAYS[sys.argv[1]]()
    began = time.perf_counter()
    pairs = way()
    seconds = time.perf_counter() - began
    status = Path("/proc/self/status").read_text()
    megabytes = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"seconds": seconds, "megabytes": megabytes, "pairs": pairs}))
