"""Pages of the long lists with a million rows behind them, at any depth; and the search over them.

Beside each list: the same page of a house with a single page of rows; beside the orders also what
`bare_list` makes of the same rows. `BENCH_LIST_ROWS` says how many rows the long ones get. Each
page is timed twice: by the clock, which on a busy machine counts the others too, and by the
processor time that its server and its database spent on it.
"""

import json
import os
import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.bench.frame import Row
from tests.bench.lists_house import DEPTHS
from tests.bench.servers import database, gunicorn, manage

MANY = int(os.environ.get("BENCH_LIST_ROWS", "1000000"))
FEW = 50
ROUNDS = 20  # of five depths: a p95 of a hundred pages
TELL = "from tests.bench.lists_house import tell; tell({many})"


@dataclass
class House:
    """A running product over a database of its own."""

    client: httpx.Client
    pages: dict[str, list[str]]
    port: int
    address: str

    def processes(self) -> list[int]:
        """Its web processes, and those that serve its database now."""
        with psycopg.connect(self.address) as server:
            found = server.execute(
                "SELECT pid FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            backends = [pid for (pid,) in found]
        mine = f"127.0.0.1:{self.port}"
        return backends + [
            int(path.parent.name)
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if mine in path.read_text(errors="replace").split("\0")
        ]

    def get(self, url: str, pids: list[int]) -> tuple[float, float]:
        """Milliseconds by the clock, and of processor time, until the page was there."""
        before, began = _spent(pids), time.perf_counter()
        answer = self.client.get(url)
        took = (time.perf_counter() - began) * 1000
        if answer.status_code not in (200, 302):  # 302: the search knew what was meant
            raise RuntimeError(f"{url} answered {answer.status_code}")
        return took, _spent(pids) - before


def _spent(pids: list[int]) -> float:
    """Milliseconds these processes have run so far, by the scheduler's own count."""
    stats = [path for pid in pids for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(int(path.read_text().split()[0]) for path in stats) / 1_000_000


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[18]


def rows() -> list[Row]:
    with ExitStack() as stack:
        houses = []
        for name, many in (("bench_lists_many", MANY), ("bench_lists_few", FEW)):
            address = stack.enter_context(database(name, template="bench"))
            environment = {"DATABASE_URL": address}
            said = manage(["shell", "-v", "0", "-c", TELL.format(many=many)], environment)
            told: dict[str, Any] = json.loads(said)
            port = stack.enter_context(gunicorn("mkterp.wsgi", environment))
            client = httpx.Client(
                base_url=f"http://127.0.0.1:{port}",
                cookies={"sessionid": told["session"]},
                timeout=60,
            )
            stack.enter_context(client)
            houses.append(House(client, told["pages"], port, address))
        long, short = houses
        found = [row for name in long.pages for row in _rows(name, long, short)]
        environment = {"DATABASE_URL": long.address}
        bare = stack.enter_context(gunicorn("tests.bench.bare_list", environment))
        plain = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{bare}", timeout=120))
        return [*found, _beside_a_table(long, plain)]


def _beside_a_table(house: House, plain: httpx.Client) -> Row:
    """Our page of orders, with all that stands around it, and a table that pages by number."""
    urls = house.pages["orders"]
    pages = [f"/?page={1 + int(MANY / 50 * depth)}" for depth in (0, *DEPTHS)]
    ours, theirs = [], []
    for round_ in range(ROUNDS // 2):
        for url, page in zip(urls, pages, strict=True):
            mine = house.get(url, [])[0]
            began = time.perf_counter()
            plain.get(page).raise_for_status()
            if round_:  # the first one loads what it needs
                ours.append(mine)
                theirs.append((time.perf_counter() - began) * 1000)
    mine, other = _p95(ours), _p95(theirs)
    return Row(
        name="lists: orders, p95 beside a table",
        ours=mine,
        against="django-tables2 and a paginator, no page around them",
        other=other,
        unit="ms",
        ratio=mine / other,
        target="no slower",
        holds=mine <= other,
    )


def _rows(name: str, long: House, short: House) -> list[Row]:
    """Both houses in turn, every depth of the long list as often as the others."""
    beside = short.pages[name][0]
    for url in long.pages[name]:
        for _ in range(2):  # both processes have loaded what it needs
            long.get(url, [])
            short.get(beside, [])
    pids, others = long.processes(), short.processes()
    ours, theirs = [], []
    for _ in range(ROUNDS):
        for url in long.pages[name]:
            ours.append(long.get(url, pids))
            theirs.append(short.get(beside, others))
    limit = 100 if name == "search" else 50
    found = []
    for position, by in enumerate(("p95", "p95 of the processor's time")):
        mine = _p95([pair[position] for pair in ours])
        other = _p95([pair[position] for pair in theirs])
        found.append(
            Row(
                name=f"lists: {name}, {by}",
                ours=mine,
                against=f"the same with {FEW} rows behind it",
                other=other,
                unit="ms",
                ratio=mine / other,
                target=f"under {limit} ms",
                holds=mine < limit,
            )
        )
    return found
