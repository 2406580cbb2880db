# mypy: allow-subclassing-any
"""Inventory: what is there, what is told, what waits for a person, what was kept from happening."""

from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from mapping.models import Seller
from mkterp.core.screens import Action, Badge, Empty, View, marks
from mkterp.core.screens.columns import (
    AgeColumn,
    Column,
    LeadColumn,
    NumberColumn,
    StateColumn,
    TimeColumn,
)
from mkterp.core.screens.filters import AnyOf
from mkterp.core.screens.words import things
from sync.domain.guard import WORDS
from sync.models import ListingStock, PreventedWrite, StockDrift, StockHold
from sync.screens import badges
from sync.screens.base import SyncScreen
from sync.selectors import stock as levels
from sync.selectors.stock import Standing
from sync.services import stock_holds

STANDING = {
    Standing.RIGHT: Badge("told", "done"),
    Standing.DUE: Badge("waits", "wait"),
    Standing.ON_ITS_WAY: Badge("on its way", "move"),
    Standing.HELD: Badge("held", "need"),
    Standing.DISCARDED: Badge("discarded", "wait"),
    Standing.UNKNOWN: Badge("no level", "wait"),
    Standing.REFUSED: Badge("not ours", "wait"),
}
HOLD = {
    StockHold.State.OPEN: Badge("held", "need"),
    StockHold.State.RELEASED: Badge("released", "done"),
    StockHold.State.DISCARDED: Badge("discarded", "wait"),
    StockHold.State.GONE: Badge("over", "wait"),
}
DRIFT = {
    StockDrift.State.OPEN: Badge("told again", "move"),
    StockDrift.State.HEALED: Badge("healed", "done"),
    StockDrift.State.NOT_OURS: Badge("not ours", "need"),
}
STANDINGS = [(code, badge.word) for code, badge in STANDING.items()]


class StandingColumn(StateColumn):
    """The standing; what is not ours carries a lock and says whose it is."""

    def render(self, value: Any, record: Any, bound_column: Any) -> Any:
        drawn = super().render(value=value, record=record, bound_column=bound_column)
        if record.refusal:
            return format_html('<span title="{}">{}</span>', WORDS[record.refusal], drawn)
        return drawn


class LevelColumn(NumberColumn):
    """The level to be shown; how it was made stands in its title."""

    def render(self, value: int, record: ListingStock) -> Any:  # type: ignore[override]
        sentence = levels.made(record).sentence
        return format_html('<span title="{}">{}</span>', sentence, super().render(value))


class ChangeColumn(NumberColumn):
    """By how much a level would change: sign, colour and number."""

    def render(self, value: int) -> Any:
        return marks.signed(value)


class InventoryFilters(filters.FilterSet):
    standing = AnyOf(choices=STANDINGS, label="State", method="by_standing")
    seller = filters.ModelChoiceFilter(
        field_name="listing__seller", queryset=Seller.objects.all(), empty_label="any"
    )
    refusal = filters.ChoiceFilter(
        choices=sorted(WORDS.items()), empty_label="any", label="Not ours because"
    )
    hold = filters.NumberFilter(field_name="hold", label="Hold")

    class Meta:
        model = ListingStock
        fields: ClassVar[list[str]] = []

    def by_standing(self, rows: QuerySet[Any], name: str, value: list[str]) -> QuerySet[Any]:
        return levels.standing_so(rows, value)


class InventoryTable(tables.Table):
    sku = LeadColumn(accessor="listing__sku", sub="listing__title", verbose_name="Listing",
                     empty_values=(None,))  # fmt: skip
    seller = Column(accessor="listing__seller__business_name", narrow="sub", wide=True)
    available = NumberColumn(verbose_name="ERP", narrow="hide")
    level = LevelColumn(verbose_name="To sell", narrow="figure")
    told = NumberColumn(verbose_name="Told", narrow="sub")
    shown = NumberColumn(verbose_name="Seen", narrow="hide", wide=True)
    change = ChangeColumn(verbose_name="Change", narrow="hide", wide=True)
    told_at = AgeColumn(verbose_name="Last told", narrow="hide", wide=True)
    due_at = TimeColumn(verbose_name="Next tell", narrow="hide", wide=True)
    standing = StandingColumn(STANDING)


class Inventory(SyncScreen):
    name, noun, nouns = "inventory", "stock level", "stock levels"
    handbook = "data/stock"
    title, icon = "Inventory", "package"
    permission = "sync.view_listingstock"
    table, filters = InventoryTable, InventoryFilters
    search_fields = ("listing__sku__istartswith", "item__sku__istartswith", "listing__title")
    orderings: ClassVar = {
        "listing": ("listing_id",),
        "level": ("level", "listing_id"),
        "change": ("change", "listing_id"),
        "told_at": ("told_at", "listing_id"),
        "due_at": ("due_at", "listing_id"),
    }
    order = "listing"
    views = (
        View("all", "All"),
        View(
            "next",
            "Next push",
            {"standing": [Standing.DUE, Standing.ON_ITS_WAY]},
            order="change",
            columns=("sku", "seller", "available", "level", "told", "change", "due_at", "standing"),
        ),
        View("held", "Held", {"standing": Standing.HELD}, order="change"),
        View("not-ours", "Not ours", {"standing": Standing.REFUSED}),
        View("unknown", "No level", {"standing": [Standing.UNKNOWN, Standing.DISCARDED]}),
    )
    empty = Empty(
        "No level has been compared yet",
        "Levels come from the ERP every minute. A listing stands here as soon as it is mapped to "
        "an item; it is told only when its seller's stock is ours.",
        "package",
        "sync:unmapped",
        "Open the unmapped SKUs",
    )
    panel_template = "sync/_inventory_panel.html"
    above_template = "sync/_inventory_above.html"

    def rows(self, request: HttpRequest) -> QuerySet[ListingStock]:
        return levels.inventory()

    def summary(self, request: HttpRequest, rows: QuerySet[Any]) -> str:
        return f"{things(levels.told_within(at=timezone.now()), 'level', 'levels')} told this hour"

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        month = timezone.localdate().replace(day=1)
        return {
            **super().list_context(request),
            "holds": levels.open_holds(),
            "next": levels.next_push(),
            "prevented": levels.prevented_since(month),
            "calls": levels.policy().calls_per_hour,
            "safety": levels.safety_in_force(at=timezone.now()),
        }

    def row_title(self, row: ListingStock) -> str:
        return str(row.listing)

    def row_badge(self, row: ListingStock) -> Badge:
        return STANDING[row.standing]  # type: ignore[attr-defined]

    def row_class(self, row: ListingStock) -> str:
        return "hot" if row.hold_id is not None else ""

    def moving(self, row: ListingStock) -> bool:
        return row.standing == Standing.ON_ITS_WAY  # type: ignore[attr-defined,no-any-return]

    def panel_context(self, request: HttpRequest, row: ListingStock) -> dict[str, Any]:
        return {
            "made": levels.made(row),
            "refusal": WORDS.get(row.refusal, ""),
            "messages": [
                (message, badges.OUTBOX[message.state])  # type: ignore[index]
                for message in levels.messages_of(row)[:10]
            ],
            "drifts": list(row.listing.drifts.order_by("-pk")[:5]),
            "locations": list(row.item.stock.order_by("location")),
        }


class HoldFilters(filters.FilterSet):
    kind = filters.ChoiceFilter(choices=StockHold.Kind.choices, empty_label="any")
    state = filters.ChoiceFilter(choices=StockHold.State.choices, empty_label="any")

    class Meta:
        model = StockHold
        fields = ["kind", "state"]


class HoldTable(tables.Table):
    kind = LeadColumn(accessor="get_kind_display", verbose_name="What is strange")
    listings = NumberColumn(verbose_name="Levels", narrow="figure")
    of_listings = NumberColumn(verbose_name="Of ours", narrow="hide", wide=True)
    units = NumberColumn(verbose_name="Pieces less", narrow="sub")
    left = NumberColumn(verbose_name="Still held", narrow="hide")
    opened_at = AgeColumn(verbose_name="Since")
    reason = Column(verbose_name="Decided", narrow="hide", wide=True, css="c-lead sub-ink")
    state = StateColumn(HOLD)


def _open(hold: StockHold) -> bool:
    return hold.state == StockHold.State.OPEN


RELEASE = Action(
    "release",
    "Release and tell",
    "sync.release_stockhold",
    stock_holds.release,
    one="hold",
    condition=_open,
    unmet="This hold is closed already.",
    done=lambda told: f"Released. {things(sum(told), 'level', 'levels')} on the way.",
    needs_reason=True,
    confirm="Tell the held levels to Marketplacer?",
    primary=True,
    icon="send",
)
DISCARD = Action(
    "discard",
    "Discard",
    "sync.release_stockhold",
    stock_holds.discard,
    one="hold",
    condition=_open,
    unmet="This hold is closed already.",
    done=lambda left: f"Discarded. {things(sum(left), 'listing stays', 'listings stay')} as told.",
    needs_reason=True,
    confirm="Never tell these levels? Each listing waits until the ERP names another one.",
    danger=True,
    icon="x",
)


class Holds(SyncScreen):
    name, noun = "holds", "hold"
    handbook = "data/stock"
    title, icon = "Held levels", "pause"
    permission = "sync.view_stockhold"
    table, filters = HoldTable, HoldFilters
    orderings: ClassVar = {"opened_at": ("opened_at", "id")}
    order = "-opened_at"
    views = (
        View("open", "To decide", {"state": StockHold.State.OPEN}, count=True),
        View("all", "All"),
    )
    actions = (RELEASE, DISCARD)
    empty = Empty(
        "Nothing is held",
        "Many levels at zero at once, a great fall, a level below zero or an item without a level "
        "wait here for a person before Marketplacer hears of them.",
        "pause",
        "sync:inventory",
        "Look at the inventory",
    )
    panel_template = "sync/_hold_panel.html"
    detail_template = "sync/hold_detail.html"

    def rows(self, request: HttpRequest) -> QuerySet[StockHold]:
        return levels.holds()

    def row_title(self, row: StockHold) -> str:
        return f"{row.get_kind_display()}, {things(row.listings, 'level', 'levels')}".capitalize()

    def row_badge(self, row: StockHold) -> Badge:
        return HOLD[StockHold.State(row.state)]

    def panel_context(self, request: HttpRequest, row: StockHold) -> dict[str, Any]:
        return {"preview": levels.preview(row)}

    def detail_context(self, request: HttpRequest, row: StockHold) -> dict[str, Any]:
        return {"preview": levels.preview(row, limit=200)}


class DriftFilters(filters.FilterSet):
    state = filters.ChoiceFilter(choices=StockDrift.State.choices, empty_label="any")
    seller = filters.ModelChoiceFilter(
        field_name="listing__seller", queryset=Seller.objects.all(), empty_label="any"
    )
    found_at = filters.DateFromToRangeFilter(label="Found")

    class Meta:
        model = StockDrift
        fields: ClassVar[list[str]] = []


class DriftTable(tables.Table):
    sku = LeadColumn(accessor="listing__sku", sub="listing__title", verbose_name="Listing",
                     empty_values=(None,))  # fmt: skip
    seller = Column(accessor="listing__seller__business_name", narrow="sub", wide=True)
    expected = NumberColumn(verbose_name="Told", narrow="hide")
    shown = NumberColumn(verbose_name="Seen", narrow="figure")
    note = Column(narrow="hide", wide=True, css="c-lead sub-ink")
    found_at = AgeColumn(verbose_name="Found")
    closed_at = AgeColumn(verbose_name="Closed", narrow="hide", wide=True)
    state = StateColumn(DRIFT)


class Drifts(SyncScreen):
    name, noun, nouns = "drift", "drift", "drifts"
    handbook = "data/stock"
    title, icon = "Drift", "activity"
    permission = "sync.view_stockdrift"
    table, filters = DriftTable, DriftFilters
    search_fields = ("listing__sku__istartswith", "listing__title")
    orderings: ClassVar = {"found_at": ("found_at", "id")}
    order = "-found_at"
    views = (
        View("all", "All"),
        View("open", "Not healed", {"state": StockDrift.State.OPEN}, count=True),
        View("not-ours", "Not ours", {"state": StockDrift.State.NOT_OURS}),
    )
    empty = Empty(
        "Marketplacer shows what it was told",
        "Every level is read back a moment after it was told, and all of them each night. What "
        "shows another number stands here and is told again.",
        "check",
        "sync:inventory",
        "Look at the inventory",
    )

    def rows(self, request: HttpRequest) -> QuerySet[StockDrift]:
        return levels.drifts()

    def row_title(self, row: StockDrift) -> str:
        return str(row.listing)


class WhyColumn(Column):
    """The guard's code in words."""

    def render(self, value: str) -> str:
        return WORDS.get(value, value)


class PreventedFilters(filters.FilterSet):
    seller = filters.ModelChoiceFilter(queryset=Seller.objects.all(), empty_label="any")
    reason = filters.ChoiceFilter(choices=sorted(WORDS.items()), empty_label="any")
    day = filters.DateFromToRangeFilter(label="Day")

    class Meta:
        model = PreventedWrite
        fields: ClassVar[list[str]] = []


class PreventedTable(tables.Table):
    seller = LeadColumn(accessor="seller__business_name", verbose_name="Seller")
    field = Column(verbose_name="Field", narrow="hide")
    reason = WhyColumn(verbose_name="Why not")
    times = NumberColumn(verbose_name="Prevented", narrow="figure")
    last_listing = Column(accessor="last_listing__sku", verbose_name="Last", narrow="hide",
                          wide=True)  # fmt: skip
    day = Column(verbose_name="Day", narrow="hide")
    last_at = AgeColumn(verbose_name="Last one")


class Prevented(SyncScreen):
    name, noun, nouns = "prevented", "prevented overwrite", "prevented overwrites"
    handbook = "data/seller-stock"
    title, icon = "Prevented overwrites", "shield"
    permission = "sync.view_preventedwrite"
    table, filters = PreventedTable, PreventedFilters
    search_fields = ("seller__business_name",)
    orderings: ClassVar = {"last_at": ("last_at", "id"), "times": ("times", "id")}
    order = "-last_at"
    views = (
        View("all", "All"),
        View("sellers", "Kept by the seller", {"reason": "seller_managed"}),
    )
    empty = Empty(
        "Nothing had to be prevented",
        "Each time a level would have gone to a listing that is not ours to write, it is counted "
        "here, by day, seller and reason, and nothing is sent.",
        "check",
        "sync:inventory",
        "Look at the inventory",
    )

    def rows(self, request: HttpRequest) -> QuerySet[PreventedWrite]:
        return levels.prevented()

    def row_title(self, row: PreventedWrite) -> str:
        return f"{row.seller}: {WORDS.get(row.reason, row.reason)}"


INVENTORY, HOLDS, DRIFTS, PREVENTED = Inventory(), Holds(), Drifts(), Prevented()
