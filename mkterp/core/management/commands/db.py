"""`manage.py db up | down | status`: the PostgreSQL that this checkout runs for itself."""

import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from mkterp import postgres
from mkterp.postgres.__main__ import run


class Command(BaseCommand):
    help = (
        "Start, stop or show the PostgreSQL of this checkout (other commands start it themselves)"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["up", "down", "status"])

    def handle(self, *args: Any, **options: Any) -> None:
        if os.environ.get("DATABASE_URL"):
            raise CommandError("DATABASE_URL names a server of its own: it is not ours to manage")
        try:
            code = run(postgres.Cluster(settings.DATA_DIR), options["action"])
        except postgres.PostgresError as error:
            raise CommandError(str(error)) from error
        if code:
            raise SystemExit(code)
