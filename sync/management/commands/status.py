"""`manage.py status [--json]`: where every order is, how the feeds and workers do."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from sync import selectors


class Command(BaseCommand):
    help = "Say where every order is and how the feeds and workers do."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on one line")

    def handle(self, *args: Any, **options: Any) -> None:
        status = selectors.status(at=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(status))
            return
        for name, value in status.items():
            if not isinstance(value, dict):
                self.stdout.write(f"{name.replace('_', ' '):<20}{value:>8}")
        for name, feed in status["feeds"].items():
            self.stdout.write(f"feed {name:<24}{feed['state']:<12}{feed['words']}")
        for name, worker in status["workers"].items():
            self.stdout.write(f"worker {name:<22}{'alive' if worker['alive'] else 'silent'}")
