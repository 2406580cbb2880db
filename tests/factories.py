"""Rows with boring defaults; say only what the test is about."""

import itertools
from datetime import UTC, datetime
from decimal import Decimal

from mapping.models import (
    ErpItem,
    FulfilmentRule,
    Listing,
    OwnershipRule,
    Seller,
    SellerTreatment,
    SkuMapping,
    TaxCodeMapping,
)
from mkterp.core.models import Heartbeat
from sync.models import Feed

AT = datetime(2026, 11, 1, 9, tzinfo=UTC)
_numbers = itertools.count(1)


def make_seller(
    *, treatment="agent", fulfilled_by="seller", stock_owner="seller", at=AT, **changes
) -> Seller:
    number = next(_numbers)
    facts = {
        "marketplacer_id": f"seller-{number}",
        "legacy_id": number,
        "business_name": f"Seller {number}",
        "seen_at": at,
    }
    seller = Seller.objects.create(**{**facts, **changes})
    for rule, field, value in (
        (SellerTreatment, "treatment", treatment),
        (FulfilmentRule, "fulfilled_by", fulfilled_by),
        (OwnershipRule, "owner", stock_owner),
    ):
        if value:
            rule.objects.create(seller=seller, reason="agreed", set_at=at, **{field: value})
    return seller


def make_listing(*, seller=None, at=AT, **changes) -> Listing:
    number = next(_numbers)
    facts = {
        "marketplacer_id": f"variant-{number}",
        "legacy_id": number,
        "sku": f"SKU-{number}",
        "title": f"Camp shirt {number}",
        "price": Decimal("59.99"),
        "seen_at": at,
    }
    return Listing.objects.create(seller=seller or make_seller(), **{**facts, **changes})


def make_item(*, at=AT, **changes) -> ErpItem:
    number = next(_numbers)
    facts = {
        "erp_ref": f"item-{number}",
        "sku": f"ITM-{number}",
        "name": f"Camp shirt {number}",
        "price": Decimal("49.99"),
        "currency": "GBP",
        "seen_at": at,
        "search_text": f"itm {number} camp shirt",
    }
    return ErpItem.objects.create(**{**facts, **changes})


def make_mapping(*, listing, item=None, at=AT, **changes) -> SkuMapping:
    facts = {
        "state": SkuMapping.State.CONFIRMED,
        "source": SkuMapping.Source.IMPORT,
        "made_at": at,
    }
    return SkuMapping.objects.create(
        listing=listing, item=item or make_item(), **{**facts, **changes}
    )


def make_tax_codes(*, at=AT) -> None:
    for rate, code in (("0.2", "GB-STD"), ("0", "GB-ZERO")):
        TaxCodeMapping.objects.create(
            country="GB",
            marketplace_rate=Decimal(rate),
            erp_code=code,
            erp_rate=Decimal(rate),
            set_at=at,
        )


def make_catalogue_read(*, at=AT) -> None:
    """Every catalogue feed has got through once: orders are decided on from now."""
    for name in ("sellers", "listings", "items"):
        Feed.objects.update_or_create(name=name, defaults={"succeeded_at": at})


def make_worker(*, beat_at, name="worker here:1") -> Heartbeat:
    """A worker that last proved at `beat_at` to execute something."""
    return Heartbeat.objects.create(name=name, beat_at=beat_at, detail={"host": "here", "pid": 1})
