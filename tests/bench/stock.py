"""500,000 listings, six in ten kept by their sellers, and an ERP that changes 20,000 levels.

What is told is checked at the sandbox: the right levels, and nothing else, ever.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.db import connection
from django.db.models import Model
from django.utils import timezone

from mapping.models import ErpItem, Listing, OwnershipRule, Seller, SkuMapping
from sync.models import StockPolicy
from tests.bench import stock_erp
from tests.bench.frame import Row
from tests.bench.servers import ROOT
from tests.sandbox.catalogue import Catalogue, build
from tests.sandbox.marketplacer.ids import global_id
from tests.sandbox.marketplacer.running import RunningSandbox, start_sandbox

SEED = 7
LISTINGS = int(os.environ.get("MKTERP_BENCH_LISTINGS", "500000"))
CHANGED = LISTINGS // 25
OURS_SHARE = 0.4


def rows() -> list[Row]:
    company = build(SEED, LISTINGS)
    sandbox = start_sandbox("--seed", str(SEED), "--variants", str(LISTINGS), deadline=1800)
    try:
        with TemporaryDirectory() as folder:
            return _measure(company, sandbox, Path(folder))
    finally:
        sandbox.stop()
        if sandbox.process.stdout is not None:
            sandbox.process.stdout.close()


def _measure(company: Catalogue, sandbox: RunningSandbox, folder: Path) -> list[Row]:
    ours = _our_sellers(company)
    _registry(company, ours)
    packs = {m.variant_legacy_id: (m.erp_sku, m.pack_quantity) for m in company.opening_mappings}
    levels: dict[str, int] = {item.sku: 0 for item in company.erp_items if item.active}
    for variant in company.variants:
        if variant.legacy_id in packs:
            sku, pack = packs[variant.legacy_id]
            levels[sku] = variant.stock * pack
    file = stock_erp.write(folder, levels.items())
    env = {
        "ERP_ADAPTER": "tests.bench.stock_erp.LevelsErp",
        "ERP_OPTIONS_PATH": str(file),
        "MARKETPLACER_URL": sandbox.graphql_url,
        "MARKETPLACER_API_KEY": sandbox.api_key,
        "DJANGO_SETTINGS_MODULE": "tests.bench.stock_settings",
    }
    # A quarter of the whole catalogue falls in the first run; the limits are not what is measured.
    StockPolicy.objects.update_or_create(
        pk=1, defaults={"zero_share": 1.0, "fall_share": 1.0, "calls_per_hour": 180_000}
    )
    _step("pull", env)
    first = _step("compare", env)
    _step("push", env)
    after_start = _log_number(sandbox)

    rng = random.Random(SEED)
    changed = {sku: rng.randrange(1, 400) for sku in rng.sample(sorted(levels), CHANGED)}
    stock_erp.change(file, changed.items())
    levels |= changed
    pulled = _step("pull", env)
    compared = _step("compare", env)
    pushed = _step("push", env)
    return [
        _row("stock: first comparison, all listings", first["seconds"], "s", 60),
        _row("stock: pull of the changed levels", pulled["seconds"], "s", 60),
        _row("stock: compare and queue", compared["seconds"], "s", 10),
        _row("stock: memory of it", compared["megabytes"], "MB", 300),
        _row("stock: telling what changed", pushed["seconds"], "s", 60),
        *_witnessed(company, sandbox, ours, packs, levels, set(changed), after_start),
    ]


def _row(name: str, figure: float, unit: str, limit: float) -> Row:
    against = f"{LISTINGS:,} listings, {CHANGED:,} changed levels"
    return Row(name, figure, against, None, unit, None, f"under {limit:g} {unit}", figure < limit)


def _witnessed(
    company: Catalogue,
    sandbox: RunningSandbox,
    ours: set[int],
    packs: dict[int, tuple[str, int]],
    levels: dict[str, int],
    changed: set[str],
    after: int,
) -> list[Row]:
    """What the sandbox itself saw: whom it was told of, and with which fields."""
    log = sandbox.witness("log", after=after)
    everything = sandbox.witness("log")
    sellers = {global_id("Variant", v.legacy_id): v.seller_legacy_id for v in company.variants}
    inputs = [given for row in log["operations"] for given in _inputs(row)]
    told = {given["variantId"]: given["attributes"]["countOnHand"] for given in inputs}
    unpublished = _unpublished()
    wanted = {}
    for variant in company.variants:
        sku, pack = packs.get(variant.legacy_id, ("", 1))
        ours_now = variant.seller_legacy_id in ours and variant.legacy_id not in unpublished
        if sku in changed and ours_now:
            wanted[global_id("Variant", variant.legacy_id)] = levels[sku] // pack
    missing = {key for key in wanted if key not in told}
    # The same level as before is no change and need not be told.
    missing = {key for key in missing if _shown(sandbox, [key])[key] != wanted[key]}
    wrong = {key for key, level in told.items() if wanted.get(key) != level}
    every = [given for row in everything["operations"] for given in _inputs(row)]
    others = sum(sellers[given["variantId"]] not in ours for given in every)
    fields = {path for given in every for path in given["attributes"]}
    addresses = sum(
        "address" in json.dumps(row["variables"]).lower()
        or "shippedfrom" in json.dumps(row["variables"]).lower()
        for row in everything["operations"]
    )
    exact = len(told) == len(inputs) and not missing and not wrong
    return [
        Row("stock: levels told", len(told), "every one right, each once", None, "levels", None,
            "none missing, none wrong, none twice", exact),
        _none("stock: writes to sellers' listings", others),
        _none("stock: writes of other fields", len(fields - {"countOnHand"})),
        _none("stock: writes of addresses", addresses),
    ]  # fmt: skip


def _none(name: str, figure: int) -> Row:
    return Row(name, figure, "the sandbox's log of variables", None, "writes", None, "none",
               figure == 0)  # fmt: skip


def _inputs(row: dict[str, Any]) -> list[dict[str, Any]]:
    return list(row["variables"].values()) if "variantUpdate" in row["root_fields"] else []


def _shown(sandbox: RunningSandbox, ids: Sequence[str]) -> dict[str, int]:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Variant { id countOnHand } } }"
    nodes = sandbox.graphql(query, {"ids": list(ids)})["data"]["nodes"]
    return {node["id"]: node["countOnHand"] for node in nodes}


def _log_number(sandbox: RunningSandbox) -> int:
    operations = sandbox.witness("log")["operations"]
    return int(operations[-1]["number"]) if operations else 0


def _unpublished() -> set[int]:
    return set(Listing.objects.filter(published=False).values_list("legacy_id", flat=True))


def _our_sellers(company: Catalogue) -> set[int]:
    """The company's own sellers, and others until four listings in ten are ours."""
    count: dict[int, int] = {}
    for variant in company.variants:
        count[variant.seller_legacy_id] = count.get(variant.seller_legacy_id, 0) + 1
    ours = {seller.legacy_id for seller in company.sellers if seller.own}
    for seller in sorted(count, key=lambda number: count[number]):
        if seller in ours:
            continue
        if sum(count[n] for n in ours) + count[seller] <= OURS_SHARE * len(company.variants):
            ours.add(seller)
    return ours


def _registry(company: Catalogue, ours: set[int]) -> None:
    """What the catalogue feeds would have mirrored, straight into the tables."""
    now = timezone.now()
    sellers = {
        seller.legacy_id: Seller(
            marketplacer_id=global_id("Seller", seller.legacy_id),
            legacy_id=seller.legacy_id,
            business_name=seller.business_name,
            seen_at=now,
        )
        for seller in company.sellers
    }
    Seller.objects.bulk_create(sellers.values())
    OwnershipRule.objects.bulk_create(
        OwnershipRule(
            seller=seller,
            owner="operator" if number in ours else "seller",
            reason="bench",
            set_at=now,
        )
        for number, seller in sellers.items()
    )
    wanted = {v.advert_legacy_id for v in company.variants if v.popularity <= 200}
    _fill(
        Listing(
            marketplacer_id=global_id("Variant", v.legacy_id),
            legacy_id=v.legacy_id,
            seller=sellers[v.seller_legacy_id],
            advert_id=global_id("Advert", v.advert_legacy_id),
            sku=v.sku or "",
            title=v.title,
            brand=v.brand,
            count_on_hand=v.stock,
            published=v.published
            and (v.advert_legacy_id in wanted or v.advert_legacy_id % 61 != 0),
            seen_at=now - timedelta(days=1),
        )
        for v in company.variants
    )
    _fill(
        ErpItem(erp_ref=str(number), sku=item.sku, name=item.name, active=item.active, seen_at=now)
        for number, item in enumerate(company.erp_items)
    )
    listings = dict(Listing.objects.values_list("legacy_id", "pk"))
    items = dict(ErpItem.objects.filter(active=True).order_by("-pk").values_list("sku", "pk"))
    _fill(
        SkuMapping(
            listing_id=listings[m.variant_legacy_id],
            item_id=items[m.erp_sku],
            state=SkuMapping.State.CONFIRMED,
            source=SkuMapping.Source.IMPORT,
            pack_quantity=m.pack_quantity,
            made_at=now,
        )
        for m in company.opening_mappings
        if m.erp_sku in items
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _fill(rows: Iterable[Model]) -> None:
    waiting = iter(rows)
    while chunk := list(islice(waiting, 5000)):
        type(chunk[0])._default_manager.bulk_create(chunk)


def _step(name: str, env: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.stock_worker", name],
        cwd=ROOT,
        env={**os.environ, **env},
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
