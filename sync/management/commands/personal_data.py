"""`manage.py personal_data NAME POSTCODE`: what is held of one buyer, told or erased."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mkterp.core.errors import Refused
from mkterp.core.models import User
from sync.services import personal


class Command(BaseCommand):
    help = (
        "Write everything held of one buyer as JSON, a line a message; or, with --erase, redact "
        "it now instead of when PERSONAL_DATA_DAYS have passed. The ERP and Marketplacer keep "
        "records of their own: ask there as well"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help='as on the order: "Ana Example"')
        parser.add_argument("postcode", help="of the delivery address")
        parser.add_argument("--out", type=Path, help="a file; else standard output")
        parser.add_argument("--erase", action="store_true", help="needs --by and --reason")
        parser.add_argument("--by", help="your name in mkterp, for the audit")
        parser.add_argument("--reason", default="", help="who asked, when, where it is filed")

    def handle(self, *args: Any, **options: Any) -> None:
        who = {"name": options["name"], "postcode": options["postcode"]}
        if options["erase"]:
            self._erase(who, options)
            return
        out = options["out"].open("w") if options["out"] else sys.stdout
        many = 0
        for message in personal.about(**who):
            many += 1
            out.write(json.dumps(message, ensure_ascii=False) + "\n")
        if options["out"]:
            out.close()
        self.stderr.write(f"{many} messages and documents are held.")

    def _erase(self, who: dict[str, str], options: dict[str, Any]) -> None:
        by = User.objects.filter(username=options["by"] or "").first()
        if by is None:
            raise CommandError("Say who you are: --by NAME, a name that signs in to mkterp.")
        try:
            many = personal.erase(**who, by=by, at=timezone.now(), reason=options["reason"])
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{many} messages and documents redacted.")
