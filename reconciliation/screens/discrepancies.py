# mypy: allow-subclassing-any
"""Differences between orders and their documents in the ERP, each named."""

from datetime import date, datetime
from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest

from mapping.models import Seller
from mkterp.core.models import User
from mkterp.core.money import from_minor
from mkterp.core.screens import Action, Badge, Empty, View
from mkterp.core.screens.columns import Column, LeadColumn, StateColumn
from mkterp.core.screens.filters import AnyOf
from reconciliation.models import Discrepancy, DocumentRun, TaxAdjustment
from reconciliation.screens.base import BooksScreen
from reconciliation.screens.columns import DriftColumn
from reconciliation.selectors import books
from reconciliation.services import adjustments

STANDING = {
    "BEYOND": Badge("beyond tolerance", "broke"),
    "ALLOWED": Badge("within tolerance", "done"),
    "CLEARED": Badge("cleared", "wait"),
}


class DiscrepancyFilters(filters.FilterSet):
    standing = AnyOf(
        choices=[(code, badge.word) for code, badge in STANDING.items()], label="State"
    )
    cause = filters.ChoiceFilter(choices=Discrepancy.Cause.choices, empty_label="any")
    day = filters.DateFromToRangeFilter(label="Day")
    seller = filters.ModelChoiceFilter(queryset=Seller.objects.all(), empty_label="any")

    class Meta:
        model = Discrepancy
        fields = ["standing", "cause", "day", "seller"]


class DiscrepancyTable(tables.Table):
    order = LeadColumn(accessor="invoice__number", sub="sentence")
    day = Column(narrow="sub", css="nw")
    document = Column(narrow="hide", wide=True)
    reason = Column(accessor="get_cause_display", verbose_name="Cause", narrow="sub")
    code = Column(accessor="tax_code", verbose_name="ERP code", narrow="hide", wide=True, mono=True)
    would_fit = Column(
        accessor="fits", verbose_name="Would fit", narrow="hide", wide=True, mono=True
    )
    gross = DriftColumn(accessor="gross_minor", verbose_name="Gross", narrow="hide", wide=True)
    tax = DriftColumn(accessor="tax_minor", verbose_name="Tax")
    state = StateColumn(STANDING, accessor="standing")

    def render_day(self, value: date) -> str:
        return f"{value:%d %b %Y}"

    def render_would_fit(self, value: list[str]) -> str:
        return ", ".join(value)

    def value_would_fit(self, value: list[str]) -> str:
        return ", ".join(value)


def prepare(*, one: Discrepancy, by: User, at: datetime, reason: str) -> list[TaxAdjustment]:
    """What would make up for all differences of this one's order."""
    return adjustments.prepare(match=one.invoice.match, by=by, at=at, reason=reason)


PREPARE = Action(
    "prepare",
    "Prepare an adjustment",
    "reconciliation.prepare_taxadjustment",
    prepare,
    one="one",
    condition=lambda row: row.standing == "BEYOND",
    unmet="Only what is beyond tolerance is adjusted by hand.",
    needs_reason=True,
    confirm="Prepare what makes up for {things}? Somebody else approves it.",
    done="Prepared. Somebody else approves it under Tax adjustments.",
    icon="file-text",
)


class Discrepancies(BooksScreen):
    name, noun, nouns = "discrepancies", "difference", "differences"
    title, icon = "Differences", "split"
    handbook = "data/tax"
    permission = "reconciliation.view_discrepancy"
    table, filters = DiscrepancyTable, DiscrepancyFilters
    searches = True
    lead = "order"
    orderings: ClassVar = {
        "day": ("day", "id"),
        "tax": ("tax_minor", "id"),
        "gross": ("gross_minor", "id"),
    }
    order = "-day"
    views = (
        View("beyond", "Beyond tolerance", {"standing": "BEYOND"}, count=True),
        View("allowed", "Within tolerance", {"standing": "ALLOWED"}),
        View("all", "All"),
    )
    actions = (PREPARE,)
    empty = Empty(
        "Nothing differs",
        "Each booked order is compared with its documents in the ERP, line by line. What differs "
        "appears here with its cause.",
        "split",
    )
    panel_template = "reconciliation/_discrepancy_panel.html"
    above_template = "reconciliation/_tolerance_band.html"

    def rows(self, request: HttpRequest) -> QuerySet[Discrepancy]:
        return books.discrepancies()

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        return {"run": DocumentRun.objects.order_by("-pk").first()}

    def found(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        return books.found_by_order(rows, text, "invoice", "document__icontains")

    def row_title(self, row: Any) -> str:
        return f"{row.get_cause_display().capitalize()} on {row.invoice.number}"

    def row_badge(self, row: Any) -> Badge:
        return STANDING[row.standing]

    def panel_context(self, request: HttpRequest, row: Discrepancy) -> dict[str, Any]:
        def money(minor: int) -> Any:
            return from_minor(minor, row.currency)

        return {
            "figures": [
                {
                    "what": "Gross",
                    "theirs": money(row.theirs_gross_minor),
                    "ours": money(row.ours_gross_minor),
                    "difference": money(row.gross_minor),
                },
                {
                    "what": "Tax in it",
                    "theirs": money(row.theirs_tax_minor),
                    "ours": money(row.ours_tax_minor),
                    "difference": money(row.tax_minor),
                },
            ]
        }


DISCREPANCIES = Discrepancies()
