# mypy: allow-subclassing-any
"""Shipments: a row for each parcel, told by us or sent by its seller; carriers they name."""

from datetime import datetime
from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest

from mapping.models import Seller
from mkterp.core.models import User
from mkterp.core.screens import Action, Badge, Empty, View
from mkterp.core.screens.columns import AgeColumn, Column, LeadColumn, NumberColumn, StateColumn
from mkterp.core.screens.filters import AnyOf
from sync import selectors
from sync.forms.carriers import CarrierForm
from sync.models import CarrierMapping, OutboxMessage, Shipment
from sync.screens.base import SyncScreen
from sync.services import outbox

STAGES = {
    "PARKED": Badge("no carrier", "need"),
    "QUEUED": Badge("on its way", "move"),
    "REFUSED": Badge("refused", "broke"),
    "TOLD": Badge("told", "done"),
    "SEEN": Badge("at Marketplacer", "done"),
    "PORTAL": Badge("by its seller", "wait"),
}
CARRIER_STATES = {
    "MAPPED": Badge("mapped", "done"),
    "UNMAPPED": Badge("unmapped", "need"),
    "GONE": Badge("gone there", "broke"),
}


class ShipmentFilters(filters.FilterSet):
    stage = AnyOf(
        choices=[(code, badge.word) for code, badge in STAGES.items()],
        method="by_stage",
        label="State",
    )
    seller = filters.ModelChoiceFilter(
        field_name="invoice__seller", queryset=Seller.objects.all(), empty_label="any"
    )
    dispatched_at = filters.DateFromToRangeFilter(label="Dispatched")
    placeholder = filters.BooleanFilter(label="Without tracking")

    class Meta:
        model = Shipment
        fields = ["stage", "seller", "dispatched_at", "placeholder"]

    def by_stage(self, rows: QuerySet[Any], name: str, value: list[str]) -> QuerySet[Any]:
        return selectors.at_stage(rows, value)


class ShipmentTable(tables.Table):
    order = Column(accessor="invoice__number", verbose_name="Order", narrow="lead", css="nw")
    seller = Column(accessor="invoice__seller_name", narrow="hide", wide=True, css="c-lead sub-ink")
    erp_shipment = Column(verbose_name="ERP shipment", narrow="hide", wide=True)
    carrier = Column(verbose_name="Carrier", narrow="sub")
    tracking = Column(verbose_name="Tracking", narrow="sub", mono=True)
    pieces = NumberColumn(verbose_name="Pieces", narrow="hide", empty_values=())
    dispatched_at = AgeColumn(verbose_name="Dispatched")
    state = StateColumn(STAGES, accessor="stage")

    def render_pieces(self, record: Shipment) -> Any:
        return pieces_of(record)

    def value_pieces(self, record: Shipment) -> int:
        return pieces_of(record)


def pieces_of(row: Shipment) -> int:
    return sum(line["quantity"] for line in row.lines)


def retry_telling(*, shipment: Shipment, by: User, at: datetime) -> OutboxMessage:
    """Tell Marketplacer of a refused shipment again. Refused as `outbox.retry` refuses."""
    if shipment.posting is None:
        raise TypeError(f"{shipment} was refused without having been sent")
    return outbox.retry(message=shipment.posting, by=by, at=at)


RETRY = Action(
    "retry",
    "Retry",
    "sync.retry_outboxmessage",
    retry_telling,
    one="shipment",
    condition=lambda row: row.posting is not None and row.posting.state == "FAILED",
    unmet="Only a shipment that Marketplacer refused is sent again.",
    done="{things} sent again. What Marketplacer holds already is not told twice.",
    multi=True,
    primary=True,
    icon="rotate-ccw",
    key="r",
)


class Shipments(SyncScreen):
    name, noun = "shipments", "shipment"
    handbook = "data/fulfilment"
    title, icon = "Shipments", "truck"
    permission = "sync.view_shipment"
    table, filters = ShipmentTable, ShipmentFilters
    search_fields = (
        "tracking__icontains",
        "erp_shipment__number__iexact",
        "invoice__seller__business_name__icontains",
        "carrier__icontains",
    )
    searches = True
    lead = "order"
    orderings: ClassVar = {"dispatched_at": ("dispatched_at", "id")}
    order = "-dispatched_at"
    views = (
        View("all", "All"),
        View("waiting", "Waits for a carrier", {"stage": "PARKED"}, count=True),
        View("refused", "Refused", {"stage": "REFUSED"}, count=True),
        View("moving", "On its way", {"stage": "QUEUED"}, count=True),
        View("sellers", "By sellers", {"stage": "PORTAL"}),
    )
    actions = (RETRY,)
    empty = Empty(
        "No shipments yet",
        "Goods that leave the warehouse appear here within a minute, by parcel, and are told to "
        "Marketplacer. Sellers' own shipments are shown beside them.",
        "truck",
        "sync:orders",
        "Look at the orders",
    )
    panel_template = "sync/_shipment_panel.html"

    def rows(self, request: HttpRequest) -> QuerySet[Shipment]:
        return selectors.shipments()

    def found(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        """Words are an order's number, or parts of what `search_fields` names."""
        for word in text.split():
            digits = word.upper().removeprefix("INV-").removeprefix("SHP-")
            meant = selectors.shipments().none()
            if digits.isascii() and digits.isdigit() and len(digits) <= 18:
                number = int(digits)
                meant = rows.filter(invoice__legacy_id=number) | rows.filter(legacy_id=number)
            for field in self.search_fields:
                meant = meant | rows.filter(**{field: word})
            rows = meant
        return rows

    def row_title(self, row: Shipment) -> str:
        return f"Shipment of {row.invoice.number}"

    def row_badge(self, row: Any) -> Badge:
        return STAGES[row.stage]

    def moving(self, row: Any) -> bool:
        return bool(row.stage == "QUEUED")

    def panel_context(self, request: HttpRequest, row: Shipment) -> dict[str, Any]:
        skus = dict(row.invoice.lines.values_list("marketplacer_id", "title"))
        return {
            "lines": [{**line, "title": skus.get(line["line"], "")} for line in row.lines],
            "tries": list(row.posting.tries.order_by("-pk")) if row.posting else [],
            "causes": list(selectors.causes_of(row.invoice)),
        }


class CarrierFilters(filters.FilterSet):
    state = filters.ChoiceFilter(
        label="State",
        choices=[(code, badge.word) for code, badge in CARRIER_STATES.items()],
        empty_label="any",
    )

    class Meta:
        model = CarrierMapping
        fields = ["state"]


class CarrierTable(tables.Table):
    name = LeadColumn(accessor="erp_name", verbose_name="In the ERP", default="no carrier named")
    carrier = Column(verbose_name="At Marketplacer", narrow="sub")
    set_by = Column(verbose_name="Said by", narrow="hide", empty_values=())
    seen_at = AgeColumn(verbose_name="First seen", narrow="hide")
    state = StateColumn(CARRIER_STATES)

    def render_set_by(self, record: CarrierMapping) -> str:
        if record.carrier is None:
            return Column.empty
        return str(record.set_by or "same name")


class Carriers(SyncScreen):
    name, noun = "carriers", "carrier"
    handbook = "data/fulfilment"
    title, icon = "Carriers", "truck"
    permission = "sync.view_carriermapping"
    table, filters = CarrierTable, CarrierFilters
    search_fields = ("erp_name__icontains", "carrier__name__icontains")
    lead = "name"
    orderings: ClassVar = {"name": ("key", "id"), "seen_at": ("seen_at", "id")}
    order = "name"
    views = (
        View("all", "All"),
        View("unmapped", "Unmapped", {"state": "UNMAPPED"}, count=True),
    )
    empty = Empty(
        "No carriers yet",
        "Names that the ERP gives its carriers appear here with the hourly read, and when a "
        "shipment names one for the first time.",
        "truck",
        "sync:shipments",
        "Look at the shipments",
    )
    panel_template = "sync/_carrier_panel.html"

    def rows(self, request: HttpRequest) -> QuerySet[CarrierMapping]:
        return selectors.carriers()

    def row_badge(self, row: Any) -> Badge:
        return CARRIER_STATES[row.state]

    def row_title(self, row: CarrierMapping) -> str:
        name = str(row)
        return name[:1].upper() + name[1:]

    def panel_context(self, request: HttpRequest, row: CarrierMapping) -> dict[str, Any]:
        waiting = Shipment.objects.filter(
            origin=Shipment.Origin.ERP, posting=None, carrier__iexact=row.erp_name
        )
        may_map = request.user.has_perm("sync.map_carrier")
        form = (
            CarrierForm(initial={"mapping": row.pk, "carrier": row.carrier_id}) if may_map else None
        )
        return {"waiting": waiting.count(), "form": form}


SHIPMENTS, CARRIERS = Shipments(), Carriers()
