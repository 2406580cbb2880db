"""What people say to suggestions: each word is kept, and each can be taken back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from mapping.models import (
    Decision,
    ErpItem,
    Listing,
    NewItemRequest,
    RejectedPair,
    SkuMapping,
    StoredSuggestion,
)
from mapping.services import mappings
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User

Choice = Decision.Choice
# So many of the candidates were on the screen.
SHOWN = 5


@transaction.atomic
def approve(
    *,
    listing: Listing,
    item: ErpItem,
    by: User,
    at: datetime,
    pack_quantity: int = 1,
    blind: bool = False,
) -> tuple[SkuMapping, Decision]:
    """This listing is that item, says a person.

    Refused as `mappings.confirm` refuses. A second run finds the mapping and says it once more.
    """
    mapping = mappings.confirm(
        listing=listing, item=item, by=by, at=at, pack_quantity=pack_quantity
    )
    RejectedPair.objects.filter(listing=listing, item=item).delete()
    suggestion = _suggestion(listing)
    shown = any(one["item"] == item.pk for one in _shown(suggestion))
    choice = Choice.APPROVED if shown else Choice.OTHER
    return mapping, _say(
        choice, listing, suggestion, by, at, item=item, mapping=mapping, blind=blind
    )


@transaction.atomic
def approve_many(
    *, pairs: Sequence[mappings.Pair], by: User, at: datetime
) -> tuple[list[SkuMapping], dict[int, str]]:
    """`approve` for many at once; returns the mappings, and why a listing was left as it was."""
    made, refused = mappings.confirm_many(pairs=pairs, by=by, at=at, reason="approved in bulk")
    stored = {
        row.listing_id: row
        for row in StoredSuggestion.objects.filter(listing__in=[m.listing_id for m in made])
    }
    Decision.objects.bulk_create(
        [
            _decision(
                Choice.APPROVED,
                mapping.listing,
                stored.get(mapping.listing_id),
                by,
                at,
                item=mapping.item,
                mapping=mapping,
                bulk=True,
            )
            for mapping in made
        ]
    )
    return made, refused


@transaction.atomic
def reject(
    *, listing: Listing, by: User, at: datetime, item: ErpItem | None = None, blind: bool = False
) -> Decision:
    """The listing is not this item, or (without one) none of those shown.

    What is rejected is not suggested for the listing again. Refused when nothing was suggested.
    """
    suggestion = _suggestion(listing)
    wanted = [item.pk] if item is not None else [one["item"] for one in _shown(suggestion)]
    if not wanted:
        raise Refused("Nothing is suggested for this listing, so there is nothing to reject.")
    RejectedPair.objects.bulk_create(
        [RejectedPair(listing=listing, item_id=pk, by=by, at=at) for pk in sorted(wanted)],
        ignore_conflicts=True,
    )
    decision = _say(Choice.REJECTED, listing, suggestion, by, at, item=item, blind=blind)
    _first_again(suggestion)
    return decision


@transaction.atomic
def no_such_item(
    *, listing: Listing, by: User, at: datetime, note: str = "", blind: bool = False
) -> Decision:
    """The ERP has no such item: it is asked for. Asking twice keeps the first request."""
    request, created = NewItemRequest.objects.get_or_create(
        listing=listing,
        state__in=[NewItemRequest.State.OPEN, NewItemRequest.State.SENT],
        defaults={"note": note, "asked_by": by, "asked_at": at},
    )
    if created:
        audit.record(
            action="newitemrequest.ask",
            subject=request,
            by=by,
            at=at,
            after={"listing": str(listing)},
            reason=note,
        )
    return _say(Choice.NONE, listing, _suggestion(listing), by, at, blind=blind)


@transaction.atomic
def skip(*, listing: Listing, by: User, at: datetime) -> Decision:
    """Not now: nothing changes but that it was looked at."""
    return _say(Choice.SKIPPED, listing, _suggestion(listing), by, at)


@transaction.atomic
def undo(*, decision: Decision, by: User, at: datetime) -> Decision:
    """Take back a rejection, a request or a "later"; a mapping is undone where orders are known.

    Taking back twice changes nothing.
    """
    before = Decision.objects.filter(undoes=decision).order_by("pk").first()
    if before is not None:
        return before
    listing = decision.listing
    if decision.choice == Choice.REJECTED:
        items = [decision.item_id] if decision.item_id else [one["item"] for one in decision.shown]
        RejectedPair.objects.filter(listing=listing, item__in=items, at=decision.at).delete()
        _first_again(_suggestion(listing))
    elif decision.choice == Choice.NONE:
        for request in NewItemRequest.objects.filter(
            listing=listing, state=NewItemRequest.State.OPEN, asked_at=decision.at
        ):
            request.state, request.closed_at = NewItemRequest.State.WITHDRAWN, at
            request.save(update_fields=["state", "closed_at"])
    elif decision.choice not in (Choice.SKIPPED, Choice.APPROVED, Choice.OTHER):
        raise Refused("This cannot be taken back.")
    return _say(
        Choice.UNDONE,
        listing,
        _suggestion(listing),
        by,
        at,
        item=decision.item,
        mapping=decision.mapping,
        undoes=decision,
    )


@transaction.atomic
def undone(*, mapping: SkuMapping, by: User | None, at: datetime, wrong: bool = False) -> None:
    """A mapping that was confirmed does not hold any more: by an undo, or because it was wrong."""
    last = (
        Decision.objects.filter(mapping=mapping, choice__in=[Choice.APPROVED, Choice.OTHER])
        .order_by("-pk")
        .first()
    )
    choice = Choice.RETIRED if wrong else Choice.UNDONE
    _say(
        choice,
        mapping.listing,
        _suggestion(mapping.listing),
        by,
        at,
        item=mapping.item,
        mapping=mapping,
        undoes=last,
    )


@transaction.atomic
def withdraw_request(*, request: NewItemRequest, by: User, at: datetime) -> NewItemRequest:
    """The item is not needed after all; withdrawing twice changes nothing."""
    locked = NewItemRequest.objects.select_for_update(no_key=True, of=("self",)).get(pk=request.pk)
    if locked.state == NewItemRequest.State.MADE:
        raise Refused("The item was made, and the listing is mapped to it.")
    if locked.state != NewItemRequest.State.WITHDRAWN:
        locked.state, locked.closed_at = NewItemRequest.State.WITHDRAWN, at
        locked.save(update_fields=["state", "closed_at"])
        audit.record(action="newitemrequest.withdraw", subject=locked, by=by, at=at)
    return locked


@transaction.atomic
def requests_sent(*, requests: Sequence[NewItemRequest], by: User, at: datetime) -> int:
    """These were given to the ERP team; returns how many had not been before."""
    fresh = NewItemRequest.objects.filter(
        pk__in=[request.pk for request in requests], state=NewItemRequest.State.OPEN
    )
    for request in fresh.order_by("pk"):
        audit.record(action="newitemrequest.send", subject=request, by=by, at=at)
    return fresh.update(state=NewItemRequest.State.SENT, sent_at=at)


# -- the record ---------------------------------------------------------------------------------


def _suggestion(listing: Listing) -> StoredSuggestion | None:
    return StoredSuggestion.objects.filter(listing=listing).first()  # one at most: one-to-one


def _shown(suggestion: StoredSuggestion | None) -> list[dict[str, Any]]:
    return suggestion.candidates[:SHOWN] if suggestion is not None else []


def _say(
    choice: Decision.Choice,
    listing: Listing,
    suggestion: StoredSuggestion | None,
    by: User | None,
    at: datetime,
    **more: Any,
) -> Decision:
    decision = _decision(choice, listing, suggestion, by, at, **more)
    decision.save(force_insert=True)
    return decision


def _decision(
    choice: Decision.Choice,
    listing: Listing,
    suggestion: StoredSuggestion | None,
    by: User | None,
    at: datetime,
    **more: Any,
) -> Decision:
    return Decision(
        choice=choice,
        listing=listing,
        variant=snapshot(listing),
        shown=[
            {
                "item": one["item"],
                "rank": one["rank"],
                "confidence": one["confidence"],
                "features": one.get("features", {}),
            }
            for one in _shown(suggestion)
        ],
        model_version=suggestion.model_version if suggestion is not None else "",
        by=by,
        at=at,
        **more,
    )


def snapshot(listing: Listing) -> dict[str, Any]:
    """The listing as it is now, for the record of a decision."""
    return {
        "variant_id": listing.marketplacer_id,
        "seller": listing.seller_id,
        "sku": listing.sku,
        "barcode": listing.barcode,
        "title": listing.title,
        "brand": listing.brand,
        "label": listing.label,
        "price": str(listing.price) if listing.price is not None else None,
    }


def _first_again(suggestion: StoredSuggestion | None) -> None:
    """The first candidate that nobody rejected is what the suggestion comes down to."""
    if suggestion is None:
        return
    no = set(
        RejectedPair.objects.filter(listing=suggestion.listing_id).values_list("item_id", flat=True)
    )
    first = next((one for one in suggestion.candidates if one["item"] not in no), None)
    suggestion.item_id = first["item"] if first else None
    suggestion.confidence = first["confidence"] if first else 0
    suggestion.auto = bool(first and first["auto"])
    suggestion.save(update_fields=["item", "confidence", "auto"])
