"""The campaign: `make faults SEED=3 FAULTS=10000` ends with a JSON line; 1 if a promise broke.

    python -m tests.faults --seed 3 --faults 10000 [--tryton 500]

Of 10,000 faults at least 300 are kills of processes, 20 restarts of the database and 10 times its
disk is full (root only, who may mount one), the rest strike on the wire and the clocks. Only those
are counted that hit work in flight. `--tryton` says how many of them strike a house with a real
Tryton instead of the double (default: a twentieth, from 1,000 on).
"""

import argparse
import contextlib
import json
import math
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import psycopg

from tests.faults import strikes, verdict
from tests.faults.house import House

KILLS, RESTARTS, FULL_DISKS = 300 / 10_000, 20 / 10_000, 10 / 10_000
FEWEST_KILLS = 5  # in a campaign however small
BACKLOG = 120  # orders that are kept under way
MARKETPLACER = {
    "p_500": 0.04, "p_503": 0.04, "p_429": 0.04, "retry_after": 1, "p_lost_answer": 0.08,
    "p_slow": 0.004, "slow_ms": 31_000,
    "webhook": {
        "p_duplicate": 0.25, "p_reorder": 0.15, "reorder_seconds": 3, "p_drop": 0.05,
        "silence": False,
    },
}  # fmt: skip
DOUBLE = {"refuse": 0.05, "throttle": 0.03, "lose": 0.1, "slow": 0.01}
DRAIN_SECONDS = 600


class Campaign:
    def __init__(self, house: House, *, faults: int, seed: int, until: float) -> None:
        self.house, self.faults, self.until = house, faults, until
        self.chance = random.Random(f"campaign-{seed}")
        self.struck: Counter[str] = Counter()
        self.wire: Counter[str] = Counter()
        self.writes = verdict.Writes(house)
        self.operators = strikes.Operators(house)
        self.tried_again = 0  # messages that a person had to send or read again
        self.kills = max(FEWEST_KILLS, math.ceil(faults * KILLS))
        self.restarts = math.ceil(faults * RESTARTS)
        self.full_disks = math.ceil(faults * FULL_DISKS) if house.disk.own else 0
        self._roles = iter(strikes.ROLES * (self.kills * 3))

    def run(self) -> None:
        """Strike until enough has hit; then let it settle. Ends the program when time is up."""
        self.house.witness("POST", "faults", MARKETPLACER)
        if self.house.erp == "double":
            self.house.dial_double(DOUBLE)
        turn = 0
        while not self._enough():
            if time.monotonic() > self.until:
                raise SystemExit(f"out of time after {self.total} faults: {self.by_kind()}")
            self._keep_busy(turn)
            self._strike(turn)
            self._count_wire()
            turn += 1
            if turn % 100 == 0:
                print(f"  after {turn} turns {self.total} faults", file=sys.stderr, flush=True)
        self._settle()

    @property
    def total(self) -> int:
        return self.struck.total() + self.wire.total()

    @property
    def killed(self) -> int:
        return sum(many for kind, many in self.struck.items() if kind.startswith("kill "))

    def by_kind(self) -> dict[str, int]:
        return dict(sorted((self.struck + self.wire).items()))

    def _enough(self) -> bool:
        return (
            self.struck["database restarted"] >= self.restarts
            and self.struck["disk full"] >= self.full_disks
            and self.killed >= self.kills
            and self.total >= self.faults
        )

    def _strike(self, turn: int) -> None:
        share = min(1.0, self.total / self.faults) if self.faults else 1.0
        if self.killed < self.kills * share + 1 and self.killed < self.kills:
            role = next(self._roles)
            self.struck[f"kill {role}"] += strikes.kill_process(self.house, role, self.chance)
        if self.struck["database restarted"] < self.restarts * share and turn % 10 == 9:
            self.struck["database restarted"] += strikes.restart_database(self.house)
        if self.struck["disk full"] < self.full_disks * share and turn % 10 == 4:
            self.struck["disk full"] += strikes.fill_disk(self.house, 3)
        self.struck["database session cut"] += strikes.cut_connections(self.house)
        if turn % 2 == 1:
            self.struck["leases ran out"] += strikes.jump(self.house)
        if turn % 5 == 2:
            self.struck["clock set wrong"] += strikes.set_clock(self.house, self.chance)
        if turn % 12 == 6:
            self.struck["webhooks silent"] += strikes.silence(self.house, 2)
        if turn % 4 == 2:
            self.struck["two pressed at once"] += self.operators.press()
        time.sleep(0.1)  # what was just struck shall get somewhere before the next strike

    def _keep_busy(self, turn: int) -> None:
        try:
            under_way = self.house.sql(
                "SELECT (SELECT count(*) FROM sync_invoice WHERE state = 'QUEUED')"
                " + (SELECT count(*) FROM sync_inboxmessage WHERE state = 'NEW')"
            )[0][0]
        except psycopg.OperationalError:
            return  # it is being started again
        if under_way < BACKLOG:
            self.house.witness("POST", "orders", {"count": 12, "plain": turn % 4 != 0})
        elif not strikes.in_flight(self.house, 0.1):
            # What died with its worker waits for the next schedule; a webhook wakes them sooner.
            self.house.witness("POST", "orders", {"count": 1})

    def _count_wire(self) -> None:
        summary = self.house.witness("GET", "summary")
        self.wire = Counter({f"marketplacer {k}": v for k, v in summary["faults_drawn"].items()})
        if self.house.erp == "double":
            struck = self.house.ask_double()["struck"]
            self.wire.update({f"erp {kind}": many for kind, many in struck.items()})
        self.writes.read()

    def _settle(self) -> None:
        """The storm is over: what waits gets its turn, until nothing moves any more."""
        self.house.witness("POST", "faults", {"reset": True})
        self.house.clocks.right()
        if self.house.erp == "double":
            self.house.dial_double(dict.fromkeys(DOUBLE, 0.0))
        since = self.house.go_live.isoformat().replace("+", "%2B")
        deadline, quiet = time.monotonic() + DRAIN_SECONDS, 0
        while quiet < 3 and time.monotonic() < deadline:
            strikes.jump(self.house)
            time.sleep(6)
            self.writes.read()
            try:
                with contextlib.suppress(httpx.HTTPError):  # the web is coming back
                    self.tried_again += self.operators.try_again()
                left = len(self.house.sql(verdict.UNDONE))
                left += self.house.sql(verdict.CANCELLING)[0][0]
                queued = self.house.sql("SELECT count(*) FROM sync_invoice WHERE state = 'QUEUED'")
                seen = self.house.sql("SELECT count(*) FROM sync_invoice WHERE state <> 'HISTORIC'")
            except psycopg.OperationalError:
                continue
            there = self.house.witness("GET", f"summary?since={since}")["invoices_since"]
            quiet = quiet + 1 if (left, queued[0][0], seen[0][0]) == (0, 0, there) else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--faults", type=int, default=10_000)
    parser.add_argument("--tryton", type=int, help="how many of them with a real Tryton")
    parser.add_argument("--minutes", type=float, default=150, help="at most")
    given = parser.parse_args()
    with_tryton = given.tryton
    if with_tryton is None:
        with_tryton = given.faults // 20 if given.faults >= 1000 else 0
    rounds = [("double", given.faults - with_tryton), ("tryton", with_tryton)]
    began, total = time.monotonic(), Counter[str]()
    for erp, faults in rounds:
        if not faults:
            continue
        folder = Path(tempfile.mkdtemp(prefix="mkterp-faults-"))
        folder.chmod(0o755)  # for the account that PostgreSQL runs as
        house = House(folder, seed=7, erp=erp)
        until = began + given.minutes * 60
        with house.running():
            campaign = Campaign(house, faults=faults, seed=given.seed, until=until)
            campaign.run()
            figures, told = verdict.judge(house, campaign.writes)
        if campaign.operators.crashed:
            told.append(f"{campaign.operators.crashed} presses of a button were answered 500")
        if crosswise := house.deadlocks():
            told.append(f"{crosswise} requests were sent away by a deadlock")
        print(f"seed {given.seed}, {erp}, after {time.monotonic() - began:.0f} s")
        for kind, many in campaign.by_kind().items():
            print(f"  {many:>7} {kind}")
        print(
            f"  {campaign.tried_again:>7} messages parked by the storm, and tried again by a person"
        )
        for sentence in told:
            print(f"  BROKEN {sentence}")
        total += Counter({"faults": campaign.total} | figures)
        total["broken"] += len(told)
        if not told:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"  its logs stay in {folder}")
    names = ("faults", "orders", *verdict.PROMISES)
    print(json.dumps({name: total[name] for name in names}), flush=True)
    return int(bool(total["broken"]))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except httpx.HTTPError as error:
        sys.exit(f"the sandbox or the double is gone: {error}")
