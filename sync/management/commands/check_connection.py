"""`manage.py check_connection [marketplacer|erp] [--json]`: what works, and what to do."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from sync import connections
from sync.domain.checks import ConnectionReport
from sync.erp import words
from sync.services import connection_check


class Command(BaseCommand):
    help = "Check both connections step by step, writing nothing; exit code 1 when a step fails"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("side", nargs="?", choices=["marketplacer", "erp"], default="")
        parser.add_argument("--json", action="store_true", help="one JSON object on one line")

    def handle(self, *args: Any, **options: Any) -> None:
        reports: dict[str, ConnectionReport] = {}
        if options["side"] != "erp":
            reports["marketplacer"] = connection_check.marketplacer()
        if options["side"] != "marketplacer":
            reports["erp"] = connection_check.erp(at=timezone.now())
        ok = all(report.ok for report in reports.values())
        if options["json"]:
            self.stdout.write(json.dumps({"ok": ok, **{n: _told(r) for n, r in reports.items()}}))
        else:
            for name, report in reports.items():
                self._write(name, report)
        if not ok:
            sys.exit(1)

    def _write(self, name: str, report: ConnectionReport) -> None:
        able = connections.erp_capabilities()
        title = f"{able.name} at {settings.ERP_OPTIONS.get('url', '')}"
        if name == "marketplacer":
            title = f"Marketplacer at {settings.MARKETPLACER_URL}"
        self.stdout.write(title)
        for check in report.checks:
            self.stdout.write(f"  {'ok  ' if check.ok else 'FAIL'} {check.name:<38} {check.detail}")
        if name == "erp":
            for sentence in words.cannot(able):
                self.stdout.write(f"  note {sentence}")


def _told(report: ConnectionReport) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "version": report.version,
        "steps": [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in report.checks],
    }
