"""The API of this room: mappings, and confirming one."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Router, Schema

from mapping import selectors
from mapping.models import ErpItem, Listing, SkuMapping
from mapping.services import mappings
from mkterp.core.api import Page, acting, needs, page, problems
from mkterp.core.api.operations import After, Limit, Text

router = Router(tags=["mappings"])


class MappingOut(Schema):
    """A listing is `pack_quantity` of an item, from `valid_from` until `valid_until`."""

    id: int
    state: str
    source: str
    listing_id: str = Field(description="Marketplacer's variant id")
    listing_sku: str
    seller_id: str = Field(description="Marketplacer's seller id")
    item_sku: str = Field(description="the ERP's SKU")
    pack_quantity: int
    valid_from: datetime | None = Field(description="null: from the beginning of time")
    valid_until: datetime | None
    made_at: datetime


class ConfirmIn(Schema):
    """The pair to confirm."""

    listing_id: Text = Field(description="Marketplacer's variant id")
    item_sku: Text = Field(description="the ERP's SKU")
    pack_quantity: int = Field(1, ge=1, le=10_000)
    reason: Text = ""


def _drawn(row: SkuMapping) -> MappingOut:
    return MappingOut(
        id=row.pk,
        state=row.state,
        source=row.source,
        listing_id=row.listing.marketplacer_id,
        listing_sku=row.listing.sku,
        seller_id=row.listing.seller.marketplacer_id,
        item_sku=row.item.sku,
        pack_quantity=row.pack_quantity,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        made_at=row.made_at,
    )


@router.get("mappings", response={200: Page[MappingOut], **problems}, operation_id="list_mappings")
@needs("mapping.view_skumapping")
def list_mappings(
    request: HttpRequest, after: After, limit: Limit, listing_id: Text = "", item_sku: Text = ""
) -> Any:
    """Mappings, oldest first; those of one listing or of one item."""
    rows = SkuMapping.objects.select_related("listing__seller", "item")
    if listing_id:
        rows = rows.filter(listing__marketplacer_id=listing_id)
    if item_sku:
        rows = rows.filter(item__sku=item_sku)
    return page(rows, ("id",), after, limit, _drawn)


@router.post("mappings", response={200: MappingOut, **problems}, operation_id="confirm_mapping")
@needs("mapping.confirm_skumapping")
def confirm_mapping(request: HttpRequest, given: ConfirmIn) -> Any:
    """Confirm that a listing is an item; orders that waited for it go.

    The same pair again answers the same. 409 when the listing is mapped to another item.
    """
    by = acting(request)
    listing = get_object_or_404(Listing, marketplacer_id=given.listing_id)
    item = get_object_or_404(ErpItem, sku=given.item_sku, active=True)
    done = mappings.confirm(
        listing=listing,
        item=item,
        by=by,
        at=timezone.now(),
        pack_quantity=given.pack_quantity,
        reason=given.reason or "through the API",
    )
    return _drawn(selectors.mappings().get(pk=done.pk))
