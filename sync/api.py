"""The API of this room: orders, exceptions, the outbox, and sending again what was refused."""

from datetime import datetime
from typing import Annotated, Any

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Query, Router, Schema
from pydantic import WithJsonSchema

from mkterp.core.api import Money, Page, acting, needs, page, problems
from mkterp.core.api.operations import After, Key, Limit, Text
from sync import selectors
from sync.models import ExceptionCase, Invoice, OutboxMessage
from sync.services import outbox

router = Router()
# Each described by itself: models name their states State, and the description knows one of a name.
OrderState = Annotated[
    Invoice.State, WithJsonSchema({"type": "string", "enum": Invoice.State.values})
]
MessageState = Annotated[
    OutboxMessage.State, WithJsonSchema({"type": "string", "enum": OutboxMessage.State.values})
]
CaseState = Annotated[
    ExceptionCase.State, WithJsonSchema({"type": "string", "enum": ExceptionCase.State.values})
]

# Not arrived, and not given up: what a person may have to do something about.
OUTSTANDING = (
    OutboxMessage.State.FAILED,
    OutboxMessage.State.PENDING,
    OutboxMessage.State.IN_FLIGHT,
)
NAMED = 50  # messages of one exception; the rest are in the outbox


class SentOut(Schema):
    """A message to a far side. FAILED: it was refused, and can be sent again by its id."""

    id: int
    operation: str
    state: str


class OrderOut(Schema):
    """One Marketplacer invoice (a seller's slice of an order), and where it is."""

    id: int
    number: str = Field(description="INV- and Marketplacer's invoice number")
    marketplacer_id: str
    state: OrderState
    seller: str
    placed_at: datetime
    currency: str
    gross: Money
    tax: Money = Field(description="as Marketplacer charged it")
    erp_number: str = Field(description="empty until the ERP accepted it")
    exceptions: list[int] = Field(description="ids of the open exceptions that hold it up")
    message: SentOut | None = Field(
        description="the order's message to the ERP while it has not arrived"
    )


class ExceptionOut(Schema):
    """Something that waits for a person."""

    id: int
    kind: str
    state: CaseState
    cause: str = Field(description="one sentence")
    occurrences: int
    opened_at: datetime
    closed_at: datetime | None
    priority: int
    held_orders: int
    held_money: Money = Field(description="of the orders it holds up, in the company's currency")
    at_stake: Money | None = Field(description="by how much the two sides differ")
    at_stake_currency: str = Field(description="of at_stake; empty without one")
    seller_id: str = Field(description="Marketplacer's seller id; empty when it is about none")
    messages: list[SentOut] = Field(
        description=f"what it is about that has not arrived, refused or on its way; {NAMED} at most"
    )


class MessageOut(SentOut):
    """A message to a far side, and what was said about it."""

    reference: str = Field(description="what people call the document")
    queued_at: datetime
    delivered_at: datetime | None
    attempts: int
    last_answer: str = Field(description="why it was not taken, in the far side's words")
    exception: int | None = Field(description="id of the exception that its refusal opened")


def _sent(row: OutboxMessage) -> SentOut:
    return SentOut(id=row.pk, operation=row.operation, state=row.state)


def _message(row: OutboxMessage) -> MessageOut:
    return MessageOut(
        id=row.pk,
        operation=row.operation,
        state=row.state,
        reference=row.reference,
        queued_at=row.queued_at,
        delivered_at=row.delivered_at,
        attempts=row.attempts,
        last_answer="" if row.state == OutboxMessage.State.DELIVERED else row.last_error,
        exception=row.case_id,
    )


def _orders() -> QuerySet[Invoice]:
    return (
        selectors.orders()
        .select_related("posting")
        .defer("posting__payload")
        .prefetch_related("cases")
    )


def _exceptions() -> QuerySet[ExceptionCase]:
    messages = OutboxMessage.objects.filter(state__in=OUTSTANDING).defer("payload").order_by("pk")
    return ExceptionCase.objects.select_related("seller", "listing__seller").prefetch_related(
        Prefetch("messages", messages[:NAMED], to_attr="outstanding")
    )


def _order(row: Invoice) -> OrderOut:
    document, posting = getattr(row, "erp_document", None), row.posting
    return OrderOut(
        id=row.pk,
        number=row.number,
        marketplacer_id=row.marketplacer_id,
        state=Invoice.State(row.state),
        seller=row.seller_name,
        placed_at=row.placed_at,
        currency=row.currency,
        gross=row.gross,
        tax=row.tax,
        erp_number=document.number if document else "",
        exceptions=[case.pk for case in row.cases.all() if case.state == ExceptionCase.State.OPEN],
        message=_sent(posting) if posting and posting.state in OUTSTANDING else None,
    )


def _exception(row: Any) -> ExceptionOut:
    seller = row.seller or (row.listing.seller if row.listing else None)
    return ExceptionOut(
        id=row.pk,
        kind=row.kind,
        state=ExceptionCase.State(row.state),
        cause=row.cause,
        occurrences=row.occurrences,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        priority=row.priority,
        held_orders=row.held_orders,
        held_money=row.held_money,
        at_stake=row.at_stake.amount if row.at_stake else None,
        at_stake_currency=row.at_stake.currency if row.at_stake else "",
        seller_id=seller.marketplacer_id if seller else "",
        messages=[_sent(message) for message in row.outstanding],
    )


@router.get(
    "orders",
    response={200: Page[OrderOut], **problems},
    tags=["orders"],
    operation_id="list_orders",
)
@needs("sync.view_invoice")
def list_orders(
    request: HttpRequest,
    after: After,
    limit: Limit,
    state: Annotated[OrderState, Query(None)],
    number: Text = "",
) -> Any:
    """Orders, newest first; those in one state, or the one with a number (INV-12, or 12)."""
    rows = _orders()
    if state is not None:
        rows = rows.filter(state=state)
    if number:
        digits = number.strip().upper().removeprefix("INV-").removeprefix("#")
        known = digits.isascii() and digits.isdigit() and len(digits) <= 18
        rows = rows.filter(legacy_id=int(digits)) if known else rows.none()
    return page(rows, ("-placed_at", "-id"), after, limit, _order)


@router.get(
    "orders/{key}", response={200: OrderOut, **problems}, tags=["orders"], operation_id="order"
)
@needs("sync.view_invoice")
def order(request: HttpRequest, key: Key) -> Any:
    """One order by its id."""
    return _order(get_object_or_404(_orders(), pk=key))


@router.get(
    "exceptions",
    response={200: Page[ExceptionOut], **problems},
    tags=["exceptions"],
    operation_id="list_exceptions",
)
@needs("sync.view_exceptioncase")
def list_exceptions(
    request: HttpRequest,
    after: After,
    limit: Limit,
    state: CaseState = ExceptionCase.State.OPEN,
    kind: Text = "",
    seller_id: Text = "",
) -> Any:
    """Exceptions in one state, newest first; those of one kind, or about one seller."""
    rows = _exceptions().filter(state=state)
    if kind:
        rows = rows.filter(kind=kind)
    if seller_id:
        rows = rows.filter(
            Q(seller__marketplacer_id=seller_id) | Q(listing__seller__marketplacer_id=seller_id)
        )
    return page(rows, ("-id",), after, limit, _exception)


@router.get(
    "exceptions/{key}",
    response={200: ExceptionOut, **problems},
    tags=["exceptions"],
    operation_id="exception",
)
@needs("sync.view_exceptioncase")
def exception(request: HttpRequest, key: Key) -> Any:
    """One exception by its id, open or closed."""
    return _exception(get_object_or_404(_exceptions(), pk=key))


@router.get(
    "outbox",
    response={200: Page[MessageOut], **problems},
    tags=["outbox"],
    operation_id="list_messages",
)
@needs("sync.view_outboxmessage")
def list_messages(
    request: HttpRequest,
    after: After,
    limit: Limit,
    state: MessageState = OutboxMessage.State.FAILED,
) -> Any:
    """Messages to the far sides in one state, newest first; those refused unless you say."""
    return page(selectors.outbox().filter(state=state), ("-id",), after, limit, _message)


@router.post(
    "outbox/{key}/retry",
    response={200: SentOut, **problems},
    tags=["outbox"],
    operation_id="retry_message",
)
@needs("sync.retry_outboxmessage")
def retry_message(request: HttpRequest, key: Key) -> Any:
    """Send a refused message again, as it was frozen. 409 unless it was refused."""
    message = get_object_or_404(OutboxMessage, pk=key)
    return _sent(outbox.retry(message=message, by=acting(request), at=timezone.now()))
