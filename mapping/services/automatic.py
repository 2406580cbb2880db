"""Confirming what the strict rule is sure of, for sellers where somebody has switched it on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet

from mapping.models import (
    DuplicatePair,
    ErpItem,
    Listing,
    RejectedPair,
    Seller,
    SellerSettings,
    SkuMapping,
    StoredSuggestion,
)
from mapping.selectors import unmapped
from mapping.services import decisions, mappings
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User

# One in so many is drawn for a second look, and at least these first ones of a seller.
SAMPLE = 25
FIRST = 10


@transaction.atomic
def switch(
    *, seller: Seller, on: bool, by: User | None, at: datetime, reason: str
) -> SellerSettings:
    """Confirm this seller's sure suggestions without a person, or stop doing so.

    Refused without a reason. Switching to what it is already changes nothing.
    """
    if not reason.strip():
        raise Refused("Say why.")
    Seller.objects.select_for_update(no_key=True, of=("self",)).get(pk=seller.pk)
    row, _ = SellerSettings.objects.get_or_create(seller=seller)
    if row.auto_map == on:
        return row
    row.auto_map, row.reason, row.changed_by, row.changed_at = on, reason, by, at
    row.save()
    audit.record(
        action="sellersettings.auto_map",
        subject=row,
        by=by,
        at=at,
        before={"auto_map": not on},
        after={"seller": seller.business_name, "auto_map": on},
        reason=reason,
    )
    return row


def sure(*, at: datetime) -> QuerySet[StoredSuggestion]:
    """Suggestions that the strict rule would confirm now, at sellers where it is switched on.

    The rule was applied when they were computed; what may have changed since is asked again:
    the barcode is carried by one item and one listing of the seller, nobody has rejected the pair,
    the item has no open duplicate.
    """
    item_flagged = DuplicatePair.objects.filter(
        state__in=[DuplicatePair.State.OPEN, DuplicatePair.State.DUPLICATE]
    )
    rejected = RejectedPair.objects.filter(listing=OuterRef("listing"), item=OuterRef("item"))
    return (
        StoredSuggestion.objects.filter(
            auto=True,
            verdict=StoredSuggestion.Verdict.SUGGEST,
            item__active=True,
            listing__in=unmapped(at=at),
            listing__seller__settings__auto_map=True,
            listing__seller__deleted=False,
        )
        .exclude(listing__barcode="")
        .filter(
            ~Exists(rejected),
            ~Exists(item_flagged.filter(left=OuterRef("item"))),
            ~Exists(item_flagged.filter(right=OuterRef("item"))),
        )
        .select_related("listing", "item")
        .order_by("pk")
    )


@dataclass(frozen=True)
class Confirmed:
    mappings: Sequence[SkuMapping]
    refused: int


@transaction.atomic
def confirm_sure(*, at: datetime, limit: int = 500) -> Confirmed:
    """Confirm up to so many sure suggestions; a second run finds the next ones."""
    rows = list(sure(at=at)[:limit])
    shared = _shared([row.listing for row in rows])
    kept = [row for row in rows if row.item is not None and row.listing_id not in shared]
    doubtful = [row.pk for row in rows if row.listing_id in shared]
    # What is not as sure as it was is left to a person until it is ranked again.
    StoredSuggestion.objects.filter(pk__in=doubtful).update(auto=False)
    pairs = [mappings.Pair(row.listing, row.item) for row in kept if row.item is not None]
    made, refused = mappings.confirm_many(
        pairs=pairs,
        by=None,
        at=at,
        source=SkuMapping.Source.AUTO,
        reason="the strict rule",
        review=_sample(kept),
    )
    return Confirmed(made, len(refused) + len(doubtful))


def _shared(listings: Sequence[Listing]) -> set[int]:
    """Listings whose barcode another living listing of the seller, or a second item, carries."""
    codes = {listing.barcode for listing in listings}
    twice = (
        Listing.objects.filter(barcode__in=codes, deleted=False)
        .order_by()
        .values("seller", "barcode")
        .annotate(many=Count("pk"))
        .filter(many__gt=1)
    )
    among_sellers = {(row["seller"], row["barcode"]) for row in twice}
    forms = {form for code in codes for form in _forms(code)}
    seen: dict[str, set[int]] = {}
    carriers = ErpItem.objects.filter(active=True, barcodes__overlap=sorted(forms)).order_by("pk")
    for pk, barcodes in carriers.values_list("pk", "barcodes"):
        for code in barcodes:
            seen.setdefault(code.lstrip("0"), set()).add(pk)
    return {
        listing.pk
        for listing in listings
        if (listing.seller_id, listing.barcode) in among_sellers
        or len(seen.get(listing.barcode.lstrip("0"), ())) != 1
    }


def _forms(code: str) -> set[str]:
    """One code as UPC-A, EAN-13 and GTIN-14 write it."""
    bare = code.lstrip("0")
    return {code, bare, *(bare.zfill(length) for length in (8, 12, 13, 14))}


def _sample(rows: Sequence[StoredSuggestion]) -> list[int]:
    """Listings drawn for a second look: by a number anybody can check, not by chance."""
    known: dict[int, int] = dict(
        SkuMapping.objects.filter(
            source=SkuMapping.Source.AUTO,
            listing__seller__in={row.listing.seller_id for row in rows},
        )
        .order_by()
        .values_list("listing__seller")
        .annotate(many=Count("pk"))
    )
    drawn = []
    for row in rows:
        seller = row.listing.seller_id
        known[seller] = known.get(seller, 0) + 1
        by_number = crc32(row.listing.marketplacer_id.encode()) % SAMPLE == 0
        if known[seller] <= FIRST or by_number:
            drawn.append(row.listing_id)
    return drawn


@transaction.atomic
def reviewed(*, mapping: SkuMapping, by: User, at: datetime) -> SkuMapping:
    """A person looked at what the rule confirmed, and it is right."""
    locked = SkuMapping.objects.select_for_update(no_key=True, of=("self",)).get(pk=mapping.pk)
    if locked.state != SkuMapping.State.CONFIRMED:
        raise Refused("This mapping is not in force any more.")
    if locked.review_due or locked.reviewed_at is None:
        locked.review_due, locked.reviewed_by, locked.reviewed_at = False, by, at
        locked.save(update_fields=["review_due", "reviewed_by", "reviewed_at"])
        audit.record(action="mapping.review", subject=locked, by=by, at=at, reason="right")
    return locked


@transaction.atomic
def found_wrong(*, mapping: SkuMapping, by: User | None, at: datetime) -> bool:
    """A confirmed mapping was an error: learn from it; the rule that made it is switched off.

    Returns whether this switched automatic mapping off for the seller.
    """
    decisions.undone(mapping=mapping, by=by, at=at, wrong=True)
    if mapping.source != SkuMapping.Source.AUTO:
        return False
    seller = mapping.listing.seller
    if not SellerSettings.objects.filter(seller=seller, auto_map=True).exists():
        return False
    reason = f"{mapping.listing} was mapped to {mapping.item.sku} by the rule, and that was wrong."
    switch(seller=seller, on=False, by=by, at=at, reason=reason)
    return True
