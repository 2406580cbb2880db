"""`manage.py worker`: run the tasks; replace the cluster that runs them when it falls silent."""

from argparse import SUPPRESS, ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from mkterp.core import workers
from mkterp.core.supervisor import Supervisor


class Command(BaseCommand):
    help = "Run background tasks until SIGTERM; start any number of these, on any number of hosts"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--stop-within",
            type=float,
            default=15.0,
            help="seconds that running tasks get to finish when it is stopped (default: 15)",
        )
        parser.add_argument("--child", default="", help=SUPPRESS)  # the supervised cluster itself

    def handle(self, *args: Any, **options: Any) -> None:
        if options["child"]:
            workers.run_cluster(worker=options["child"], stop_within=options["stop_within"])
        else:
            Supervisor(stop_within=options["stop_within"]).run()
