# mypy: allow-subclassing-any
"""The inbox and the outbox as they are: what came, what goes, and what was said about it."""

import json
from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest

from mkterp.core.screens import Action, Badge, Empty, View, marks
from mkterp.core.screens.columns import (
    AgeColumn,
    Column,
    LeadColumn,
    NumberColumn,
    StateColumn,
)
from mkterp.core.screens.filters import AnyOf
from sync import selectors
from sync.models import InboxMessage, OutboxMessage
from sync.screens import badges
from sync.screens.base import SyncScreen
from sync.services import inbox, outbox

OPERATIONS = {
    "post_order": "Order to the ERP",
    "set_external_id": "ERP number to Marketplacer",
    "set_stock": "Stock level to Marketplacer",
    "create_shipment": "Shipment to Marketplacer",
    "update_shipment": "Tracking to Marketplacer",
    "move_collection": "Collection to Marketplacer",
    "cancel_order": "Cancellation to the ERP",
    "amend_order": "Amendment to the ERP",
    "post_credit_note": "Credit note to the ERP",
    "submit_return": "Return to the ERP",
    "post_journal": "Entry to the ERP",
    "reverse_journal": "Reversal to the ERP",
    "pass_on": "Sale for a seller, passed on in the ERP",
    "clear_receivables": "Customers' money to the ERP",
    "record_payment": "Payment of an advice to Marketplacer",
    "send_notification": "Notification",
}


def raw(request: HttpRequest, body: Any) -> str:
    """A message as JSON for people, for those who may see what buyers' names are in."""
    if not request.user.has_perm("sync.view_rawpayload"):
        return ""
    return json.dumps(body, indent=2, ensure_ascii=False)


class InboxFilters(filters.FilterSet):
    state = filters.ChoiceFilter(choices=InboxMessage.State.choices, empty_label="any")
    source = filters.ChoiceFilter(
        choices=InboxMessage.Source.choices, empty_label="any", label="Came by"
    )
    received_at = filters.DateFromToRangeFilter(label="Received")

    class Meta:
        model = InboxMessage
        fields = ["state", "source"]


class InboxTable(tables.Table):
    typename = LeadColumn(verbose_name="About", sub="node_id")
    source = Column(verbose_name="Came by", narrow="sub")
    event_name = Column(verbose_name="Event", narrow="hide", wide=True)
    note = Column(verbose_name="What became of it", narrow="hide", wide=True, css="c-lead sub-ink")
    attempts = NumberColumn(verbose_name="Tries", narrow="hide", wide=True)
    received_at = AgeColumn(verbose_name="Received")
    state = StateColumn(badges.INBOX)


READ_AGAIN = Action(
    "retry",
    "Read again",
    "sync.retry_inboxmessage",
    inbox.retry,
    one="message",
    condition=lambda message: message.state == InboxMessage.State.UNREADABLE,
    unmet="Only an unreadable message is read again.",
    done="{things} being read again.",
    multi=True,
    primary=True,
    icon="rotate-ccw",
    key="r",
)


class Inbox(SyncScreen):
    name, noun, nouns = "inbox", "inbox message", "inbox messages"
    handbook = "data/connections"
    title, icon = "Inbox", "inbox"
    permission = "sync.view_inboxmessage"
    table, filters = InboxTable, InboxFilters
    search_fields = ("node_id__exact", "identity__exact")
    orderings: ClassVar = {"received_at": ("received_at", "id")}
    order = "-received_at"
    views = (
        View("all", "All"),
        View("waiting", "Waiting", {"state": InboxMessage.State.NEW}, count=True),
        View("unreadable", "Unreadable", {"state": InboxMessage.State.UNREADABLE}),
        View("webhooks", "Webhooks", {"source": InboxMessage.Source.HINT}),
    )
    empty = Empty(
        "Nothing has been heard yet",
        "Everything Marketplacer tells us is kept here as it came, before anything is decided: "
        "webhooks within a second, everything else with the next poll.",
        "inbox",
        "health",
        "Look at the feeds",
    )
    actions = (READ_AGAIN,)
    panel_template = "sync/_inbox_panel.html"

    def rows(self, request: HttpRequest) -> QuerySet[InboxMessage]:
        return selectors.inbox()

    def row_title(self, row: InboxMessage) -> str:
        return f"Message {row.pk}"

    def row_badge(self, row: InboxMessage) -> Badge:
        return badges.INBOX[InboxMessage.State(row.state)]

    def row_class(self, row: InboxMessage) -> str:
        return "bad" if row.state == InboxMessage.State.UNREADABLE else ""

    def panel_context(self, request: HttpRequest, row: InboxMessage) -> dict[str, Any]:
        return {
            "order": selectors.orders().filter(marketplacer_id=row.node_id).first(),
            "raw": raw(request, row.body),
        }


class OperationColumn(LeadColumn):
    """What a message does and to which document."""

    def render(self, value: str, record: OutboxMessage) -> Any:
        return super().render(value=OPERATIONS.get(value, value), record=record)


class OutboxStateColumn(StateColumn):
    """The state; of one that a dry run queued, that it goes nowhere."""

    def render(self, value: Any, record: OutboxMessage, bound_column: Any) -> Any:
        badge = badges.outbox(record)
        return marks.badge(badge.word, badge.meaning)

    def value(self, record: OutboxMessage, bound_column: Any) -> str:
        return str(badges.outbox(record).word)


def about(message: OutboxMessage) -> list[str]:
    """The ids under which a message may name its order."""
    return [message.key, *(str(message.payload.get(name, "")) for name in ("invoice", "order"))]


class OutboxFilters(filters.FilterSet):
    state = AnyOf(choices=OutboxMessage.State.choices)
    lane = filters.ChoiceFilter(
        choices=OutboxMessage.Lane.choices, empty_label="both", label="Goes"
    )
    dry = filters.BooleanFilter(label="Queued in a dry run")

    class Meta:
        model = OutboxMessage
        fields = ["state", "lane", "dry"]


class OutboxTable(tables.Table):
    operation = OperationColumn(verbose_name="What", sub="reference")
    last_error = Column(verbose_name="Last answer", narrow="hide", wide=True, css="c-lead sub-ink")
    attempts = NumberColumn(verbose_name="Tries", narrow="hide", wide=True)
    queued_at = AgeColumn(verbose_name="Queued")
    delivered_at = AgeColumn(verbose_name="Arrived", narrow="hide", wide=True)
    state = OutboxStateColumn(badges.OUTBOX)


RETRY = Action(
    "retry",
    "Retry",
    "sync.retry_outboxmessage",
    outbox.retry,
    one="message",
    condition=lambda message: message.state == OutboxMessage.State.FAILED,
    unmet="Only a refused message is sent again.",
    done="{things} sent again.",
    multi=True,
    primary=True,
    icon="rotate-ccw",
    key="r",
)


class Outbox(SyncScreen):
    name, noun, nouns = "outbox", "outbox message", "outbox messages"
    handbook = "data/connections"
    title, icon = "Outbox", "send"
    permission = "sync.view_outboxmessage"
    table, filters = OutboxTable, OutboxFilters
    search_fields = ("reference__iexact", "key__exact")
    orderings: ClassVar = {"queued_at": ("id",)}
    order = "-queued_at"
    views = (
        View("all", "All"),
        View(
            "waiting",
            "On their way",
            {
                "state": [OutboxMessage.State.PENDING, OutboxMessage.State.IN_FLIGHT],
                "dry": False,
            },
            count=True,
        ),
        View(
            "dry",
            "Would be sent",
            {"dry": True, "state": OutboxMessage.State.PENDING},
            count=True,
        ),
        View("refused", "Refused", {"state": OutboxMessage.State.FAILED}, count=True),
        View("delivered", "Delivered", {"state": OutboxMessage.State.DELIVERED}),
    )
    actions = (RETRY,)
    empty = Empty(
        "Nothing has been sent yet",
        "Every order for the ERP and every number for Marketplacer waits here, frozen as it was "
        "decided, until the other side says it has it.",
        "send",
        "sync:orders",
        "Look at the orders",
    )
    panel_template = "sync/_outbox_panel.html"

    def rows(self, request: HttpRequest) -> QuerySet[OutboxMessage]:
        return selectors.outbox()

    def row_title(self, row: OutboxMessage) -> str:
        return str(row.reference)

    def row_badge(self, row: OutboxMessage) -> Badge:
        return badges.outbox(row)

    def moving(self, row: OutboxMessage) -> bool:
        return not row.dry and row.state in (
            OutboxMessage.State.PENDING,
            OutboxMessage.State.IN_FLIGHT,
        )

    def panel_context(self, request: HttpRequest, row: OutboxMessage) -> dict[str, Any]:
        return {
            "what": OPERATIONS.get(row.operation, row.operation),
            "tries": list(row.tries.order_by("-pk")),
            "order": selectors.orders().filter(marketplacer_id__in=about(row)).first(),
            "raw": raw(request, row.payload),
        }


INBOX, OUTBOX = Inbox(), Outbox()
