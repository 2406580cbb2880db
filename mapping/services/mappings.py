"""SKU mappings: confirmed, remapped, retired, undone. A mapping is never deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from mapping.models import ErpItem, Listing, NewItemRequest, SkuMapping
from mapping.signals import mapping_changed
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User

State, Source = SkuMapping.State, SkuMapping.Source


@dataclass(frozen=True)
class Pair:
    """This listing is `pack_quantity` of this item."""

    listing: Listing
    item: ErpItem
    pack_quantity: int = 1


@transaction.atomic
def confirm(
    *,
    listing: Listing,
    item: ErpItem,
    by: User | None,
    at: datetime,
    pack_quantity: int = 1,
    source: SkuMapping.Source = Source.PERSON,
    reason: str = "",
) -> SkuMapping:
    """This listing is `pack_quantity` of this item.

    A listing's first mapping is in force from the beginning of time, so that orders which waited
    for it go. Confirming what is already confirmed returns it unchanged. Refused when the listing
    is mapped to another item (that is a remap) or the item is inactive.
    """
    pair = Pair(listing, item, pack_quantity)
    done, refused = confirm_many(pairs=[pair], by=by, at=at, source=source, reason=reason)
    if refused:
        raise Refused(refused[listing.pk])
    return done[0]


@transaction.atomic
def confirm_many(
    *,
    pairs: Sequence[Pair],
    by: User | None,
    at: datetime,
    source: SkuMapping.Source = Source.PERSON,
    reason: str = "",
    review: Sequence[int] = (),
) -> tuple[list[SkuMapping], dict[int, str]]:
    """Confirm many pairs; returns the mappings, and why a listing (by key) was left as it was.

    One refusal does not hold up the others. Listings in `review` are drawn for a second look.
    """
    # The locks make two people who map the same listing at once take turns.
    locked = {
        row.pk: row
        for row in Listing.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk__in=[pair.listing.pk for pair in pairs])
        .order_by("pk")
    }
    held = SkuMapping.objects.filter(listing__in=locked).select_related("item")
    current = {row.listing_id: row for row in held.filter(state=State.CONFIRMED, valid_until=None)}
    ended = {
        row.listing_id: row
        for row in held.filter(state__in=[State.CONFIRMED, State.RETIRED])
        .exclude(valid_until=None)
        .order_by("valid_until")
    }
    found: list[SkuMapping] = []
    new: list[SkuMapping] = []
    refused: dict[int, str] = {}
    for pair in pairs:
        listing, known = locked[pair.listing.pk], current.get(pair.listing.pk)
        problem = _problem(pair, listing, known)
        if problem:
            refused[listing.pk] = problem
        elif known is not None:
            found.append(known)
        else:
            last = ended.get(listing.pk)
            mapping = SkuMapping(
                listing=listing,
                item=pair.item,
                state=State.CONFIRMED,
                source=source,
                pack_quantity=pair.pack_quantity,
                valid_from=last.valid_until if last else None,
                reason=reason,
                made_by=by,
                made_at=at,
                review_due=listing.pk in review,
            )
            current[listing.pk] = mapping
            new.append(mapping)
    SkuMapping.objects.bulk_create(new, batch_size=1000)
    _recorded(new, by, at, reason)
    return [*found, *new], refused


def _problem(pair: Pair, listing: Listing, known: SkuMapping | None) -> str:
    if pair.pack_quantity < 1:
        return "A pack holds at least one."
    if not pair.item.active:
        return f"{pair.item.sku} is not active in the ERP any more."
    if known is None or (known.item_id, known.pack_quantity) == (pair.item.pk, pair.pack_quantity):
        return ""
    return f"{listing} is already mapped to {known.item.sku}."


def _recorded(new: Sequence[SkuMapping], by: User | None, at: datetime, reason: str) -> None:
    """Audit, close the requests for new items that these answer, and send the news up."""
    for mapping in new:
        audit.record(
            action="mapping.confirm",
            subject=mapping,
            by=by,
            at=at,
            after={
                "listing": str(mapping.listing),
                "item": mapping.item.sku,
                "pack_quantity": mapping.pack_quantity,
                "source": mapping.source,
            },
            reason=reason,
        )
    asked = NewItemRequest.objects.filter(
        listing__in=[mapping.listing_id for mapping in new],
        state__in=[NewItemRequest.State.OPEN, NewItemRequest.State.SENT],
    )
    made = {mapping.listing_id: mapping.item for mapping in new}
    for request in asked.order_by("pk"):
        request.state, request.item = NewItemRequest.State.MADE, made[request.listing_id]
        request.closed_at = at
        request.save(update_fields=["state", "item", "closed_at"])
    if new:
        mapping_changed.send(sender=SkuMapping, listing_ids={m.listing_id for m in new})


@transaction.atomic
def undo(*, mapping: SkuMapping, by: User | None, at: datetime, reason: str) -> SkuMapping:
    """Take back a confirmation: the mapping was never in force.

    The caller makes sure that no posted document used it (sync knows orders, mapping does not).
    It goes back to PROPOSED, so that it neither counts nor is lost. Undoing twice changes nothing.
    """
    locked = SkuMapping.objects.select_for_update(no_key=True, of=("self",)).get(pk=mapping.pk)
    if locked.state == State.PROPOSED:
        return locked
    if locked.state != State.CONFIRMED:
        raise Refused("A retired mapping stays in the history.")
    _withdraw(locked, by, at, reason, action="mapping.undo")
    mapping_changed.send(sender=SkuMapping, listing_ids={locked.listing_id})
    return locked


def _withdraw(
    mapping: SkuMapping, by: User | None, at: datetime, reason: str, *, action: str
) -> None:
    before = {"state": mapping.state}
    mapping.state, mapping.retired_by, mapping.retired_at = State.PROPOSED, by, at
    mapping.retire_reason, mapping.review_due = reason, False
    mapping.save(update_fields=["state", "retired_by", "retired_at", "retire_reason", "review_due"])
    audit.record(
        action=action,
        subject=mapping,
        by=by,
        at=at,
        before=before,
        after={"state": State.PROPOSED},
        reason=reason,
    )


@transaction.atomic
def retire(
    *,
    mapping: SkuMapping,
    by: User | None,
    at: datetime,
    reason: str,
    moment: datetime | None = None,
    from_the_beginning: bool = False,
) -> SkuMapping:
    """End a mapping at a moment (default now), or say that it was never right.

    It still answers for the time before: a refund uses the mapping its order used. From the
    beginning it never answers. Refused without a reason, at a moment to come, or before it began.
    Retiring twice changes nothing.
    """
    if not reason.strip():
        raise Refused("Say why.")
    locked = SkuMapping.objects.select_for_update(no_key=True, of=("self",)).get(pk=mapping.pk)
    if locked.state != State.CONFIRMED:
        return locked
    moment = moment or at
    begun_later = locked.valid_from is not None and locked.valid_from >= moment
    if not from_the_beginning:
        if moment > at:
            raise Refused("A mapping cannot be ended at a moment to come; choose now or earlier.")
        if begun_later:
            raise Refused("The mapping began after that moment; say that it was never right.")
        _end(locked, moment, by, at, reason)
    else:
        _withdraw(locked, by, at, reason, action="mapping.retire")
    mapping_changed.send(sender=SkuMapping, listing_ids={locked.listing_id})
    return locked


def _end(mapping: SkuMapping, moment: datetime, by: User | None, at: datetime, reason: str) -> None:
    mapping.state, mapping.valid_until, mapping.review_due = State.RETIRED, moment, False
    mapping.retired_by, mapping.retired_at, mapping.retire_reason = by, at, reason
    mapping.save(
        update_fields=[
            "state",
            "valid_until",
            "review_due",
            "retired_by",
            "retired_at",
            "retire_reason",
        ]
    )
    audit.record(
        action="mapping.retire",
        subject=mapping,
        by=by,
        at=at,
        before={"state": State.CONFIRMED},
        after={"state": State.RETIRED, "valid_until": moment.isoformat()},
        reason=reason,
    )


@transaction.atomic
def remap(
    *,
    mapping: SkuMapping,
    item: ErpItem,
    by: User,
    at: datetime,
    reason: str,
    pack_quantity: int = 1,
    moment: datetime | None = None,
    correct_earlier: bool = False,
) -> SkuMapping:
    """From a moment (default now) the listing is another item, or another pack of the same.

    With `correct_earlier` the old mapping was never right and the new one holds for all of its
    time; what was posted with it is for the caller to correct. Refused without a reason, when it
    changes nothing, or when the mapping is not in force.
    """
    locked = SkuMapping.objects.select_for_update(no_key=True, of=("self",)).get(pk=mapping.pk)
    if locked.state != State.CONFIRMED:
        raise Refused(f"{locked.listing} is not mapped like this any more; look again.")
    if (locked.item_id, locked.pack_quantity) == (item.pk, pack_quantity):
        raise Refused(f"{locked.listing} is mapped to {item.sku} already.")
    problem = _problem(Pair(locked.listing, item, pack_quantity), locked.listing, None)
    if problem:
        raise Refused(problem)
    retired = retire(
        mapping=locked,
        by=by,
        at=at,
        reason=reason,
        moment=moment,
        from_the_beginning=correct_earlier,
    )
    new = SkuMapping.objects.create(
        listing=retired.listing,
        item=item,
        state=State.CONFIRMED,
        source=Source.PERSON,
        pack_quantity=pack_quantity,
        valid_from=retired.valid_from if correct_earlier else retired.valid_until,
        reason=reason,
        made_by=by,
        made_at=at,
    )
    _recorded([new], by, at, reason)
    return new


@transaction.atomic
def carry_over(*, mapping: SkuMapping, listing: Listing, by: User, at: datetime) -> SkuMapping:
    """The listing is the mapped one under a new variant id: it is the same item.

    The old listing's mapping stays, for its orders. Refused for another seller's listing.
    """
    if mapping.listing.seller_id != listing.seller_id:
        raise Refused("These are listings of two sellers; map each by itself.")
    return confirm(
        listing=listing,
        item=mapping.item,
        by=by,
        at=at,
        pack_quantity=mapping.pack_quantity,
        source=Source.CARRIED,
        reason=f"the same listing as variant {mapping.listing.legacy_id or mapping.listing}",
    )
