# mypy: allow-subclassing-any
"""Exceptions: what waits for a person, worst and dearest first."""

from datetime import datetime
from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.conf import settings
from django.db import transaction
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mapping import selectors as registry
from mapping.models import Listing
from mkterp.core.models import AuditEntry, User
from mkterp.core.screens import Action, Badge, Empty, View, words
from mkterp.core.screens.columns import AgeColumn, Column, MoneyColumn, NumberColumn, StateColumn
from sync import selectors
from sync.domain.cases import KINDS, CaseKind
from sync.models import ExceptionCase, Invoice, OutboxMessage
from sync.screens import badges
from sync.screens.base import SyncScreen
from sync.services import cases, outbox

State = ExceptionCase.State
SHOWN_ORDERS = 8  # in the panel; the rest is one link away
SEVERITIES = {3: "high", 2: "middle", 1: "low"}
SEVERITY_FILLS = {3: "f-broke", 2: "f-need", 1: "f-move"}


class SeverityColumn(Column):
    """How much a kind of exception threatens: a small bar and its word."""

    big_first = True

    def render(self, value: int) -> SafeString:
        return format_html(
            '<svg class="mk-chart" width="24" height="12" aria-hidden="true" focusable="false">'
            '<rect class="f-wait" y="3" width="24" height="6" rx="1"/>'
            '<rect class="{}" y="3" width="{}" height="6" rx="1"/></svg> {}',
            SEVERITY_FILLS[value],
            value * 8,
            SEVERITIES[value],
        )

    def value(self, value: int) -> str:
        return SEVERITIES[value]


class CauseColumn(Column):
    """The kind of an exception in bold, then its cause in one sentence."""

    def render(self, value: str, record: ExceptionCase) -> SafeString:
        return format_html('<b>{}</b> <span class="sub">{}</span>', label_of(record), value)

    def value(self, value: str, record: ExceptionCase) -> str:
        return f"{label_of(record)}: {value}"


class CaseFilters(filters.FilterSet):
    state = filters.ChoiceFilter(choices=State.choices, empty_label="any")
    kind = filters.ChoiceFilter(
        choices=[(kind.value, facts.label) for kind, facts in KINDS.items()], empty_label="any"
    )
    assigned_to = filters.ModelChoiceFilter(
        queryset=User.objects.filter(is_active=True).order_by("username"),
        empty_label="anybody",
        label="Assigned to",
        null_label="nobody",
    )
    blocks = filters.BooleanFilter(field_name="blocked_orders", method="by_blocks", label="Blocks")
    opened_at = filters.DateFromToRangeFilter(label="Opened")
    closed = filters.ChoiceFilter(
        choices=[("today", "today")], method="by_closed", label="Closed", empty_label="any time"
    )

    class Meta:
        model = ExceptionCase
        fields = ["state", "kind", "assigned_to"]

    def by_blocks(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return rows.filter(blocked_orders__gt=0) if value else rows.filter(blocked_orders=0)

    def by_closed(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        return rows.filter(closed_at__gte=midnight)


class CaseTable(tables.Table):
    priority = SeverityColumn(
        accessor="severity", verbose_name="Priority", narrow="hide", wide=True
    )
    cause = CauseColumn(verbose_name="Exception", narrow="lead", css="c-lead")
    blocked_money = MoneyColumn(verbose_name="Blocks", currency=settings.COMPANY_CURRENCY)
    blocked_orders = NumberColumn(verbose_name="Orders", narrow="hide", wide=True)
    opened_at = AgeColumn(verbose_name="Age")
    assigned_to = Column(verbose_name="Assigned", narrow="hide", wide=True)
    state = StateColumn(badges.CASE, accessor="stage")


def label_of(case: ExceptionCase) -> str:
    return KINDS[CaseKind(case.kind)].label


@transaction.atomic
def retry_messages(*, case: ExceptionCase, by: User, at: datetime) -> int:
    """Send again every refused message this case is about; returns how many. All or none."""
    refused = case.messages.filter(state=OutboxMessage.State.FAILED).order_by("pk")
    return len([outbox.retry(message=message, by=by, at=at) for message in refused])


def likely(listing: Listing) -> list[dict[str, Any]]:
    """The few items that look most like a listing, with how much, in whole per cent."""
    return [
        {
            "item": one.item,
            "same_barcode": one.same_barcode,
            "same_sku": one.same_sku,
            "percent": round(one.similarity * 100),
        }
        for one in registry.suggestions(listing=listing, limit=3)
    ]


def told(entry: AuditEntry) -> str:
    """An entry of a case's history as a sentence."""
    who = str(entry.by) if entry.by else "The system"
    if entry.action == "case.assign":
        return f"{who} took it"
    verb = {"case.resolved": "resolved it", "case.dismissed": "dismissed it"}
    text = f"{who} {verb.get(entry.action, entry.action)}"
    return f"{text}: {entry.reason}" if entry.reason else text


TAKE = Action(
    "take",
    "Take",
    "sync.assign_exceptioncase",
    cases.assign,
    one="case",
    condition=lambda case: case.state == State.OPEN,
    unmet="Only an open exception can be taken.",
    done="{things} now yours.",
    multi=True,
    icon="hand",
    key="a",
)
RETRY = Action(
    "retry",
    "Retry",
    "sync.retry_exceptioncase",
    retry_messages,
    one="case",
    condition=lambda case: case.state == State.OPEN and case.refused_messages > 0,
    unmet="Nothing of it was refused, so there is nothing to send again.",
    done=lambda results: f"{words.things(sum(results), 'message', 'messages')} sent again.",
    multi=True,
    primary=True,
    icon="rotate-ccw",
    key="r",
)
DISMISS = Action(
    "dismiss",
    "Dismiss",
    "sync.dismiss_exceptioncase",
    cases.dismiss,
    one="case",
    condition=lambda case: case.state == State.OPEN and not case.blocked_orders,
    unmet="It still blocks orders, so dismissing would only hide them.",
    done="{things} dismissed.",
    confirm="Dismiss {things}? If the cause returns, a new exception opens.",
    needs_reason=True,
    row=False,
    danger=True,
)


class Exceptions(SyncScreen):
    name, noun = "exceptions", "exception"
    title, icon = "Exceptions", "triangle-alert"
    permission = "sync.view_exceptioncase"
    table, filters = CaseTable, CaseFilters
    search_fields = (
        "cause__icontains",
        "quote__icontains",
        "listing__sku__icontains",
        "seller__business_name__icontains",
    )
    lead = "cause"
    orderings: ClassVar = {
        "priority": ("severity", "blocked_money", "id"),
        "blocked_money": ("blocked_money", "id"),
        "blocked_orders": ("blocked_orders", "id"),
        "opened_at": ("opened_at", "id"),
    }
    order = "-priority"
    views = (
        View("open", "Open by priority", {"state": State.OPEN}, count=True),
        View(
            "mine",
            "Mine",
            lambda request: {"state": State.OPEN, "assigned_to": request.user.pk},
            count=True,
        ),
        View("blocking", "Blocks orders", {"state": State.OPEN, "blocks": "true"}, count=True),
        View("resolved", "Resolved today", {"state": State.RESOLVED, "closed": "today"}),
        View("all", "All"),
    )
    actions = (RETRY, TAKE, DISMISS)
    empty = Empty(
        "Nothing waits for a person",
        "When an order cannot go by itself, its cause appears here once, with everything it holds "
        "up and what to do next.",
        "circle-check",
        "sync:orders",
        "Look at the orders",
    )
    panel_template = "sync/_exception_panel.html"
    detail_template = "sync/exception_detail.html"

    def rows(self, request: HttpRequest) -> QuerySet[ExceptionCase]:
        messages = OutboxMessage.objects.filter(case=OuterRef("pk")).order_by()
        refused = messages.filter(state=OutboxMessage.State.FAILED)
        moving = messages.filter(
            state__in=[OutboxMessage.State.PENDING, OutboxMessage.State.IN_FLIGHT]
        )
        stage = Case(
            When(~Q(state=State.OPEN), then=F("state")),
            When(Exists(moving), then=Value("RETRYING")),
            When(assigned_to__isnull=False, then=Value("ASSIGNED")),
            default=Value("NEW"),
            output_field=CharField(),
        )
        many = refused.values("case").annotate(many=Count("pk")).values("many")
        return selectors.cases().annotate(
            refused_messages=Coalesce(Subquery(many), Value(0)), stage=stage
        )

    def summary(self, request: HttpRequest, rows: QuerySet[Any]) -> str:
        money = selectors.money_held_by(rows)
        return f"{words.money_text(money, settings.COMPANY_CURRENCY)} held up" if money else ""

    def row_title(self, row: ExceptionCase) -> str:
        return f"{row} {label_of(row)}"

    def row_badge(self, row: Any) -> Badge:
        return badges.CASE[row.stage]

    def moving(self, row: Any) -> bool:
        return bool(row.stage == "RETRYING")

    def panel_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        held = (
            selectors.orders()
            .filter(cases=row)
            .exclude(state__in=[Invoice.State.POSTED, Invoice.State.CANCELLED])
        )
        unmapped = row.kind == CaseKind.UNMAPPED_SKU and row.state == State.OPEN and row.listing
        return {
            "facts": KINDS[CaseKind(row.kind)],
            "currency": settings.COMPANY_CURRENCY,
            "held": list(held[:SHOWN_ORDERS]),
            "history": [
                {"at": entry.at, "words": told(entry)}
                for entry in selectors.history(row).select_related("by")
            ],
            "sent": list(row.messages.defer("payload").order_by("pk")[:SHOWN_ORDERS]),
            "suggestions": likely(row.listing) if unmapped else [],
            "may_map": unmapped and request.user.has_perm("mapping.confirm_skumapping"),
        }

    detail_context = panel_context


EXCEPTIONS = Exceptions()
