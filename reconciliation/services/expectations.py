"""Reckon what sellers should be paid, for each sale and each amendment that is new or changed."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Concat

from reconciliation.domain import payout
from reconciliation.domain.payout import Reckoning, SaleLine, Terms
from reconciliation.models import Expectation
from sync import selectors
from sync.domain.marketplace import InvoiceValue
from sync.models import Amendment, Invoice

CHUNK = 500
_FIELDS = [
    "kind", "invoice", "amendment", "seller", "treatment", "currency", "due_date", "amount_minor",
    "commission_minor", "components", "version", "touched_at",
]  # fmt: skip


def terms() -> Terms:
    """Marketplacer's finance settings, as this installation declares them."""
    declared: dict[str, Any] = settings.PAYOUT_TERMS
    return Terms(**declared)


def sale_lines(invoice: InvoiceValue) -> list[SaleLine]:
    """An invoice's lines as the payout reckons with them."""
    return [
        SaleLine(
            subtotal=line.total_minor - line.discount_minor,
            discount=line.discount_minor,
            tax=line.tax_minor,
            postage=line.postage_minor,
            postage_tax=line.postage_tax_minor,
            commission=line.commission_minor,
            commission_tax=line.commission_tax_minor,
        )
        for line in invoice.lines
    ]


def refresh(*, at: datetime) -> int:
    """Reckon every paid invoice and amendment that changed; returns how many payouts changed.

    Worked in pieces, each its own transaction; a second run changes nothing.
    """
    changed = 0
    for pks in _chunks(_stale_sales()):
        changed += _sales(pks, at)
    for pks in _chunks(_stale_amendments()):
        changed += _amendments(pks, at)
    return changed


def _stale_sales() -> list[int]:
    held = Expectation.objects.filter(origin=OuterRef("marketplacer_id")).values("version")[:1]
    rows = Invoice.objects.filter(paid_at__isnull=False).annotate(
        held=Coalesce(Subquery(held), Value("")), now=_version_of_invoice()
    )
    return list(rows.exclude(held=F("now")).order_by("pk").values_list("pk", flat=True))


def _version_of_invoice() -> Concat:
    seller: Any = Coalesce(F("seller_id"), Value(0))
    return Concat(
        F("content_hash"), Value(":"), F("treatment"), Value(":"), seller,
        output_field=Expectation._meta.get_field("version"),
    )  # fmt: skip


def _stale_amendments() -> list[int]:
    held = Expectation.objects.filter(origin=OuterRef("marketplacer_id"))
    rows = Amendment.objects.filter(invoice__paid_at__isnull=False).annotate(
        reckoned=Subquery(held.values("touched_at")[:1]),
        sold=Subquery(
            Expectation.objects.filter(origin=OuterRef("invoice__marketplacer_id")).values(
                "touched_at"
            )[:1]
        ),
    )
    stale = Q(reckoned=None) | Q(touched_at__gt=F("reckoned")) | Q(sold__gt=F("reckoned"))
    return list(rows.filter(stale).order_by("pk").values_list("pk", flat=True))


def _chunks(pks: Sequence[int]) -> Iterable[Sequence[int]]:
    for start in range(0, len(pks), CHUNK):
        yield pks[start : start + CHUNK]


@transaction.atomic
def _sales(pks: Sequence[int], at: datetime) -> int:
    values = selectors.sold(pks)
    rows = [
        _row(
            invoice.marketplacer_id,
            Expectation.Kind.SALE,
            invoice,
            None,
            _day(invoice.paid_at or invoice.placed_at),
            payout.sale(sale_lines(values[invoice.pk]), terms()),
            f"{invoice.content_hash}:{invoice.treatment}:{invoice.seller_id or 0}",
            at,
        )
        for invoice in Invoice.objects.filter(pk__in=pks).order_by("pk")
    ]
    return _save(rows)


@transaction.atomic
def _amendments(pks: Sequence[int], at: datetime) -> int:
    found = list(
        Amendment.objects.filter(pk__in=pks).select_related("invoice", "refund").order_by("pk")
    )
    values = selectors.sold({row.invoice_id for row in found})
    rows = [
        _row(
            row.marketplacer_id,
            Expectation.Kind(row.kind),
            row.invoice,
            row,
            row.completed_date,
            reckon_amendment(row, values[row.invoice_id]),
            f"{row.touched_at.isoformat()}:{row.invoice.content_hash}",
            at,
        )
        for row in found
    ]
    return _save(rows)


def reckon_amendment(row: Amendment, invoice: InvoiceValue) -> Reckoning:
    """The payout of one amendment, by why it was made."""
    if row.kind == Amendment.Kind.CANCELLATION:
        return payout.cancellation(payout.sale(sale_lines(invoice), terms()), row.commission_minor)
    if row.refund is not None:
        return payout.refund(
            amount=row.refund.amount_minor,
            cash=row.refund.cash_minor,
            commission=row.commission_minor,
            recovered=row.refund.recovered_minor,
        )
    refunded = "REFUNDED" in invoice.status_flags or "CANCELLED" in invoice.status_flags
    return payout.amendment(
        gross=row.gross_minor, commission=row.commission_minor, buyer_paid=refunded
    )


def reckoned(expectation: Expectation) -> Reckoning:
    """A stored payout as the domain knows it."""
    parts = {payout.Component(name): cents for name, cents in expectation.components.items()}
    return Reckoning(parts, expectation.commission_minor)


def _row(
    origin: str,
    kind: Expectation.Kind,
    invoice: Invoice,
    amendment: Amendment | None,
    due: date,
    reckoning: Reckoning,
    version: str,
    at: datetime,
) -> Expectation:
    return Expectation(
        origin=origin,
        kind=kind,
        invoice=invoice,
        amendment=amendment,
        seller_id=invoice.seller_id,
        treatment=invoice.treatment,
        currency=invoice.currency,
        due_date=due,
        amount_minor=reckoning.amount,
        commission_minor=reckoning.commission,
        components={name.value: cents for name, cents in reckoning.components.items()},
        version=version[:200],
        touched_at=at,
    )


def _save(rows: Sequence[Expectation]) -> int:
    Expectation.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["origin"], update_fields=_FIELDS
    )
    return len(rows)


def _day(moment: datetime) -> date:
    return moment.astimezone(settings.COMPANY_TIME_ZONE).date()
