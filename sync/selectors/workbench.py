"""Listings without an item, and what waits for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import (
    Count,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Sum,
)

from mapping import selectors as registry
from mapping.models import Listing, NewItemRequest
from sync.domain.cases import CaseKind
from sync.models import (
    ExceptionCase,
    Invoice,
)
from sync.selectors.exceptions import open_cases


@dataclass(frozen=True)
class Unmapped:
    """A listing without an ERP item, and what waits for it. No case: nobody has ordered it yet."""

    listing: Listing
    case: ExceptionCase | None
    orders: int
    money: Decimal  # company currency


def _requests(listing: str) -> Exists:
    """Whether the ERP team has been asked for an item of the listing of this field."""
    return Exists(
        NewItemRequest.objects.filter(
            listing=OuterRef(listing),
            state__in=[NewItemRequest.State.OPEN, NewItemRequest.State.SENT],
        )
    )


def asked_for() -> int:
    """How many listings wait for an item that the ERP team has been asked for."""
    held = [NewItemRequest.State.OPEN, NewItemRequest.State.SENT]
    return NewItemRequest.objects.filter(state__in=held).count()


def unmapped_cases(*, asked: bool = False) -> QuerySet[Any]:
    """Open cases of listings that somebody ordered and no item is mapped to, dearest first.

    Without those for which a new item has been asked for; with `asked` only those.
    """
    rows: QuerySet[Any] = open_cases()  # with the annotations of `cases`
    waits = _requests("listing")
    return (
        rows.filter(waits if asked else ~waits, kind=CaseKind.UNMAPPED_SKU, listing__isnull=False)
        .select_related("listing__seller", "assigned_to")
        .order_by("-blocked_money", "-blocked_orders", "pk")
    )


def unmapped_listings(*, at: datetime, asked: bool = False) -> QuerySet[Listing]:
    """Published listings that no item is mapped to and no order waits for (see above)."""
    waits = _requests("pk")
    waited_for = ExceptionCase.objects.filter(
        kind=CaseKind.UNMAPPED_SKU, state=ExceptionCase.State.OPEN, listing=OuterRef("pk")
    )
    return (
        registry.unmapped(at=at)
        .filter(~Exists(waited_for), waits if asked else ~waits, deleted=False)
        .select_related("seller")
    )


def blocked_by(listing: Listing) -> Unmapped:
    """What waits for one listing."""
    case: Any = open_cases().filter(kind=CaseKind.UNMAPPED_SKU, listing=listing).first()
    if case is None:
        return Unmapped(listing, None, 0, Decimal(0))
    return Unmapped(listing, case, case.blocked_orders, case.blocked_money)


@dataclass(frozen=True)
class Held:
    """Orders that wait for a person, and their money in company currency, by what holds them."""

    orders: int
    money: Decimal
    unmapped_orders: int
    unmapped_money: Decimal
    refused_orders: int
    refused_money: Decimal

    @property
    def other_orders(self) -> int:
        return self.orders - self.unmapped_orders - self.refused_orders

    @property
    def other_money(self) -> Decimal:
        return self.money - self.unmapped_money - self.refused_money


def held() -> Held:
    """What waits for a person. An order that waits for several causes counts as unmapped first."""
    unmapped_sku = Invoice.cases.through.objects.filter(
        invoice=OuterRef("pk"),
        exceptioncase__kind=CaseKind.UNMAPPED_SKU,
        exceptioncase__state=ExceptionCase.State.OPEN,
    )
    parked = Q(state=Invoice.State.PARKED, unmapped=True)
    refused = Q(state=Invoice.State.FAILED)
    found = (
        Invoice.objects.filter(state__in=[Invoice.State.PARKED, Invoice.State.FAILED])
        .annotate(unmapped=Exists(unmapped_sku))
        .aggregate(
            orders=Count("pk"),
            money=Sum("gross"),
            unmapped_orders=Count("pk", filter=parked),
            unmapped_money=Sum("gross", filter=parked),
            refused_orders=Count("pk", filter=refused),
            refused_money=Sum("gross", filter=refused),
        )
    )
    values: dict[str, Any] = {
        name: value or (Decimal(0) if name.endswith("money") else 0)
        for name, value in found.items()
    }
    return Held(**values)


def waiting_for(listing_ids: Iterable[int]) -> dict[int, tuple[int, Decimal]]:
    """How many orders, and how much money, each of these listings holds up; by listing key."""
    rows: Any = open_cases().filter(kind=CaseKind.UNMAPPED_SKU, listing__in=list(listing_ids))
    return {row.listing_id: (row.blocked_orders, row.blocked_money) for row in rows}
