"""Looking for listings and items by what they are called."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.postgres.search import TrigramSimilarity
from django.db import connection
from django.db.models import Q, QuerySet

from mapping.domain.text import search_text
from mapping.models import ErpItem, Listing, SkuMapping

# Below this two texts share hardly a word; measured on the shipped catalogue, not tuned.
SIMILAR = 0.15


@dataclass(frozen=True)
class Suggestion:
    item: ErpItem
    similarity: float
    same_barcode: bool
    same_sku: bool


def unmapped(*, at: datetime) -> QuerySet[Listing]:
    """Published listings without a mapping in force."""
    mapped = SkuMapping.objects.filter(state=SkuMapping.State.CONFIRMED).in_force(at)
    return (
        Listing.objects.filter(published=True, deleted=False)
        .exclude(pk__in=mapped.values("listing_id"))
        .order_by("pk")
    )


def suggestions(*, listing: Listing, limit: int = 5) -> list[Suggestion]:
    """The ERP items that look most like a listing: same barcode, same SKU, then similar words."""
    text = search_text(listing.sku, listing.title, listing.brand, listing.label)
    same = Q()
    if listing.barcode:
        padded = listing.barcode.lstrip("0")
        same |= Q(barcodes__overlap=[listing.barcode, padded, padded.zfill(13)])
    if listing.sku:
        same |= Q(sku__iexact=listing.sku)
    with connection.cursor() as cursor:
        # The trigram operator reads its threshold from the session; the index needs the operator.
        cursor.execute(
            "SELECT set_config('pg_trgm.similarity_threshold', %s, false)", [str(SIMILAR)]
        )
    items = ErpItem.objects.filter(active=True).annotate(
        similarity=TrigramSimilarity("search_text", text)
    )
    likely = items.filter(same)[:limit] if same else items.none()
    alike = items.filter(search_text__trigram_similar=text).order_by("-similarity", "pk")[:limit]
    barcode = listing.barcode.lstrip("0")
    found = {
        item.pk: Suggestion(
            item=item,
            similarity=item.similarity,
            same_barcode=bool(barcode) and barcode in {code.lstrip("0") for code in item.barcodes},
            same_sku=bool(listing.sku) and listing.sku.casefold() == item.sku.casefold(),
        )
        for rows in (likely, alike)
        for item in rows
    }
    return sorted(
        found.values(),
        key=lambda s: (-s.same_barcode, -s.same_sku, -s.similarity, s.item.sku),
    )[:limit]


def search_items(*, text: str, limit: int = 20) -> QuerySet[ErpItem]:
    """Active ERP items whose code, name or options hold every word, then the most similar."""
    words = search_text(text).split()
    items = ErpItem.objects.filter(active=True)
    for word in words:
        items = items.filter(search_text__contains=word)
    return items.annotate(similarity=TrigramSimilarity("search_text", " ".join(words))).order_by(
        "-similarity", "sku"
    )[:limit]


def listings_with(*, word: str) -> QuerySet[Listing]:
    """Listings whose SKU, title, brand or label holds the word."""
    return Listing.objects.filter(
        Q(sku__icontains=word)
        | Q(title__icontains=word)
        | Q(brand__icontains=word)
        | Q(label__icontains=word)
    )
