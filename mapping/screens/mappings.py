# mypy: allow-subclassing-any
"""What is mapped. What a change of it means for orders is on the page of sync."""

from typing import ClassVar

import django_filters as filters
import django_tables2 as tables
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from mapping import selectors
from mapping.models import Seller, SkuMapping
from mapping.services import automatic
from mkterp.core.screens import Action, Badge, Empty, ListScreen, View
from mkterp.core.screens.columns import Column, LeadColumn, MoneyColumn, StateColumn, TimeColumn

MAPPING = {
    SkuMapping.State.CONFIRMED: Badge("in force", "done"),
    SkuMapping.State.RETIRED: Badge("retired", "wait"),
    SkuMapping.State.PROPOSED: Badge("proposed", "wait"),
}
REVIEWED = Action(
    "right",
    "It is right",
    "mapping.confirm_skumapping",
    automatic.reviewed,
    one="mapping",
    condition=lambda mapping: mapping.review_due,
    unmet="Nothing is to be reviewed here.",
    done="Reviewed: {things}.",
    multi=True,
    icon="check",
)


class MappingFilters(filters.FilterSet):
    state = filters.ChoiceFilter(choices=SkuMapping.State.choices, empty_label="any")
    source = filters.ChoiceFilter(
        choices=SkuMapping.Source.choices, empty_label="any", label="Made by"
    )
    seller = filters.ModelChoiceFilter(
        field_name="listing__seller", queryset=Seller.objects.all(), empty_label="any"
    )
    made_at = filters.DateFromToRangeFilter(label="Made")
    review_due = filters.BooleanFilter(label="To be reviewed")

    class Meta:
        model = SkuMapping
        fields = ["state", "source"]


class MappingTable(tables.Table):
    listing = LeadColumn(accessor="listing__sku", sub="listing__title", verbose_name="Listing")
    seller = Column(accessor="listing__seller__business_name", narrow="hide", wide=True)
    item = Column(accessor="item__sku", verbose_name="ERP item")
    name = Column(accessor="item__name", narrow="hide", wide=True, css="c-lead sub-ink")
    pack_quantity = Column(verbose_name="Pack", narrow="hide", css="n", wide=True)
    price = MoneyColumn(
        accessor="listing__price", currency=settings.COMPANY_CURRENCY, narrow="hide", wide=True
    )
    made_by = Column(accessor="maker", verbose_name="Made by", narrow="hide", wide=True)
    made_at = TimeColumn(verbose_name="Made")
    state = StateColumn(MAPPING)


class Mappings(ListScreen):
    room = "mapping"
    name, noun = "mappings", "mapping"
    handbook = "data/mappings"
    title, icon = "Mapped SKUs", "link-2"
    permission = "mapping.view_skumapping"
    table, filters = MappingTable, MappingFilters
    search_fields = ("listing__sku", "listing__title", "item__sku", "item__name")
    orderings: ClassVar = {"made_at": ("made_at", "id")}
    order = "-made_at"
    views = (
        View("all", "All"),
        View("people", "Made by people", {"source": SkuMapping.Source.PERSON}),
        View("rule", "By the rule", {"source": SkuMapping.Source.AUTO}),
        View("review", "To review", {"review_due": "true"}, count=True),
        View("retired", "Retired", {"state": SkuMapping.State.RETIRED}),
    )
    actions = (REVIEWED,)
    empty = Empty(
        "Nothing is mapped yet",
        "A mapping says which ERP item a listing is. Confirm the first one in the unmapped SKUs, "
        "or import what another system knows.",
        "link-2",
        "sync:unmapped",
        "Open the unmapped SKUs",
    )

    def rows(self, request: HttpRequest) -> QuerySet[SkuMapping]:
        return selectors.mappings()

    def row_title(self, row: SkuMapping) -> str:
        return f"{row.listing} is {row.item}"

    def row_url(self, row: SkuMapping) -> str:
        # Its page knows the orders that were posted with it, so it is a page of sync.
        return reverse("sync:mapped", kwargs={"key": row.pk})
