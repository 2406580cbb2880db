"""The registries as files, in the columns that an import reads; and what the ERP team is given."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from mapping.models import (
    AccountMapping,
    DuplicatePair,
    ErpItem,
    ListingOwnership,
    NewItemRequest,
    SkuMapping,
    TaxCodeMapping,
)
from mapping.selectors import with_rules
from mapping.services import duplicates
from mapping.services.chains import survivors

Cells = Sequence[object]
Table = tuple[Sequence[str], Iterator[Cells]]
CHUNK = 2000


def mappings(at: datetime) -> Table:
    """Confirmed and retired mappings with their spans."""
    heading = [
        "seller_id",
        "variant_id",
        "sku",
        "erp_sku",
        "pack_quantity",
        "valid_from",
        "valid_until",
        "state",
        "made_by",
        "made_at",
        "reason",
    ]
    rows = SkuMapping.objects.exclude(state=SkuMapping.State.PROPOSED).order_by("pk")
    fields = rows.values_list(
        "listing__seller__legacy_id",
        "listing__legacy_id",
        "listing__sku",
        "item__sku",
        "pack_quantity",
        "valid_from",
        "valid_until",
        "state",
        "made_by__username",
        "made_at",
        "reason",
    )
    return heading, fields.iterator(chunk_size=CHUNK)


def sellers(at: datetime) -> Table:
    """What holds of each seller now."""
    heading = [
        "seller_id",
        "stock_owner",
        "fulfilled_by",
        "treatment",
        "dispatch_country",
        "business_name",
    ]
    rows: QuerySet[Any] = with_rules(at=at)  # with its annotations
    fields = rows.values_list(
        "legacy_id",
        "stock_owner",
        "fulfilled_by",
        "treatment",
        "dispatch_country",
        "business_name",
    )
    return heading, fields.iterator(chunk_size=CHUNK)


def stock_rules(at: datetime) -> Table:
    """Rules in force about some listings of a seller."""
    heading = ["seller_id", "scope", "value", "owner", "valid_from", "reason"]
    rows = ListingOwnership.objects.in_force(at).select_related("seller", "listing").order_by("pk")

    def cells() -> Iterator[Cells]:
        for row in rows.iterator(chunk_size=CHUNK):
            value = row.listing.legacy_id if row.listing is not None else row.value
            yield row.seller.legacy_id, row.scope, value, row.owner, row.valid_from, row.reason

    return heading, cells()


def tax_codes(at: datetime) -> Table:
    """Tax codes in force."""
    heading = [
        "country",
        "marketplace_rate",
        "erp_code",
        "erp_rate",
        "region",
        "origin",
        "item_class",
        "exemption",
        "reason",
    ]
    rows = TaxCodeMapping.objects.in_force(at).order_by("country", "marketplace_rate", "pk")
    return heading, rows.values_list(*heading).iterator(chunk_size=CHUNK)


def accounts(at: datetime) -> Table:
    """Accounts in force."""
    heading = ["role", "event", "erp_account", "reason"]
    rows = AccountMapping.objects.in_force(at).order_by("role", "event", "pk")
    return heading, rows.values_list(*heading).iterator(chunk_size=CHUNK)


def duplicate_items(at: datetime) -> Table:
    """What was judged to be one product, as an import reads it."""
    rows = DuplicatePair.objects.filter(state=DuplicatePair.State.DUPLICATE).exclude(keep=None)

    def cells() -> Iterator[Cells]:
        for row in rows.select_related("left", "right").order_by("pk").iterator(chunk_size=CHUNK):
            kept_left = row.keep_id == row.left_id
            yield (
                (row.right.sku, row.left.sku, row.reason)
                if kept_left
                else (row.left.sku, row.right.sku, row.reason)
            )

    return ["erp_sku", "duplicate_of", "reason"], cells()


def new_items(at: datetime) -> Table:
    """What the ERP team needs to make the items that are asked for."""
    heading = [
        "request",
        "seller",
        "title",
        "brand",
        "size_and_colour",
        "seller_sku",
        "barcode",
        "price",
        "note",
        "asked_by",
        "asked_at",
    ]
    rows = NewItemRequest.objects.filter(state=NewItemRequest.State.OPEN).order_by("pk")
    fields = rows.values_list(
        "pk",
        "listing__seller__business_name",
        "listing__title",
        "listing__brand",
        "listing__label",
        "listing__sku",
        "listing__barcode",
        "listing__price",
        "note",
        "asked_by__username",
        "asked_at",
    )
    return heading, fields.iterator(chunk_size=CHUNK)


def merge_request(at: datetime) -> Table:
    """Items to give up, each with the one that is left in the end and the listings on it."""
    merges = duplicates.merges()
    ends = survivors(merges)
    items = ErpItem.objects.in_bulk([*ends, *ends.values()])
    counts: dict[int, int] = {}
    mapped = SkuMapping.objects.filter(
        item__in=ends, state=SkuMapping.State.CONFIRMED, valid_until=None
    )
    for item in mapped.values_list("item_id", flat=True).iterator(chunk_size=CHUNK):
        counts[item] = counts.get(item, 0) + 1

    def cells() -> Iterator[Cells]:
        for given_up, kept in ends.items():
            one, other = items[given_up], items[kept]
            yield (
                one.sku,
                one.name,
                one.erp_ref,
                other.sku,
                other.name,
                other.erp_ref,
                (counts.get(given_up, 0)),
            )

    heading = [
        "give_up_sku",
        "give_up_name",
        "give_up_ref",
        "keep_sku",
        "keep_name",
        "keep_ref",
        "listings_to_move",
    ]
    return heading, cells()


TABLES: dict[str, Callable[[datetime], Table]] = {
    "mappings": mappings,
    "sellers": sellers,
    "stock-rules": stock_rules,
    "tax-codes": tax_codes,
    "accounts": accounts,
    "duplicates": duplicate_items,
}
