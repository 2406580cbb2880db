"""Adjustments, journals, differences and days as the screens and the evidence show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    Min,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.fields.json import KeyTextTransform

from reconciliation.models import (
    CompletenessStatement,
    Discrepancy,
    DocumentMatch,
    Journal,
    JournalLine,
    TaxAdjustment,
)
from sync.domain.documents import JournalLine as EntryLine
from sync.models import LedgerDocument, OutboxMessage


def adjustments() -> QuerySet[TaxAdjustment]:
    return (
        TaxAdjustment.objects.select_related(
            "invoice", "seller", "prepared_by", "decided_by", "journal"
        )
        .annotate(difference_minor=F("ours_minor") - F("theirs_minor"))
        .order_by("-day", "-pk")
    )


def to_approve_by_day(*, most: int) -> list[dict[str, Any]]:
    """What waits for approval by day and cause, the newest days first: `many`, and `difference`,
    the ERP's figures less the marketplace's in minor units of `currency`."""
    waiting = to_approve().order_by()
    groups = waiting.values("day", "cause", "currency").annotate(
        many=Count("pk"), difference=Sum("ours_minor") - Sum("theirs_minor")
    )
    rows: Any = groups.order_by("-day", "cause", "currency")[:most]
    return [{**row, "difference": int(row["difference"])} for row in rows]


def subject(row: TaxAdjustment) -> str:
    """What an adjustment is about, for people: the order, or what is written off."""
    if row.invoice is not None:
        return row.invoice.number
    return f"{row.get_kind_display().capitalize()} {row}"


def found_by_order(rows: QuerySet[Any], text: str, path: str, *fields: str) -> QuerySet[Any]:
    """Rows whose order has that number, or where one of the fields holds the word."""
    for word in text.split():
        digits = word.upper().removeprefix("INV-").removeprefix("#")
        meant = rows.none()
        if digits.isascii() and digits.isdigit() and len(digits) <= 18:
            meant = rows.filter(**{f"{path}__legacy_id": int(digits)})
        for field in (f"{path}__seller__business_name__icontains", *fields):
            meant = meant | rows.filter(**{field: word})
        rows = meant
    return rows


def by_account(lines: Sequence[EntryLine]) -> list[dict[str, Any]]:
    """A journal's lines in one row for each account: debits and credits."""
    sums: dict[tuple[str, str], list[Any]] = {}
    for line in lines:
        entry = sums.setdefault((line.account, line.party), [Decimal(), Decimal(), 0])
        entry[0] += line.debit
        entry[1] += line.credit
        entry[2] += 1
    return [
        {"account": account, "party": party, "debit": debit, "credit": credit, "many": many}
        for (account, party), (debit, credit, many) in sums.items()
    ]


def journals() -> QuerySet[Any]:
    """Journals with `stage` (read from their delivery, never stored), total and ERP number."""
    state = OutboxMessage.State
    total = (
        JournalLine.objects.filter(journal=OuterRef("pk"))
        .order_by()
        .values("journal")
        .annotate(sum=Sum("debit"))
        .values("sum")
    )
    return (
        Journal.objects.select_related("approved_by", "posting", "reverses")
        .annotate(
            total=Subquery(total),
            erp_number=KeyTextTransform("number", "posting__answer"),
            stage=Case(
                When(reversed_by__posting__state=state.DELIVERED, then=Value("TAKEN_BACK")),
                When(posting__state=state.FAILED, then=Value("REFUSED")),
                When(posting__state=state.DELIVERED, then=Value("POSTED")),
                default=Value("MOVING"),
                output_field=CharField(),
            ),
        )
        .order_by("-pk")
    )


def discrepancies() -> QuerySet[Any]:
    """Differences with `standing`: beyond, allowed or cleared."""
    document = LedgerDocument.objects.filter(invoice=OuterRef("invoice"), kind="invoice").order_by(
        "-pk"
    )
    return (
        Discrepancy.objects.select_related("invoice", "invoice__match", "seller", "case")
        .annotate(
            document=Subquery(document.values("number")[:1]),
            standing=Case(
                When(cleared_at__isnull=False, then=Value("CLEARED")),
                When(allowed=True, then=Value("ALLOWED")),
                default=Value("BEYOND"),
                output_field=CharField(),
            ),
        )
        .order_by("-day", "-pk")
    )


def completeness() -> QuerySet[CompletenessStatement]:
    return CompletenessStatement.objects.select_related("seller").order_by("-day", "-pk")


@dataclass(frozen=True)
class Proof:
    """What both sides said of one day, when they were last asked about it."""

    asked_at: datetime
    orders: int  # all that either side knows, but for those from before go-live
    gaps: int  # of these, unaccounted for


def proofs(*, since: date) -> dict[date, Proof]:
    """The days that both sides were asked about after they were over. One query."""
    days = (
        CompletenessStatement.objects.filter(day__gte=since)
        .order_by("day")
        .values_list("day")
        .annotate(asked=Min("asked_at"), known=Sum("orders") - Sum("historic"), lost=Sum("gaps"))
    )
    zone = settings.COMPANY_TIME_ZONE
    return {
        day: Proof(asked, orders, gaps)
        for day, asked, orders, gaps in days
        if asked.astimezone(zone).date() > day
    }


def to_approve() -> QuerySet[TaxAdjustment]:
    """The adjustments that wait for a decision."""
    return TaxAdjustment.objects.filter(state=TaxAdjustment.State.PREPARED)


def beyond_count() -> int:
    """How many orders differ from their documents beyond tolerance."""
    return DocumentMatch.objects.filter(state=DocumentMatch.State.BEYOND).count()
