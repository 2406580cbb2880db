"""What the registry knows, as of a moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.postgres.search import TrigramSimilarity
from django.db import connection
from django.db.models import Case, CharField, F, OuterRef, Q, QuerySet, Subquery, Value, When

from mapping.domain.text import search_text
from mapping.models import (
    ErpItem,
    FulfilmentRule,
    Listing,
    OwnershipRule,
    Seller,
    SellerRule,
    SellerTreatment,
    SkuMapping,
    TaxCodeMapping,
)

# Below this two texts share hardly a word; measured on the shipped catalogue, not tuned.
SIMILAR = 0.15


@dataclass(frozen=True)
class Suggestion:
    item: ErpItem
    similarity: float
    same_barcode: bool
    same_sku: bool


def mappings_of(*, variant_ids: Iterable[str]) -> dict[str, list[SkuMapping]]:
    """The mappings that ever were in force for these variants, by Marketplacer's variant id."""
    rows = (
        SkuMapping.objects.filter(
            listing__marketplacer_id__in=set(variant_ids),
            state__in=[SkuMapping.State.CONFIRMED, SkuMapping.State.RETIRED],
        )
        .annotate(variant_id=F("listing__marketplacer_id"))
        .select_related("item")
        .order_by("pk")
    )
    found: dict[str, list[SkuMapping]] = {}
    for row in rows:
        found.setdefault(row.variant_id, []).append(row)
    return found


def covers(row: SkuMapping | TaxCodeMapping | SellerRule, at: datetime) -> bool:
    """Whether a dated row is in force at the moment; its span is half open."""
    return (row.valid_from is None or row.valid_from <= at) and (
        row.valid_until is None or at < row.valid_until
    )


@dataclass(frozen=True)
class SellerRules:
    """A seller with every rule that ever held for it."""

    seller: Seller
    treatments: list[SellerTreatment]
    fulfilments: list[FulfilmentRule]

    def treatment(self, at: datetime) -> str | None:
        return next((r.treatment for r in self.treatments if covers(r, at)), None)

    def fulfilled_by(self, at: datetime) -> str | None:
        return next((r.fulfilled_by for r in self.fulfilments if covers(r, at)), None)


def rules_of(*, marketplacer_ids: Iterable[str]) -> dict[str, SellerRules]:
    """Sellers and their rules by Marketplacer's id, in three queries however many they are."""
    sellers = Seller.objects.filter(marketplacer_id__in=set(marketplacer_ids)).order_by("pk")
    found = {seller.pk: SellerRules(seller, [], []) for seller in sellers}
    for treatment in SellerTreatment.objects.filter(seller__in=found).order_by("pk"):
        found[treatment.seller_id].treatments.append(treatment)
    for fulfilment in FulfilmentRule.objects.filter(seller__in=found).order_by("pk"):
        found[fulfilment.seller_id].fulfilments.append(fulfilment)
    return {rules.seller.marketplacer_id: rules for rules in found.values()}


def with_rules(*, at: datetime) -> QuerySet[Seller]:
    """Sellers annotated with `treatment`, `fulfilled_by` and `stock_owner` (None: no rule)."""

    def in_force(model: type, field: str) -> Subquery:
        rules = model.objects.filter(seller=OuterRef("pk")).in_force(at)  # type: ignore[attr-defined]
        return Subquery(rules.order_by("pk").values(field)[:1])

    return Seller.objects.annotate(
        treatment=in_force(SellerTreatment, "treatment"),
        fulfilled_by=in_force(FulfilmentRule, "fulfilled_by"),
        stock_owner=in_force(OwnershipRule, "owner"),
    ).order_by("business_name", "pk")


def tax_rules(*, countries: Iterable[str]) -> dict[str, list[TaxCodeMapping]]:
    """Tax code mappings by destination, whenever they are or were in force."""
    found: dict[str, list[TaxCodeMapping]] = {}
    for rule in TaxCodeMapping.objects.filter(country__in=set(countries)).order_by("pk"):
        found.setdefault(rule.country, []).append(rule)
    return found


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


def mappings() -> QuerySet[SkuMapping]:
    """Confirmed and retired mappings with what a list shows of them; `maker` is a name."""
    return (
        SkuMapping.objects.exclude(state=SkuMapping.State.PROPOSED)
        .select_related("listing__seller", "item", "made_by")
        .annotate(
            maker=Case(
                When(made_by__isnull=False, then=F("made_by__username")),
                default=Value("import"),
                output_field=CharField(),
            )
        )
    )


def with_readiness(*, at: datetime) -> QuerySet[Seller]:
    """`with_rules`, and `ready`: whether the seller's orders can be booked by them."""
    missing = Q(treatment=None) | Q(fulfilled_by=None)
    return with_rules(at=at).annotate(
        ready=Case(When(missing, then=Value(False)), default=Value(True))
    )
