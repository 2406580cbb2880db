"""The catalogue's items in the ERP, and stock of those that sell."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from tests.sandbox.catalogue import Catalogue, SandboxErpItem
from tests.sandbox.erp.rpc import Rpc

_TEMPLATES_A_CALL = 15
_LINES_AN_INVENTORY = 300
STOCKED_ITEMS = 600  # counting stock costs the ERP 12 ms a line: the popular ones have to do


def seed_items(
    rpc: Rpc, ids: dict[str, Any], catalogue: Catalogue, say: Callable[[str], None]
) -> int:
    """Make a product of every ERP item of the catalogue. Returns how many there are."""
    ordered = sorted(catalogue.erp_items, key=lambda item: (item.template_code, item.sku))
    templates = [
        _template(ids, list(items))
        for _, items in groupby(ordered, key=lambda item: item.template_code)
    ]
    say(f"making {len(ordered)} items, about half a minute")
    for start in range(0, len(templates), _TEMPLATES_A_CALL):
        rpc.create("product.template", *templates[start : start + _TEMPLATES_A_CALL])
    # Tryton takes no changes to a retired item, not even its code: made first, retired after.
    retired = [item.sku for item in ordered if not item.active]
    products = rpc.find("product.product", [("code", "in", retired)])
    rpc.call("model.product.product.write", products, {"active": False})
    return len(ordered)


def _template(ids: dict[str, Any], items: Sequence[SandboxErpItem]) -> dict[str, Any]:
    first = items[0]
    return {
        "name": first.template_name,
        "code": first.template_code,
        "type": "goods",
        "default_uom": ids["uom"],
        "sale_uom": ids["uom"],
        "salable": True,
        "list_price": first.list_price,
        "account_category": ids["categories"][first.tax_class],
        "products": [("create", [_variant(item, first) for item in items])],
    }


def _variant(item: SandboxErpItem, first: SandboxErpItem) -> dict[str, Any]:
    """A variant; what tells it from its sisters stands in its description, a line each."""
    facts = {
        "Brand": item.brand,
        "Size": item.size,
        "Colour": item.colour,
        "Gender": item.gender,
        "Category": item.category,
    }
    told = [item.name, *[f"{name}: {value}" for name, value in facts.items() if value]]
    values: dict[str, Any] = {
        "suffix_code": item.sku.removeprefix(item.template_code),
        "description": "\n".join(told),
    }
    if item.barcode:
        kind = "ean" if len(item.barcode) in {8, 13} else "brand"
        values["identifiers"] = [("create", [{"type": kind, "code": item.barcode}])]
    if item.list_price != first.list_price:
        values["list_price"] = item.list_price
    return values


def seed_stock(
    rpc: Rpc, ids: dict[str, Any], catalogue: Catalogue, say: Callable[[str], None]
) -> int:
    """Count stock of the most popular items in. Returns how many items have stock.

    Of what the company sells itself the ERP holds what the marketplace shows, to the piece: two
    sides that agree on the day of going live.
    """
    own = _own_stock(catalogue)
    popular = sorted(catalogue.variants, key=lambda variant: variant.popularity)
    skus = [catalogue.truth.get(variant.legacy_id) for variant in popular]
    wanted = list(dict.fromkeys(sku for sku in skus if sku))[:STOCKED_ITEMS]
    wanted += [sku for sku in own if sku not in set(wanted)]
    rows = rpc.read("product.product", [("code", "in", wanted)], ["code"])
    chance = random.Random(catalogue.seed)
    today = datetime.datetime.now(datetime.UTC).date()
    say(f"counting stock of {len(rows)} items")
    for start in range(0, len(rows), _LINES_AN_INVENTORY):
        counted = [
            {
                "product": row["id"],
                "quantity": float(own.get(row["code"], chance.randint(4, 60))),
            }
            for row in rows[start : start + _LINES_AN_INVENTORY]
        ]
        inventory = rpc.create(
            "stock.inventory",
            {
                "location": ids["storage"],
                "date": today,
                "company": ids["company"],
                "lines": [("create", counted)],
            },
        )
        rpc.call("model.stock.inventory.confirm", inventory)
    return len(rows)


def _own_stock(catalogue: Catalogue) -> dict[str, int]:
    """What the items of the company's own sellers hold, by the ERP's SKU; packs counted out."""
    own = {seller.legacy_id for seller in catalogue.sellers if seller.own}
    levels: dict[str, int] = {}
    for variant in sorted(catalogue.variants, key=lambda one: one.popularity):
        sku = catalogue.truth.get(variant.legacy_id)
        if sku and variant.seller_legacy_id in own:
            levels.setdefault(sku, variant.stock * variant.pack_quantity)
    return levels
