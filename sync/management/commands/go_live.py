"""`manage.py go_live`: check both sides, state the opening balances, end the dry run."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mkterp.core.errors import Refused
from sync.services import connection_check, go_live


class Command(BaseCommand):
    help = (
        "Begin to write to both sides: refused unless check_connection passes; states "
        "the ERP's balances of the day before; what the dry run queued is decided anew"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        at = timezone.now()
        reports = (connection_check.marketplacer(), connection_check.erp(at=at))
        failed = [check for report in reports for check in report.checks if not check.ok]
        for check in failed:
            self.stderr.write(f"{check.name}: {check.detail}")
        if failed:
            raise CommandError("Nothing was changed. Mend these, or see check_connection.")
        try:
            statement = go_live.go_live(at=at)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"Orders placed before {settings.GO_LIVE_AT.isoformat()} are history.")
        self.stdout.write(f"Balances at the end of {statement.on.isoformat()}:")
        for row in statement.balances:
            self.stdout.write(
                f"  {row.account:<16}{row.party:<16}{row.amount:>16.2f} {row.currency}"
            )
        self.stdout.write(f"{statement.ended} messages of the dry run were decided anew.")
        for words in statement.differs:
            self.stderr.write(words)
        if statement.differs:
            sys.exit(1)
