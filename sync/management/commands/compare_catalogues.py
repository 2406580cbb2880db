"""`manage.py compare_catalogues [--accept]`: read both catalogues in full, now."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from sync.services import comparison


class Command(BaseCommand):
    help = "Read listings and items in full, and find what an incremental feed misses."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--accept", action="store_true", help="take away what is gone, however much it is"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for name, compare in (
            ("listings", comparison.compare_listings),
            ("items", comparison.compare_items),
        ):
            counts = compare(clock=timezone.now, accept=options["accept"], now=True)
            said = ", ".join(f"{what} {many}" for what, many in counts.items())
            self.stdout.write(f"{name}: {said or 'another worker reads them now'}")
