"""The screen where an exception of each kind is put right: one step from reading it to mending it.

The rooms above add those of their own kinds (`add`). A kind whose cause lies with the far side, or
is mended by a button of the case itself, has none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.db.models import Model
from django.urls import resolve, reverse

from mkterp.core import roles
from sync.domain.cases import CaseKind
from sync.models import CarrierMapping, ExceptionCase

Way = Callable[[ExceptionCase], str | None]


@dataclass(frozen=True)
class Remedy:
    """`words` are the link's; `way` gives its address, None for a case that names no place."""

    words: str
    way: Way


def screen(name: str, **query: str) -> Way:
    """A screen by the name of its address, narrowed to a view."""
    return lambda case: reverse(name) + (f"?{urlencode(query)}" if query else "")


def of_seller(name: str) -> Way:
    """A screen, searched for the seller of the case where it has one."""
    return lambda case: (
        f"{reverse(name)}?{urlencode({'q': case.seller.business_name})}"
        if case.seller
        else reverse(name)
    )


def of_key(name: str) -> Way:
    """The page of the row that the case's key names: "hold:17" is number 17."""

    def way(case: ExceptionCase) -> str | None:
        number = case.key.partition(":")[2]
        return reverse(name, args=[number]) if number.isdecimal() else None

    return way


def _seller(case: ExceptionCase) -> str | None:
    return reverse("mapping:seller", args=[case.seller_id]) if case.seller_id else None


def _poison(case: ExceptionCase) -> str | None:
    return reverse("sync:inbox" if case.key.startswith("inbox:") else "sync:outbox")


def _carrier(case: ExceptionCase) -> str | None:
    row = CarrierMapping.objects.filter(key=case.key.partition(":")[2]).first()
    return _opened("sync:carriers", row)


def _refund(case: ExceptionCase) -> str | None:
    return _opened("sync:refunds", case.corrections.first())


def _order(case: ExceptionCase) -> str | None:
    order = case.invoices.first()
    return reverse("sync:order", args=[order.pk]) if order else reverse("sync:orders")


def _shipment(case: ExceptionCase) -> str | None:
    order = case.invoices.first()
    return reverse("sync:shipments") + (f"?{urlencode({'q': order.number})}" if order else "")


def _opened(name: str, row: Model | None) -> str:
    """A list, with that row open beside it where there is one."""
    return reverse(name) + (f"?{urlencode({'open': row.pk})}" if row else "")


_SELLER = Remedy("Open the seller's rules", _seller)
_PAIR = "Open the mapped pair"
_HEALTH = Remedy("Open integration health", screen("health"))
_SHIPMENTS = Remedy("Open its shipments", _shipment)
_REFUND = Remedy("Open the refund", _refund)
_REMEDIES: dict[CaseKind, Remedy] = {
    CaseKind.UNKNOWN_SELLER: Remedy("Open the sellers", screen("mapping:sellers")),
    CaseKind.NO_TREATMENT: _SELLER,
    CaseKind.NO_FULFILMENT_RULE: _SELLER,
    CaseKind.AUTO_MAP_OFF: _SELLER,
    CaseKind.UNMAPPED_TAX_CODE: Remedy("Open unmapped tax codes", screen("sync:unmapped-taxes")),
    CaseKind.TAX_CODE_GONE: Remedy("Open the tax codes", screen("mapping:tax-codes")),
    CaseKind.MAPPING_CONFLICT: Remedy(_PAIR, of_key("sync:mapped")),
    CaseKind.POSTED_AS_OTHER_ITEM: Remedy(_PAIR, of_key("sync:mapped")),
    CaseKind.STOCK_HELD: Remedy("Open the hold", of_key("sync:hold")),
    CaseKind.STOCK_DRIFT: Remedy("Open the drift", screen("sync:drift")),
    CaseKind.UNMAPPED_CARRIER: Remedy("Say which carrier it is", _carrier),
    CaseKind.SHIPMENT_UNPLACED: Remedy("Open the order", _order),
    CaseKind.SHIPMENT_REFUSED: _SHIPMENTS,
    CaseKind.SHIPMENT_DOUBLED: _SHIPMENTS,
    CaseKind.REFUND_UNPLACED: _REFUND,
    CaseKind.OVER_REFUND: _REFUND,
    CaseKind.CREDIT_REFUSED: _REFUND,
    CaseKind.RETURN_REFUSED: _REFUND,
    CaseKind.UNREADABLE_MESSAGE: Remedy(
        "Open the unreadable messages",
        screen("sync:inbox", view="unreadable", state="UNREADABLE"),
    ),
    CaseKind.POISON: Remedy("Open the messages", _poison),
    CaseKind.NOTICE_REFUSED: Remedy("Open the notifications", screen("sync:notifications")),
    CaseKind.FEED_STOPPED: _HEALTH,
    CaseKind.MISSED_RUN: _HEALTH,
    CaseKind.WEBHOOK_REFUSED: _HEALTH,
    CaseKind.WEBHOOK_SILENT: _HEALTH,
    CaseKind.CATALOGUE_SHRANK: _HEALTH,
}


def add(remedies: Mapping[CaseKind, Remedy]) -> None:
    """A room above says where its kinds are put right. The same again changes nothing."""
    _REMEDIES.update(remedies)


def link(case: ExceptionCase, user: Any) -> dict[str, str] | None:
    """{words, url} of the place, or None: the kind has none, or this person may not open it."""
    remedy = _REMEDIES.get(CaseKind(case.kind))
    url = remedy.way(case) if remedy else None
    if remedy is None or url is None:
        return None
    permission = roles.permission_of(resolve(urlsplit(url).path).func)
    if permission is None or not user.has_perm(permission):
        return None
    return {"words": remedy.words, "url": url}
