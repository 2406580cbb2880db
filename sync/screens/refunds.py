# mypy: allow-subclassing-any
"""Refunds: every cancellation, refund and amendment, and what the ERP made of it."""

from decimal import Decimal
from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest

from mapping.models import Seller
from mkterp.core.money import from_minor
from mkterp.core.screens import Action, Badge, Empty, View, words
from mkterp.core.screens.columns import AgeColumn, Column, MoneyColumn, StateColumn
from mkterp.core.screens.filters import AnyOf
from sync import selectors
from sync.models import Correction, GoodsReturn
from sync.screens.base import SyncScreen
from sync.services import refunds

STAGES = {
    "ASKED": Badge("asked for", "wait"),
    "WAITING": Badge("waiting", "wait"),
    "QUEUED": Badge("on its way", "move"),
    "DONE": Badge("done", "done"),
    "PARKED": Badge("parked", "need"),
    "NOT_NEEDED": Badge("not needed", "wait"),
}
GOODS = {
    GoodsReturn.Phase.ANNOUNCED: Badge("on its way", "move"),
    GoodsReturn.Phase.EXPECTED: Badge("expected", "wait"),
    GoodsReturn.Phase.RECEIVED: Badge("received", "move"),
    GoodsReturn.Phase.RESTOCKED: Badge("on the shelf", "done"),
    GoodsReturn.Phase.CANCELLED: Badge("cancelled", "wait"),
}


class RefundFilters(filters.FilterSet):
    stage = AnyOf(choices=[(code, badge.word) for code, badge in STAGES.items()], label="State")
    kind = filters.ChoiceFilter(choices=Correction.Kind.choices, empty_label="any")
    seller = filters.ModelChoiceFilter(
        field_name="invoice__seller", queryset=Seller.objects.all(), empty_label="any"
    )
    completed_date = filters.DateFromToRangeFilter(label="Completed")
    goods = filters.ChoiceFilter(
        field_name="refund__goods_return__phase",
        choices=GoodsReturn.Phase.choices,
        empty_label="any",
        label="Goods",
    )

    class Meta:
        model = Correction
        fields = ["stage", "kind", "seller", "completed_date"]


class RefundTable(tables.Table):
    reference = Column(verbose_name="Refund", narrow="lead", css="nw")
    order = Column(accessor="invoice__number", verbose_name="Order", narrow="sub", css="nw")
    why = Column(verbose_name="What became of it", narrow="hide", wide=True, css="c-lead sub-ink")
    goods = StateColumn(
        GOODS,
        accessor="refund__goods_return__phase",
        verbose_name="Goods",
        narrow="hide",
        default="",
    )
    amount = MoneyColumn(verbose_name="Given back", empty_values=())
    credit_number = Column(verbose_name="Credit note", narrow="hide", wide=True)
    heard_at = AgeColumn(verbose_name="Heard")
    state = StateColumn(STAGES, accessor="stage")

    def render_amount(self, record: Correction, column: Any) -> Any:
        return column.render(given_back(record), record)

    def value_amount(self, record: Correction) -> Decimal:
        return given_back(record)


def given_back(row: Correction) -> Decimal:
    return from_minor(row.amount_minor, row.currency)


AGAIN = Action(
    "again",
    "Decide again",
    "sync.retry_correction",
    refunds.decide_again,
    one="correction",
    condition=lambda row: row.stage == Correction.State.PARKED,
    unmet="Only a parked one is decided again.",
    done="{things} decided again. The answer shows here within a minute.",
    multi=True,
    primary=True,
    icon="rotate-ccw",
    key="r",
)


class Refunds(SyncScreen):
    name, noun = "refunds", "refund"
    handbook = "data/orders"
    title, icon = "Refunds", "undo-2"
    permission = "sync.view_correction"
    table, filters = RefundTable, RefundFilters
    search_fields = (
        "reference__icontains",
        "credit_number__iexact",
        "invoice__seller__business_name__icontains",
    )
    searches = True
    lead = "reference"
    orderings: ClassVar = {
        "heard_at": ("heard_at", "id"),
        "amount": ("amount_minor", "id"),
    }
    order = "-heard_at"
    views = (
        View("all", "All"),
        View("parked", "Parked", {"stage": "PARKED"}, count=True),
        View("waiting", "Waiting", {"stage": ["ASKED", "WAITING", "QUEUED"]}, count=True),
        View("done", "Done", {"stage": ["DONE", "NOT_NEEDED"]}),
        View("goods", "Goods expected", {"goods": "expected"}, count=True),
    )
    actions = (AGAIN,)
    empty = Empty(
        "No refunds yet",
        "Cancellations, refunds and amendments of the marketplace appear here within minutes, "
        "each with the document it became in the ERP.",
        "undo-2",
        "sync:orders",
        "Look at the orders",
    )
    panel_template = "sync/_refund_panel.html"

    def rows(self, request: HttpRequest) -> QuerySet[Correction]:
        return selectors.corrections()

    def found(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        """Words are an order's number, or parts of what `search_fields` names."""
        for word in text.split():
            digits = word.upper().removeprefix("INV-").removeprefix("#")
            meant = rows.none()
            if digits.isascii() and digits.isdigit() and len(digits) <= 18:
                meant = rows.filter(invoice__legacy_id=int(digits))
            for field in self.search_fields:
                meant = meant | rows.filter(**{field: word})
            rows = meant
        return rows

    def row_badge(self, row: Any) -> Badge:
        return STAGES[row.stage]

    def moving(self, row: Any) -> bool:
        return bool(row.stage == "QUEUED")

    def weigh(self, request: HttpRequest, action: Action, rows: Any) -> str:
        money = sum((given_back(row) for row in rows), Decimal(0))
        return words.money_text(money, settings.COMPANY_CURRENCY)

    def panel_context(self, request: HttpRequest, row: Correction) -> dict[str, Any]:
        goods = selectors.goods_return(row)
        lines = row.refund.lines if row.refund else row.amendment.lines if row.amendment else []
        titles = dict(row.invoice.lines.values_list("marketplacer_id", "title"))
        return {
            "amount": given_back(row),
            "withdrawn": from_minor(row.withdrawn_minor, row.currency),
            "residue": from_minor(row.residue_minor, row.currency),
            "asked": [
                {
                    "title": titles.get(x["line_id"]) or x["custom"] or x["line_id"],
                    "quantity": x["quantity"],
                    "amount": from_minor(
                        x.get("amount_minor", x.get("each_minor", 0)), row.currency
                    ),
                    "reason": x.get("reason", ""),
                }
                for x in lines
            ],
            "goods": goods,
            "goods_badge": GOODS[GoodsReturn.Phase(goods.phase)] if goods else None,
        }


REFUNDS = Refunds()
