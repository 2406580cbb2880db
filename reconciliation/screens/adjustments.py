# mypy: allow-subclassing-any
"""Tax adjustments: the arithmetic of each, decided one by one or many at once."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urlencode

import django_filters as filters
import django_tables2 as tables
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from mapping.models import Seller
from mkterp.core.errors import Refused
from mkterp.core.money import from_minor
from mkterp.core.screens import Action, Badge, Empty, View, words
from mkterp.core.screens.columns import AgeColumn, Column, LeadColumn, StateColumn
from mkterp.core.screens.filters import AnyOf
from reconciliation.domain import adjusting
from reconciliation.models import Discrepancy, TaxAdjustment
from reconciliation.screens.base import BooksScreen
from reconciliation.screens.columns import DriftColumn, MinorColumn
from reconciliation.selectors import books, clearing
from reconciliation.services import adjustments, calendar, journals

STATES = {
    "PREPARED": Badge("to approve", "need"),
    "APPROVED": Badge("approved", "done"),
    "REJECTED": Badge("rejected", "broke"),
    "SUPERSEDED": Badge("superseded", "wait"),
}


class AdjustmentFilters(filters.FilterSet):
    state = AnyOf(choices=[(code, badge.word) for code, badge in STATES.items()], label="State")
    kind = filters.ChoiceFilter(choices=TaxAdjustment.Kind.choices, empty_label="any")
    cause = AnyOf(choices=Discrepancy.Cause.choices, label="Cause")
    day = filters.DateFromToRangeFilter(label="Day")
    seller = filters.ModelChoiceFilter(queryset=Seller.objects.all(), empty_label="any")
    by_person = filters.BooleanFilter(
        field_name="prepared_by", lookup_expr="isnull", exclude=True, label="Prepared by a person"
    )

    class Meta:
        model = TaxAdjustment
        fields = ["state", "kind", "cause", "day", "seller"]


class AdjustmentTable(tables.Table):
    subject = LeadColumn(sub="document", empty_values=())
    day = Column(narrow="sub", css="nw")
    reason = Column(
        accessor="get_cause_display", verbose_name="Cause", narrow="hide", wide=True, css="sub-ink"
    )
    rule = Column(narrow="hide", wide=True, css="c-lead sub-ink")
    theirs_minor = MinorColumn(verbose_name="Marketplace", narrow="hide")
    ours_minor = MinorColumn(verbose_name="ERP", narrow="hide")
    difference = DriftColumn(accessor="difference_minor", verbose_name="Difference")
    prepared_at = AgeColumn(verbose_name="Prepared", wide=True)
    state = StateColumn(STATES)

    def render_subject(self, record: TaxAdjustment, column: Any) -> Any:
        return column.render(books.subject(record), record)

    def value_subject(self, record: TaxAdjustment) -> str:
        return books.subject(record)

    def render_day(self, value: date) -> str:
        return f"{value:%d %b %Y}"


GROUPS = 14  # days and causes above the list; older ones are a filter away
# Of those to approve: their state and age say nothing, and the buttons want the room.
ARITHMETIC = ("subject", "day", "reason", "rule", "theirs_minor", "ours_minor", "difference")

APPROVE = Action(
    "approve",
    "Approve and post",
    "reconciliation.approve_taxadjustment",
    adjustments.approve,
    many="rows",
    condition=lambda row: row.state == TaxAdjustment.State.PREPARED,
    unmet="Only a prepared one is approved.",
    confirm="Post {things} to the ERP as journals?",
    done=lambda made: f"{words.things(len(made), 'journal', 'journals')} on the way to the ERP.",
    multi=True,
    primary=True,
    icon="check",
    key="a",
)
REJECT = Action(
    "reject",
    "Reject",
    "reconciliation.approve_taxadjustment",
    adjustments.reject,
    one="adjustment",
    condition=lambda row: row.state == TaxAdjustment.State.PREPARED,
    unmet="Only a prepared one is rejected.",
    needs_reason=True,
    confirm="Reject {things}? Nothing is booked.",
    done="{things} rejected.",
    multi=True,
    danger=True,
    icon="x",
)


class Adjustments(BooksScreen):
    name, noun = "adjustments", "adjustment"
    title, icon = "Tax adjustments", "percent"
    handbook = "data/tax"
    permission = "reconciliation.view_taxadjustment"
    table, filters = AdjustmentTable, AdjustmentFilters
    searches = True
    lead = "subject"
    orderings: ClassVar = {
        "day": ("day", "id"),
        "reason": ("cause", "day", "id"),
        "difference": ("difference_minor", "id"),
        "prepared_at": ("prepared_at", "id"),
    }
    order = "-day"
    views = (
        View("prepared", "To approve", {"state": "PREPARED"}, columns=ARITHMETIC, count=True),
        View(
            "people",
            "By people",
            {"state": "PREPARED", "by_person": "true"},
            columns=ARITHMETIC,
            count=True,
        ),
        View("approved", "Approved", {"state": "APPROVED"}),
        View("rejected", "Rejected", {"state": ["REJECTED", "SUPERSEDED"]}),
        View("all", "All"),
    )
    actions = (APPROVE, REJECT)
    empty = Empty(
        "Nothing to approve",
        "When the marketplace's tax and the ERP's differ by pennies that a tolerance allows, the "
        "adjustment appears here, prepared by the system.",
        "percent",
        "reconciliation:discrepancies",
        "Look at the differences",
    )
    panel_template = "reconciliation/_adjustment_panel.html"
    above_template = "reconciliation/_adjustments_above.html"
    preview_template = "reconciliation/_journal_preview.html"

    def rows(self, request: HttpRequest) -> QuerySet[TaxAdjustment]:
        return books.adjustments()

    def found(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        return books.found_by_order(rows, text, "invoice", "document__icontains")

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        today = calendar.company_day(timezone.now())
        groups = [
            {
                **group,
                "words": Discrepancy.Cause(group["cause"]).label if group["cause"] else "no cause",
                "amount": from_minor(group["difference"], group["currency"]),
                "url": self._group_url(group),
                "shown": self._shows(request, group),
            }
            for group in books.to_approve_by_day(most=GROUPS + 1)
        ]
        return {
            "accounts": clearing.explain(on=today),
            "currency": settings.COMPANY_CURRENCY,
            "groups": groups[:GROUPS],
            "more": len(groups) > GROUPS,
        }

    def _group_url(self, group: dict[str, Any]) -> str:
        """Those of one day and cause: to be selected and approved together."""
        day = group["day"].isoformat()
        asked = {"view": "prepared", "state": TaxAdjustment.State.PREPARED}
        asked |= {"day_after": day, "day_before": day, "cause": group["cause"]}
        return f"{self.url()}?{urlencode({name: value for name, value in asked.items() if value})}"

    def _shows(self, request: HttpRequest, group: dict[str, Any]) -> bool:
        day = group["day"].isoformat()
        asked = request.GET
        return (asked.get("day_after"), asked.get("day_before"), asked.getlist("cause")) == (
            day, day, [group["cause"]],
        )  # fmt: skip

    def row_title(self, row: Any) -> str:
        return books.subject(row)

    def row_badge(self, row: Any) -> Badge:
        return STATES[row.state]

    def weigh(self, request: HttpRequest, action: Action, rows: Sequence[Any]) -> str:
        if action is not REJECT:
            return ""
        currency = rows[0].currency if rows else ""
        sum_ = sum((from_minor(abs(row.amount_minor), row.currency) for row in rows), Decimal(0))
        return words.money_text(sum_, currency)

    def preview_context(
        self, request: HttpRequest, action: Action, rows: Sequence[Any]
    ) -> dict[str, Any] | None:
        """The journals as they would be posted: date, accounts, debits, credits, total."""
        if action is not APPROVE or not rows:
            return None
        shown = []
        locks = calendar.locks_now()
        for group in adjustments.grouped(rows):
            first = group[0]
            try:
                day: date | None = calendar.posting_day(first.day, locks=locks)
            except Refused:
                day = None
            lines = adjusting.journal_lines(
                adjustments.entries(group), first.clearing_account, first.currency
            )
            shown.append(
                {
                    "day": first.day,
                    "posting_date": day,
                    "currency": first.currency,
                    "lines": books.by_account(lines),
                    "total": journals.total(lines),
                    "many": len(group),
                }
            )
        mine = sum(row.prepared_by_id == request.user.pk for row in rows)
        return {"journals": shown[:12], "more": len(shown) - 12, "mine": mine}

    def panel_context(self, request: HttpRequest, row: TaxAdjustment) -> dict[str, Any]:
        return {
            "amount": from_minor(row.amount_minor, row.currency),
            "theirs": from_minor(row.theirs_minor, row.currency),
            "ours": from_minor(row.ours_minor, row.currency),
            "difference": from_minor(row.ours_minor - row.theirs_minor, row.currency),
            "lines": [
                {
                    **line,
                    "theirs": from_minor(line["theirs"], row.currency),
                    "ours": from_minor(line["ours"], row.currency),
                    "difference": from_minor(line["ours"] - line["theirs"], row.currency),
                }
                for line in row.lines
            ],
        }


ADJUSTMENTS = Adjustments()
