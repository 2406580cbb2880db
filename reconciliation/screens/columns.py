# mypy: allow-subclassing-any
"""Cells of this room: money that is kept in whole minor units."""

from decimal import Decimal
from typing import Any

from django.utils.safestring import SafeString

from mkterp.core.money import from_minor
from mkterp.core.screens import marks
from mkterp.core.screens.columns import MoneyColumn


class MinorColumn(MoneyColumn):
    """An amount in whole minor units of the row's currency."""

    def render(self, value: Any, record: Any) -> SafeString:
        return marks.money(from_minor(value, record.currency), record.currency)

    def value(self, value: Any, record: Any) -> Decimal:  # type: ignore[override]
        amount: Decimal = from_minor(value, record.currency)
        return amount


class DriftColumn(MinorColumn):
    """A difference: sign, colour and word; nothing at all reads as equal."""

    def render(self, value: Any, record: Any) -> SafeString:
        return marks.difference(from_minor(value, record.currency), record.currency)
