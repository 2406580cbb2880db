# mypy: allow-subclassing-any
"""Filters that lists share, beside those of django-filter."""

from typing import Any

import django_filters as filters
from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict


class AnyOf(filters.MultipleChoiceFilter):
    """Rows whose own column, or annotation, has any of the chosen values: each a box to tick.

    Never DISTINCT, unlike its base: a row's own value doubles no row, and DISTINCT over whole rows
    reads and sorts all of them before the first page can be shown.
    """

    def __init__(self, **options: Any) -> None:
        options.setdefault("distinct", False)
        options.setdefault("widget", forms.CheckboxSelectMultiple)
        super().__init__(**options)


def named(filters_: Any, data: QueryDict, *, queryset: QuerySet[Any], request: HttpRequest) -> Any:
    """A filter set of those alone that the data name: what is left empty filters nothing.

    A filter set copies every filter it has and all that one holds, and so does its form: for a list
    and each of its tabs with a number, and most for filters that nobody has set.
    """
    made = filters_.__new__(filters_)
    made.base_filters = {
        name: one
        for name, one in filters_.base_filters.items()
        if any(f"{given}_".startswith(f"{name}_") for given in data)  # also its ends: day_after
    }
    made.__init__(data=data, queryset=queryset, request=request)
    return made
