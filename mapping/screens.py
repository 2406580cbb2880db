"""What is mapped, and what is said of each seller. The queues that need money are sync's."""

from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from mapping import selectors
from mapping.models import FulfilmentRule, Seller, SellerTreatment, SkuMapping
from mkterp.core.screens import Badge, Empty, ListScreen, View
from mkterp.core.screens.columns import Column, LeadColumn, MoneyColumn, StateColumn, TimeColumn

MAPPING = {
    SkuMapping.State.CONFIRMED: Badge("in force", "done"),
    SkuMapping.State.RETIRED: Badge("retired", "wait"),
    SkuMapping.State.PROPOSED: Badge("proposed", "wait"),
}
READY = {
    True: Badge("ready", "done"),
    False: Badge("rules missing", "need"),
}


class MappingFilters(filters.FilterSet):
    state = filters.ChoiceFilter(choices=SkuMapping.State.choices, empty_label="any")
    source = filters.ChoiceFilter(
        choices=SkuMapping.Source.choices, empty_label="any", label="Made by"
    )
    seller = filters.ModelChoiceFilter(
        field_name="listing__seller", queryset=Seller.objects.all(), empty_label="any"
    )
    made_at = filters.DateFromToRangeFilter(label="Made")

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
    title, icon = "Mapped SKUs", "link-2"
    permission = "mapping.view_skumapping"
    table, filters = MappingTable, MappingFilters
    search_fields = ("listing__sku", "listing__title", "item__sku", "item__name")
    orderings: ClassVar = {"made_at": ("made_at", "id")}
    order = "-made_at"
    views = (
        View("all", "All"),
        View("people", "Made by people", {"source": SkuMapping.Source.PERSON}),
        View("retired", "Retired", {"state": SkuMapping.State.RETIRED}),
    )
    empty = Empty(
        "Nothing is mapped yet",
        "A mapping says which ERP item a listing is. Confirm the first one in the unmapped SKUs, "
        "or import what another system knows with manage.py import_registry.",
        "link-2",
        "sync:unmapped",
        "Open the unmapped SKUs",
    )

    def rows(self, request: HttpRequest) -> QuerySet[SkuMapping]:
        return selectors.mappings()

    def row_title(self, row: SkuMapping) -> str:
        return f"{row.listing} is {row.item}"

    def row_url(self, row: SkuMapping) -> str:
        return ""


class SellerFilters(filters.FilterSet):
    treatment = filters.ChoiceFilter(
        choices=SellerTreatment.Treatment.choices, empty_label="any", label="Whose sale"
    )
    fulfilled_by = filters.ChoiceFilter(
        choices=FulfilmentRule.By.choices, empty_label="any", label="Dispatched by"
    )
    ready = filters.BooleanFilter(method="by_ready", label="Rules complete")

    class Meta:
        model = Seller
        fields: ClassVar[list[str]] = []

    def by_ready(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        missing = Q(treatment=None) | Q(fulfilled_by=None)
        return rows.exclude(missing) if value else rows.filter(missing)


class SellerTable(tables.Table):
    business_name = LeadColumn(verbose_name="Seller")
    treatment = Column(verbose_name="Whose sale", narrow="sub")
    fulfilled_by = Column(verbose_name="Dispatched by", narrow="hide")
    stock_owner = Column(verbose_name="Keeps the stock", narrow="hide", wide=True)
    dispatch_country = Column(verbose_name="Dispatches from", narrow="hide", wide=True)
    seen_at = TimeColumn(verbose_name="Read", narrow="hide", wide=True)
    ready = StateColumn(READY, verbose_name="Orders")


class Sellers(ListScreen):
    room = "mapping"
    name, noun = "sellers", "seller"
    title, icon = "Sellers", "store"
    permission = "mapping.view_seller"
    table, filters = SellerTable, SellerFilters
    search_fields = ("business_name",)
    orderings: ClassVar = {"business_name": ("business_name", "id")}
    order = "business_name"
    views = (
        View("all", "All"),
        View("missing", "Rules missing", {"ready": "false"}, count=True),
    )
    empty = Empty(
        "No seller has been read yet",
        "Sellers come from Marketplacer every quarter of an hour. What is said of each (whose "
        "sale it is, who dispatches, who keeps the stock) decides how its orders are booked.",
        "store",
        "health",
        "Look at the feeds",
    )

    def rows(self, request: HttpRequest) -> QuerySet[Seller]:
        return selectors.with_readiness(at=timezone.now())

    def row_url(self, row: Seller) -> str:
        return ""


MAPPINGS, SELLERS = Mappings(), Sellers()
