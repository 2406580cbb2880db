"""Pages by key: the next page starts after the last row of this one, however deep it lies.

An ordering is a tuple of field names whose last is unique: ("-placed_at", "-id"). A cursor holds
the values of one row in that ordering; it travels in the URL, is read with the fields' own parsers
and is dropped when it does not fit (a changed or mutilated link shows the first page).
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import BooleanField, F, Field, Func, Model, Q, QuerySet, Value
from django.utils import timezone

Ordering = tuple[str, ...]

LONGEST_CURSOR = 2000


class BadCursor(Exception):
    """The text is not a cursor of this ordering."""


@dataclass(frozen=True)
class Page:
    """The rows of one page, and the cursors to its neighbours ("" when there is none)."""

    rows: list[Any]
    next: str = ""
    previous: str = ""


def reverse(ordering: Ordering) -> Ordering:
    """The same ordering from the other end."""
    return tuple(name[1:] if name.startswith("-") else f"-{name}" for name in ordering)


def fetch(
    queryset: QuerySet[Any], ordering: Ordering, size: int, *, after: str = "", before: str = ""
) -> Page:
    """One page of the query set in this ordering. One query, two at the very ends.

    A cursor that does not fit, and a page that has become empty, give the first page.
    """
    try:
        if after:
            rows = _slice(queryset, ordering, _decode(queryset, ordering, after), size)
            if rows:
                return _page(rows, ordering, size, has_previous=True)
        elif before:
            backwards = reverse(ordering)
            rows = _slice(queryset, backwards, _decode(queryset, ordering, before), size)
            # Fewer than a page lie before: show the full first page rather than a stub.
            if len(rows) > size:
                return Page(
                    rows=rows[:size][::-1],
                    next=encode(rows[0], ordering),
                    previous=encode(rows[size - 1], ordering),
                )
    except BadCursor:
        pass
    return _page(list(queryset.order_by(*ordering)[: size + 1]), ordering, size)


def fits(queryset: QuerySet[Any], ordering: Ordering, cursor: str) -> bool:
    """Whether the text is a cursor of this ordering."""
    try:
        _decode(queryset, ordering, cursor)
    except BadCursor:
        return False
    return True


def _page(rows: list[Any], ordering: Ordering, size: int, *, has_previous: bool = False) -> Page:
    shown = rows[:size]
    return Page(
        rows=shown,
        next=encode(shown[-1], ordering) if len(rows) > size else "",
        previous=encode(shown[0], ordering) if has_previous and shown else "",
    )


def _slice(
    queryset: QuerySet[Any], ordering: Ordering, values: Sequence[Any], size: int
) -> list[Any]:
    found = queryset.filter(beyond(queryset, ordering, values)).order_by(*ordering)
    if any(_field(queryset, name.lstrip("-")).remote_field for name in ordering):
        # The key that orders also joins: PostgreSQL would merge both tables from their beginning.
        keys = found.values("pk")[: size + 1]
        return list(queryset.filter(pk__in=keys).order_by(*ordering))
    return list(found[: size + 1])


def beyond(queryset: QuerySet[Any], ordering: Ordering, values: Sequence[Any]) -> Q:
    """The rows that come after these values. PostgreSQL puts NULL last, and first when reversed."""
    fields = [_field(queryset, name.lstrip("-")) for name in ordering]
    known = None not in values and not any(field.null for field in fields)
    if known and len({name.startswith("-") for name in ordering}) == 1:
        return Q(_whole(ordering, fields, values))
    condition = Q(pk__in=[])
    same = Q()
    for name, value in zip(ordering, values, strict=True):
        down, name = name.startswith("-"), name.lstrip("-")
        if value is not None:
            further = Q(**{f"{name}__{'lt' if down else 'gt'}": value})
            if not down and _field(queryset, name).null:
                further |= Q(**{f"{name}__isnull": True})
            condition |= same & further
            same &= Q(**{name: value})
        else:
            if down:
                condition |= same & Q(**{f"{name}__isnull": False})
            same &= Q(**{f"{name}__isnull": True})
    lead, value = ordering[0].lstrip("-"), values[0]
    if value is None or _field(queryset, lead).null:
        return condition
    # Says again what follows anyway, in the form that an index range scan can use.
    return Q(**{f"{lead}__{'lte' if ordering[0].startswith('-') else 'gte'}": value}) & condition


def _whole(ordering: Ordering, fields: Sequence[Any], values: Sequence[Any]) -> Func:
    """All columns compared at once, (a, b) < (x, y). An index begins where the page does, also
    among very many rows that are equal in the first."""
    names = (F(name.lstrip("-")) for name in ordering)
    given = (Value(v, output_field=field) for v, field in zip(values, fields, strict=True))
    return Func(
        Func(*names, function="ROW"),
        Func(*given, function="ROW"),
        template="(%(expressions)s)",
        arg_joiner=" < " if ordering[0].startswith("-") else " > ",
        output_field=BooleanField(),
    )


def encode(row: Model, ordering: Ordering) -> str:
    """The cursor that stands at this row."""
    values = [_plain(_value(row, name.lstrip("-"))) for name in ordering]
    text = json.dumps(values, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(queryset: QuerySet[Any], ordering: Ordering, cursor: str) -> list[Any]:
    """The values in a cursor, as the fields understand them. Raises BadCursor."""
    if len(cursor) > LONGEST_CURSOR:
        raise BadCursor
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        plain = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(plain, list) or len(plain) != len(ordering):
            raise BadCursor
        return [
            _read(_field(queryset, name.lstrip("-")), value)
            for name, value in zip(ordering, plain, strict=True)
        ]
    # RecursionError: nested too deep. All of them say: not one of ours.
    except (ValueError, TypeError, ValidationError, OverflowError, RecursionError) as error:
        raise BadCursor from error


def _read(field: Any, value: Any) -> Any:
    if value is None:
        if not field.null:
            raise BadCursor
        return None
    if isinstance(value, list | dict) or "\x00" in str(value):
        raise BadCursor
    read = field.to_python(value)
    if isinstance(read, datetime) and timezone.is_naive(read):
        raise BadCursor
    # Not the field's validators: a row may hold what its form would refuse, and be the last of
    # a page. Numbers too large for the column are Django's to handle in a comparison.
    return read


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def _value(row: Model, name: str) -> Any:
    value: Any = row
    for part in name.split("__"):
        if value is None:
            return None
        value = getattr(value, part)
    return value


def _field(queryset: QuerySet[Any], name: str) -> Any:
    """The field (or an annotation's output field) behind an ordering name."""
    if name in queryset.query.annotations:
        field = queryset.query.annotations[name].output_field
        nullable = field.clone()
        nullable.null = True  # an annotation may be NULL whatever its field says
        return nullable
    options = queryset.model._meta
    found: Field[Any, Any] | None = None
    crossed_null = False
    for part in name.split("__"):
        if part == "pk":
            part = options.pk.name
        candidate = options.get_field(part)
        if not isinstance(candidate, Field):
            raise FieldDoesNotExist(f"{name} cannot order a list: {part} holds many rows")
        found = candidate
        crossed_null = crossed_null or candidate.null
        if candidate.remote_field is not None:
            options = candidate.remote_field.model._meta
    if found is not None and crossed_null and not found.null:
        found = found.clone()
        found.null = True
    return found
