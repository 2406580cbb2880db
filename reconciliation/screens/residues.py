# mypy: allow-subclassing-any
"""Differences: every residue with its cause, in both directions, standing or cleared."""

from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest

from mapping.models import Seller
from mkterp.core.screens import Badge, Empty, ListScreen, View
from mkterp.core.screens.columns import AgeColumn, Column, StateColumn
from reconciliation.domain.payout import Cause
from reconciliation.models import Residue
from reconciliation.screens.columns import DriftColumn
from reconciliation.selectors import settlement

LEVELS = {
    Residue.Level.PAYOUT: "remitted", Residue.Level.ADVICE: "advised",
    Residue.Level.BANK: "paid", Residue.Level.MONEY: "customers",
}  # fmt: skip
STATES = {True: Badge("standing", "need"), False: Badge("cleared", "done")}


class ResidueFilters(filters.FilterSet):
    standing = filters.BooleanFilter(
        field_name="cleared_at", lookup_expr="isnull", label="Standing"
    )
    level = filters.ChoiceFilter(choices=Residue.Level.choices, empty_label="any", label="Between")
    cause = filters.ChoiceFilter(
        choices=[(cause.value, cause.words) for cause in Cause], empty_label="any"
    )
    seller = filters.ModelChoiceFilter(queryset=Seller.objects.all(), empty_label="any")
    day = filters.DateFromToRangeFilter(label="Day")

    class Meta:
        model = Residue
        fields = ["standing", "level", "cause", "seller", "day"]


class ResidueTable(tables.Table):
    cause = Column(verbose_name="Cause", narrow="lead", css="nw")
    sentence = Column(verbose_name="What differs", narrow="hide", wide=True, css="c-lead sub-ink")
    seller = Column(verbose_name="Seller", narrow="sub")
    day = Column(verbose_name="Day", narrow="sub", css="nw")
    amount_minor = DriftColumn(verbose_name="Difference", narrow="figure")
    found_at = AgeColumn(verbose_name="Found", narrow="hide", wide=True)
    case = Column(verbose_name="Exception", narrow="hide", wide=True)
    state = StateColumn(STATES, accessor="standing")

    def render_cause(self, value: str) -> str:
        return Cause(value).words

    value_cause = render_cause

    def render_day(self, value: Any) -> str:
        return f"{value.day} {value:%b %Y}"


class Residues(ListScreen):
    room = "reconciliation"
    handbook = "data/settlement"
    name, noun = "residues", "residue"
    title, icon = "Differences", "split"
    permission = "reconciliation.view_residue"
    table, filters = ResidueTable, ResidueFilters
    search_fields = ("sentence__icontains", "seller__business_name__icontains")
    lead = "cause"
    orderings: ClassVar = {
        "day": ("day", "id"),
        "amount_minor": ("amount_minor", "id"),
        "found_at": ("found_at", "id"),
    }
    order = "-day"
    views = (
        View("standing", "Standing", {"standing": "true"}, count=True),
        View("remitted", "Remitted", {"standing": "true", "level": "PAYOUT"}, count=True),
        View("advised", "Advised", {"standing": "true", "level": "ADVICE"}, count=True),
        View("paid", "Paid", {"standing": "true", "level": "BANK"}, count=True),
        View("customers", "Customers", {"standing": "true", "level": "MONEY"}, count=True),
        View("cleared", "Cleared", {"standing": "false"}),
    )
    empty = Empty(
        "Nothing differs",
        "What we expect, what was remitted, what was advised and what was paid agree to the penny.",
        "circle-check",
        "reconciliation:advices",
        "Look at the advices",
    )
    panel_template = "reconciliation/_residue_panel.html"

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        return settlement.residues()

    def row_title(self, row: Residue) -> str:
        return Cause(row.cause).words.capitalize()

    def row_badge(self, row: Any) -> Badge:
        return STATES[row.standing]


RESIDUES = Residues()
