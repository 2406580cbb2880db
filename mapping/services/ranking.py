"""Suggestions computed ahead and stored, so that a person sees them at once.

A worker ranks what is new or changed, in chunks; it keeps the catalogue of items that it built,
and brings it up to date with the items that changed since.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Max

from mapping.domain.matching import gtins
from mapping.domain.suggestions import Catalogue, Facts, Ranking
from mapping.models import (
    DuplicatePair,
    ErpItem,
    Listing,
    RejectedPair,
    SkuMapping,
    StoredSuggestion,
)
from mapping.selectors import unmapped
from mapping.services import models, records

CHUNK = 500
LIMIT = 10  # candidates kept
# What was ranked against an older item master is ranked again this often while items change.
AGAIN = timedelta(hours=1)


@dataclass
class Built:
    """A catalogue in this process: what it was built from, up to which change of the items."""

    catalogue: Catalogue
    synonyms: int
    items_at: datetime


_built: Built | None = None
_lock = Lock()


def rank_stale(*, clock: Callable[[], datetime], limit: int = 5000) -> dict[str, int]:
    """Rank unmapped listings that are new, changed, or were ranked against older items.

    At most `limit` of them, the never ranked first; returns counts. A second run at once finds
    nothing to do. Nothing is built while nothing is stale, or before there is an item.
    """
    counts = {"ranked": 0}
    at = clock()
    if not ErpItem.objects.filter(active=True).exists():
        return counts
    while counts["ranked"] < limit:
        keys = _stale(at, min(CHUNK, limit - counts["ranked"]))
        if not keys:
            return counts
        counts["ranked"] += rank(listing_ids=keys, at=clock())
    return counts


def rank(*, listing_ids: Sequence[int], at: datetime) -> int:
    """Rank these listings and store what was found; returns how many."""
    listings = list(Listing.objects.filter(pk__in=listing_ids).order_by("pk"))
    if not listings:
        return 0
    built = catalogue(at=at)
    lefts = [records.of_listing(listing) for listing in listings]
    row = models.in_force()
    model = models.load(row)
    rankings = built.catalogue.rank(lefts, limit=LIMIT, model=model, facts=_facts(listings))
    _store(rankings, row.version if row is not None else model.version, built.items_at, at)
    return len(rankings)


def catalogue(*, at: datetime) -> Built:
    """The catalogue of all active items, as of now; built once in a process, then kept current."""
    global _built
    with _lock:
        words = records.synonyms()
        stamp = hash((tuple(sorted(words.colours.items())), tuple(sorted(words.brands.items()))))
        newest = ErpItem.objects.aggregate(newest=Max("facts_at"))["newest"] or at
        if _built is None or _built.synonyms != stamp:
            _built = None  # two catalogues at once would be twice the memory
            _built = Built(Catalogue(records.items(), synonyms=words), stamp, newest)
        elif newest > _built.items_at:
            _update(_built, newest)
        return _built


def forget() -> None:
    """Let go of the catalogue of this process."""
    global _built
    with _lock:
        _built = None


def _update(built: Built, newest: datetime) -> None:
    # An item read in the same instant as the build may have been missed: once more is harmless.
    changed = ErpItem.objects.filter(facts_at__gte=built.items_at).order_by("pk")
    living: list[ErpItem] = []
    gone: list[ErpItem] = []
    for item in changed.iterator(chunk_size=2000):
        (living if item.active else gone).append(item)
    built.catalogue.update(
        [records.of_item(item) for item in living], removed=[str(item.pk) for item in gone]
    )
    built.items_at = newest


def _stale(at: datetime, many: int) -> list[int]:
    """Keys of unmapped listings to rank: never ranked, changed since, then the longest ago."""
    open_ones = unmapped(at=at).order_by("pk")
    never = open_ones.filter(suggestion=None).values_list("pk", flat=True)[:many]
    if found := list(never):
        return found
    changed = open_ones.filter(facts_at__gt=F("suggestion__computed_at"))
    if found := list(changed.values_list("pk", flat=True)[:many]):
        return found
    newest = ErpItem.objects.aggregate(newest=Max("facts_at"))["newest"]
    if newest is None:
        return []
    older = open_ones.filter(
        suggestion__items_at__lt=newest, suggestion__computed_at__lt=at - AGAIN
    ).order_by("suggestion__items_at", "pk")
    return list(older.values_list("pk", flat=True)[:many])


def _facts(listings: Sequence[Listing]) -> Facts:
    """What the installation knows about these: rejections, duplicates, codes that others carry."""
    pks = [listing.pk for listing in listings]
    rejected = RejectedPair.objects.filter(listing__in=pks).values_list("listing_id", "item_id")
    flagged = DuplicatePair.objects.filter(
        state__in=[DuplicatePair.State.OPEN, DuplicatePair.State.DUPLICATE]
    ).values_list("left_id", "right_id")
    return Facts(
        rejected=frozenset((str(left), str(right)) for left, right in rejected),
        flagged=frozenset(str(pk) for pair in flagged.iterator() for pk in pair),
        claimed=_claimed(listings),
        approved_by_parent=_approved(listings),
    )


def _claimed(listings: Sequence[Listing]) -> dict[str, int]:
    """Per barcode of these, how many other living listings of the same sellers carry it."""
    codes = {listing.barcode for listing in listings if listing.barcode}
    others = (
        Listing.objects.filter(
            barcode__in={form for code in codes for form in forms(code)},
            deleted=False,
            seller__in={one.seller_id for one in listings},
        )
        .exclude(pk__in=[listing.pk for listing in listings])
        .order_by()
        .values_list("barcode")
        .annotate(many=Count("pk"))
    )
    found: dict[str, int] = {}
    for barcode, many in others:
        read = gtins.parse(barcode)
        if read is not None and read.code:
            found[read.code] = found.get(read.code, 0) + many
    return found


def forms(code: str) -> set[str]:
    """The ways one barcode is written: with and without the zeros before it."""
    bare = code.lstrip("0")
    return {code} | {bare.zfill(length) for length in range(len(bare), 15)}


def _approved(listings: Sequence[Listing]) -> dict[str, tuple[str, ...]]:
    """The items of mapped siblings, by advert."""
    adverts = {listing.advert_id for listing in listings if listing.advert_id}
    found: dict[str, list[str]] = {}
    mapped = SkuMapping.objects.filter(
        state=SkuMapping.State.CONFIRMED, valid_until=None, listing__advert_id__in=adverts
    )
    for advert, item in mapped.order_by("pk").values_list("listing__advert_id", "item_id"):
        found.setdefault(advert, []).append(str(item))
    return {advert: tuple(items) for advert, items in found.items()}


@transaction.atomic
def _store(rankings: Sequence[Ranking], version: str, items_at: datetime, at: datetime) -> None:
    skus = dict(
        ErpItem.objects.filter(
            pk__in={int(one.right_id) for ranking in rankings for one in ranking.candidates}
        ).values_list("pk", "sku")
    )
    # A listing may have been deleted for good between the reading and now: there is no such thing.
    StoredSuggestion.objects.bulk_create(
        [_row(ranking, skus, version, items_at, at) for ranking in rankings],
        update_conflicts=True,
        unique_fields=["listing"],
        update_fields=[
            "verdict",
            "candidates",
            "item",
            "confidence",
            "decides",
            "auto",
            "model_version",
            "computed_at",
            "items_at",
        ],
    )


def _plain(value: float) -> float | None:
    """A feature as JSON can hold it: what is not known is null there."""
    return None if math.isnan(value) else round(float(value), 6)


def _row(
    ranking: Ranking, skus: dict[int, str], version: str, items_at: datetime, at: datetime
) -> StoredSuggestion:
    candidates: list[dict[str, Any]] = [
        {
            "item": int(one.right_id),
            "sku": skus[int(one.right_id)],
            "rank": one.rank,
            "confidence": round(float(one.confidence), 6),
            "auto": one.auto,
            "vetoes": list(one.vetoes),
            "evidence": [asdict(evidence) for evidence in one.evidence],
            "features": {name: _plain(v) for name, v in one.features.items()},
        }
        for one in ranking.candidates
        if int(one.right_id) in skus
    ]
    first = candidates[0] if candidates else None
    return StoredSuggestion(
        listing_id=int(ranking.left_id),
        verdict=ranking.verdict,
        candidates=candidates,
        item_id=first["item"] if first else None,
        confidence=first["confidence"] if first else 0,
        auto=bool(first and first["auto"]),
        decides=ranking.decides,
        model_version=version,
        computed_at=at,
        items_at=items_at,
    )
