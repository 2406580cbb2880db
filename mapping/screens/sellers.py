# mypy: allow-subclassing-any
"""What is said of each seller: whose sale, who dispatches, whose stock."""

from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from mapping import selectors
from mapping.models import FulfilmentRule, OwnershipRule, Seller, SellerTreatment
from mkterp.core.screens import Badge, Empty, ListScreen, View
from mkterp.core.screens.columns import Column, LeadColumn, StateColumn, TimeColumn

READY = {
    True: Badge("ready", "done"),
    False: Badge("rules missing", "need"),
}


class SellerFilters(filters.FilterSet):
    treatment = filters.ChoiceFilter(
        choices=SellerTreatment.Treatment.choices, empty_label="any", label="Whose sale"
    )
    fulfilled_by = filters.ChoiceFilter(
        choices=FulfilmentRule.By.choices, empty_label="any", label="Dispatched by"
    )
    stock_owner = filters.ChoiceFilter(
        choices=OwnershipRule.Owner.choices, empty_label="any", label="Keeps the stock"
    )
    unsaid = filters.BooleanFilter(method="by_unsaid", label="Nobody has said whose stock")
    ready = filters.BooleanFilter(method="by_ready", label="Rules complete")

    class Meta:
        model = Seller
        fields: ClassVar[list[str]] = []

    def by_unsaid(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return rows.filter(stock_owner=None) if value else rows.exclude(stock_owner=None)

    def by_ready(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        missing = Q(treatment=None) | Q(fulfilled_by=None)
        return rows.exclude(missing) if value else rows.filter(missing)


class SellerTable(tables.Table):
    business_name = LeadColumn(verbose_name="Seller")
    treatment = Column(verbose_name="Whose sale", narrow="sub")
    fulfilled_by = Column(verbose_name="Dispatched by", narrow="hide")
    stock_owner = Column(verbose_name="Keeps the stock", narrow="hide", wide=True)
    stock_since = TimeColumn(verbose_name="Since", narrow="hide", css="c-widest")
    stock_set_by = Column(verbose_name="Said by", narrow="hide", css="c-widest")
    stock_reason = Column(verbose_name="Why", narrow="hide", wide=True)
    dispatch_country = Column(verbose_name="Dispatches from", narrow="hide", wide=True)
    seen_at = TimeColumn(verbose_name="Read", narrow="hide", wide=True)
    ready = StateColumn(READY, verbose_name="Orders")


class Sellers(ListScreen):
    room = "mapping"
    name, noun = "sellers", "seller"
    handbook = "data/seller-stock"
    title, icon = "Sellers", "store"
    permission = "mapping.view_seller"
    table, filters = SellerTable, SellerFilters
    above_template = "mapping/_seller_tools.html"
    search_fields = ("business_name",)
    orderings: ClassVar = {"business_name": ("business_name", "id")}
    order = "business_name"
    views = (
        View("all", "All"),
        View("ours", "We keep the stock", {"stock_owner": "operator"}),
        View("mixed", "Mixed", {"stock_owner": "mixed"}),
        View("unsaid", "Nobody has said", {"unsaid": "true"}, count=True),
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

    def summary(self, request: HttpRequest, rows: QuerySet[Seller]) -> str:
        default = selectors.ownership_default(at=timezone.now())
        return f"without a rule: {default}-managed" if default else "without a rule: not ours"

    def row_url(self, row: Seller) -> str:
        return reverse("mapping:seller", kwargs={"key": row.pk})
