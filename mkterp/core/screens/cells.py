"""The cells of a table, by the rules of django-tables2.

Its own rows ask for every cell anew what is the same for all rows of a column: which arguments the
column's function takes, and whether the model's field has choices. That was most of what a cell
cost, and it has no setting against it. Here it is found out once for each column.
"""

import inspect
from collections.abc import Callable
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django_tables2.columns import BoundColumn
from django_tables2.utils import A


class Cell:
    """Draws (or, for a file, reads) the cell of any record in one column of a table."""

    def __init__(self, bound: BoundColumn, *, plain: bool = False) -> None:
        self._accessor = A(bound.accessor)
        self._path, _, self._last = self._accessor.rpartition(self._accessor.SEPARATOR)
        self._empty = bound.column.empty_values
        self._default = None if plain else bound.default
        self._function: Callable[..., Any] = bound.value if plain else bound.render
        self._constant = {"column": bound.column, "bound_column": bound, "table": bound._table}
        parameters = inspect.signature(self._function).parameters.values()
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            wanted = {one.name for one in parameters if one.kind is not one.VAR_POSITIONAL}
            self._constant = {k: v for k, v in self._constant.items() if k in wanted}
            self._takes_value, self._takes_record = "value" in wanted, "record" in wanted
        else:
            self._takes_value = self._takes_record = True
        self._labels: dict[type[Any], str] = {}

    def __call__(self, record: Any) -> Any:
        value = self._value(record)
        if value in self._empty:
            return self._default
        given = dict(self._constant)
        if self._takes_value:
            given["value"] = value
        if self._takes_record:
            given["record"] = record
        return self._function(**given)

    def _value(self, record: Any) -> Any:
        """The value behind the accessor, a choice by its label; None where the road ends."""
        holder = A(self._path).resolve(record, quiet=True) if self._path else record
        kind = type(holder)
        if kind not in self._labels:
            self._labels[kind] = self._label(record, holder)
        if label := self._labels[kind]:
            return getattr(holder, label)()
        # A model's attribute as it is; what an accessor can do besides takes five times as long.
        value = getattr(holder, self._last, None) if isinstance(holder, Model) else None
        if value is None or callable(value):
            return self._accessor.resolve(record, quiet=True)
        return value

    def _label(self, record: Any, holder: Any) -> str:
        """The method that says a choice in words, "" when there is none."""
        if not isinstance(holder, Model):
            return ""
        try:
            field = self._accessor.get_field(record)
        except FieldDoesNotExist:
            return ""
        name = f"get_{self._last}_display"
        return name if getattr(field, "choices", ()) and hasattr(holder, name) else ""
