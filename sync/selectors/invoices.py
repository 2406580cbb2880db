"""Orders, and everything that happened to one."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import (
    Count,
    Q,
    QuerySet,
)

from sync.domain.cases import KINDS, CaseKind
from sync.models import (
    ExceptionCase,
    InboxMessage,
    Invoice,
    InvoiceLine,
    OutboxMessage,
)


def orders() -> QuerySet[Invoice]:
    """Invoices, as people call them orders, with what a list shows of them."""
    return Invoice.objects.select_related("seller", "order", "erp_document").order_by(
        "-placed_at", "-pk"
    )


def unbooked() -> Q:
    """Orders that the ERP accepted and whose invoice is not in its ledger yet."""
    accepted = Q(erp_document__isnull=False, erp_document__booked_at=None)
    return accepted & ~Q(state=Invoice.State.CANCELLED)


def order_counts() -> dict[str, int]:
    """Invoices created since go-live, by where they are; `seen` is the sum of the rest.

    Posted is accepted by the ERP. In flight is queued, on its way, or not paid for yet.
    """
    states = dict(
        Invoice.objects.exclude(state=Invoice.State.HISTORIC)
        .order_by()
        .values_list("state")
        .annotate(many=Count("pk"))
    )
    counts = {
        "orders_posted": states.get(Invoice.State.POSTED, 0),
        "orders_parked": states.get(Invoice.State.PARKED, 0),
        "orders_in_flight": states.get(Invoice.State.QUEUED, 0)
        + states.get(Invoice.State.WAITING, 0),
        "orders_failed": states.get(Invoice.State.FAILED, 0),
        "orders_cancelled": states.get(Invoice.State.CANCELLED, 0),
    }
    return {"orders_seen": sum(counts.values()), **counts}


@dataclass(frozen=True)
class Event:
    """One thing that happened to an order, for its timeline. `state` names a badge's meaning."""

    at: datetime
    title: str
    detail: str = ""
    state: str = "done"  # done, waiting, moving, person, broken
    case: ExceptionCase | None = None
    message: InboxMessage | None = None


def timeline(invoice: Invoice) -> list[Event]:
    """Everything that happened to one order, oldest first."""
    events = [Event(invoice.placed_at, "Placed at Marketplacer", str(invoice.order))]
    events += [_heard(message) for message in heard_of(invoice)]
    for case in invoice.cases.order_by("pk"):
        events += _case_events(case)
    for message in _sent(invoice):
        events.append(Event(message.queued_at, f"Queued {message.get_lane_display()}"))
        for attempt in message.tries.order_by("pk"):
            events.append(_tried(message, attempt.at, attempt.outcome, attempt.detail))
    document = getattr(invoice, "erp_document", None)
    if document is not None:
        sent = Decimal(invoice.posting.payload["gross"]) if invoice.posting else document.gross
        equal = document.gross == sent
        words = "equal to the cent" if equal else f"{document.gross - sent:+.2f} different"
        events.append(
            Event(
                document.accepted_at,
                f"Accepted as {document}",
                f"read back: {document.gross:.2f} {document.currency}, {words}",
                "done" if equal else "broken",
            )
        )
        if document.booked_at is not None:
            events.append(
                Event(
                    document.booked_at,
                    f"Booked as {document.invoice_number}",
                    f"in the ledger on {document.booked_date:%d %b %Y}",
                )
            )
    # Stable: what happened in one instant stays in the order of the road.
    return sorted(events, key=lambda event: event.at)


def causes_of(invoice: Invoice) -> QuerySet[ExceptionCase]:
    """The open cases an order waits for, oldest first."""
    return (
        invoice.cases.filter(state=ExceptionCase.State.OPEN)
        .select_related("assigned_to", "listing")
        .order_by("pk")
    )


def lines_of(invoice: Invoice) -> QuerySet[InvoiceLine]:
    """The lines with their listing and the ERP item each was posted as."""
    return invoice.lines.select_related("listing", "item").order_by("position")


def posted_tax(invoice: Invoice) -> dict[str, Decimal]:
    """Tax as we sent it, by Marketplacer's line id, and of the whole document under ""."""
    if invoice.posting is None:
        return {}
    payload = invoice.posting.payload
    return {"": Decimal(payload["tax"])} | {
        line["key"]: Decimal(line["tax"]) for line in payload["lines"]
    }


def heard_of(invoice: Invoice) -> QuerySet[InboxMessage]:
    """Every message about an order as it came, oldest first."""
    return InboxMessage.objects.filter(node_id=invoice.marketplacer_id).order_by("pk")


def _heard(message: InboxMessage) -> Event:
    if message.source == InboxMessage.Source.HINT:
        title = f"Webhook: {message.event_name}"
    else:
        title = "Read from Marketplacer"
    state = "broken" if message.state == InboxMessage.State.UNREADABLE else "done"
    return Event(message.received_at, title, message.note, state, message=message)


def _case_events(case: ExceptionCase) -> list[Event]:
    parked = KINDS[CaseKind(case.kind)].resolves_itself
    title = "Parked" if parked else "Exception opened"
    opened = Event(case.opened_at, title, case.cause, "person", case)
    if case.closed_at is None:
        return [opened]
    by = f" by {case.closed_by}" if case.closed_by else ""
    closed = Event(
        case.closed_at, f"{case.get_state_display().capitalize()}{by}", case.resolution, case=case
    )
    return [opened, closed]


def _sent(invoice: Invoice) -> QuerySet[OutboxMessage]:
    return (
        OutboxMessage.objects.filter(key=invoice.marketplacer_id)
        .prefetch_related("tries")
        .order_by("pk")
    )


def _tried(message: OutboxMessage, at: datetime, outcome: str, detail: str) -> Event:
    if outcome == "delivered":
        what = "posted" if message.operation == "post_order" else "ERP number told"
        return Event(at, what.capitalize(), message.get_lane_display())
    state = "broken" if outcome in ("rejected", "poison") else "waiting"
    return Event(at, f"Not taken: {outcome}", detail, state)
