"""`manage.py demo_registry`: the demo company goes live: catalogue read, registry imported."""

import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils import timezone

from mapping.models import SkuMapping
from mkterp.core.models import User
from sync.models import Feed
from sync.services import pulls, shipments_carriers

TAX_CODES = """country,marketplace_rate,erp_code,erp_rate
GB,0.20,GB-STD,0.20
GB,0,GB-ZERO,0
"""
# The ERP's Royal Mail is left for a person to say.
CARRIERS = (
    {"erp_carrier": "DPD", "marketplacer_carrier": "Swiftline"},
    {"erp_carrier": "Parcelforce", "marketplacer_carrier": "Northern Couriers"},
)

# The accounts that the sandbox company's books are seeded with.
ACCOUNTS = """role,erp_account
customer_clearing,1.2.1
seller_payable_pending,2.2.6
seller_payable_due,2.2.7
commission_revenue,4.1.3
commission_tax,2.2.3
revenue,4.1.1
output_tax,2.2.3
bank,1.1.5
gateway_clearing,1.1.6
gateway_fee,5.2.4
tax_adjustment,4.1.9
purchase_cost,5.2.1
input_tax,2.2.3
write_off,5.2.1
"""


class Command(BaseCommand):
    help = "Fill the demo's registry once the sandbox and Tryton can be read; waits for them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=7)

    def handle(self, *args: Any, **options: Any) -> None:
        if SkuMapping.objects.exists():
            return
        with TemporaryDirectory() as folder:
            files = {name: Path(folder) / f"{name}.csv" for name in ("sellers", "mappings")}
            subprocess.run(
                [
                    *(sys.executable, "-m", "tests.sandbox.catalogue"),
                    *("--seed", str(options["seed"])),
                    *("--sellers", str(files["sellers"])),
                    *("--mappings", str(files["mappings"])),
                ],
                check=True,
                cwd=settings.BASE_DIR,
            )
            tax_codes = Path(folder) / "tax-codes.csv"
            tax_codes.write_text(TAX_CODES)
            reason = "opening registry of the demo company"
            call_command("import_registry", "tax-codes", tax_codes, reason=reason)
            accounts = Path(folder) / "accounts.csv"
            accounts.write_text(ACCOUNTS)
            call_command("import_registry", "accounts", accounts, reason=reason)
            self._read("sellers", pulls.pull_sellers)
            call_command("import_registry", "sellers", files["sellers"], reason=reason)
            self._read("listings", pulls.pull_listings)
            self._read("items", pulls.pull_items)
            call_command("import_registry", "mappings", files["mappings"], reason=reason)
            self._read("carriers", shipments_carriers.pull)
            administrator = User.objects.get(username="admin")
            shipments_carriers.import_rows(rows=CARRIERS, by=administrator, at=timezone.now())

    def _read(self, name: str, pull: Any) -> None:
        """Run a feed until it has got through once; the far side may still be starting."""
        while not Feed.objects.filter(name=name, succeeded_at__isnull=False).exists():
            pull(clock=timezone.now)
            time.sleep(1)
