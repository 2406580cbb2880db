"""Which page of the handbook explains a page: its view says so once, and `h` opens it beside."""

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])


def explained_by(slug: str) -> Callable[[View], View]:
    """Marks a view with its page of docs/operators: "data/stock". "": it is the handbook."""

    def mark(view: View) -> View:
        view.handbook = slug  # type: ignore[attr-defined]  # a function takes any attribute
        return view

    return mark


def handbook_of(view: Callable[..., Any]) -> str | None:
    """What the view says explains it; None when it says nothing."""
    slug = getattr(view, "handbook", None)
    if slug is None:
        slug = getattr(getattr(view, "view_class", None), "handbook", None)
    return slug
