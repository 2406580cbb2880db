"""Mapping where the money waits: a confirmation and what it releases, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from mapping.models import ErpItem, Listing, SkuMapping
from mapping.services import automatic, decisions, mappings
from mapping.services.mappings import Pair
from mkterp.core.errors import Refused
from mkterp.core.models import User
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase, Invoice, InvoiceLine, OutboxMessage
from sync.services import orders, outbox


@dataclass(frozen=True)
class Released:
    """What a confirmation set free. `still_parked` orders wait for another cause as well."""

    mappings: Sequence[SkuMapping]
    orders: int
    money: Decimal  # company currency
    still_parked: int
    refused: Sequence[str] = ()  # why a listing was left as it was
    decision: int = 0  # key of what was said, to take it back

    @property
    def mapping(self) -> SkuMapping:
        return self.mappings[0]


def _waiting(listings: Sequence[Listing]) -> list[int]:
    parked = Invoice.objects.filter(
        state=Invoice.State.PARKED,
        cases__kind=CaseKind.UNMAPPED_SKU,
        cases__key__in=[f"sku:{listing.marketplacer_id}" for listing in listings],
        cases__state=ExceptionCase.State.OPEN,
    )
    return list(parked.order_by("pk").values_list("pk", flat=True).distinct())


def _released(waiting: Sequence[int]) -> tuple[int, Decimal, int]:
    gone = Invoice.objects.filter(pk__in=waiting, state=Invoice.State.QUEUED)
    money = gone.aggregate(sum=Sum("gross"))["sum"] or Decimal(0)
    many = gone.count()
    return many, money, len(waiting) - many


@transaction.atomic
def confirm(
    *,
    listing: Listing,
    item: ErpItem,
    by: User,
    at: datetime,
    pack_quantity: int = 1,
    blind: bool = False,
) -> Released:
    """This listing is that item: the orders that waited only for this are queued at once.

    Refused as `mapping.services.mappings.confirm` refuses. A second run releases nothing more.
    """
    Listing.objects.select_for_update(no_key=True, of=("self",)).get(pk=listing.pk)
    waiting = _waiting([listing])
    mapping, decision = decisions.approve(
        listing=listing, item=item, by=by, at=at, pack_quantity=pack_quantity, blind=blind
    )
    return Released([mapping], *_released(waiting), decision=decision.pk)


@transaction.atomic
def confirm_many(*, pairs: Sequence[Pair], by: User, at: datetime) -> Released:
    """`confirm` for many listings; one that cannot be mapped does not hold up the others."""
    waiting = _waiting([pair.listing for pair in pairs])
    made, refused = decisions.approve_many(pairs=pairs, by=by, at=at)
    return Released(made, *_released(waiting), refused=list(refused.values()))


@transaction.atomic
def carry_over(*, mapping: SkuMapping, listing: Listing, by: User, at: datetime) -> Released:
    """The listing is the mapped one under a new variant id; its orders are queued at once."""
    waiting = _waiting([listing])
    made = mappings.carry_over(mapping=mapping, listing=listing, by=by, at=at)
    return Released([made], *_released(waiting))


@transaction.atomic
def undo(*, mapping: SkuMapping, by: User, at: datetime) -> int:
    """Take a confirmation back, and with it the orders that have not left yet; returns how many.

    Refused once an order with it is on its way to the ERP or there: then it is a correction of
    posted documents (see `remapping`), not an undo.
    """
    return undo_many(mappings_=[mapping], by=by, at=at)


@transaction.atomic
def undo_many(*, mappings_: Sequence[SkuMapping], by: User, at: datetime) -> int:
    """Take confirmations back, all or none; returns how many orders wait again."""
    confirmed = [one for one in mappings_ if one.state == SkuMapping.State.CONFIRMED]
    withdrawn: set[int] = set()
    for mapping in confirmed:
        withdrawn |= _withdraw_orders(mapping, at)
        mappings.undo(mapping=mapping, by=by, at=at, reason="undone at once")
        if mapping.source == SkuMapping.Source.AUTO:
            automatic.found_wrong(mapping=mapping, by=by, at=at)
        else:
            decisions.undone(mapping=mapping, by=by, at=at)
    # Also what the ERP had refused: nothing else would ever look at those orders again.
    again = Invoice.objects.filter(
        posting__in=withdrawn, state__in=[Invoice.State.QUEUED, Invoice.State.FAILED]
    ).order_by("pk")
    return orders.decide_again(pks=list(again.values_list("pk", flat=True)), at=at)


def _withdraw_orders(mapping: SkuMapping, at: datetime) -> set[int]:
    """Take the orders with this mapping out of the queue; returns their messages."""
    posted = OutboxMessage.objects.filter(
        pk__in=InvoiceLine.objects.filter(
            listing_id=mapping.listing_id, item_id=mapping.item_id, invoice__posting__isnull=False
        ).values("invoice__posting")
    )
    for message in posted.order_by("pk"):
        if not outbox.withdraw(message=message, reason="The mapping was undone.", at=at):
            raise Refused(
                f"{message.reference} is on its way to the ERP or there already, so this mapping "
                "cannot be undone. Remap it, and correct the earlier orders."
            )
    return {message.pk for message in posted}
