# mypy: allow-subclassing-any
"""Journals of approved adjustments, their way into the ERP, and how they are taken back."""

from datetime import date
from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest

from mkterp.core.screens import Action, Badge, Empty, View
from mkterp.core.screens.columns import AgeColumn, Column, LeadColumn, MoneyColumn, StateColumn
from mkterp.core.screens.filters import AnyOf
from reconciliation.models import Journal
from reconciliation.screens.base import BooksScreen
from reconciliation.selectors import books
from reconciliation.services import journals

STAGES = {
    "MOVING": Badge("on its way", "move"),
    "REFUSED": Badge("refused", "broke"),
    "POSTED": Badge("posted", "done"),
    "TAKEN_BACK": Badge("taken back", "wait"),
}


class JournalFilters(filters.FilterSet):
    stage = AnyOf(choices=[(code, badge.word) for code, badge in STAGES.items()], label="State")
    posting_date = filters.DateFromToRangeFilter(label="Posted on")

    class Meta:
        model = Journal
        fields = ["stage", "posting_date"]


class JournalTable(tables.Table):
    name = LeadColumn(accessor="pk", sub="memo", verbose_name="Journal")
    posting_date = Column(narrow="sub", css="nw")
    account = Column(narrow="hide", mono=True)
    clearing_account = Column(verbose_name="Against", narrow="hide", wide=True, mono=True)
    total = MoneyColumn(verbose_name="Total")
    approved_by = Column(narrow="hide")
    erp_number = Column(verbose_name="In the ERP", narrow="hide", wide=True)
    approved_at = AgeColumn(verbose_name="Approved", wide=True)
    state = StateColumn(STAGES, accessor="stage")

    def render_name(self, record: Journal, column: Any) -> Any:
        return column.render(str(record), record)

    def value_name(self, record: Journal) -> str:
        return str(record)

    def render_posting_date(self, value: date) -> str:
        return f"{value:%d %b %Y}"


REVERSE = Action(
    "reverse",
    "Take it back",
    "reconciliation.reverse_journal",
    journals.reverse,
    one="journal",
    condition=lambda row: row.stage == "POSTED" and row.reverses_id is None,
    unmet="Only a posted journal that stands is taken back.",
    needs_reason=True,
    confirm="Post the opposite of {things} to the ERP?",
    done="{things} on the way back.",
    danger=True,
    icon="undo-2",
)


class Journals(BooksScreen):
    name, noun = "journals", "journal"
    title, icon = "Journals", "book-open"
    handbook = "data/tax"
    permission = "reconciliation.view_journal"
    table, filters = JournalTable, JournalFilters
    search_fields = ("key", "memo", "erp_number")
    lead = "name"
    orderings: ClassVar = {"posting_date": ("posting_date", "id"), "approved_at": ("id",)}
    order = "-approved_at"
    views = (
        View("all", "All"),
        View("refused", "Refused", {"stage": "REFUSED"}, count=True),
        View("moving", "On the way", {"stage": "MOVING"}, count=True),
    )
    actions = (REVERSE,)
    empty = Empty(
        "No journals yet",
        "Approved tax adjustments are posted as journals, one for each day and account, and stand "
        "here with what the ERP holds of them.",
        "book-open",
        "reconciliation:adjustments",
        "Look at the adjustments",
    )
    panel_template = "reconciliation/_journal_panel.html"

    def rows(self, request: HttpRequest) -> QuerySet[Journal]:
        return books.journals()

    def row_badge(self, row: Any) -> Badge:
        return STAGES[row.stage]

    def moving(self, row: Any) -> bool:
        return bool(row.stage == "MOVING")

    def panel_context(self, request: HttpRequest, row: Journal) -> dict[str, Any]:
        return {
            "lines": row.lines.order_by("position"),
            "adjustments": row.adjustments.select_related("invoice").order_by("pk")[:100],
            "reversed_by": Journal.objects.filter(reverses=row).first(),
        }


JOURNALS = Journals()
