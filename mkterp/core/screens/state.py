"""What the URL of a list says: view, filters, search, order, columns, page, open row.

The URL is the whole state. Whatever it says that the screen does not know is left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from django import forms
from django.core.validators import EMPTY_VALUES
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, QueryDict

from mkterp.core.screens import counting, keyset, words
from mkterp.core.screens.filters import named

if TYPE_CHECKING:
    from mkterp.core.screens.lists import ListScreen, View

RESERVED = ("view", "q", "sort", "cols", "after", "before", "open")
LONGEST_SEARCH = 200


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the address without it."""

    label: str
    text: str
    without: str


class ListState:
    """The state of one list for one person, read from the query of its address."""

    def __init__(self, screen: "ListScreen", request: HttpRequest, query: QueryDict) -> None:
        self.screen = screen
        self.request = request
        self.view = screen.view_named(query.get("view", ""))
        known = self._parameter_names()
        self.given = QueryDict(mutable=True)
        for name in known:
            if values := [value for value in query.getlist(name) if value not in EMPTY_VALUES]:
                self.given.setlist(name, values)
        self.search = query.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
        if not (screen.search_fields or screen.searches):
            self.search = ""
        if self.view is None and screen.views and not self.given and not self.search:
            # A bare address is the first view, with its filters in force.
            self.view = screen.views[0]
            for name, value in self.view.wanted(request).items():
                self.given.setlist(name, value)
        self.sort = self._sort(query.get("sort", ""))
        self.after = query.get("after", "")
        self.before = query.get("before", "") if not self.after else ""
        self.open = query.get("open", "")[:80]
        chosen = [
            name
            for name in ",".join(query.getlist("cols")).split(",")
            if name in screen.column_names
        ]
        self.chosen_columns = chosen
        self.columns = self._columns(chosen)

    def _parameter_names(self) -> list[str]:
        if self.screen.filters is None:
            return []
        names = []
        for name, declared in self.screen.filters.base_filters.items():
            # Read from the declaration: a field may ask the database for its choices.
            widget = declared.extra.get("widget") or declared.field_class.widget
            suffixes = getattr(widget, "suffixes", None) or [""]
            # django-filter gives the two ends of a range a parameter each.
            names += [f"{name}_{suffix}" if suffix else name for suffix in suffixes]
        return names

    def _sort(self, wanted: str) -> str:
        if wanted.lstrip("-") in self.screen.orderings:
            return wanted
        if self.view is not None and self.view.order:
            return self.view.order
        return self.screen.order

    def _columns(self, chosen: list[str]) -> list[str]:
        everything = self.screen.column_names
        if not chosen and self.view is not None and self.view.columns:
            chosen = list(self.view.columns)
        if not chosen:
            return everything
        return [name for name in everything if name in chosen or name == self.screen.lead]

    @property
    def ordering(self) -> keyset.Ordering:
        """The fields behind the sort in force, last one unique."""
        ordering = self.screen.orderings[self.sort.lstrip("-")]
        return keyset.reverse(ordering) if self.sort.startswith("-") else ordering

    # -- rows ---------------------------------------------------------------------------------

    @cached_property
    def everything(self) -> QuerySet[Any]:
        """All that this person may see here, before any filter."""
        return self.screen.rows(self.request)

    @cached_property
    def filterset(self) -> Any:
        """Of the filters that are set."""
        return None if self.screen.filters is None else self._filtered(self.given)

    def _filtered(self, data: QueryDict) -> Any:
        return named(self.screen.filters, data, queryset=self.everything, request=self.request)

    @property
    def form(self) -> Any:
        """Of all filters, to be drawn."""
        every = self.screen.filters
        return every(data=self.given, queryset=self.everything, request=self.request).form

    @cached_property
    def valid(self) -> bool:
        return self.filterset is None or self.filterset.is_valid()

    @cached_property
    def rows(self) -> QuerySet[Any]:
        """All rows the list is about. A filter that makes no sense shows nothing, and says so."""
        if not self.valid:
            return self.everything.none()
        base = self.everything if self.filterset is None else self.filterset.qs
        return self._searched(base)

    def _searched(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        if not self.search:
            return rows
        if self.screen.searches:
            return self.screen.found(rows, self.search)
        condition = Q()
        for word in self.search.split():
            either = Q()
            for name in self.screen.search_fields:
                lookup = name if name.endswith(_LOOKUPS) else f"{name}__icontains"
                either |= Q(**{lookup: word})
            condition &= either
        return rows.filter(condition)

    @cached_property
    def count(self) -> int:
        """How many rows there are, up to one more than is shown."""
        return self._counts[""]

    def count_of(self, view: "View") -> int:
        """How many rows the tab of a view leads to; the list itself when that is this list."""
        return self._counts.get(view.name, self.count)

    @cached_property
    def _counts(self) -> dict[str, int]:
        """Of the list as it is, and of each other view whose tab bears a number; one query."""
        if self.view is not None and self.unchanged:
            asked = {"": self._question(self.view, words.COUNT_LIMIT)}
        else:
            asked = {"": counting.question(self.rows, words.COUNT_LIMIT)}
        for view in self.screen.views:
            if view.count and not (view == self.view and self.unchanged):
                asked[view.name] = self._question(view, words.BADGE_LIMIT)
        return dict(zip(asked, counting.answers(list(asked.values())), strict=True))

    def _question(self, view: "View", limit: int) -> counting.Question:
        """How many rows a view has. Making the text takes longer than the answer: it is kept for
        its filters unless a moment is in it."""
        asked = limit, repr(view.wanted(self.request))
        kept = self.screen.questions.get(asked)
        if kept is None:
            kept = counting.question(self.filtered_by(view), limit)
            if kept.timeless:
                self.screen.questions[asked] = kept
        return kept

    @cached_property
    def page(self) -> keyset.Page:
        return keyset.fetch(
            self.rows, self.ordering, self.screen.page_size, after=self.after, before=self.before
        )

    def filtered_by(self, view: "View") -> QuerySet[Any]:
        """The rows of another view, for the number on its tab."""
        if self.filterset is None:
            return self.everything
        data = QueryDict(mutable=True)
        for name, value in view.wanted(self.request).items():
            data.setlist(name, value)
        found: QuerySet[Any] = self._filtered(data).qs
        return found

    @cached_property
    def in_force(self) -> QueryDict:
        """The filters that filter something: a select left at "any" need not travel along."""
        if self.filterset is None or not self.valid:
            return self.given
        kept = self.given.copy()
        for name, value in self.filterset.form.cleaned_data.items():
            if value in EMPTY_VALUES:
                kept.pop(name, None)
        return kept

    @cached_property
    def unchanged(self) -> bool:
        """Whether this is a view as it was declared: nothing added, nothing sought."""
        if self.search or self.view is None:
            return False
        return dict(self.in_force.lists()) == self.view.wanted(self.request)

    @cached_property
    def at_home(self) -> bool:
        """Whether this is the list as it opens: the first view, nothing added, nothing sought."""
        if self.search or not self.screen.views or self.view is not self.screen.views[0]:
            return not (self.search or self.screen.views or self.in_force)
        return self.unchanged

    # -- addresses ----------------------------------------------------------------------------

    def query(self, **changes: Any) -> str:
        """The query of this state with changes; a change to None leaves the name out.

        The page and the open row are left out unless they are named: they belong to one order
        and one set of filters.
        """
        data = self._said | changes
        kept = {name: value for name, value in data.items() if value not in EMPTY_VALUES}
        return urlencode(kept, doseq=True, safe=",", quote_via=quote)

    @cached_property
    def _said(self) -> dict[str, Any]:
        """The parameters of this state; a dozen addresses on its page begin with them."""
        return {
            "view": self.view and self.view.name,
            "q": self.search,
            **dict(self.in_force.lists()),
            "sort": self.sort if self.sort != self.screen.order else "",
            "cols": ",".join(self.chosen_columns),
        }

    def address(self, **changes: Any) -> str:
        query = self.query(**changes)
        return f"{self.screen.url()}?{query}" if query else self.screen.url()

    def here(self, **changes: Any) -> str:
        """This very page, with changes."""
        place = {"after": self.after, "before": self.before, "open": self.open}
        return self.address(**{**place, **changes})

    def view_address(self, view: "View") -> str:
        data = QueryDict(mutable=True)
        data["view"] = view.name
        for name, value in view.wanted(self.request).items():
            data.setlist(name, value)
        return f"{self.screen.url()}?{data.urlencode(safe=',')}"

    # -- chips --------------------------------------------------------------------------------

    @cached_property
    def chips(self) -> list[Chip]:
        chips = []
        if self.search:
            chips.append(Chip("search", self.search, self.address(q=None)))
        if self.filterset is None:
            return chips
        form = self.filterset.form
        cleaned = getattr(form, "cleaned_data", {}) if self.valid else {}
        for name, field in form.fields.items():
            value = cleaned.get(name)
            if value in EMPTY_VALUES or (isinstance(value, QuerySet) and not value):
                continue
            parameters = [p for p in self.in_force if p == name or p.startswith(f"{name}_")]
            without = self.address(**dict.fromkeys(parameters))
            if not self.view:
                # Nothing left would mean the first view again; say that nothing is meant.
                without = without if "?" in without else f"{without}?view="
            label = str(field.label or name.replace("_", " ")).lower()
            chips.append(Chip(label, shown(field, value), without))
        return chips


_LOOKUPS = ("__exact", "__iexact", "__startswith", "__istartswith", "__icontains", "__contains")


def shown(field: forms.Field, value: Any) -> str:
    """A filter's value as a person reads it."""
    if isinstance(value, slice):
        ends = [("from", value.start), ("to", value.stop)]
        return " ".join(f"{word} {shown(field, end)}" for word, end in ends if end is not None)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime | date):
        return f"{value.day} {value:%b %Y}"
    if isinstance(value, Model):
        return str(value)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(shown(field, one) for one in value)
    choices = getattr(field, "choices", ())
    for code, label in choices if not hasattr(field, "queryset") else ():
        if str(code) == str(value):
            return str(label)
    return str(value)
