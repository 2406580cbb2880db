"""Everything about one SKU, in the order in which it flows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from mapping import selectors as registry
from mapping.domain.ownership import Field, Verdict
from mapping.models import ErpItem, Listing, SkuMapping, TaxCodeMapping
from sync.models import ExceptionCase, Invoice, InvoiceLine, ListingStock, Remittance

MOST = 20  # listings, orders, cases
SAMPLE = 200  # the newest lines, of which tax and settlement are told

OPEN = [Invoice.State.WAITING, Invoice.State.PARKED, Invoice.State.QUEUED, Invoice.State.FAILED]


@dataclass(frozen=True)
class ListingFacts:
    """One listing with what is known of it now and before."""

    listing: Listing
    mappings: list[SkuMapping]  # the newest first
    owner: Verdict | None  # may its stock be written, and why
    stock: ListingStock | None

    @property
    def mapping(self) -> SkuMapping | None:
        return next((m for m in self.mappings if m.state == SkuMapping.State.CONFIRMED), None)


@dataclass(frozen=True)
class SkuFacts:
    sku: str
    items: list[ErpItem]
    listings: list[ListingFacts]
    open_lines: list[InvoiceLine]
    last_lines: list[InvoiceLine]
    taxes: list[dict[str, Any]]  # country, rate, lines, mapping (TaxCodeMapping or None)
    settlement: dict[str, int]  # posted orders of the sample: all, remitted, advised, paid
    cases: list[ExceptionCase]


def facts(*, sku: str, at: datetime) -> SkuFacts | None:
    """What both sides hold under this code; None when neither knows it. A dozen queries."""
    items = list(ErpItem.objects.filter(sku=sku).order_by("pk")[:MOST])
    mapped = SkuMapping.objects.filter(item__in=items, state=SkuMapping.State.CONFIRMED)
    listings = list(
        Listing.objects.filter(Q(sku=sku) | Q(pk__in=mapped.values("listing")))
        .select_related("seller")
        .order_by("deleted", "pk")[:MOST]
    )
    if not items and not listings:
        return None
    lines = InvoiceLine.objects.filter(listing__in=listings).select_related(
        "invoice__seller", "invoice__erp_document", "item"
    )
    sample = list(lines.order_by("-invoice__placed_at", "-pk")[:SAMPLE])
    posted = [line for line in sample if line.invoice.state == Invoice.State.POSTED]
    return SkuFacts(
        sku=sku,
        items=items,
        listings=_listings(listings, at),
        open_lines=list(
            lines.filter(invoice__state__in=OPEN).order_by("-invoice__placed_at", "-pk")[:MOST]
        ),
        last_lines=posted[:MOST],
        taxes=_taxes(sample, at),
        settlement=_settlement(posted),
        cases=list(
            ExceptionCase.objects.filter(listing__in=listings)
            .select_related("assigned_to")
            .order_by("-pk")[:MOST]
        ),
    )


def _listings(listings: list[Listing], at: datetime) -> list[ListingFacts]:
    pks = [listing.pk for listing in listings]
    owners = registry.writable(listing_ids=pks, field=Field.STOCK, at=at)
    stock = ListingStock.objects.select_related("item", "hold").in_bulk(pks)
    mappings: dict[int, list[SkuMapping]] = {}
    rows = SkuMapping.objects.filter(listing__in=pks).select_related("item", "made_by")
    for row in rows.order_by("-made_at", "-pk"):
        mappings.setdefault(row.listing_id, []).append(row)
    return [
        ListingFacts(one, mappings.get(one.pk, []), owners.get(one.pk), stock.get(one.pk))
        for one in listings
    ]


def _taxes(lines: list[InvoiceLine], at: datetime) -> list[dict[str, Any]]:
    counts: dict[tuple[str, Any], int] = {}
    for line in lines:
        key = (line.invoice.ship_to_country, line.tax_rate)
        counts[key] = counts.get(key, 0) + 1
    known = {
        (row.country, row.marketplace_rate): row
        for row in TaxCodeMapping.objects.in_force(at).order_by("-pk")
    }
    return [
        {"country": country, "rate": rate, "lines": many, "mapping": known.get((country, rate))}
        for (country, rate), many in sorted(counts.items(), key=lambda one: -one[1])
    ]


def _settlement(posted: list[InvoiceLine]) -> dict[str, int]:
    origins = {line.invoice.marketplacer_id for line in posted}
    rows = Remittance.objects.filter(origin__in=origins, gone_at=None).values_list(
        "origin", "advice_lines__advice", "advice_lines__advice__paid_at"
    )
    remitted, advised, paid = set(), set(), set()
    for origin, advice, paid_at in rows:
        remitted.add(origin)
        if advice is not None:
            advised.add(origin)
        if paid_at is not None:
            paid.add(origin)
    return {
        "posted": len(origins),
        "remitted": len(remitted),
        "advised": len(advised),
        "paid": len(paid),
    }
