"""A mapping that was wrong, or is not right any more: what was posted with it, and what is not.

Orders that have not left are decided again by the registry as it is then. What the ERP holds is
never changed by itself: a case names the documents and what should become of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from mapping.models import ErpItem, SkuMapping
from mapping.services import automatic, mappings
from mkterp.core.models import User
from mkterp.core.screens import words
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase, Invoice, OutboxMessage
from sync.services import cases, orders, outbox
from sync.services.cases import Cause

NAMED = 20  # documents named in the case's sentence


@dataclass(frozen=True)
class Reach:
    """The orders that a change of a mapping reaches: to be corrected in the ERP, or only held."""

    posted: Sequence[Invoice]  # with the item that is not right any more
    waiting: Sequence[Invoice]  # not gone yet: decided again

    @property
    def money(self) -> Decimal:
        return sum((invoice.gross for invoice in self.posted), Decimal(0))


def reach(*, mapping: SkuMapping, moment: datetime | None, correct_earlier: bool) -> Reach:
    """The orders placed in the time that changes hands, by whether the ERP may hold them."""
    placed = Invoice.objects.filter(
        lines__listing=mapping.listing_id, lines__item=mapping.item_id
    ).distinct()
    if mapping.valid_from is not None:
        placed = placed.filter(placed_at__gte=mapping.valid_from)
    if not correct_earlier and moment is not None:
        placed = placed.filter(placed_at__gte=moment)
    found = placed.select_related("posting", "erp_document", "seller").order_by("placed_at", "pk")
    return _split(found)


def _split(found: QuerySet[Invoice]) -> Reach:
    posted: list[Invoice] = []
    waiting: list[Invoice] = []
    for invoice in found:
        if invoice.state == Invoice.State.CANCELLED or invoice.posting is None:
            continue
        (waiting if _still_here(invoice.posting) else posted).append(invoice)
    return Reach(posted, waiting)


def _still_here(message: OutboxMessage) -> bool:
    """Whether the message cannot be at the far side: what `outbox.withdraw` takes back."""
    if message.state == OutboxMessage.State.PENDING:
        return not message.attempts
    return message.state not in (OutboxMessage.State.IN_FLIGHT, OutboxMessage.State.DELIVERED)


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
) -> tuple[SkuMapping, Reach]:
    """The listing is another item from a moment on, or always was.

    Refused as `mapping.services.mappings.remap` refuses. What was posted for that time is put in
    one case; what has not left is decided again.
    """
    found = reach(mapping=mapping, moment=moment or at, correct_earlier=correct_earlier)
    taken = _withdraw(found.waiting, at)
    new = mappings.remap(
        mapping=mapping,
        item=item,
        by=by,
        at=at,
        reason=reason,
        pack_quantity=pack_quantity,
        moment=moment,
        correct_earlier=correct_earlier,
    )
    _wrong(mapping, by, at, correct_earlier)
    return new, _corrected(mapping, found, taken, f"remapped to {item.sku}", at)


@transaction.atomic
def retire(
    *,
    mapping: SkuMapping,
    by: User,
    at: datetime,
    reason: str,
    moment: datetime | None = None,
    correct_earlier: bool = False,
) -> Reach:
    """The listing is not that item any more from a moment on, or never was.

    Its orders from then on wait again; what was posted for that time is put in one case.
    """
    if mapping.state != SkuMapping.State.CONFIRMED:
        return Reach([], [])
    found = reach(mapping=mapping, moment=moment or at, correct_earlier=correct_earlier)
    taken = _withdraw(found.waiting, at)
    mappings.retire(
        mapping=mapping,
        by=by,
        at=at,
        reason=reason,
        moment=moment,
        from_the_beginning=correct_earlier,
    )
    _wrong(mapping, by, at, correct_earlier)
    return _corrected(mapping, found, taken, "unmapped", at)


def _withdraw(waiting: Sequence[Invoice], at: datetime) -> list[Invoice]:
    """Take the orders back that have not left; returns those that left this very instant."""
    return [
        invoice
        for invoice in waiting
        if invoice.posting is not None
        and not outbox.withdraw(message=invoice.posting, reason="The mapping changed.", at=at)
    ]


def _wrong(mapping: SkuMapping, by: User, at: datetime, never_right: bool) -> None:
    if not never_right:
        return
    if automatic.found_wrong(mapping=mapping, by=by, at=at):
        seller = mapping.listing.seller
        cause = Cause(
            CaseKind.AUTO_MAP_OFF,
            f"auto-map:{seller.marketplacer_id}",
            f"Automatic mapping of {seller} is off: {mapping.listing} was mapped to "
            f"{mapping.item.sku} by the rule, and that was wrong.",
            listing=mapping.listing,
            seller=seller,
        )
        cases.open_case(cause=cause, at=at)


def _corrected(
    mapping: SkuMapping, found: Reach, left: Sequence[Invoice], what: str, at: datetime
) -> Reach:
    pks = [invoice.pk for invoice in found.waiting]
    orders.decide_again(pks=pks, at=at)
    posted = [*found.posted, *left]
    result = Reach(posted, [one for one in found.waiting if one not in left])
    if not posted:
        return result
    money = words.money_text(result.money, posted[0].currency)
    named = ", ".join(_document(invoice) for invoice in posted[:NAMED])
    more = f" and {len(posted) - NAMED} more" if len(posted) > NAMED else ""
    case = cases.open_case(
        cause=Cause(
            CaseKind.POSTED_AS_OTHER_ITEM,
            f"remap:{mapping.pk}",
            f"{words.things(len(posted), 'order', 'orders')}, {money}, went to the ERP with "
            f"{mapping.item.sku} before {mapping.listing} was {what}. Credit the line and order "
            f"the right item instead: {named}{more}.",
            listing=mapping.listing,
            seller=mapping.listing.seller,
        ),
        at=at,
    )
    case.invoices.add(*posted)
    return result


def _document(invoice: Invoice) -> str:
    document = getattr(invoice, "erp_document", None)
    return f"{invoice.number} ({document.number})" if document is not None else invoice.number


@transaction.atomic
def resolve_switched_on(*, seller_keys: Sequence[str], at: datetime) -> None:
    """Somebody switched automatic mapping on again: its case is answered."""
    for case in ExceptionCase.objects.filter(
        kind=CaseKind.AUTO_MAP_OFF,
        key__in=[f"auto-map:{key}" for key in seller_keys],
        state=ExceptionCase.State.OPEN,
    ):
        cases.resolve(case=case, resolution="Automatic mapping was switched on again.", at=at)
