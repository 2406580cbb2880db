"""The two far sides of a month, and the product between them.

Marketplacer is the sandbox in this process. The ERP is the one in memory, which the contract suite
holds to a real Tryton, and its month the last one; or a real Tryton, which dates by its own clock:
its month is this one, and whatever its people book they book today. All other time is in our hand.
"""

import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import httpx
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import override_settings

from mapping.models import AccountRole
from mapping.services import rules
from mkterp.core import roles
from mkterp.core.models import User
from reconciliation.services import bank
from sync import connections
from sync.marketplacer.client import MarketplacerClient
from sync.models import OutboxMessage
from sync.services import pulls, shipments_carriers
from tests.fakes import FakeErp, state
from tests.month.real import RealErp
from tests.sandbox import catalogue as catalogues
from tests.sandbox.erp import Tryton
from tests.sandbox.marketplacer.sandbox import Sandbox
from tests.sandbox.marketplacer.trading import Trading

VARIANTS = 400
PLENTY = 100_000
TAX_CODES = "country,marketplace_rate,erp_code,erp_rate\nGB,0.20,GB-STD,0.20\nGB,0,GB-ZERO,0\n"
# The accounts of the sandbox's chart; see tests/sandbox/erp/seed.py.
ACCOUNTS = {
    AccountRole.CUSTOMER_CLEARING: "1.2.1",
    AccountRole.SELLER_PENDING: "2.2.6",
    AccountRole.SELLER_DUE: "2.2.7",
    AccountRole.COMMISSION: "4.1.3",
    AccountRole.COMMISSION_TAX: "2.2.3",
    AccountRole.REVENUE: "4.1.1",
    AccountRole.OUTPUT_TAX: "2.2.3",
    AccountRole.BANK: "1.1.5",
    AccountRole.GATEWAY: "1.1.6",
    AccountRole.TAX_ADJUSTMENT: "4.1.9",
    AccountRole.WRITE_OFF: "5.2.4",
    AccountRole.GATEWAY_FEE: "5.2.4",
    AccountRole.PURCHASE_COST: "5.2.1",
    AccountRole.INPUT_TAX: "2.2.3",
}
CARRIER = "DPD"
ERP, MARKETPLACER = OutboxMessage.Lane.ERP, OutboxMessage.Lane.MARKETPLACER


def this_month() -> date:
    """The first day of this month."""
    return datetime.now(UTC).date().replace(day=1)


def last_month() -> date:
    """The first day of the month before this one."""
    return (this_month() - timedelta(days=1)).replace(day=1)


class World:
    """Close it with `with`. `now` is the time of all three.

    With a `tryton`, which holds the items of the whole catalogue of this seed, that is the ERP.
    """

    def __init__(self, seed: int, tryton: Tryton | None = None) -> None:
        self.first = this_month() if tryton else last_month()
        self.at = datetime(self.first.year, self.first.month, 1, 8, tzinfo=UTC)
        self.counts: Counter[str] = Counter()
        whole = catalogues.build(seed) if tryton else catalogues.build(seed, VARIANTS)
        self.catalogue = _sellable(whole)
        self.sandbox = Sandbox(seed, catalogue=self.catalogue, clock=self.now)
        for variant in self.sandbox.store.all("Variant"):
            if variant["number"] not in _mapped(self.catalogue):
                self.sandbox.store.change("Variant", variant["number"], published=False)
        self.sandbox.trading = Trading(self.sandbox.market, seed=seed)
        self.erp: FakeErp | RealErp = (
            RealErp(tryton) if tryton else FakeErp(clock=self.now, max_batch=100)
        )
        self.client = MarketplacerClient(
            "http://sandbox/graphql",
            self.sandbox.api_key,
            transport=httpx.WSGITransport(app=self.sandbox.wsgi_app),
            page_size=200,
        )
        self._open = ExitStack()
        self._loaded: dict[str, str] = {}

    def __enter__(self) -> "World":
        self._open.callback(self.sandbox.stop)
        self._open.callback(self.client.close)
        if isinstance(self.erp, RealErp):
            self._open.callback(self.erp.close)
        self._open.enter_context(patch.object(connections, "_erp", lambda: self.erp))
        self._open.enter_context(patch.object(connections, "_marketplacer", lambda: self.client))
        suppliers = {f"S{one.legacy_id}": one.business_name for one in self.catalogue.sellers}
        self._open.enter_context(patch.dict(state.PARTIES, suppliers))
        # The month is the first one there is: periods are closed in their order.
        live_since = datetime.combine(self.first, time.min, tzinfo=settings.COMPANY_TIME_ZONE)
        self._open.enter_context(override_settings(GO_LIVE_AT=live_since))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def now(self) -> datetime:
        """A moment later at each look."""
        self.at += timedelta(milliseconds=1)
        return self.at

    def go_to(self, moment: datetime) -> None:
        """Let time pass; it never goes back."""
        self.at = max(self.at, moment)

    def set_up(self) -> None:
        """People, registry and accounts, as a company has them on its first day."""
        roles.sync_roles()
        self.finance, self.controller = (_person(name) for name in ("finance", "controller"))
        self._fill_the_erp()
        with tempfile.TemporaryDirectory() as folder:
            files = {n: Path(folder) / f"{n}.csv" for n in ("tax-codes", "sellers", "mappings")}
            files["tax-codes"].write_text(TAX_CODES)
            catalogues.write_sellers(self.catalogue, files["sellers"])
            catalogues.write_mappings(self.catalogue, files["mappings"])
            self._import("tax-codes", files)
            pulls.pull_sellers(clock=self.now)
            self._import("sellers", files)
            pulls.pull_listings(clock=self.now)
            pulls.pull_items(clock=self.now)
            self._import("mappings", files)
        shipments_carriers.pull(clock=self.now)
        theirs = self.sandbox.store.all("ShipmentCarrier")[0]["name"]
        shipments_carriers.import_rows(
            rows=[{"erp_carrier": CARRIER, "marketplacer_carrier": theirs}],
            by=self.finance,
            at=self.now(),
        )
        for role, account in ACCOUNTS.items():
            rules.map_account(
                role=role, erp_account=account, by=self.finance, at=self.now(), reason="go-live"
            )

    def _fill_the_erp(self) -> None:
        """Its items, as many of each as anybody may order, and its chart of accounts."""
        if isinstance(self.erp, RealErp):
            mapped = {row.erp_sku for row in self.catalogue.opening_mappings}
            self.erp.stock_up(sorted(mapped), PLENTY)
            return
        for item in self.catalogue.erp_items:
            self.erp.add_item(
                item.sku,
                name=item.name,
                active=item.active,
                on_hand=Decimal(PLENTY),
                options={"size": item.size},
            )
        self.erp.accounts = tuple(sorted({*self.erp.accounts, *ACCOUNTS.values()}))

    def load(self, name: str, body: str) -> None:
        """A person loads a statement, unless it is empty or the one that was loaded last."""
        if len(body.splitlines()) < 2 or self._loaded.get(name) == body:
            return
        self._loaded[name] = body
        upload = bank.upload(name=name, body=body.encode(), by=self.finance, at=self.now())
        bank.take(upload=upload, by=self.finance, at=self.now())

    def _import(self, kind: str, files: dict[str, Path]) -> None:
        with open("/dev/null", "w") as nowhere:
            call_command("import_registry", kind, files[kind], reason="go-live", stdout=nowhere)


def _person(role: str) -> User:
    user, _ = User.objects.get_or_create(username=role)
    user.groups.set([Group.objects.get(name=role)])
    return user


def _mapped(catalogue: catalogues.Catalogue) -> set[int]:
    return {row.variant_legacy_id for row in catalogue.opening_mappings}


def _sellable(catalogue: catalogues.Catalogue) -> catalogues.Catalogue:
    """The catalogue with every seller's treatment said, and mappings to active items alone.

    What stops an order is proved elsewhere; here each order that is placed is to be booked.
    """
    active = {item.sku for item in catalogue.erp_items if item.active}
    return replace(
        catalogue,
        sellers=tuple(
            replace(seller, treatment=seller.treatment or "agent") for seller in catalogue.sellers
        ),
        opening_mappings=tuple(m for m in catalogue.opening_mappings if m.erp_sku in active),
    )
