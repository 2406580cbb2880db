"""What was suggested for a listing, and what people have said to it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zlib import crc32

from django.db.models import Exists, OuterRef, QuerySet

from mapping.models import (
    DuplicatePair,
    ErpItem,
    Listing,
    NewItemRequest,
    RejectedPair,
    SkuMapping,
    StoredSuggestion,
)
from mapping.selectors.catalogue import unmapped

# One listing in so many is judged without its confidences in sight, so that what people say can
# be measured without what they were told.
BLIND = 20


@dataclass(frozen=True)
class Offer:
    """One stored candidate of a listing, with its item as it is now."""

    item: ErpItem
    confidence: float
    auto: bool
    vetoes: list[str]
    evidence: list[dict[str, Any]]

    @property
    def conflicts(self) -> list[dict[str, Any]]:
        return [one for one in self.evidence if one["verdict"] == "conflict"]


@dataclass(frozen=True)
class Offers:
    """What is offered for a listing. `stored` None: it has not been ranked yet."""

    stored: StoredSuggestion | None
    offers: list[Offer] = field(default_factory=list)


def offers(*, listing: Listing, limit: int = 5) -> Offers:
    """The stored candidates of a listing, without those that were rejected or are inactive now."""
    stored = StoredSuggestion.objects.filter(listing=listing).first()  # one-to-one
    if stored is None:
        return Offers(None)
    no = set(RejectedPair.objects.filter(listing=listing).values_list("item_id", flat=True))
    wanted = [one for one in stored.candidates if one["item"] not in no]
    items = ErpItem.objects.filter(active=True).in_bulk([one["item"] for one in wanted])
    found = [_offer(one, items[one["item"]]) for one in wanted if one["item"] in items]
    return Offers(stored, found[:limit])


def _offer(one: dict[str, Any], item: ErpItem) -> Offer:
    return Offer(item, one["confidence"], one["auto"], one["vetoes"], one["evidence"])


def is_blind(listing: Listing) -> bool:
    """Whether this listing is judged without its confidences: always the same ones."""
    return crc32(f"blind:{listing.marketplacer_id}".encode()) % BLIND == 0


def likely(*, at: datetime, at_least: float) -> QuerySet[StoredSuggestion]:
    """First candidates of unmapped listings at or above a confidence, the surest first.

    Not those where several items are alike, nor where none is likely, nor what waits for a new
    item.
    """
    asked = NewItemRequest.objects.filter(
        listing=OuterRef("listing"),
        state__in=[NewItemRequest.State.OPEN, NewItemRequest.State.SENT],
    )
    return (
        StoredSuggestion.objects.filter(
            ~Exists(asked),
            verdict=StoredSuggestion.Verdict.SUGGEST,
            confidence__gte=at_least,
            item__active=True,
            listing__in=unmapped(at=at),
        )
        .select_related("listing__seller", "item")
        .order_by("-confidence", "listing")
    )


def first_offer(stored: StoredSuggestion) -> Offer | None:
    """The candidate that a stored suggestion comes down to."""
    if stored.item is None:
        return None
    one = next((one for one in stored.candidates if one["item"] == stored.item_id), None)
    return _offer(one, stored.item) if one is not None else None


def predecessor(*, listing: Listing, at: datetime) -> SkuMapping | None:
    """The mapping of a vanished listing that this one seems to be under a new variant id.

    Same seller, and the same SKU or the same barcode; only when what is found is one item.
    """
    same = Listing.objects.none()
    if listing.sku:
        same |= Listing.objects.filter(sku=listing.sku)
    if listing.barcode:
        same |= Listing.objects.filter(barcode=listing.barcode)
    rejected = RejectedPair.objects.filter(listing=listing).values("item")
    found = (
        SkuMapping.objects.filter(
            state=SkuMapping.State.CONFIRMED,
            listing__in=same.filter(seller=listing.seller_id, deleted=True),
            item__active=True,
        )
        .exclude(listing=listing)
        .exclude(item__in=rejected)
        .in_force(at)
        .select_related("listing", "item")
        .order_by("-listing__seen_at", "-pk")
    )
    rows = list(found[:10])
    return rows[0] if len({(row.item_id, row.pack_quantity) for row in rows}) == 1 else None


def duplicates_of(items: list[int]) -> dict[int, DuplicatePair]:
    """Pairs that warn before a listing is mapped to one of these items, by the item's key."""
    pairs = DuplicatePair.objects.filter(
        state__in=[DuplicatePair.State.OPEN, DuplicatePair.State.DUPLICATE]
    ).select_related("left", "right", "keep")
    found: dict[int, DuplicatePair] = {}
    for pair in pairs.filter(left__in=items).order_by("-pk"):
        found[pair.left_id] = pair
    for pair in pairs.filter(right__in=items).order_by("-pk"):
        found[pair.right_id] = pair
    return {pk: pair for pk, pair in found.items() if pk in items}


def warning(item: ErpItem, pair: DuplicatePair) -> str:
    """What a person should know before a listing is mapped to an item of a duplicate pair."""
    other = pair.right if item.pk == pair.left_id else pair.left
    if pair.state == DuplicatePair.State.OPEN:
        return f"May be the same product as {other.sku}; nobody has looked at it yet."
    if pair.keep_id is not None and pair.keep_id != item.pk:
        return f"A duplicate: {other.sku} is the one to keep."
    return f"Also in the ERP as {other.sku}, which is to be merged into this one."


def requested(*, listing: Listing) -> NewItemRequest | None:
    """The open request for an item of this listing."""
    return NewItemRequest.objects.filter(
        listing=listing, state__in=[NewItemRequest.State.OPEN, NewItemRequest.State.SENT]
    ).first()  # one at most: newitemrequest_one_open


def not_requested(listings: QuerySet[Listing]) -> QuerySet[Listing]:
    """Without those for which the ERP team has been asked for an item."""
    asked = NewItemRequest.objects.filter(
        listing=OuterRef("pk"),
        state__in=[NewItemRequest.State.OPEN, NewItemRequest.State.SENT],
    )
    return listings.filter(~Exists(asked))


def new_item_requests() -> QuerySet[NewItemRequest]:
    """Requests to the ERP team, with what they need to know of the listing."""
    return NewItemRequest.objects.select_related("listing__seller", "asked_by", "item")
