"""`manage.py prove_month`: a month of sandbox trading, drift planted in it, and all of it found.

The prover is a witness: it runs the two far sides, plants in them and judges what the product
found, in a process and a database of its own. The product only starts it.
"""

import os
import subprocess
import sys
from argparse import ArgumentParser
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from psycopg import sql
from psycopg.conninfo import make_conninfo


class Command(BaseCommand):
    help = (
        "Trade for a month in a sandbox, plant drift there, reconcile, and judge: everything "
        "planted must be found with its cause, nothing else flagged, and the sums of both far "
        "sides equal. Uses a database of its own and drops it. Ends with 1 when something was not "
        "as it must be."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=11)
        parser.add_argument("--orders", type=int, default=5_000)
        parser.add_argument("--days", type=int, default=28, help="on which they come (28)")
        parser.add_argument(
            "--plant", default="", metavar="none|FILE", help="nothing, or a caller's JSON list"
        )
        parser.add_argument(
            "--tryton", action="store_true", help="against a real Tryton, made for it and dropped"
        )
        parser.add_argument("--json", action="store_true", help="end with one JSON line")

    def handle(self, *args: Any, **options: Any) -> None:
        name = f"prove_month_{os.getpid()}"
        known = connection.get_connection_params()
        parts = {key: known[key] for key in ("host", "port", "user", "password") if known.get(key)}
        with psycopg.connect(make_conninfo(**parts, dbname="postgres"), autocommit=True) as server:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            try:
                code = self._run(make_conninfo(**parts, dbname=name), options)
            finally:
                drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
                server.execute(drop)
        if code:
            raise CommandError("The month is not proved; see above.", returncode=1)

    def _run(self, database: str, options: dict[str, Any]) -> int:
        command = [sys.executable, "-m", "tests.month"]
        for name in ("seed", "orders", "days", "plant"):
            if options[name] != "":
                command += [f"--{name}", str(options[name])]
        command += [f"--{name}" for name in ("tryton", "json") if options[name]]
        env = {**os.environ, "DATABASE_URL": database, "MKTERP_LOG_LEVEL": "ERROR"}
        return subprocess.run(command, cwd=settings.BASE_DIR, env=env, check=False).returncode
