# mypy: allow-subclassing-any
"""ERP items that look like one product twice, with what hangs on each."""

from typing import ClassVar

import django_filters as filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from mapping import selectors
from mapping.models import DuplicatePair
from mkterp.core.screens import Badge, Empty, ListScreen, View
from mkterp.core.screens.columns import Column, LeadColumn, StateColumn, TimeColumn

State = DuplicatePair.State
STATES = {
    State.OPEN: Badge("to be looked at", "need"),
    State.DUPLICATE: Badge("one product", "move"),
    State.DIFFERENT: Badge("two products", "done"),
    State.GONE: Badge("no longer alike", "wait"),
}


class DuplicateFilters(filters.FilterSet):
    state = filters.ChoiceFilter(choices=State.choices, empty_label="any")

    class Meta:
        model = DuplicatePair
        fields = ["state", "group"]


class DuplicateTable(tables.Table):
    left = LeadColumn(accessor="left__sku", sub="left__name", verbose_name="Item")
    right = Column(accessor="right__sku", verbose_name="And")
    right_name = Column(accessor="right__name", verbose_name="Its name", narrow="hide", wide=True)
    alike = Column(accessor="percent", verbose_name="Alike", css="n", narrow="hide")
    listings = Column(verbose_name="Listings", css="n", narrow="hide")
    keep = Column(accessor="keep__sku", verbose_name="Keep", narrow="hide")
    found_at = TimeColumn(verbose_name="Found", narrow="hide", wide=True)
    state = StateColumn(STATES)


class Duplicates(ListScreen):
    room = "mapping"
    name, noun = "duplicates", "pair"
    handbook = "data/items"
    title, icon = "Duplicate items", "copy"
    permission = "mapping.view_erpitem"
    table, filters = DuplicateTable, DuplicateFilters
    search_fields = ("left__sku", "left__name", "right__sku", "right__name")
    orderings: ClassVar = {"score": ("score", "id"), "found_at": ("found_at", "id")}
    order = "-score"
    views = (
        View("open", "To be looked at", {"state": State.OPEN}, count=True),
        View("merge", "To be merged", {"state": State.DUPLICATE}),
        View("different", "Two products", {"state": State.DIFFERENT}),
        View("all", "All"),
    )
    above_template = "mapping/_merge_tools.html"
    empty = Empty(
        "No duplicate items",
        "Each new or changed item is compared with the whole item master. Items that look like "
        "one product twice appear here, for a person to judge.",
        "copy",
    )

    def rows(self, request: HttpRequest) -> QuerySet[DuplicatePair]:
        return selectors.duplicate_pairs()

    def row_title(self, row: DuplicatePair) -> str:
        return f"{row.left.sku} and {row.right.sku}"

    def row_url(self, row: DuplicatePair) -> str:
        return reverse("sync:duplicate", kwargs={"key": row.pk})
