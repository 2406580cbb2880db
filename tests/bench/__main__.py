"""`make bench`: every claim about speed beside its comparison, in one run.

Names of benches as arguments run only those. Each has a process and a database of its own, so that
none measures what another left behind; one that breaks down is told, and the others go on.
"""

import multiprocessing
import os
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path

import django

from tests.bench.frame import Row, report
from tests.bench.servers import database

BENCHES = (
    "webhooks", "pulling", "posting", "stock", "reconcile", "ranking", "lists", "hosts",
)  # fmt: skip


def measure(name: str) -> list[Row]:
    with database("bench") as address:
        os.environ["DATABASE_URL"] = address
        os.environ["DJANGO_SETTINGS_MODULE"] = "mkterp.settings"
        os.environ["MKTERP_LOG_LEVEL"] = "WARNING"
        os.environ["MKTERP_GO_LIVE_AT"] = "2020-01-01T00:00:00+00:00"
        django.setup()
        # It uses the models, which exist only now.
        rows: list[Row] = import_module(f"tests.bench.{name}").rows()
    return rows


def main() -> int:
    wanted = sys.argv[1:] or BENCHES
    if unknown := set(wanted) - set(BENCHES):
        sys.exit(f"No bench is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    rows: list[Row] = []
    broken: list[str] = []
    for name in wanted:
        fork = multiprocessing.get_context("fork")  # nothing of Django is loaded here
        with ProcessPoolExecutor(max_workers=1, mp_context=fork) as process:
            try:
                rows += process.submit(measure, name).result()
            except Exception:  # noqa: BLE001 - whatever it is, the other benches go on
                traceback.print_exc()
                broken.append(name)
    holds = report(rows, Path("bench.json"))
    for name in broken:
        print(f"{name:<34}DID NOT END: see its error above")
    return 0 if holds and not broken else 1


if __name__ == "__main__":
    sys.exit(main())
