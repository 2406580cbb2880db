# mypy: allow-subclassing-any
"""Files of bank and gateway, and their lines with what each was matched to."""

from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest

from mkterp.core.screens import Badge, Empty, ListScreen, View
from mkterp.core.screens.columns import Column, LeadColumn, NumberColumn, StateColumn, TimeColumn
from mkterp.core.screens.filters import AnyOf
from reconciliation.models import BankFile, BankLine, GatewayLine
from reconciliation.screens.columns import MinorColumn
from reconciliation.selectors import settlement

LINES = {
    "MATCHED": Badge("matched", "done"),
    "GATEWAY": Badge("gateway payout", "done"),
    "DIFFERS": Badge("differs", "broke"),
    "FREE": Badge("unmatched", "wait"),
}
MONEY = {
    "BOOKED": Badge("booked", "done"),
    "UNKNOWN": Badge("unknown order", "need"),
    "WAITING": Badge("waiting", "wait"),
}


class BankFiles(ListScreen):
    room = "reconciliation"
    handbook = "data/settlement"
    name, noun = "bank-files", "bank file"
    title, icon = "Bank and gateway files", "file-text"
    permission = "reconciliation.view_bankfile"
    search_fields = ("name__icontains", "account__icontains")
    orderings: ClassVar = {"taken_at": ("id",), "lines_new": ("lines_new", "id")}
    order = "-taken_at"
    above_template = "reconciliation/_load.html"
    empty = Empty(
        "No file has been loaded",
        "A statement of the bank (CSV or CAMT.053) shows which advices were paid; the gateway's "
        "file (CSV) clears what customers owe, order by order.",
        "file-text",
        "reconciliation:bank-load",
        "Load a file",
    )

    class table(tables.Table):
        name = LeadColumn(verbose_name="File", sub="account")
        kind = Column(narrow="sub")
        lines_read = NumberColumn(verbose_name="Lines", narrow="hide")
        lines_new = NumberColumn(verbose_name="New", narrow="figure")
        taken_by = Column(verbose_name="Loaded by", narrow="hide", wide=True)
        taken_at = TimeColumn(verbose_name="Loaded", narrow="sub")

    def rows(self, request: HttpRequest) -> QuerySet[BankFile]:
        return settlement.bank_files()


class BankLineFilters(filters.FilterSet):
    stage = AnyOf(choices=[(code, badge.word) for code, badge in LINES.items()], label="State")
    booked_date = filters.DateFromToRangeFilter(label="Booked")
    account = filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = BankLine
        fields = ["stage", "booked_date", "account"]


class BankLineTable(tables.Table):
    reference = Column(narrow="lead", css="c-lead", empty_values=())
    counterparty = Column(narrow="sub")
    booked_date = Column(verbose_name="Booked", narrow="sub", css="nw")
    account = Column(narrow="hide", wide=True, mono=True)
    amount_minor = MinorColumn(verbose_name="Amount")
    matched = MinorColumn(verbose_name="Matched", narrow="hide", wide=True)
    state = StateColumn(LINES, accessor="stage")

    def render_reference(self, record: BankLine) -> str:
        return str(record)

    value_reference = render_reference

    def render_booked_date(self, value: Any) -> str:
        return f"{value.day} {value:%b %Y}"


class BankLines(ListScreen):
    room = "reconciliation"
    handbook = "data/settlement"
    name, noun = "bank-lines", "bank line"
    title, icon = "Bank lines", "list"
    permission = "reconciliation.view_bankline"
    table, filters = BankLineTable, BankLineFilters
    above_template = "reconciliation/_bank_above.html"
    search_fields = ("reference__icontains", "counterparty__icontains", "text__icontains")
    lead = "reference"
    orderings: ClassVar = {
        "booked_date": ("booked_date", "id"),
        "amount_minor": ("amount_minor", "id"),
    }
    order = "-booked_date"
    views = (
        View("all", "All"),
        View("free", "Unmatched", {"stage": "FREE"}, count=True),
        View("differs", "Differ", {"stage": "DIFFERS"}, count=True),
        View("matched", "Matched", {"stage": ["MATCHED", "GATEWAY"]}),
    )
    empty = BankFiles.empty
    panel_template = "reconciliation/_bank_line_panel.html"

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        return settlement.bank_lines()

    def row_badge(self, row: Any) -> Badge:
        return LINES[row.stage]

    def panel_context(self, request: HttpRequest, row: BankLine) -> dict[str, Any]:
        return {"matches": list(row.pays.select_related("advice__seller", "made_by"))}


class GatewayFilters(filters.FilterSet):
    stage = AnyOf(choices=[(code, badge.word) for code, badge in MONEY.items()], label="State")
    kind = filters.ChoiceFilter(choices=GatewayLine.Kind.choices, empty_label="any")
    day = filters.DateFromToRangeFilter(label="Day")
    payout = filters.CharFilter(lookup_expr="exact")

    class Meta:
        model = GatewayLine
        fields = ["stage", "kind", "day", "payout"]


class GatewayTable(tables.Table):
    identity = Column(verbose_name="Transaction", narrow="lead", mono=True)
    kind = Column(narrow="sub")
    invoice = Column(verbose_name="Order", narrow="sub", css="nw")
    payout = Column(narrow="hide", wide=True)
    day = Column(verbose_name="Day", narrow="hide", css="nw")
    amount_minor = MinorColumn(verbose_name="Amount")
    fee_minor = MinorColumn(verbose_name="Fee", narrow="hide")
    state = StateColumn(MONEY, accessor="stage")

    def render_day(self, value: Any) -> str:
        return f"{value.day} {value:%b %Y}"


class GatewayLines(ListScreen):
    room = "reconciliation"
    handbook = "data/settlement"
    name, noun = "gateway-lines", "gateway line"
    title, icon = "Customers' money", "shopping-bag"
    permission = "reconciliation.view_gatewayline"
    table, filters = GatewayTable, GatewayFilters
    above_template = "reconciliation/_bank_above.html"
    search_fields = ("identity__icontains", "payout__iexact", "invoice_number__iexact")
    lead = "identity"
    orderings: ClassVar = {"day": ("day", "id"), "amount_minor": ("amount_minor", "id")}
    order = "-day"
    views = (
        View("all", "All"),
        View("unknown", "Unknown order", {"stage": "UNKNOWN"}, count=True),
        View("waiting", "Waiting", {"stage": "WAITING"}, count=True),
        View("booked", "Booked", {"stage": "BOOKED"}),
    )
    empty = BankFiles.empty

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        return settlement.gateway_lines()


BANK_FILES, BANK_LINES, GATEWAY_LINES = BankFiles(), BankLines(), GatewayLines()
