"""`manage.py verify_audit`: is the audit trail what was written, entry for entry?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mkterp.core import seals


class Command(BaseCommand):
    help = (
        "Walk the hash chain over the audit trail. Ends with an error when a link is broken. Note "
        "the head it prints outside this database and hand it in with --head the next time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--head", default="", help="a head noted earlier; it must be there")

    def handle(self, *args: Any, **options: Any) -> None:
        at = timezone.now()
        verdict = seals.verify(at=at, head=options["head"])
        seals.note(verdict, at=at)
        if verdict.broken:
            raise CommandError("The audit trail was changed: " + "; ".join(verdict.broken) + ".")
        self.stdout.write(
            f"{verdict.entries} entries, every link holds; {verdict.unsealed} wait to be sealed.\n"
            f"head {verdict.head}"
        )
