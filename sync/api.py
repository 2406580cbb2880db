"""The API of this room: orders, exceptions, and sending again what was refused."""

from datetime import datetime
from typing import Annotated, Any

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
CaseState = Annotated[
    ExceptionCase.State, WithJsonSchema({"type": "string", "enum": ExceptionCase.State.values})
]


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


class SentOut(Schema):
    """A message to a far side."""

    id: int
    operation: str
    state: str


def _order(row: Invoice) -> OrderOut:
    document = getattr(row, "erp_document", None)
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
    )


def _exception(row: ExceptionCase) -> ExceptionOut:
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
    )


@router.get(
    "orders",
    response={200: Page[OrderOut], **problems},
    tags=["orders"],
    operation_id="list_orders",
)
@needs("sync.view_invoice")
def list_orders(
    request: HttpRequest, after: After, limit: Limit, state: Annotated[OrderState, Query(None)]
) -> Any:
    """Orders, newest first; those in one state."""
    rows = selectors.orders().prefetch_related("cases")
    if state is not None:
        rows = rows.filter(state=state)
    return page(rows, ("-placed_at", "-id"), after, limit, _order)


@router.get(
    "orders/{key}", response={200: OrderOut, **problems}, tags=["orders"], operation_id="order"
)
@needs("sync.view_invoice")
def order(request: HttpRequest, key: Key) -> Any:
    """One order by its id."""
    return _order(get_object_or_404(selectors.orders(), pk=key))


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
) -> Any:
    """Exceptions in one state, newest first; those of one kind."""
    rows = ExceptionCase.objects.filter(state=state)
    if kind:
        rows = rows.filter(kind=kind)
    return page(rows, ("-id",), after, limit, _exception)


@router.post(
    "outbox/{key}/retry",
    response={200: SentOut, **problems},
    tags=["orders"],
    operation_id="retry_message",
)
@needs("sync.retry_outboxmessage")
def retry_message(request: HttpRequest, key: Key) -> Any:
    """Send a refused message again, as it was frozen. 409 unless it was refused."""
    message = get_object_or_404(OutboxMessage, pk=key)
    again = outbox.retry(message=message, by=acting(request), at=timezone.now())
    return SentOut(id=again.pk, operation=again.operation, state=again.state)
