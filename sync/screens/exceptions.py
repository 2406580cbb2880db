"""Exceptions: what waits for a person, the most urgent first."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
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
from django.db.models.functions import Coalesce, Now
from django.http import HttpRequest
from django.utils import timezone

from mapping import selectors as registry
from mapping.models import Listing
from mkterp.core.models import AuditEntry
from mkterp.core.money import from_minor
from mkterp.core.screens import Action, Badge, Empty, View, words
from sync import selectors
from sync.domain.cases import KINDS, CaseKind
from sync.models import ExceptionCase, Invoice, OutboxMessage
from sync.screens import badges, remedies
from sync.screens.base import SyncScreen
from sync.screens.exception_actions import ACTIONS
from sync.screens.exception_table import CaseFilters, CaseTable, arithmetic, label_of

State = ExceptionCase.State
SUMMED = 100  # cases whose sums stand behind the title; of more it is the least
SHOWN_ORDERS = 8  # in the panel; the rest is one link away


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


def told(entry: AuditEntry) -> dict[str, Any]:
    """An entry of a case's history as a sentence; a comment's own text apart from it."""
    who = str(entry.by) if entry.by else "The system"
    after = entry.after or {}
    if entry.action == "case.comment":
        return {"at": entry.at, "words": f"{who}:", "quote": entry.reason}
    if entry.action == "case.assign":
        mine = entry.by_id == after.get("assigned_to")
        text = f"{who} took it" if mine else f"{who} gave it to {after.get('name', 'somebody')}"
    elif entry.action == "case.snooze":
        until = timezone.localtime(datetime.fromisoformat(after["until"]))
        text = f"{who} snoozed it until {until:%a %d %b %H:%M}"
    elif entry.action == "case.escalate":
        text = "Its service level ran out; it was escalated"
    else:
        verb = VERBS.get(entry.action, entry.action)
        text = f"{who} {verb}"
    return {"at": entry.at, "words": f"{text}: {entry.reason}" if entry.reason else text}


VERBS = {
    "case.resolved": "resolved it",
    "case.dismissed": "dismissed it",
    "case.give-back": "gave it back",
    "case.wake": "woke it",
}


class Exceptions(SyncScreen):
    name, noun = "exceptions", "exception"
    handbook = "data/exceptions"
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
        "priority": ("priority", "id"),
        "blocked_money": ("held_money", "id"),
        "at_stake": ("at_stake_minor", "id"),
        "opened_at": ("opened_at", "id"),
        "due_at": ("due_at", "id"),
        "closed_at": ("closed_at", "id"),
    }
    order = "-priority"
    views = (
        View("open", "Open by priority", {"state": State.OPEN, "asleep": "false"}, count=True),
        View(
            "mine",
            "Mine",
            lambda request: {
                "state": State.OPEN,
                "asleep": "false",
                "assigned_to": request.user.pk,
            },
            count=True,
        ),
        View(
            "nobodys", "Nobody’s", {"state": State.OPEN, "asleep": "false", "assigned_to": "null"}
        ),
        View("blocking", "Blocks orders", {"state": State.OPEN, "blocks": "true"}, count=True),
        View("overdue", "Overdue", {"overdue": "true"}, order="due_at", count=True),
        View("snoozed", "Snoozed", {"state": State.OPEN, "asleep": "true"}),
        View(
            "resolved",
            "Resolved today",
            {"state": State.RESOLVED, "closed": "today"},
            order="-closed_at",
        ),
        View("all", "All", order="-opened_at"),
    )
    actions = ACTIONS
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
        return self._cases.all()

    @cached_property
    def _cases(self) -> QuerySet[ExceptionCase]:
        """Put together once: it takes longer than a page of them takes to be read."""
        messages = OutboxMessage.objects.filter(case=OuterRef("pk")).order_by()
        refused = messages.filter(state=OutboxMessage.State.FAILED)
        moving = messages.filter(
            state__in=[OutboxMessage.State.PENDING, OutboxMessage.State.IN_FLIGHT]
        )
        stage = Case(
            When(~Q(state=State.OPEN), then=F("state")),
            When(Exists(moving), then=Value("RETRYING")),
            When(selectors.asleep(at=Now()), then=Value("SNOOZED")),
            When(assigned_to__isnull=False, then=Value("ASSIGNED")),
            default=Value("NEW"),
            output_field=CharField(),
        )
        many = refused.values("case").annotate(many=Count("pk")).values("many")
        # Only the panel names listing and seller, of one row; the list would join them for fifty.
        return (
            selectors.cases()
            .select_related(None)
            .select_related("assigned_to")
            .annotate(refused_messages=Coalesce(Subquery(many), Value(0)), stage=stage)
        )

    def summary(self, request: HttpRequest, rows: QuerySet[Any]) -> str:
        found = selectors.money_of(rows, most=SUMMED)
        held = words.money_text(found.held, settings.COMPANY_CURRENCY)
        least = "" if found.whole else "at least "
        told = [f"{least}{held} held up"] if found.held else []
        least = "" if found.at_stake_whole else "at least "
        told += [
            f"{least}{words.money_text(from_minor(minor, currency), currency)} differs"
            for currency, minor in sorted(found.at_stake.items())
        ]
        return " · ".join(told)

    def weigh(self, request: HttpRequest, action: Action, rows: Sequence[Any]) -> str:
        orders = sum(row.blocked_orders for row in rows)
        money = sum((row.blocked_money for row in rows), Decimal(0))
        told = []
        if orders:
            text = words.money_text(money, settings.COMPANY_CURRENCY)
            told.append(f"Together {words.things(orders, 'order waits', 'orders wait')}, {text}.")
        sums: dict[str, Decimal] = {}
        for row in rows:
            if row.at_stake is not None:
                code = row.at_stake.currency
                sums[code] = sums.get(code, Decimal(0)) + row.at_stake.amount
        told += [f"{words.money_text(sums[code], code)} differs." for code in sorted(sums)]
        return " ".join(told)

    def row_class(self, row: Any) -> str:
        return "hot" if row.state == State.OPEN and row.escalated_at else ""

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
            "history": [told(entry) for entry in selectors.history(row).select_related("by")],
            "points": arithmetic(row),
            "book": f"exceptions/{row.kind.lower().replace('_', '-')}",
            "remedy": remedies.link(row, request.user) if row.state == State.OPEN else None,
            "proof": [(name, value) for name, value in row.proof.items()],
            "sent": list(row.messages.defer("payload").order_by("pk")[:SHOWN_ORDERS]),
            "suggestions": likely(row.listing) if unmapped else [],
            "may_map": unmapped and request.user.has_perm("mapping.confirm_skumapping"),
        }

    detail_context = panel_context


EXCEPTIONS = Exceptions()
