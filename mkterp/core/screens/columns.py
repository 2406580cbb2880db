"""The columns our tables are made of. django-tables2 declares them; our template draws the cells.

`narrow` says where a cell goes when the row becomes two lines (390 px):

    lead                                figure
    sub · sub                            state

and "hide" leaves it out. `wide=True` leaves it out while the side panel takes the room.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import django_tables2 as tables
from django.utils.safestring import SafeString, mark_safe

from mkterp.core.screens import marks

Narrow = Literal["lead", "figure", "sub", "state", "hide"]


class Column(tables.Column):
    """A cell of text. `mono` for codes that are compared letter by letter."""

    empty = "\N{EN DASH}"

    def __init__(
        self,
        *,
        narrow: Narrow = "sub",
        wide: bool = False,
        mono: bool = False,
        css: str = "",
        **options: Any,
    ) -> None:
        head = " ".join(filter(None, [f"nar-{narrow}", css, "c-wide" if wide else ""]))
        attrs = options.pop("attrs", {})
        attrs.setdefault("td", {}).setdefault("class", f"{head} mono" if mono else head)
        attrs.setdefault("th", {}).setdefault("class", head)
        options.setdefault("default", self.empty)
        super().__init__(attrs=attrs, **options)


class LeadColumn(Column):
    """The cell that takes the room left over, and carries the link to the row.

    `sub` names the attribute shown after it in a quieter voice.
    """

    def __init__(self, *, sub: str = "", **options: Any) -> None:
        self.sub = sub
        options.setdefault("narrow", "lead")
        super().__init__(css="c-lead", **options)

    def render(self, value: Any, record: Any) -> SafeString:
        if not self.sub:
            return marks.strong(value)
        sub = tables.A(self.sub).resolve(record, quiet=True)
        return marks.strong(value, sub or "")

    def value(self, value: Any) -> Any:
        return value


class NumberColumn(Column):
    """A count or a quantity, right-aligned, grouped by thousands; zero is quiet."""

    big_first = True  # sorted from the top at the first click

    def __init__(self, **options: Any) -> None:
        super().__init__(css=f"n {options.pop('css', '')}".strip(), **options)

    def render(self, value: Any) -> SafeString:
        if isinstance(value, Decimal):
            value = value.normalize() if value % 1 else value.quantize(Decimal(1))
        return mark_safe(f'<span class="{"" if value else "mut"}">{value:,}</span>')

    def value(self, value: Any) -> Any:
        return value


class MoneyColumn(Column):
    """An amount in major units. `currency` is a code ("GBP") or the attribute that holds one."""

    big_first = True  # sorted from the top at the first click

    def __init__(self, *, currency: str = "currency", **options: Any) -> None:
        self.currency = currency
        options.setdefault("narrow", "figure")
        super().__init__(css="n", **options)

    def render(self, value: Decimal, record: Any) -> SafeString:
        code = self.currency
        if not (len(code) == 3 and code.isupper()):
            code = tables.A(code).resolve(record, quiet=True) or ""
        return marks.money(value, code)

    def value(self, value: Decimal) -> Decimal:
        return value


@dataclass(frozen=True)
class Badge:
    """One word and its meaning: wait, move, done, need or broke."""

    word: str
    meaning: marks.Meaning


class StateColumn(Column):
    """The state as a badge: code → Badge. A code nobody named shows as itself, in grey."""

    def __init__(self, badges: Mapping[Any, Badge], **options: Any) -> None:
        self.badges = badges
        options.setdefault("narrow", "state")
        options.setdefault("verbose_name", "State")
        super().__init__(**options)

    def render(self, value: Any, record: Any, bound_column: Any) -> SafeString:
        # The raw code, not the choice's label that tables2 would hand us.
        code = bound_column.accessor.resolve(record)
        badge = self.badges.get(code, Badge(str(value), "wait"))
        return marks.badge(badge.word, badge.meaning)

    def value(self, record: Any, bound_column: Any) -> str:
        code = bound_column.accessor.resolve(record)
        badge = self.badges.get(code)
        return badge.word if badge else str(code)


class AgeColumn(Column):
    """How long ago: "3 h", the exact local time and UTC in its title."""

    big_first = True  # sorted from the top at the first click

    def __init__(self, **options: Any) -> None:
        super().__init__(css="n sub-ink", **options)

    def render(self, value: datetime) -> SafeString:
        return marks.age(value)

    def value(self, value: datetime) -> datetime:
        return value


class TimeColumn(Column):
    """The local time, UTC in its title."""

    big_first = True  # sorted from the top at the first click

    def __init__(self, **options: Any) -> None:
        super().__init__(css=f"sub-ink {options.pop('css', '')}".strip(), **options)

    def render(self, value: datetime) -> SafeString:
        return marks.moment(value)

    def value(self, value: datetime) -> datetime:
        return value
