"""The API of this room: tax adjustments, read only. They are approved by people, on the screen."""

from datetime import date, datetime
from typing import Annotated, Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema
from pydantic import WithJsonSchema

from mkterp.core.api import Page, needs, page, problems
from mkterp.core.api.operations import After, Key, Limit, Text
from reconciliation.models import TaxAdjustment
from reconciliation.selectors import books

router = Router(tags=["adjustments"])
AdjustmentState = Annotated[
    TaxAdjustment.State, WithJsonSchema({"type": "string", "enum": TaxAdjustment.State.values})
]


class AdjustmentOut(Schema):
    """Minor units (pence) that make the ERP's figure the marketplace's, and by whose word."""

    id: int
    state: AdjustmentState
    kind: str
    cause: str = Field(description="why the figures differ; empty where it is not one of ours")
    rule: str = Field(description="by which it may be booked, with its numbers")
    day: date = Field(description="of the documents it adjusts")
    order: int | None = Field(description="id of the order")
    order_number: str = Field(description="empty when it is not about one order")
    document: str = Field(description="the ERP's number of the document")
    currency: str
    amount_minor: int = Field(description="positive is a debit on `account`")
    theirs_minor: int = Field(description="the marketplace's figure")
    ours_minor: int = Field(description="the ERP's")
    account: str
    clearing_account: str
    prepared_by: str = Field(description="empty: the system")
    prepared_at: datetime
    decided_by: str = Field(description="who approved or rejected it; empty: nobody yet")
    decided_at: datetime | None
    decided_why: str
    journal: str = Field(description="our number of the journal that books it; empty: none yet")
    journal_erp_number: str = Field(description="the ERP's; empty until the ERP accepted it")


def _rows() -> QuerySet[TaxAdjustment]:
    rows = books.adjustments().select_related("journal__posting")
    return rows.defer("journal__posting__payload", "lines")


def _drawn(row: TaxAdjustment) -> AdjustmentOut:
    posting = row.journal.posting if row.journal else None
    return AdjustmentOut(
        id=row.pk,
        state=TaxAdjustment.State(row.state),
        kind=row.kind,
        cause=row.cause,
        rule=row.rule,
        day=row.day,
        order=row.invoice_id,
        order_number=row.invoice.number if row.invoice else "",
        document=row.document,
        currency=row.currency,
        amount_minor=row.amount_minor,
        theirs_minor=row.theirs_minor,
        ours_minor=row.ours_minor,
        account=row.account,
        clearing_account=row.clearing_account,
        prepared_by=row.prepared_by.username if row.prepared_by else "",
        prepared_at=row.prepared_at,
        decided_by=row.decided_by.username if row.decided_by else "",
        decided_at=row.decided_at,
        decided_why=row.decided_why,
        journal=str(row.journal) if row.journal else "",
        journal_erp_number=str((posting.answer or {}).get("number") or "") if posting else "",
    )


@router.get(
    "adjustments",
    response={200: Page[AdjustmentOut], **problems},
    operation_id="list_adjustments",
)
@needs("reconciliation.view_taxadjustment")
def list_adjustments(
    request: HttpRequest,
    after: After,
    limit: Limit,
    state: Annotated[AdjustmentState, Query(None)],
    first_day: Annotated[date, Query(None)],
    last_day: Annotated[date, Query(None)],
    order_number: Text = "",
) -> Any:
    """Tax adjustments, newest day first; those in one state, of some days, or of one order."""
    rows = _rows()
    if state is not None:
        rows = rows.filter(state=state)
    if first_day is not None:
        rows = rows.filter(day__gte=first_day)
    if last_day is not None:
        rows = rows.filter(day__lte=last_day)
    if order_number:
        rows = books.found_by_order(rows, order_number, "invoice")
    return page(rows, ("-day", "-id"), after, limit, _drawn)


@router.get(
    "adjustments/{key}",
    response={200: AdjustmentOut, **problems},
    operation_id="adjustment",
)
@needs("reconciliation.view_taxadjustment")
def adjustment(request: HttpRequest, key: Key) -> Any:
    """One tax adjustment by its id."""
    return _drawn(get_object_or_404(_rows(), pk=key))
