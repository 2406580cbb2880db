"""The settlement mirrors, and the invoices behind them as they were sold."""

from collections.abc import Iterable

from django.db.models import QuerySet

from sync.domain.marketplace import InvoiceValue
from sync.marketplacer import parse
from sync.models import Amendment, Invoice, Refund, Remittance, RemittanceAdvice


def sold(pks: Iterable[int]) -> dict[int, InvoiceValue]:
    """These invoices as Marketplacer last told them, by our key: prices, tax and commission."""
    rows = Invoice.objects.filter(pk__in=pks).order_by("pk")
    return {pk: parse.invoice(body) for pk, body in rows.values_list("pk", "source__body")}


def advices() -> QuerySet[RemittanceAdvice]:
    return RemittanceAdvice.objects.select_related("seller").order_by("-issued_date", "-pk")


def remittances() -> QuerySet[Remittance]:
    return Remittance.objects.select_related("seller").order_by("-pk")


def refunds() -> QuerySet[Refund]:
    return Refund.objects.select_related("invoice").order_by("-pk")


def amendments() -> QuerySet[Amendment]:
    return Amendment.objects.select_related("invoice", "refund").order_by("-pk")
