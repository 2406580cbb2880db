# mypy: allow-subclassing-any
"""Completeness: where each day's orders are, seller by seller, by count and by money."""

from datetime import date
from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest

from mapping.models import Seller
from mkterp.core.screens import Empty, View
from mkterp.core.screens.columns import AgeColumn, Column, LeadColumn, NumberColumn
from reconciliation.models import CompletenessStatement
from reconciliation.screens.base import BooksScreen
from reconciliation.screens.columns import MinorColumn
from reconciliation.selectors import books


class CompletenessFilters(filters.FilterSet):
    day = filters.DateFromToRangeFilter(label="Day")
    seller = filters.ModelChoiceFilter(queryset=Seller.objects.all(), empty_label="any")
    has_gaps = filters.BooleanFilter(
        field_name="gaps", lookup_expr="gt", method="with_gaps", label="With gaps"
    )

    class Meta:
        model = CompletenessStatement
        fields = ["day", "seller"]

    def with_gaps(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return rows.filter(gaps__gt=0) if value else rows.filter(gaps=0)


class CompletenessTable(tables.Table):
    day = LeadColumn(sub="seller__business_name")
    orders = NumberColumn(narrow="hide")
    booked = NumberColumn(narrow="hide")
    accepted = NumberColumn(verbose_name="Not booked yet", narrow="hide")
    moving = NumberColumn(verbose_name="On the way", narrow="hide")
    parked = NumberColumn(narrow="hide")
    unpaid = NumberColumn(narrow="hide", wide=True)
    cancelled = NumberColumn(narrow="hide", wide=True)
    historic = NumberColumn(verbose_name="Before go-live", narrow="hide", wide=True)
    gaps = NumberColumn(verbose_name="Unaccounted", narrow="sub")
    orders_minor = MinorColumn(verbose_name="Money")
    booked_minor = MinorColumn(verbose_name="Booked money", narrow="hide")
    gaps_minor = MinorColumn(verbose_name="Unaccounted money", narrow="hide")
    currency = Column(narrow="hide", wide=True)
    asked_at = AgeColumn(verbose_name="Asked")

    def render_day(self, value: date, record: Any, column: Any) -> Any:
        return column.render(f"{value:%d %b %Y}", record)

    def value_day(self, value: date) -> date:
        return value


class Completeness(BooksScreen):
    name, noun = "completeness", "statement"
    title, icon = "Completeness", "list-checks"
    handbook = "data/close"
    permission = "reconciliation.view_completenessstatement"
    table, filters = CompletenessTable, CompletenessFilters
    search_fields = ("seller__business_name",)
    orderings: ClassVar = {
        "day": ("day", "id"),
        "gaps": ("gaps", "id"),
        "orders_minor": ("orders_minor", "id"),
    }
    order = "-day"
    views = (
        View("all", "All"),
        View("gaps", "With gaps", {"has_gaps": "true"}, count=True),
    )
    empty = Empty(
        "No day has been proved yet",
        "Each night both sides are asked for every order of the day before, and each order must be "
        "somewhere: booked, on its way, parked, cancelled. The answer is kept here.",
        "list-checks",
    )

    def rows(self, request: HttpRequest) -> QuerySet[CompletenessStatement]:
        return books.completeness()

    def row_class(self, row: Any) -> str:
        return "bad" if row.gaps else ""

    def row_title(self, row: Any) -> str:
        return f"{row.day:%d %b %Y} {row.seller or 'all sellers'}"


COMPLETENESS = Completeness()
