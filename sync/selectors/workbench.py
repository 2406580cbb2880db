"""Listings without an item, and what waits for them."""

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
from mapping.models import Listing
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


def unmapped_cases() -> QuerySet[Any]:
    """Open cases of listings that somebody ordered and no item is mapped to, dearest first."""
    rows: QuerySet[Any] = open_cases()  # with the annotations of `cases`
    return (
        rows.filter(kind=CaseKind.UNMAPPED_SKU, listing__isnull=False)
        .select_related("listing__seller", "assigned_to")
        .order_by("-blocked_money", "-blocked_orders", "pk")
    )


def unmapped_listings(*, at: datetime) -> QuerySet[Listing]:
    """Published listings that no item is mapped to and no order waits for."""
    waited_for = ExceptionCase.objects.filter(
        kind=CaseKind.UNMAPPED_SKU, state=ExceptionCase.State.OPEN, listing=OuterRef("pk")
    )
    return (
        registry.unmapped(at=at).filter(~Exists(waited_for), deleted=False).select_related("seller")
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
