"""500,000 listings, six in ten kept by their sellers, and an ERP that changes 20,000 levels.

What is told is checked at the sandbox: the right levels, and nothing else, ever.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mapping.models import Listing
from sync.models import StockPolicy
from tests.bench import stock_erp, stock_registry
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
    given = ("--seed", str(SEED), "--variants", str(LISTINGS))
    with ThreadPoolExecutor(1) as aside:
        starting = aside.submit(start_sandbox, *given, deadline=1800)
        company = build(SEED, LISTINGS)
        sandbox = starting.result()
    try:
        with TemporaryDirectory() as folder:
            return _measure(company, sandbox, Path(folder))
    finally:
        sandbox.stop(within=300)  # it has a million documents to let go of
        if sandbox.process.stdout is not None:
            sandbox.process.stdout.close()


def _measure(company: Catalogue, sandbox: RunningSandbox, folder: Path) -> list[Row]:
    ours = _our_sellers(company)
    stock_registry.fill(company, ours)
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
    shown = _shown(sandbox, sorted(missing))
    missing = {key for key in missing if shown[key] != wanted[key]}
    wrong = {key for key, level in told.items() if wanted.get(key) != level}
    numbers = [row["number"] for row in everything["operations"]]
    assert numbers[:1] == [1], "the sandbox has forgotten the first operations"
    every = [given for row in everything["operations"] for given in _inputs(row)]
    others = sum(sellers[given["variantId"]] not in ours for given in every)
    fields = {path for given in every for path in given["attributes"]}
    fields |= set(everything["mutations"]) - {"variantUpdate"}
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
    found: dict[str, int] = {}
    for start in range(0, len(ids), 400):
        chunk = {"ids": ids[start : start + 400]}
        for node in sandbox.graphql(query, chunk)["data"]["nodes"]:
            found[node["id"]] = node["countOnHand"]
    return found


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
    print(f"stock {name}: {found}", file=sys.stderr, flush=True)
    return found
