"""`python -m tests.month`: what `manage.py prove_month` runs, on the empty database it made."""

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import django

from mkterp.postgres import Cluster, default_data_dir
from tests.sandbox.erp import Tryton, running_tryton

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mkterp.settings")
django.setup()

from django.core.management import call_command  # noqa: E402

from tests.month import drift, proof, trading  # noqa: E402


def main() -> int:
    """Prove a month; 0 when everything is as it must be."""
    parser = argparse.ArgumentParser(prog="prove_month")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--orders", type=int, default=5_000)
    parser.add_argument("--plant", default="")
    parser.add_argument("--days", type=int, default=trading.DAYS)
    parser.add_argument("--tryton", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        plants = drift.wanted(options.plant)
    except drift.BadList as bad:
        sys.stderr.write(f"Nothing was planted: {bad}\n")
        return 2
    began = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"  {time.monotonic() - began:6.0f} s  {text}\n")

    say("making the database")
    call_command("migrate", verbosity=0)
    with _tryton(options.seed, say) if options.tryton else contextlib.nullcontext() as tryton:
        found = proof.prove(
            seed=options.seed,
            orders=options.orders,
            plants=plants,
            say=say,
            days=options.days,
            tryton=tryton,
        )
    table = sys.stderr if options.json else sys.stdout
    table.writelines(f"{line}\n" for line in found.table())
    if options.json:
        sys.stdout.write(f"{json.dumps(found.summary())}\n")
    return 0 if found.proved else 1


def _tryton(seed: int, say: Callable[[str], None]) -> AbstractContextManager[Tryton]:
    """A Tryton of this seed beside our own database."""
    return running_tryton(
        pg_uri=os.environ["DATABASE_URL"],
        pg_bin=Cluster(default_data_dir()).bin_dir,
        database=f"prove_month_erp_{os.getpid()}",
        seed_number=seed,
        say=lambda text: say(f"Tryton: {text}"),
    )


if __name__ == "__main__":
    sys.exit(main())
