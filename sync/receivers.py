"""News from below: what a changed mapping or rule may have unblocked is decided again.

And from django-q: how a task ended.
"""

import logging
from collections.abc import Iterable
from typing import Any

from django.db import Error
from django.db.models import Q
from django.utils import timezone

from mapping.models import Listing, Seller, SkuMapping
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase
from sync.services import guard, orders, schedules, stock_orders

log = logging.getLogger(__name__)


def release(
    sender: object,
    *,
    listing_ids: Iterable[int] = (),
    seller_ids: Iterable[int] = (),
    countries: Iterable[str] = (),
    **_: Any,
) -> None:
    """Recheck the open cases about these, in the transaction of the change."""
    variants = Listing.objects.filter(pk__in=listing_ids).values_list("marketplacer_id", flat=True)
    sellers = Seller.objects.filter(pk__in=seller_ids).values_list("marketplacer_id", flat=True)
    about = Q(kind=CaseKind.UNMAPPED_SKU, key__in=[f"sku:{pk}" for pk in variants])
    for kind, prefix in (
        (CaseKind.UNKNOWN_SELLER, "seller"),
        (CaseKind.NO_TREATMENT, "treatment"),
        (CaseKind.NO_FULFILMENT_RULE, "fulfilment"),
    ):
        about |= Q(kind=kind, key__in=[f"{prefix}:{pk}" for pk in sellers])
    for country in countries:
        about |= Q(kind=CaseKind.UNMAPPED_TAX_CODE, key__startswith=f"tax:{country}:")
    found = ExceptionCase.objects.filter(about, state=ExceptionCase.State.OPEN)
    orders.recheck_cases(
        case_pks=list(found.order_by("pk").values_list("pk", flat=True)), at=timezone.now()
    )


def guard_stock(
    sender: object,
    *,
    listing_ids: Iterable[int] = (),
    seller_ids: Iterable[int] = (),
    **_: Any,
) -> None:
    """What may not be written any more is superseded at once; what may is compared again."""
    if sender is Seller:
        return  # the catalogue was read again: no rule changed
    at = timezone.now()
    guard.recheck_pending(seller_ids=seller_ids, listing_ids=listing_ids, at=at)
    items = SkuMapping.objects.filter(listing__in=list(listing_ids)).values_list("item", flat=True)
    stock_orders.touch_items(item_ids=items, at=at)
    stock_orders.touch_sellers(seller_ids=seller_ids, at=at)


def task_ended(sender: object, *, task: dict[str, Any], **_: Any) -> None:
    """Its result is stored. Runs in the cluster's monitor, which must outlive a database's rest."""
    func, at = task.get("func"), task.get("stopped") or timezone.now()
    if not isinstance(func, str):
        return
    try:
        schedules.ran(
            task=func, result=task.get("result"), success=bool(task.get("success")), at=at
        )
    except Error as error:
        log.warning("how %s ended is not written: %s", func, error)
