"""`ListScreen`: every list of the product, declared. See `ListScreen` for the whole vocabulary."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path

from mkterp.core.screens import keyset, serve
from mkterp.core.screens.acting import act
from mkterp.core.screens.actions import Action
from mkterp.core.screens.addresses import address
from mkterp.core.screens.cells import Cell
from mkterp.core.screens.columns import Badge
from mkterp.core.screens.counting import Question
from mkterp.core.screens.explained import explained_by
from mkterp.core.screens.export import export, export_workbook


@dataclass(frozen=True)
class View:
    """A saved view, shown as a tab: filters under a name, perhaps with an order and columns.

    `filters` maps a filter's parameter to a value or a list of values; a callable of the request
    when they depend on the person ("Mine"). `count=True` puts a number on the tab (one query).
    """

    name: str
    label: str
    filters: Mapping[str, Any] | Callable[[HttpRequest], Mapping[str, Any]] = field(
        default_factory=dict
    )
    order: str = ""
    columns: tuple[str, ...] = ()
    count: bool = False

    def wanted(self, request: HttpRequest) -> dict[str, list[str]]:
        """The filters as lists of texts, the way a URL holds them."""
        filters = self.filters(request) if callable(self.filters) else self.filters
        return {
            name: [str(v) for v in value] if isinstance(value, list | tuple) else [str(value)]
            for name, value in filters.items()
        }


@dataclass(frozen=True)
class Empty:
    """What a list says when it has nothing: what would be here, and how it gets here."""

    title: str
    text: str
    icon: str = "inbox"
    url_name: str = ""  # a page that helps, with its label
    label: str = ""


class ListScreen:
    """One list: who may see it, which rows, how they filter, sort, look and what can be done.

    Subclass it, set the class attributes, and put `*Orders().urls("orders/")` into the room's
    `urlpatterns`. That makes these addresses (room "sync", name "orders", noun "order"):

        orders/              sync:orders            the list; GET only, the URL is its state
        orders/export.csv    sync:orders-export     the filtered list as CSV
        orders/export.xlsx   sync:orders-workbook   the same as a workbook
        orders/filter/       sync:orders-filter     the form of its filters, when it has any
        orders/do/retry/     sync:order-retry       POST, one for each action
        orders/12/panel/     sync:order-panel       when panel_template is set
        orders/12/           sync:order             when detail_template is set
    """

    room: ClassVar[str] = ""  # the URL namespace
    name: ClassVar[str]  # "orders"
    noun: ClassVar[str]  # "order", as in "1 order"
    nouns: ClassVar[str] = ""  # "orders"; by default the noun and an s
    title: ClassVar[str]
    icon: ClassVar[str] = "list"
    permission: ClassVar[str]
    table: ClassVar[Any]  # a django_tables2 Table; its base columns
    filters: ClassVar[Any] = None  # a django_filters FilterSet class
    search_fields: ClassVar[tuple[str, ...]] = ()  # "sku", or with a lookup: "number__istartswith"
    # A column's name (or any other) → the fields to order by, ascending, the last one unique.
    orderings: ClassVar[Mapping[str, keyset.Ordering]] = {"id": ("id",)}
    order: ClassVar[str] = "-id"  # the name in `orderings` in force without a choice
    lead: ClassVar[str] = ""  # the column that carries the row's link; the first by default
    views: ClassVar[tuple[View, ...]] = ()
    actions: ClassVar[tuple[Action, ...]] = ()
    empty: ClassVar[Empty]
    page_size: ClassVar[int] = 50
    bulk_limit: ClassVar[int] = 2000
    panel_template: ClassVar[str] = ""  # the body of the side panel; the frame is ours
    detail_template: ClassVar[str] = ""  # extends core/detail.html
    handbook: ClassVar[str] = ""  # the page of docs/operators that explains it: "data/orders"
    key: ClassVar[str] = "pk"  # the field that names a row in the address
    converter: ClassVar[str] = "int"  # the URL converter of that field

    # -- what a screen overrides ----------------------------------------------------------------

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        """Everything there is to see here, before any filter. Joins what the cells show.

        The same rows for everybody: the numbers on the tabs are asked with a text that is kept.
        """
        raise NotImplementedError

    searches: ClassVar[bool] = False  # True: `found` replaces search_fields

    def found(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        """The rows that a search means, where looking into search_fields is not enough."""
        raise NotImplementedError

    def summary(self, request: HttpRequest, rows: QuerySet[Any]) -> str:
        """A short fact behind the title ("£4,629.36 at stake"); one query at most."""
        return ""

    def row_title(self, row: Any) -> str:
        return str(row)

    def row_badge(self, row: Any) -> Badge | None:
        """The one state of a row, beside its title in the panel and on its page."""
        return None

    def row_class(self, row: Any) -> str:
        """ "bad" or "hot" for a row that must not be overlooked."""
        return ""

    def row_url(self, row: Any) -> str:
        """The page of a row. Without a detail template: "" (no link), or elsewhere."""
        return self.url("", row) if self.detail_template else ""

    def weigh(self, request: HttpRequest, action: Action, rows: Sequence[Any]) -> str:
        """What these rows amount to ("£3,270.35 in 34 orders"), for the question before a deed."""
        return ""

    # A fragment in the question before a deed: what exactly will happen, to the cent.
    preview_template: ClassVar[str] = ""

    def preview_context(
        self, request: HttpRequest, action: Action, rows: Sequence[Any]
    ) -> dict[str, Any] | None:
        """What that fragment needs as `preview`; None: this action shows none."""
        return None

    def panel_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the panel's body needs besides `row`."""
        return {}

    def detail_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the page's body needs besides `row`."""
        return {}

    def moving(self, row: Any) -> bool:
        """Whether the open row is on its way somewhere: its panel asks again until it is not."""
        return False

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """What `above_template` needs."""
        return {}

    above_template: ClassVar[str] = ""  # a fragment between the title and the tabs: a red band

    # -- what follows from it -------------------------------------------------------------------

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not getattr(cls, "noun", ""):
            return  # an intermediate class
        cls.nouns = cls.nouns or f"{cls.noun}s"
        if cls.order.lstrip("-") not in cls.orderings:
            raise TypeError(f"{cls.__name__}.order {cls.order!r} is not in its orderings")
        cls.lead = cls.lead or next(iter(cls.table.base_columns))

    @cached_property
    def questions(self) -> dict[tuple[int, str], Question]:
        """How many rows the views have, by limit and filters: as many as there are views, and for
        those that depend on the person as many as there are people (ListState)."""
        return {}

    @cached_property
    def column_names(self) -> list[str]:
        return list(self.table.base_columns)

    @cached_property
    def columns(self) -> Any:
        """The columns bound to a table without rows: they differ neither by person nor by row."""
        return self.table(data=[]).columns

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """What draws the cells of each column."""
        return {name: Cell(self.columns[name]) for name in self.column_names}

    def view_named(self, name: str) -> View | None:
        return next((view for view in self.views if view.name == name), None)

    def action_named(self, name: str) -> Action:
        return next(action for action in self.actions if action.name == name)

    def key_of(self, row: Any) -> str:
        """What names the row in addresses and checkboxes."""
        return str(row.pk if self.key == "pk" else getattr(row, self.key))

    def url(self, kind: str = "list", row: Any = None) -> str:
        """The address of the list, or of a kind: "export", "workbook", "filter", an action's name,
        "panel", "" (page)."""
        name = self._url_names.get(kind) or self._full(f"{self.noun_name}-{kind}")
        return address(name, None if row is None else self.key_of(row))

    @cached_property
    def _url_names(self) -> dict[str, str]:
        """Of the kinds that are not named after the noun alone."""
        whole = {kind: f"{self.name}-{kind}" for kind in ("export", "workbook", "filter")}
        names = {"list": self.name, "": self.noun_name, **whole}
        return {kind: self._full(name) for kind, name in names.items()}

    @property
    def url_name(self) -> str:
        """The name of the list's address: "sync:orders"."""
        return self._full(self.name)

    def _full(self, name: str) -> str:
        return f"{self.room}:{name}" if self.room else name

    @property
    def noun_name(self) -> str:
        return self.noun.replace(" ", "-")

    def urls(self, prefix: str) -> list[URLPattern]:
        """The addresses of this screen, below a prefix such as "orders/"."""
        one = f"{prefix}<{self.converter}:key>/"
        patterns = [
            path(prefix, serve.show_list(self), name=self.name),
            path(f"{prefix}export.csv", export(self), name=f"{self.name}-export"),
            path(f"{prefix}export.xlsx", export_workbook(self), name=f"{self.name}-workbook"),
        ]
        if self.filters is not None:
            view = serve.show_filter(self)
            patterns.append(path(f"{prefix}filter/", view, name=f"{self.name}-filter"))
        for action in self.actions:
            view = act(self, action)
            name = f"{self.noun_name}-{action.name}"
            patterns.append(path(f"{prefix}do/{action.name}/", view, name=name))
        if self.panel_template:
            name = f"{self.noun_name}-panel"
            patterns.append(path(f"{one}panel/", serve.show_panel(self), name=name))
        if self.detail_template:
            patterns.append(path(one, serve.show_detail(self), name=self.noun_name))
        if self.handbook:
            for pattern in patterns:
                explained_by(self.handbook)(pattern.callback)
        return patterns
