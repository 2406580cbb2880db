# mypy: allow-subclassing-any
"""The clearing account, line by line: each with the order and the reason behind it."""

from datetime import date
from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from mkterp.core.money import from_minor
from mkterp.core.screens import Badge, Empty, View, marks
from mkterp.core.screens.columns import Column, LeadColumn, StateColumn
from mkterp.core.screens.filters import AnyOf
from reconciliation.screens.base import BooksScreen
from reconciliation.selectors import clearing
from reconciliation.services import calendar
from sync.models import AccountLine, LedgerDocumentLine

REASONS = {
    "ROUNDING": Badge("penny on a document", "done"),
    "ADJUSTED": Badge("approved adjustment", "done"),
    "PASSED": Badge("passed on to a seller", "done"),
    "UNEXPLAINED": Badge("unexplained", "broke"),
}


class ClearingFilters(filters.FilterSet):
    reason = AnyOf(choices=[(code, badge.word) for code, badge in REASONS.items()], label="Reason")
    posting_date = filters.DateFromToRangeFilter(label="Posted on")

    class Meta:
        model = AccountLine
        fields = ["reason", "posting_date"]


class ClearingTable(tables.Table):
    words = LeadColumn(accessor="move_number", sub="memo", verbose_name="Entry")
    posting_date = Column(narrow="sub", css="nw")
    order = Column(accessor="order_number", verbose_name="Order", narrow="sub", css="nw")
    document_number = Column(verbose_name="Document", narrow="hide", wide=True)
    account = Column(narrow="hide", wide=True, mono=True)
    amount = Column(narrow="figure", css="n")
    state = StateColumn(REASONS, accessor="reason")

    def render_posting_date(self, value: date) -> str:
        return f"{value:%d %b %Y}"

    def render_order(self, value: int) -> str:
        return f"INV-{value}"

    def render_amount(self, value: Any) -> Any:
        return marks.money(value, settings.COMPANY_CURRENCY)

    def value_amount(self, value: Any) -> Any:
        return value


class Clearing(BooksScreen):
    name, noun = "clearing", "line"
    title, icon = "Clearing account", "list"
    handbook = "data/tax"
    permission = "reconciliation.view_journal"
    table, filters = ClearingTable, ClearingFilters
    search_fields = ("memo", "move_number", "document_number")
    lead = "words"
    orderings: ClassVar = {"posting_date": ("posting_date", "id"), "amount": ("amount", "id")}
    order = "-posting_date"
    views = (
        View("all", "All"),
        View("unexplained", "Unexplained", {"reason": "UNEXPLAINED"}, count=True),
        View("adjusted", "Adjustments", {"reason": "ADJUSTED"}),
        View("rounding", "Pennies", {"reason": ["ROUNDING", "PASSED"]}),
    )
    empty = Empty(
        "Nothing on the account",
        "Every line of the Tax Adjustment account in the ERP stands here within a quarter of an "
        "hour, with the order and the reason behind it.",
        "list",
    )
    panel_template = "reconciliation/_clearing_panel.html"
    above_template = "reconciliation/_clearing_above.html"

    def rows(self, request: HttpRequest) -> QuerySet[AccountLine]:
        return clearing.lines()

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        today = calendar.company_day(timezone.now())
        return {
            "accounts": clearing.explain(on=today),
            "currency": settings.COMPANY_CURRENCY,
        }

    def row_title(self, row: Any) -> str:
        return f"Entry {row.move_number}"

    def row_badge(self, row: Any) -> Badge:
        return REASONS[row.reason]

    def row_class(self, row: Any) -> str:
        return "bad" if row.reason == "UNEXPLAINED" else ""

    def panel_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        parts: list[dict[str, Any]] = []
        if row.reason == "ADJUSTED":
            parts = [
                {
                    "order": one.invoice_id,
                    "number": one.invoice.number if one.invoice else "",
                    "words": f"{one.get_cause_display() or one.get_kind_display()} {one.tax_code}",
                    "amount": -from_minor(one.amount_minor, one.currency),
                }
                for one in clearing.adjustments_of(row)[:200]
            ]
        elif row.order_id:
            pennies = LedgerDocumentLine.objects.filter(
                document__erp_ref=row.document_ref, account=row.account
            ).order_by("pk")
            parts = [
                {
                    "order": row.order_id,
                    "number": f"INV-{row.order_number}",
                    "words": f"{one.description or one.line_key}: no price without tax reaches "
                    "what the customer paid",
                    "amount": -one.net,
                }
                for one in pennies
            ]
        elif row.reason == "PASSED":
            parts = [
                {"order": None, "number": "", "words": row.memo, "amount": row.amount},
            ]
        return {"parts": parts, "currency": settings.COMPANY_CURRENCY}


CLEARING = Clearing()
