"""Pairs of ERP items that look like one product, and what hangs on each of them."""

from dataclasses import dataclass

from django.db.models import Count, F, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Cast, Coalesce, Round

from mapping.models import DuplicatePair, ErpItem, Listing, SkuMapping


def _listings(item: str) -> Coalesce:
    mapped = (
        SkuMapping.objects.filter(
            item=OuterRef(item), state=SkuMapping.State.CONFIRMED, valid_until=None
        )
        .order_by()
        .values("item")
        .annotate(many=Count("pk"))
    )
    return Coalesce(Subquery(mapped.values("many"), output_field=IntegerField()), 0)


def duplicate_pairs() -> QuerySet[DuplicatePair]:
    """Pairs with `percent` alike and `listings`, how many are mapped to either item."""
    return DuplicatePair.objects.select_related("left", "right", "keep", "decided_by").annotate(
        percent=Cast(Round(F("score") * 100), IntegerField()),
        listings=_listings("left") + _listings("right"),
    )


@dataclass(frozen=True)
class Merge:
    """One item to give up, and the one that is left in the end."""

    given_up: ErpItem
    kept: ErpItem
    listings: int  # mapped to the item that is given up


def listings_of(item: ErpItem, *, limit: int = 20) -> list[Listing]:
    """Listings that are mapped to an item now."""
    mapped = SkuMapping.objects.filter(
        item=item, state=SkuMapping.State.CONFIRMED, valid_until=None
    )
    found = Listing.objects.filter(pk__in=mapped.values("listing")).select_related("seller")
    return list(found.order_by("pk")[:limit])


def listing_count(item: ErpItem) -> int:
    """How many listings are mapped to an item now."""
    return SkuMapping.objects.filter(
        item=item, state=SkuMapping.State.CONFIRMED, valid_until=None
    ).count()
