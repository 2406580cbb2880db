"""The registry of the sandbox company, as `make demo` fills it, without an ERP to read."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.management import call_command
from django.utils import timezone

from mapping.services import catalogue
from sync.management.commands.demo_registry import TAX_CODES
from sync.models import Feed
from sync.services import pulls
from tests.sandbox.catalogue import Catalogue


def fill(company: Catalogue, seed: int) -> None:
    """Sellers and listings from the marketplace in `connections`, items from the catalogue."""
    now = timezone.now
    pulls.pull_sellers(clock=now)
    pulls.pull_listings(clock=now)
    items = [
        catalogue.ItemFacts(
            erp_ref=str(number),
            sku=item.sku,
            name=item.name,
            parent_ref="",
            barcodes=(),
            price=item.list_price,
            currency="GBP",
            options={},
            active=item.active,
            changed_at=None,
        )
        for number, item in enumerate(company.erp_items)
    ]
    catalogue.mirror_items(items=items, at=now())
    Feed.objects.update_or_create(name="items", defaults={"succeeded_at": now()})
    with TemporaryDirectory() as folder:
        sellers, mappings = Path(folder) / "sellers.csv", Path(folder) / "mappings.csv"
        taxes = Path(folder) / "taxes.csv"
        taxes.write_text(TAX_CODES)
        subprocess.run(
            [
                *(sys.executable, "-m", "tests.sandbox.catalogue", "--seed", str(seed)),
                *("--sellers", str(sellers), "--mappings", str(mappings)),
            ],
            check=True,
        )
        for kind, file in (("tax-codes", taxes), ("sellers", sellers), ("mappings", mappings)):
            call_command("import_registry", kind, file, verbosity=0)
