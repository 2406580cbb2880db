"""Mapping where the money waits: a confirmation and what it releases, in one transaction."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from mapping.models import ErpItem, Listing, SkuMapping
from mapping.services import mappings
from mkterp.core.errors import Refused
from mkterp.core.models import User
from sync.domain.cases import CaseKind
from sync.models import Invoice, InvoiceLine, OutboxMessage
from sync.services import orders, outbox


@dataclass(frozen=True)
class Released:
    """What a confirmation set free. `still_parked` orders wait for another cause as well."""

    mapping: SkuMapping
    orders: int
    money: Decimal  # company currency
    still_parked: int


def _waiting(listing: Listing) -> list[int]:
    parked = Invoice.objects.filter(
        state=Invoice.State.PARKED,
        cases__kind=CaseKind.UNMAPPED_SKU,
        cases__key=f"sku:{listing.marketplacer_id}",
    )
    return list(parked.order_by("pk").values_list("pk", flat=True).distinct())


@transaction.atomic
def confirm(
    *, listing: Listing, item: ErpItem, by: User, at: datetime, pack_quantity: int = 1
) -> Released:
    """This listing is that item: the orders that waited only for this are queued at once.

    Refused as `mapping.services.mappings.confirm` refuses. A second run releases nothing more.
    """
    Listing.objects.select_for_update(of=("self",)).get(pk=listing.pk)
    waiting = _waiting(listing)
    mapping = mappings.confirm(
        listing=listing, item=item, by=by, at=at, pack_quantity=pack_quantity
    )
    released = Invoice.objects.filter(pk__in=waiting, state=Invoice.State.QUEUED)
    money = released.aggregate(sum=Sum("gross"))["sum"] or Decimal(0)
    many = released.count()
    return Released(mapping, many, money, len(waiting) - many)


@transaction.atomic
def undo(*, mapping: SkuMapping, by: User, at: datetime) -> int:
    """Take a confirmation back, and with it the orders that have not left yet; returns how many.

    Refused once an order with it is on its way to the ERP or there: then it is a correction of
    posted documents, not an undo.
    """
    posted = OutboxMessage.objects.filter(
        pk__in=InvoiceLine.objects.filter(
            listing_id=mapping.listing_id, item_id=mapping.item_id, invoice__posting__isnull=False
        ).values("invoice__posting")
    )
    for message in posted.order_by("pk"):
        if not outbox.withdraw(message=message, reason="The mapping was undone.", at=at):
            raise Refused(
                f"{message.reference} is on its way to the ERP or there already, "
                "so this mapping cannot be undone."
            )
    mappings.undo(mapping=mapping, by=by, at=at, reason="undone at once")
    held = Invoice.objects.filter(
        lines__listing_id=mapping.listing_id, state=Invoice.State.QUEUED
    ).distinct()
    return orders.decide_again(pks=list(held.order_by("pk").values_list("pk", flat=True)), at=at)
