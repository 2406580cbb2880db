# mypy: allow-subclassing-any
"""Filters that lists share, beside those of django-filter."""

import copy
from typing import Any

import django_filters as filters
from django.http import QueryDict


class AnyOf(filters.MultipleChoiceFilter):
    """Rows whose own column, or annotation, has any of the chosen values.

    Never DISTINCT, unlike its base: a row's own value doubles no row, and DISTINCT over whole rows
    reads and sorts all of them before the first page can be shown.
    """

    def __init__(self, **options: Any) -> None:
        options.setdefault("distinct", False)
        super().__init__(**options)


def with_data(filterset: Any, data: QueryDict) -> Any:
    """The same rows filtered by these values and no others.

    A new filter set copies every declared filter and all it holds, which takes longer than the
    query; so only those that are named are kept. What it remembers of its own values is forgotten.
    """
    other = copy.copy(filterset)
    other.data = data
    other.filters = {
        name: one
        for name, one in filterset.filters.items()
        if any(f"{given}_".startswith(f"{name}_") for given in data)  # also its ends: day_after
    }
    for remembered in ("_form", "_qs"):
        other.__dict__.pop(remembered, None)
    return other
