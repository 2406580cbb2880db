# mypy: allow-subclassing-any
"""Filters that lists share, beside those of django-filter."""

from typing import Any

import django_filters as filters


class AnyOf(filters.MultipleChoiceFilter):
    """Rows whose own column, or annotation, has any of the chosen values.

    Never DISTINCT, unlike its base: a row's own value doubles no row, and DISTINCT over whole rows
    reads and sorts all of them before the first page can be shown.
    """

    def __init__(self, **options: Any) -> None:
        options.setdefault("distinct", False)
        super().__init__(**options)
