# mypy: allow-subclassing-any
"""Entries of the settlement on their way to the ERP."""

from datetime import datetime
from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest

from mapping.models import AccountRole
from mkterp.core.models import User
from mkterp.core.money import from_minor
from mkterp.core.screens import Action, Badge, Empty, ListScreen, View
from mkterp.core.screens.columns import AgeColumn, Column, StateColumn
from mkterp.core.screens.filters import AnyOf
from reconciliation.models import SettlementEntry
from reconciliation.screens.columns import MinorColumn
from reconciliation.selectors import settlement
from reconciliation.services import entries
from reconciliation.services.findings import company_day

STAGES = {
    "PENDING": Badge("queued", "move"),
    "IN_FLIGHT": Badge("on its way", "move"),
    "DELIVERED": Badge("posted", "done"),
    "FAILED": Badge("refused", "broke"),
    "REVERSED": Badge("taken back", "wait"),
    "WITHDRAWN": Badge("withdrawn", "wait"),
}
ROLES = dict(AccountRole.choices)


def reverse_today(
    *, entry: SettlementEntry, by: User, at: datetime, reason: str
) -> SettlementEntry | None:
    """Take an entry back, dated today."""
    return entries.take_back(entry=entry, by=by, at=at, reason=reason, day=company_day(at))


TAKE_BACK = Action(
    "take-back",
    "Take back",
    "reconciliation.reverse_settlemententry",
    reverse_today,
    one="entry",
    condition=lambda row: row.reverses_id is None and row.stage in ("DELIVERED", "FAILED"),
    unmet="Only an entry that is posted or refused, and stands, is taken back.",
    done="{things} taken back. What should be booked is prepared anew within minutes.",
    confirm="Take {things} back? What is posted is reversed in the ERP, dated today.",
    needs_reason=True,
    danger=True,
    icon="undo-2",
)


class EntryFilters(filters.FilterSet):
    stage = AnyOf(choices=[(code, badge.word) for code, badge in STAGES.items()], label="State")
    event = filters.ChoiceFilter(choices=SettlementEntry.Event.choices, empty_label="any")
    posting_date = filters.DateFromToRangeFilter(label="Posting date")

    class Meta:
        model = SettlementEntry
        fields = ["stage", "event", "posting_date"]


class EntryTable(tables.Table):
    memo = Column(verbose_name="Entry", narrow="lead", css="c-lead")
    event = Column(narrow="sub")
    posting_date = Column(verbose_name="Dated", narrow="sub", css="nw")
    number = Column(
        accessor="posting__answer__number", verbose_name="ERP number", narrow="hide", wide=True
    )
    debit_minor = MinorColumn(verbose_name="Amount")
    prepared_at = AgeColumn(verbose_name="Prepared", narrow="hide", wide=True)
    state = StateColumn(STAGES, accessor="stage")

    def render_posting_date(self, value: Any) -> str:
        return f"{value.day} {value:%b %Y}"


class Entries(ListScreen):
    room = "reconciliation"
    handbook = "data/settlement"
    name, noun, nouns = "entries", "entry", "entries"
    title, icon = "Settlement entries", "book-open"
    permission = "reconciliation.view_settlemententry"
    table, filters = EntryTable, EntryFilters
    search_fields = ("memo__icontains", "key__icontains")
    lead = "memo"
    orderings: ClassVar = {
        "prepared_at": ("id",),
        "posting_date": ("posting_date", "id"),
        "debit_minor": ("debit_minor", "id"),
    }
    order = "-prepared_at"
    views = (
        View("all", "All"),
        View("refused", "Refused", {"stage": "FAILED"}, count=True),
        View("moving", "On their way", {"stage": ["PENDING", "IN_FLIGHT"]}, count=True),
    )
    actions = (TAKE_BACK,)
    empty = Empty(
        "Nothing has been booked yet",
        "Sales for sellers, refunds, advices and payments become entries in the ERP as soon as "
        "their facts are in and the accounts they need are mapped.",
        "book-open",
        "mapping:accounts",
        "Look at the accounts",
    )
    panel_template = "reconciliation/_entry_panel.html"

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        return settlement.entries()

    def row_badge(self, row: Any) -> Badge:
        return STAGES[row.stage]

    def moving(self, row: Any) -> bool:
        return row.stage in ("PENDING", "IN_FLIGHT")

    def panel_context(self, request: HttpRequest, row: SettlementEntry) -> dict[str, Any]:
        lines = [
            {
                **line,
                "label": ROLES.get(line["role"], "what the document booked"),
                "debit": from_minor(line["amount"], row.currency) if line["amount"] > 0 else None,
                "credit": from_minor(-line["amount"], row.currency) if line["amount"] < 0 else None,
            }
            for line in row.lines
        ]
        return {"lines": lines, "answer": row.posting.answer or {}}


ENTRIES = Entries()
