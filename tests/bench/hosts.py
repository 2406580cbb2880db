"""Hosts that share one PostgreSQL: orders a second by one, two and four; and one that vanishes.

The ERP is a double whose every call takes two seconds and that keeps no key unique. Each host is a
network namespace with a worker of its own (two processes), as in docs/deploy.md.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from mkterp import postgres
from mkterp.postgres.cluster import DATABASE, ROLE
from tests.bench.frame import Row
from tests.bench.nets import Host, Net
from tests.bench.servers import ROOT, free_port, manage

LATENCY = 2.0  # seconds a call; two calls a batch: look, then write
HOSTS = (1, 2, 4)
WINDOW, WARM = 40.0, 60.0  # seconds measured, and until every host has work at most
AT_ONCE = 16  # calls that the ERP takes; four hosts make eight
_OUTBOX = "sync_outboxmessage"
PER_SECOND = 10  # orders that are queued for each host and second


class Reachable(postgres.Cluster):
    """A server that hosts on the bridge may reach."""

    def __init__(self, folder: Path, net: Net) -> None:
        super().__init__(folder, durable=True)
        self.net = net

    def open(self) -> str:
        """Make it, let the hosts in, start it again; returns its address on the bridge."""
        self.ensure()
        self.stop()
        with (self.home / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {self.net.range} trust\n")
        self.ensure()
        return f"postgresql://{ROLE}@{self.net.gateway}/{DATABASE}"

    def _settings(self, tools: Path) -> Mapping[str, str]:
        return {**super()._settings(tools), "listen_addresses": self.net.gateway}


def fill(orders: int) -> None:
    """Queue so many orders; called in a process that has the product's settings."""
    # It uses the models, which exist only in such a process.
    from tests.bench import posting  # noqa: PLC0415

    posting.queue([posting.draft("LIN-CAMP-M") for _ in range(orders)])


@dataclass
class Trial:
    """The hosts, what they share, and what is asked of both far ends."""

    net: Net
    cluster: Reachable
    erp: str
    env: Mapping[str, str]
    folder: Path
    woken: float = 0.0

    def queue(self, orders: int) -> None:
        call = f"from tests.bench.hosts import fill; fill({orders})"
        manage(["shell", "-v0", "-c", call], self.env)

    def start(self, count: int) -> list[Host]:
        """Hosts that begin to work."""
        hosts = [self.net.add() for _ in range(count)]
        for host in hosts:
            own = self.folder / host.name
            own.mkdir(exist_ok=True)
            env = {**os.environ, **self.env, "MKTERP_DATA_DIR": str(own)}
            host.start([sys.executable, "manage.py", "worker"], env)
        return hosts

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.cluster.uri(), autocommit=True) as connection:
            cursor = connection.execute(text)
            return cursor.fetchall() if cursor.description else []

    def delivered(self) -> int:
        (row,) = self.sql(
            f"SELECT count(*) FROM {_OUTBOX} WHERE lane='ERP' AND delivered_at IS NOT NULL"
        )
        return int(row[0])

    def free_leases(self) -> None:
        """As if the time of the leases were over, and the sweeper came by."""
        self.sql(
            f"UPDATE {_OUTBOX} SET lease_until = now() - interval '1 second' "
            "WHERE state = 'IN_FLIGHT'"
        )
        self.wake()

    def wake(self) -> None:
        """What the schedule does each minute; here no schedule runs."""
        self.woken = time.monotonic()
        manage(["shell", "-v0", "-c", _WAKE], self.env)

    def arrived(self, waiting: str) -> bool:
        """Whether nothing waits any more; a run takes one place of the dead, the next another."""
        if time.monotonic() - self.woken > 60:
            self.wake()
        return self.sql(waiting) == [(0,)]

    def rate(self, count: int) -> float:
        """Orders a second that so many hosts bring into the ERP."""
        self.queue(int(PER_SECOND * count * (WINDOW + WARM)))
        hosts = self.start(count)
        self.wait("work of every host", lambda: self.places() >= 2 * count)
        began, first = time.monotonic(), self.delivered()
        time.sleep(WINDOW)  # what is measured: how many arrive in it
        found = (self.delivered() - first) / (time.monotonic() - began)
        print(f"{count} hosts: {found:.1f} orders a second", file=sys.stderr, flush=True)
        for host in hosts:
            self.net.remove(host)
        # What a killed worker held is tried one by one: the next rate is not about that.
        self.sql(f"UPDATE {_OUTBOX} SET unrecorded = 0 WHERE state = 'IN_FLIGHT'")
        self.free_leases()
        return found

    def places(self) -> int:
        (row,) = self.sql(
            f"SELECT count(DISTINCT slot) FROM {_OUTBOX} WHERE state = 'IN_FLIGHT' "
            "AND lease_until > now()"
        )
        return int(row[0])

    def wait(self, what: str, ready: Callable[[], bool], seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                raise RuntimeError(f"after {seconds:.0f} s still no {what}")
            time.sleep(0.2)

    def vanish(self) -> Row:
        """Two hosts at work, one loses its cable and its power: what is lost, what is doubled."""
        # What the rates left over would only take time.
        self.sql(f"UPDATE {_OUTBOX} SET state='SUPERSEDED' WHERE state='PENDING' AND attempts=0")
        self.queue(400)
        lost, left = self.start(2)
        self.wait("work of both hosts", lambda: self.places() >= 4)
        cut = time.monotonic()
        killed = lost.vanish()
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        self.wait("end of the dead host's sessions", lambda: not self.holds(lost))
        silent = time.monotonic() - cut
        self.free_leases()
        ours = f"FROM {_OUTBOX} WHERE lane='ERP' AND state <> 'SUPERSEDED'"
        waiting = f"SELECT count(*) {ours} AND delivered_at IS NULL"
        self.wait("end of the queue", lambda: self.arrived(waiting), 600)
        self.wait("free places", lambda: self.sql(locks) == [(0,)])
        self.net.remove(left)
        keys = [row[0] for row in self.sql(f"SELECT key {ours}")]
        held = Counter(one["key"] for one in httpx.get(self.erp, timeout=60).json()["orders"])
        missing = [key for key in keys if held[key] != 1]
        doubled = sum(held.values()) - len(keys)
        print(f"{killed} processes gone, their sessions after {silent:.0f} s", file=sys.stderr)
        return Row(
            name=f"hosts: {len(keys)} orders, one host gone",
            ours=float(len(missing) + abs(doubled)),
            against="",
            other=None,
            unit="lost, doubled",
            ratio=None,
            target="none",
            holds=not missing and not doubled,
        )

    def holds(self, host: Host) -> int:
        """How many places the database still believes this host to hold.

        A session that was being opened as the cable was cut holds none, and may stay for hours.
        """
        (row,) = self.sql(
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
            f" WHERE locktype = 'advisory' AND client_addr = '{host.address}'"
        )
        return int(row[0])


def rows() -> list[Row]:
    if os.geteuid():
        raise RuntimeError("the bench `hosts` makes network namespaces: run it as root")
    with Net().up() as net, tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        cluster, port = Reachable(Path(folder), net), free_port()
        double = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.faults.double", "--host", net.gateway),
                *("--port", str(port), "--latency", str(LATENCY)),
            ],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,  # hosts that are killed leave their calls in the middle
        )
        erp = f"http://{net.gateway}:{port}"
        try:
            env = {
                "DATABASE_URL": cluster.open(),
                "DJANGO_SETTINGS_MODULE": "mkterp.settings",
                "ERP_ADAPTER": "tests.faults.double.RemoteErp",
                "ERP_OPTIONS": json.dumps({"url": erp, "at_once": AT_ONCE}),
                "MKTERP_SECRET_KEY": "one for all hosts of a measurement " * 2,
                "MKTERP_GO_LIVE_AT": "2020-01-01T00:00:00+00:00",
                "MKTERP_LOG_LEVEL": "WARNING",
                "MKTERP_TEST_CLUSTER": "",
            }
            manage(["migrate", "--verbosity", "0"], env)
            trial = Trial(net, cluster, erp, env, Path(folder))
            rates = {count: trial.rate(count) for count in HOSTS}
            one = rates[HOSTS[0]]
            found = [
                Row(
                    name=f"hosts: orders posted by {count}",
                    ours=round(rates[count], 1),
                    against=f"one host; {LATENCY:.0f} s a call",
                    other=round(one, 1),
                    unit="orders/s",
                    ratio=round(rates[count] / one, 2),
                    target=f"at least {0.7 * count:.1f} times",
                    holds=rates[count] / one >= 0.7 * count,
                )
                for count in HOSTS[1:]
            ]
            return [*found, trial.vanish()]
        finally:
            double.kill()
            double.wait()
            cluster.destroy()


_WAKE = """
from django.db import transaction
from django.utils import timezone
from sync.services import lanes
lanes.awake(task="sync.tasks.deliver_erp")
with transaction.atomic():
    lanes.wake(task="sync.tasks.deliver_erp", at=timezone.now())
"""
