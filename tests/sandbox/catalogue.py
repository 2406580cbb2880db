"""The seeded fashion catalogue that both witnesses share: what is listed, and what the ERP holds.

`build` makes a UK marketplace in GBP with VAT-inclusive prices: sellers, their variants with the
mistakes real feeds contain, the ERP's items under the ERP's own SKU scheme, the mappings the
company had on day one, and the truth. The product never reads this module; the sandbox, the
seeding of the ERP and the tests do. The same arguments always give an equal result.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path

from tests.sandbox.bulk import all_are_kept
from tests.sandbox.catalogue_listing import Builder, ean13, list_style, odd_sku
from tests.sandbox.catalogue_types import (
    Catalogue,
    OpeningMapping,
    SandboxErpItem,
    SandboxSeller,
    SandboxVariant,
)
from tests.sandbox.catalogue_words import BRANDS, COLOURS, SIZES

__all__ = [
    "POPULAR_UNMAPPED_RANKS",
    "Catalogue",
    "OpeningMapping",
    "SandboxErpItem",
    "SandboxSeller",
    "SandboxVariant",
    "build",
    "ean13",
]

# Ranks of best sellers that the company never mapped: they block orders until a person acts.
POPULAR_UNMAPPED_RANKS = (4, 11, 19, 33, 58)
SHARES = (12, 7, 9, 9, 7, 8, 8, 7, 6, 7, 7, 6, 4, 3)  # per cent of the variants, by seller


@all_are_kept()
def build(seed: int = 7, variants: int = 3000) -> Catalogue:
    """The catalogue of that seed and size; equal arguments give an equal catalogue."""
    builder = Builder(seed)
    for index, share in enumerate(SHARES):
        last = index == len(SHARES) - 1
        goal = variants if last else len(builder.variants) + variants * share // sum(SHARES)
        while len(builder.variants) < goal:
            brand = builder.rng.choice(BRANDS[index])
            list_style(builder, index, builder.style(brand), goal - len(builder.variants))
    _spoil(builder)
    _rank(builder)
    _gaps(builder)
    _erp_mistakes(builder)
    return Catalogue(
        seed=seed,
        sellers=builder.sellers,
        variants=tuple(builder.variants),
        erp_items=tuple(builder.items),
        opening_mappings=_opening_mappings(builder),
        truth=builder.truth,
    )


def _spoil(builder: Builder) -> None:
    """Put the remaining mistakes into the variants: SKUs gone, odd, shared; a sibling's barcode."""
    rng = builder.rng
    rows = builder.variants
    for index, row in enumerate(rows):
        roll = rng.random()
        sibling = rows[index - 1] if index else row
        same_advert = sibling is not row and sibling.advert_legacy_id == row.advert_legacy_id
        if roll < 0.012:
            rows[index] = replace(row, sku=None, mistakes=(*row.mistakes, "sku_missing"))
        elif roll < 0.052 and row.sku:
            odd = odd_sku(builder, row.sku)
            rows[index] = replace(row, sku=odd, mistakes=(*row.mistakes, "sku_odd"))
        elif roll < 0.057 and same_advert and sibling.sku:
            rows[index] = replace(row, sku=sibling.sku, mistakes=(*row.mistakes, "sku_shared"))
        elif roll < 0.082 and same_advert and sibling.barcode:
            rows[index] = replace(row, barcode=sibling.barcode, mistakes=("barcode_of_sibling",))
        elif roll < 0.087 and index > 200:
            other = rows[rng.randrange(index - 150)]
            if other.sku and other.seller_legacy_id != row.seller_legacy_id:
                rows[index] = replace(row, sku=other.sku, mistakes=(*row.mistakes, "sku_elsewhere"))


def _rank(builder: Builder) -> None:
    """Give every variant its place among the best sellers; ranked well means well described."""
    order = list(range(len(builder.variants)))
    builder.rng.shuffle(order)
    clean = [i for i in order if "sku_missing" not in builder.variants[i].mistakes]
    top = [i for i in clean if builder.variants[i].published][:80]
    head = set(top)
    for rank, index in enumerate([*top, *(i for i in order if i not in head)], start=1):
        row = builder.variants[index]
        stock = 400 if rank <= len(top) else row.stock
        builder.variants[index] = replace(row, popularity=rank, stock=stock)


def _gaps(builder: Builder) -> None:
    """Leave about 4 % of the items out of the ERP; the variants that sell them lose their truth."""
    by_rank = {row.popularity: row.legacy_id for row in builder.variants}
    kept = {builder.truth[by_rank[r]] for r in POPULAR_UNMAPPED_RANKS if r in by_rank}
    gone = {
        item.sku
        for styles in builder.styles.values()
        for style in styles
        for item in style.items.values()
        if builder.rng.random() < 0.045 and item.sku not in kept
    }
    for legacy_id, sku in builder.truth.items():
        if sku in gone:
            builder.truth[legacy_id] = None
    for styles in builder.styles.values():
        for style in styles:
            builder.items += [item for item in style.items.values() if item.sku not in gone]


def _erp_mistakes(builder: Builder) -> None:
    """Items without barcode, entered twice, retired; and items the marketplace never listed."""
    rng = builder.rng
    duplicates: list[SandboxErpItem] = []
    for index, item in enumerate(builder.items):
        if rng.random() < 0.15:
            item = builder.items[index] = replace(item, barcode=None)
        if rng.random() < 0.01:
            duplicates.append(
                replace(
                    item,
                    sku=f"{item.template_code}X-{item.sku.split('-', 1)[1]}",
                    name=item.name.upper().replace(" ", "  ", 1),
                    template_code=f"{item.template_code}X",
                    template_name=f"{item.template_name} (NEW)",
                    barcode=None,
                    duplicate_of=item.sku,
                )
            )
    builder.items += duplicates
    for brand in ("Quayside", "Northfell", "Marlowe"):
        for _ in range(4):
            style = builder.new_style(brand)
            for colour in rng.sample(COLOURS, 2):
                for size in SIZES[style.product[3]]:
                    item = builder.item(style, colour, size)
                    builder.items.append(replace(item, active=rng.random() > 0.2))


def _opening_mappings(builder: Builder) -> tuple[OpeningMapping, ...]:
    """About 93 % of what could be mapped; a spreadsheet keyed by SKU knows no doubtful SKU."""
    seen: dict[tuple[int, str], int] = {}
    for row in builder.variants:
        if row.sku:
            key = (row.seller_legacy_id, row.sku)
            seen[key] = seen.get(key, 0) + 1
    mappings = []
    for row in builder.variants:
        erp_sku = builder.truth[row.legacy_id]
        lucky = builder.rng.random() < 0.98 or row.popularity <= 60
        if erp_sku is None or row.sku is None or not lucky:
            continue
        if row.popularity in POPULAR_UNMAPPED_RANKS or seen[(row.seller_legacy_id, row.sku)] > 1:
            continue
        mappings.append(
            OpeningMapping(
                seller_legacy_id=row.seller_legacy_id,
                variant_legacy_id=row.legacy_id,
                variant_sku=row.sku,
                erp_sku=erp_sku,
                pack_quantity=row.pack_quantity,
            )
        )
    return tuple(mappings)


def write_mappings(catalogue: Catalogue, path: Path) -> None:
    """Write the opening mappings as CSV, one a row."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["seller_id", "variant_id", "variant_sku", "erp_sku", "pack_quantity"])
        for row in catalogue.opening_mappings:
            writer.writerow(
                [
                    row.seller_legacy_id,
                    row.variant_legacy_id,
                    row.variant_sku,
                    row.erp_sku,
                    row.pack_quantity,
                ]
            )


def write_sellers(catalogue: Catalogue, path: Path) -> None:
    """Write who owns stock, who ships and how each seller is treated, one seller a row."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["seller_id", "business_name", "stock_owner", "fulfilled_by", "treatment",
             "dispatch_country"]
        )  # fmt: skip
        for row in catalogue.sellers:
            owner = "operator" if row.own else "seller"
            writer.writerow(
                [row.legacy_id, row.business_name, owner, owner, row.treatment or "",
                 row.dispatch_country]
            )  # fmt: skip


def main() -> None:
    """Write the CSV files that were asked for."""
    parser = argparse.ArgumentParser(description="Write the seeded catalogue's opening data")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--variants", type=int, default=3000)
    parser.add_argument("--mappings", type=Path)
    parser.add_argument("--sellers", type=Path)
    options = parser.parse_args()
    catalogue = build(options.seed, options.variants)
    if options.mappings:
        write_mappings(catalogue, options.mappings)
    if options.sellers:
        write_sellers(catalogue, options.sellers)


if __name__ == "__main__":
    main()
