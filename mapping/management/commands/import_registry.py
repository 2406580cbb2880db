"""`manage.py import_registry KIND FILE [--dry-run] [--leave-bad]`, as `registers` describes."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mapping.services import imports
from mkterp.core.errors import Refused


class Command(BaseCommand):
    help = "Import a registry from a CSV or XLSX file, all or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=sorted(imports.REGISTERS))
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="print each row's verdict only")
        parser.add_argument(
            "--leave-bad", action="store_true", help="import what is right, leave the bad rows out"
        )
        parser.add_argument("--reason", default="imported", help="stands in the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        kind, content = options["kind"], options["file"].read_bytes()
        try:
            if options["dry_run"]:
                report = imports.check(kind=kind, content=content, at=timezone.now())
            else:
                report = imports.apply(
                    kind=kind,
                    content=content,
                    by=None,
                    at=timezone.now(),
                    reason=options["reason"],
                    leave_bad=options["leave_bad"],
                )
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        shown = report.verdicts if options["dry_run"] else report.wrong
        for verdict in shown:
            self.stdout.write(f"row {verdict.row}: {verdict.words}")
        self.stdout.write(
            f"{report.rows} rows: {report.new} new, {report.unchanged} unchanged, "
            f"{report.errors} errors"
        )
