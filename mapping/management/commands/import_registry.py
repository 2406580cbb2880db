"""`manage.py import_registry sellers|mappings|tax-codes FILE [--dry-run]`."""

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mapping.services import imports
from mkterp.core.errors import Refused

PLANS = {
    "sellers": imports.plan_sellers,
    "mappings": imports.plan_mappings,
    "tax-codes": imports.plan_tax_codes,
}


class Command(BaseCommand):
    help = "Import sellers' rules, SKU mappings or tax codes from a CSV file, all or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=sorted(PLANS))
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="print each row's verdict only")
        parser.add_argument("--reason", default="imported", help="stands in the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        with options["file"].open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        try:
            plan = PLANS[options["kind"]](
                rows=rows, by=None, at=timezone.now(), reason=options["reason"]
            )
            if options["dry_run"]:
                for verdict in plan.verdicts:
                    self.stdout.write(f"row {verdict.row}: {verdict.words}")
                self.stdout.write(f"{len(plan.verdicts)} rows, {len(plan.errors)} errors")
                return
            imports.apply(plan=plan)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{len(plan.verdicts)} rows")
