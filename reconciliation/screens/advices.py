# mypy: allow-subclassing-any
"""Advices: what sellers are told they will be paid, against what we expect and what was paid."""

from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from django.conf import settings
from django.db.models import QuerySet, Sum
from django.http import HttpRequest

from mapping.models import Seller
from mkterp.core.money import from_minor
from mkterp.core.screens import Action, Badge, Empty, ListScreen, View, words
from mkterp.core.screens.columns import Column, StateColumn
from mkterp.core.screens.filters import AnyOf
from reconciliation.domain.payout import Cause, Component
from reconciliation.screens.columns import DriftColumn, MinorColumn
from reconciliation.selectors import settlement
from reconciliation.services import booking
from sync.models import RemittanceAdvice

STAGES = {
    "DISPUTED": Badge("in dispute", "need"),
    "DIFFERS": Badge("paid otherwise", "broke"),
    "PAID": Badge("paid", "done"),
    "OWED": Badge("owed by seller", "wait"),
    "OPEN": Badge("to be paid", "wait"),
}
PAIRS = {
    0: Badge("equal", "done"),
    1: Badge("within tolerance", "done"),
    2: Badge("different", "need"),
    3: Badge("one too many", "broke"),
    None: Badge("unmatched", "need"),
}
SHOWN_PAIRS = 200
COMPONENTS: dict[str, str] = {
    Component.GOODS: "Goods", Component.DISCOUNT: "Discount",
    Component.DISCOUNT_FUNDED: "Discount, borne by us", Component.POSTAGE: "Postage",
    Component.GOODS_TAX: "Tax on goods, withheld",
    Component.POSTAGE_TAX: "Tax on postage, withheld",
    Component.COMMISSION: "Commission", Component.COMMISSION_POSTAGE: "Commission on postage",
    Component.COMMISSION_TAX: "Tax on commission", Component.REFUND: "Refunds",
    Component.CANCELLATION: "Cancellations", Component.COMMISSION_RETURNED: "Commission returned",
    Component.RECOVERED: "Recovered otherwise", Component.ONLY_REMITTANCE: "Settlement only",
    Component.ADJUSTMENT: "Adjustments", Component.CARRIED: "Carried forward",
}  # fmt: skip


class AdviceFilters(filters.FilterSet):
    stage = AnyOf(choices=[(code, badge.word) for code, badge in STAGES.items()], label="State")
    seller = filters.ModelChoiceFilter(queryset=Seller.objects.all(), empty_label="any")
    issued_date = filters.DateFromToRangeFilter(label="Issued")
    booked = filters.BooleanFilter(label="Booked in the ERP")

    class Meta:
        model = RemittanceAdvice
        fields = ["stage", "seller", "issued_date"]


class AdviceTable(tables.Table):
    advice = Column(verbose_name="Advice", narrow="sub", css="nw", empty_values=())
    seller = Column(verbose_name="Seller", narrow="lead", css="c-lead")
    issued_date = Column(verbose_name="Issued", narrow="sub", css="nw")
    expected = MinorColumn(verbose_name="Expected", narrow="hide", wide=True)
    remitted = MinorColumn(verbose_name="Remitted", narrow="hide", wide=True)
    total_minor = MinorColumn(verbose_name="Advised")
    paid = MinorColumn(verbose_name="Paid", narrow="hide")
    residue = DriftColumn(verbose_name="Residue", narrow="hide")
    state = StateColumn(STAGES, accessor="stage")

    def render_advice(self, record: RemittanceAdvice) -> str:
        return str(record)

    value_advice = render_advice

    def render_issued_date(self, value: Any) -> str:
        return f"{value.day} {value:%b %Y}"


BOOK = Action(
    "book",
    "Book as it stands",
    "reconciliation.book_settlemententry",
    booking.book_advice,
    one="advice",
    condition=lambda row: row.disputed and not row.booked and row.total_minor != 0,
    unmet="Only an advice in dispute that is not booked yet needs this.",
    done="{things} booked as they stand.",
    confirm="Book {things} in the ERP although something is in dispute? What is in dispute stays "
    "open on the seller's payable.",
    needs_reason=True,
    icon="send",
)


class Advices(ListScreen):
    room = "reconciliation"
    handbook = "data/settlement"
    name, noun = "advices", "advice"
    title, icon = "Settlement", "landmark"
    permission = "sync.view_remittanceadvice"
    table, filters = AdviceTable, AdviceFilters
    searches = True
    lead = "advice"
    orderings: ClassVar = {
        "issued_date": ("issued_date", "id"),
        "total_minor": ("total_minor", "id"),
        "residue": ("residue", "id"),
    }
    order = "-issued_date"
    views = (
        View("all", "All"),
        View("disputed", "In dispute", {"stage": "DISPUTED"}, count=True),
        View("differs", "Paid otherwise", {"stage": "DIFFERS"}, count=True),
        View("open", "To be paid", {"stage": ["OPEN", "OWED"]}, count=True),
        View("paid", "Paid", {"stage": "PAID"}),
    )
    actions = (BOOK,)
    empty = Empty(
        "No advices yet",
        "Marketplacer writes an advice for each payout to a seller. It is read within minutes and "
        "compared with what we reckon and what the bank paid.",
        "landmark",
        "reconciliation:bank-files",
        "Load a bank statement",
    )
    above_template = "reconciliation/_run.html"
    detail_template = "reconciliation/advice_detail.html"

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        return settlement.advices()

    def found(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        """Words are an advice's number, or parts of the seller's name or the payment reference."""
        for word in text.split():
            digits = word.upper().removeprefix("RA-")
            meant = rows.filter(seller__business_name__icontains=word)
            meant |= rows.filter(payment_reference__icontains=word)
            if digits.isascii() and digits.isdigit() and len(digits) <= 18:
                meant |= rows.filter(legacy_id=int(digits))
            rows = meant
        return rows

    def summary(self, request: HttpRequest, rows: QuerySet[Any]) -> str:
        if not rows.exists():
            return ""
        total = rows.order_by().aggregate(sum=Sum("total_minor"))["sum"] or 0
        currency = settings.COMPANY_CURRENCY
        return f"{words.money_text(from_minor(total, currency), currency)} advised"

    def row_badge(self, row: Any) -> Badge:
        return STAGES[row.stage]

    def row_class(self, row: Any) -> str:
        return "bad" if row.stage == "DIFFERS" else "hot" if row.stage == "DISPUTED" else ""

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        return {"run": settlement.last_run()}

    def detail_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        pairs = settlement.pairs_of(row)
        residues = list(settlement.residues_of(row))
        cash = list(row.payments.select_related("bank_line", "made_by").order_by("pk"))
        sums: dict[str, int] = {}
        for pair in pairs:
            if pair["expectation"] is not None and pair["state"] != 3:
                for name, amount in pair["expectation"].components.items():
                    sums[name] = sums.get(name, 0) + amount

        def major(minor: int) -> Any:
            return from_minor(minor, row.currency)

        return {
            "components": [
                {"name": COMPONENTS[name], "amount": major(sums[name])}
                for name in Component
                if sums.get(name)
            ],
            "expected": major(row.expected),
            "remitted": major(row.remitted),
            "advised": major(row.total_minor),
            "paid": major(row.paid),
            "lines_differ": major(row.total_minor - row.remitted),
            "pairs": [
                {
                    **pair,
                    "badge": PAIRS[pair["state"]],
                    "expected": major(pair["expected"]) if pair["expectation"] else None,
                    "remitted": major(pair["remittance"].amount_minor),
                    "commission": major(pair["remittance"].commission_minor),
                    "difference": major(pair["remittance"].amount_minor - pair["expected"]),
                }
                for pair in pairs[:SHOWN_PAIRS]
            ],
            "pair_count": len(pairs),
            "payments": [{"match": match, "amount": major(match.amount_minor)} for match in cash],
            "residue": major(row.residue),
            "residues": [
                {
                    "row": one,
                    "amount": major(one.amount_minor),
                    "cause": Cause(one.cause).words,
                    "component": COMPONENTS.get(one.component, ""),
                }
                for one in residues
            ],
            "free": [
                {"line": line, "amount": major(-line.amount_minor)}
                for line in settlement.free_lines(row)
            ]
            if row.stage in ("OPEN", "DIFFERS", "DISPUTED", "OWED")
            else [],
            "entries": settlement.entries().filter(advice=row),
            "may_match": request.user.has_perm("reconciliation.make_cashmatch"),
        }


ADVICES = Advices()
