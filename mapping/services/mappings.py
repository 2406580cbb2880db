"""SKU mappings: confirmed, retired, undone. A mapping is never deleted."""

from datetime import datetime

from django.db import transaction

from mapping.models import ErpItem, Listing, SkuMapping
from mapping.signals import mapping_changed
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User


@transaction.atomic
def confirm(
    *,
    listing: Listing,
    item: ErpItem,
    by: User | None,
    at: datetime,
    pack_quantity: int = 1,
    source: SkuMapping.Source = SkuMapping.Source.PERSON,
    reason: str = "",
) -> SkuMapping:
    """This listing is `pack_quantity` of this item.

    A listing's first mapping is in force from the beginning of time, so that orders which waited
    for it go. Confirming what is already confirmed returns it unchanged. Refused when the listing
    is mapped to another item (that is a remap) or the item is inactive.
    """
    if pack_quantity < 1:
        raise Refused("A pack holds at least one.")
    # The lock makes two people who map the same listing at once take turns.
    locked = Listing.objects.select_for_update(of=("self",)).get(pk=listing.pk)
    if not item.active:
        raise Refused(f"{item.sku} is not active in the ERP any more.")
    current = locked.mappings.filter(state=SkuMapping.State.CONFIRMED).in_force(at).first()
    if current is not None:
        if (current.item_id, current.pack_quantity) == (item.pk, pack_quantity):
            return current
        raise Refused(f"{locked} is already mapped to {current.item.sku}.")
    last = locked.mappings.filter(state=SkuMapping.State.RETIRED).order_by("-valid_until").first()
    mapping = SkuMapping.objects.create(
        listing=locked,
        item=item,
        state=SkuMapping.State.CONFIRMED,
        source=source,
        pack_quantity=pack_quantity,
        valid_from=last.valid_until if last else None,
        reason=reason,
        made_by=by,
        made_at=at,
    )
    audit.record(
        action="mapping.confirm",
        subject=mapping,
        by=by,
        at=at,
        after={"listing": str(locked), "item": item.sku, "pack_quantity": pack_quantity},
        reason=reason,
    )
    mapping_changed.send(sender=SkuMapping, listing_ids={locked.pk})
    return mapping


@transaction.atomic
def undo(*, mapping: SkuMapping, by: User, at: datetime, reason: str) -> SkuMapping:
    """Take back a confirmation: the mapping was never in force.

    The caller makes sure that no posted document used it (sync knows orders, mapping does not).
    It goes back to PROPOSED, so that it neither counts nor is lost. Undoing twice changes nothing.
    """
    locked = SkuMapping.objects.select_for_update(of=("self",)).get(pk=mapping.pk)
    if locked.state == SkuMapping.State.PROPOSED:
        return locked
    if locked.state != SkuMapping.State.CONFIRMED:
        raise Refused("A retired mapping stays in the history.")
    locked.state = SkuMapping.State.PROPOSED
    locked.save(update_fields=["state"])
    audit.record(
        action="mapping.undo",
        subject=locked,
        by=by,
        at=at,
        before={"state": "CONFIRMED"},
        after={"state": "PROPOSED"},
        reason=reason,
    )
    mapping_changed.send(sender=SkuMapping, listing_ids={locked.listing_id})
    return locked
