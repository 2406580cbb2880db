"""The mirrors of sellers, listings and ERP items. Only these functions write them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from django.db import transaction

from mapping.domain.text import search_text
from mapping.models import ErpItem, Listing, Seller
from mapping.signals import mapping_changed

Facts = TypeVar("Facts")


@dataclass(frozen=True)
class SellerFacts:
    marketplacer_id: str
    legacy_id: int | None
    business_name: str
    deleted: bool = False


@dataclass(frozen=True)
class ListingFacts:
    marketplacer_id: str
    legacy_id: int | None
    seller_id: str  # Marketplacer's
    advert_id: str
    sku: str
    barcode: str
    title: str
    brand: str
    label: str
    price: Decimal | None
    count_on_hand: int | None
    published: bool
    deleted: bool
    changed_at: datetime | None


@dataclass(frozen=True)
class ItemFacts:
    erp_ref: str
    sku: str
    name: str
    parent_ref: str
    barcodes: tuple[str, ...]
    price: Decimal | None
    currency: str
    options: Mapping[str, str]
    active: bool
    changed_at: datetime | None


@transaction.atomic
def mirror_sellers(*, sellers: Sequence[SellerFacts], at: datetime) -> int:
    """Insert or update sellers by Marketplacer id; returns how many. Twice is harmless."""
    Seller.objects.bulk_create(
        [
            Seller(
                marketplacer_id=facts.marketplacer_id,
                legacy_id=facts.legacy_id,
                business_name=facts.business_name,
                deleted=facts.deleted,
                seen_at=at,
            )
            for facts in _last({facts.marketplacer_id: facts for facts in sellers})
        ],
        update_conflicts=True,
        unique_fields=["marketplacer_id"],
        update_fields=["legacy_id", "business_name", "deleted", "seen_at"],
    )
    ids = Seller.objects.filter(marketplacer_id__in=[s.marketplacer_id for s in sellers])
    mapping_changed.send(sender=Seller, seller_ids=set(ids.values_list("pk", flat=True)))
    return len(sellers)


@transaction.atomic
def mirror_listings(*, listings: Sequence[ListingFacts], at: datetime) -> dict[str, int]:
    """Insert or update listings by variant id; returns counts by what happened to each.

    A listing of a seller that has not been read yet is not kept: the seller feed runs first, and
    the listing comes again with the next read of its advert.
    """
    sellers = dict(
        Seller.objects.filter(
            marketplacer_id__in={facts.seller_id for facts in listings}
        ).values_list("marketplacer_id", "pk")
    )
    known = [facts for facts in listings if facts.seller_id in sellers]
    Listing.objects.bulk_create(
        [
            Listing(
                marketplacer_id=facts.marketplacer_id,
                legacy_id=facts.legacy_id,
                seller_id=sellers[facts.seller_id],
                advert_id=facts.advert_id,
                sku=facts.sku,
                barcode=facts.barcode,
                title=facts.title,
                brand=facts.brand,
                label=facts.label,
                price=facts.price,
                count_on_hand=facts.count_on_hand,
                published=facts.published,
                deleted=facts.deleted,
                changed_at=facts.changed_at,
                seen_at=at,
            )
            for facts in _last({facts.marketplacer_id: facts for facts in known})
        ],
        update_conflicts=True,
        unique_fields=["marketplacer_id"],
        update_fields=[
            "legacy_id",
            "seller",
            "advert_id",
            "sku",
            "barcode",
            "title",
            "brand",
            "label",
            "price",
            "count_on_hand",
            "published",
            "deleted",
            "changed_at",
            "seen_at",
        ],
    )
    return {"kept": len(known), "unknown seller": len(listings) - len(known)}


@transaction.atomic
def ensure_listings(*, listings: Sequence[ListingFacts], at: datetime) -> None:
    """Make listings that an order names before the catalogue feed has brought them.

    What is there already is left as it is; the feed fills in the rest.
    """
    sellers = dict(
        Seller.objects.filter(
            marketplacer_id__in={facts.seller_id for facts in listings}
        ).values_list("marketplacer_id", "pk")
    )
    Listing.objects.bulk_create(
        [
            Listing(
                marketplacer_id=facts.marketplacer_id,
                seller_id=sellers[facts.seller_id],
                sku=facts.sku,
                barcode=facts.barcode,
                title=facts.title,
                brand=facts.brand,
                label=facts.label,
                seen_at=at,
            )
            for facts in _last({facts.marketplacer_id: facts for facts in listings})
            if facts.seller_id in sellers
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def mirror_items(*, items: Sequence[ItemFacts], at: datetime) -> int:
    """Insert or update ERP items by the ERP's id; returns how many. A second run changes none."""
    ErpItem.objects.bulk_create(
        [
            ErpItem(
                erp_ref=facts.erp_ref,
                sku=facts.sku,
                name=facts.name,
                parent_ref=facts.parent_ref,
                barcodes=list(facts.barcodes),
                price=facts.price,
                currency=facts.currency,
                options=dict(facts.options),
                active=facts.active,
                changed_at=facts.changed_at,
                seen_at=at,
                search_text=search_text(facts.sku, facts.name, *facts.options.values()),
            )
            for facts in _last({facts.erp_ref: facts for facts in items})
        ],
        update_conflicts=True,
        unique_fields=["erp_ref"],
        update_fields=[
            "sku",
            "name",
            "parent_ref",
            "barcodes",
            "price",
            "currency",
            "options",
            "active",
            "changed_at",
            "seen_at",
            "search_text",
        ],
    )
    return len(items)


def _last(by_id: dict[str, Facts]) -> list[Facts]:
    """In id order, so that two workers that mirror the same rows lock them the same way round."""
    return [by_id[key] for key in sorted(by_id)]
