"""The mirrors of sellers, listings and ERP items. Only these functions write them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

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


# What tells one product from another; a change of it makes suggestions and mappings stale.
LISTING_FACTS = ("sku", "barcode", "title", "brand", "label")
ITEM_FACTS = ("sku", "name", "barcodes", "options", "active")


@transaction.atomic
def mirror_listings(*, listings: Sequence[ListingFacts], at: datetime) -> dict[str, int]:
    """Insert or update listings by variant id; returns counts by what happened to each.

    A listing of a seller that has not been read yet is not kept: the seller feed runs first, and
    the listing comes again with the next read of its advert. What is deleted keeps its last words:
    Marketplacer tells of it only that it is gone.
    """
    gone = {facts.marketplacer_id for facts in listings if facts.deleted}
    living = [facts for facts in listings if not facts.deleted]
    counts = {"deleted": delete_listings(variant_ids=gone, at=at)} if gone else {}
    sellers = dict(
        Seller.objects.filter(
            marketplacer_id__in={facts.seller_id for facts in living}
        ).values_list("marketplacer_id", "pk")
    )
    known = [facts for facts in living if facts.seller_id in sellers]
    held = {
        row.marketplacer_id: row
        for row in Listing.objects.filter(
            marketplacer_id__in=[facts.marketplacer_id for facts in known]
        )
    }
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
                deleted=False,
                changed_at=facts.changed_at,
                seen_at=at,
                facts_at=_facts_at(facts, held.get(facts.marketplacer_id), LISTING_FACTS, at),
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
            "facts_at",
        ],
    )
    unknown = len(living) - len(known)
    return {"kept": len(known), "unknown seller": unknown, **counts}


def _facts_at(
    facts: Any, held: Listing | ErpItem | None, names: Sequence[str], at: datetime
) -> datetime:
    """When what tells this product from others last changed: now, unless it is as it was."""
    if held is None or held.facts_at is None:
        return at
    same = all(_plain(getattr(facts, name)) == _plain(getattr(held, name)) for name in names)
    return held.facts_at if same else at


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple | list) else value


@transaction.atomic
def delete_listings(*, variant_ids: Iterable[str], at: datetime) -> int:
    """These variants are gone from Marketplacer; returns how many were still there.

    Their rows stay, for the orders and mappings that name them.
    """
    return Listing.objects.filter(marketplacer_id__in=set(variant_ids), deleted=False).update(
        deleted=True, published=False, seen_at=at
    )


@transaction.atomic
def delete_unseen(*, since: datetime, at: datetime, limit: int = 5000) -> int:
    """Mark as gone what a full read that began at `since` did not bring; returns how many.

    Ask again until it returns less than the limit. A listing that only an order has named is left
    alone: Marketplacer may keep it from the catalogue.
    """
    unseen = Listing.objects.filter(deleted=False, seen_at__lt=since).exclude(advert_id="")
    pks = list(unseen.order_by("pk").values_list("pk", flat=True)[:limit])
    return Listing.objects.filter(pk__in=pks).update(deleted=True, published=False, seen_at=at)


@transaction.atomic
def deactivate_unseen(*, since: datetime, at: datetime, limit: int = 5000) -> int:
    """Mark items as inactive that a full read which began at `since` did not bring."""
    unseen = ErpItem.objects.filter(active=True, seen_at__lt=since)
    pks = list(unseen.order_by("pk").values_list("pk", flat=True)[:limit])
    return ErpItem.objects.filter(pk__in=pks).update(active=False, facts_at=at, seen_at=at)


@transaction.atomic
def ensure_listings(*, listings: Sequence[ListingFacts], at: datetime) -> None:
    """Make listings that an order names before the catalogue feed has brought them.

    What is there already is left as it is; the feed fills in the rest.
    """
    named = {facts.marketplacer_id: facts for facts in listings}
    there = Listing.objects.filter(marketplacer_id__in=named)
    for known in there.values_list("marketplacer_id", flat=True):
        del named[known]  # nearly all of them: orders are of what is in the catalogue
    if not named:
        return
    sellers = dict(
        Seller.objects.filter(
            marketplacer_id__in={facts.seller_id for facts in named.values()}
        ).values_list("marketplacer_id", "pk")
    )
    # Somebody may have brought one of them since: it is left as it is all the same.
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
                facts_at=at,
            )
            for facts in _last(named)
            if facts.seller_id in sellers
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def mirror_items(*, items: Sequence[ItemFacts], at: datetime) -> int:
    """Insert or update ERP items by the ERP's id; returns how many. A second run changes none."""
    held = {
        row.erp_ref: row
        for row in ErpItem.objects.filter(erp_ref__in=[facts.erp_ref for facts in items])
    }
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
                facts_at=_facts_at(facts, held.get(facts.erp_ref), ITEM_FACTS, at),
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
            "facts_at",
            "search_text",
        ],
    )
    return len(items)


def _last(by_id: dict[str, Facts]) -> list[Facts]:
    """In id order, so that two workers that mirror the same rows lock them the same way round."""
    return [by_id[key] for key in sorted(by_id)]
