"""Marketplacer's settlement JSON as our values; the part of `parse` that knows these fields."""

from collections.abc import Mapping
from typing import Any

from sync.domain.settlement import (
    AdviceValue,
    AmendmentLineValue,
    AmendmentValue,
    InvoiceMoneyValue,
    RefundLineValue,
    RefundValue,
    RemittanceValue,
)
from sync.marketplacer.parse import (
    Unreadable,
    _id,
    _integer,
    _list,
    _maybe_integer,
    _maybe_time,
    _object,
    _text,
    _time,
)

# What an amount in words begins with; the API names no currency elsewhere.
SIGNS = {"GBP": "£", "EUR": "€", "USD": "$", "AUD": "$", "NZD": "$", "CAD": "$", "JPY": "¥"}


def invoice_money(node: Any) -> InvoiceMoneyValue:
    """An invoice's refunds and amendments. Raises Unreadable, and nothing else."""
    data = _object(node, "invoice")
    return InvoiceMoneyValue(
        invoice_id=_id(data, "id"),
        cancelled="CANCELLED" in _list(data, "statusFlags"),
        refunds=tuple(_refund(row) for row in _list(data, "refundRequests")),
        amendments=tuple(_amendment(row) for row in _list(data, "amendments")),
    )


def _refund(node: Any) -> RefundValue:
    data = _object(node, "refundRequests")
    return RefundValue(
        marketplacer_id=_id(data, "id"),
        legacy_id=_integer(data, "legacyId"),
        status=_text(data, "status"),
        requested_at=_time(data, "createdAt"),
        cash_minor=_maybe_integer(data, "cashAmountCents"),
        recovered_minor=_maybe_integer(data, "recoveredAmountCents"),
        lines=tuple(_refund_line(row) for row in _list(data, "lineItems")),
    )


def _refund_line(node: Any) -> RefundLineValue:
    data = _object(node, "refundRequests.lineItems")
    return RefundLineValue(
        line_id=_line_id(data),
        custom=_text(data, "custom"),
        quantity=_maybe_integer(data, "quantity") or 1,
        amount_minor=_integer(data, "amountCents"),
        commission_minor=_maybe_integer(data, "commissionAmountCents") or 0,
        reason=_text(data, "reason"),
        status=_text(data, "status"),
    )


def _amendment(node: Any) -> AmendmentValue:
    data = _object(node, "amendments")
    return AmendmentValue(
        marketplacer_id=_id(data, "id"),
        legacy_id=_integer(data, "legacyId"),
        created_at=_time(data, "createdAt"),
        commission_minor=_maybe_integer(data, "commissionAmountTotalCents") or 0,
        commission_tax_minor=_maybe_integer(data, "commissionTaxTotalCents") or 0,
        lines=tuple(_amendment_line(row) for row in _list(data, "lineItems")),
    )


def _amendment_line(node: Any) -> AmendmentLineValue:
    data = _object(node, "amendments.lineItems")
    line = _object(data.get("lineItem") or {}, "lineItem")
    return AmendmentLineValue(
        line_id=_line_id(data),
        custom=_text(data, "custom"),
        quantity=_maybe_integer(line, "quantity") or 1,
        each_minor=_integer(data, "amountCents"),
        commission_minor=_maybe_integer(data, "commissionAmountCents") or 0,
        dispatched=data.get("dispatched") if isinstance(data.get("dispatched"), bool) else None,
    )


def _line_id(data: Mapping[str, Any]) -> str:
    return _text(_object(data.get("lineItem") or {}, "lineItem"), "id")


def remittance(node: Any, currency: str) -> RemittanceValue:
    """A Remittance. Raises Unreadable, also for an amount in another currency than ours."""
    data = _object(node, "remittance")
    _same_currency(data, "amountFormatted", currency)
    origins = [
        _text(_object(data.get(name) or {}, name), "id") for name in ("invoiceAmendment", "invoice")
    ]
    return RemittanceValue(
        marketplacer_id=_id(data, "id"),
        origin=next((origin for origin in origins if origin), ""),
        seller_id=_text(_object(data.get("seller") or {}, "seller"), "id"),
        amount_minor=_integer(data, "amountCents"),
        commission_minor=_maybe_integer(data, "commissionAmountCents") or 0,
        released=data.get("released") is True,
        pending_reasons=tuple(str(reason)[:200] for reason in _list(data, "pendingReasons")),
        created_at=_time(data, "createdAt"),
    )


def advice(node: Any, currency: str) -> AdviceValue:
    """A RemittanceAdvice with its remittances. Raises Unreadable as `remittance` does."""
    data = _object(node, "remittanceAdvice")
    _same_currency(data, "totalFormatted", currency)
    return AdviceValue(
        marketplacer_id=_id(data, "id"),
        legacy_id=_integer(data, "legacyId"),
        seller_id=_text(_object(data.get("seller") or {}, "seller"), "id"),
        total_minor=_integer(data, "totalCents"),
        commission_minor=_maybe_integer(data, "commissionAmountTotalCents"),
        created_at=_time(data, "createdAt"),
        paid_at=_maybe_time(data, "paidAt"),
        paid_minor=_maybe_integer(data, "totalPaidCents"),
        payment_reference=_text(data, "paymentReference"),
        remittances=tuple(remittance(row, currency) for row in _list(data, "remittances")),
    )


def _same_currency(data: Mapping[str, Any], name: str, currency: str) -> None:
    words = _text(data, name).lstrip("-")
    sign = SIGNS.get(currency)
    if sign and words[:1] in SIGNS.values() and words[:1] != sign:
        raise Unreadable(f"{name} is {words}, not in {currency}")
