"""From a state to what the templates show. Nothing here asks the database but through the state."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from django.http import HttpRequest

from mkterp.core.models import KeptView
from mkterp.core.screens import words
from mkterp.core.screens.actions import Action, Outcome
from mkterp.core.screens.cells import Cell
from mkterp.core.screens.columns import Badge
from mkterp.core.screens.rows import Button, RowView, buttons, draw_buttons, link, shown
from mkterp.core.screens.state import ListState

if TYPE_CHECKING:
    from mkterp.core.screens.lists import ListScreen, View


@dataclass(frozen=True)
class Header:
    """A column's head: its label, and the address that sorts by it ("" when nothing does)."""

    name: str
    label: str
    css: str
    url: str = ""
    direction: str = ""  # ascending, descending, or "" when the list is sorted by another


@dataclass(frozen=True)
class Tab:
    view: "View"
    url: str
    current: bool
    count: str


@dataclass(frozen=True)
class OwnTab:
    """A view that the person keeps."""

    kept: KeptView
    url: str
    current: bool


@dataclass
class ListPage:
    """The list as its template sees it."""

    state: ListState
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def screen(self) -> "ListScreen":
        return self.state.screen

    @property
    def request(self) -> HttpRequest:
        return self.state.request

    @cached_property
    def allowed(self) -> list[Action]:
        """The actions this person may take at all."""
        user = self.request.user
        return [a for a in self.screen.actions if a.offered and a.allowed(user)]

    @cached_property
    def bulk(self) -> list[Button]:
        return [Button(a, self.screen.url(a.name)) for a in self.allowed if a.multi]

    @cached_property
    def headers(self) -> list[Header]:
        return [self._header(self.screen.columns[name]) for name in self.state.columns]

    def _header(self, column: Any) -> Header:
        css = column.column.attrs.get("th", {}).get("class", "")
        name, state = column.name, self.state
        if name not in self.screen.orderings:
            return Header(name, str(column.header), css)
        if state.sort.lstrip("-") == name:
            down = state.sort.startswith("-")
            other = name if down else f"-{name}"
            direction = "descending" if down else "ascending"
            return Header(name, str(column.header), css, state.address(sort=other), direction)
        # Figures and times are wanted from the top, words from the letter A.
        first = f"-{name}" if getattr(column.column, "big_first", False) else name
        return Header(name, str(column.header), css, state.address(sort=first))

    @cached_property
    def rows(self) -> list[RowView]:
        screen = self.screen
        cells = [(self._css(name), screen.cells[name]) for name in self.state.columns]
        lead = self.state.columns.index(screen.lead)
        in_row = [action for action in self.allowed if action.row]
        here = self.state.here(open=None)
        opened = f"{here}{'&' if '?' in here else '?'}open="
        return [self._row(row, cells, lead, in_row, opened) for row in self.state.page.rows]

    def _row(
        self,
        row: Any,
        cells: list[tuple[str, Cell]],
        lead: int,
        actions: list[Action],
        opened: str,
    ) -> RowView:
        screen = self.screen
        key, page_url = screen.key_of(row), screen.row_url(row)
        drawn = [(css, shown(cell(row))) for css, cell in cells]
        url = f"{opened}{quote_plus(key)}" if screen.panel_template else page_url
        is_open = self.state.open == key
        if url:
            css, html = drawn[lead]
            panel_url = screen.url("panel", row) if screen.panel_template else ""
            linked = link(key=key, url=url, panel_url=panel_url, is_open=is_open, html=html)
            drawn[lead] = css, linked
        return RowView(
            row=row,
            key=key,
            title=screen.row_title(row),
            css=screen.row_class(row),
            cells=drawn,
            page_url=page_url,
            buttons=draw_buttons(buttons(screen, row, actions), size="sm", quiet=True)
            if self.allowed
            else None,
            picks=bool(self.bulk),
            refused=self.outcome.refused.get(str(row.pk), ""),
            is_open=is_open,
        )

    def _css(self, name: str) -> str:
        return str(self.screen.columns[name].column.attrs.get("td", {}).get("class", ""))

    @cached_property
    def tabs(self) -> list[Tab]:
        state = self.state
        tabs = []
        for view in self.screen.views:
            many = state.count_of(view) if view.count else 0
            count = words.count_text(many, words.BADGE_LIMIT) if view.count else ""
            current = state.view == view and not any(own.current for own in self.own_tabs)
            tabs.append(Tab(view, state.view_address(view), current, count))
        return tabs

    @cached_property
    def own_tabs(self) -> list[OwnTab]:
        """The views that this person keeps of this list."""
        here = self.state.query()
        kept = KeptView.objects.filter(person=self.request.user.pk, list=self.screen.url_name)
        address = self.screen.url()
        return [
            OwnTab(one, f"{address}?{one.query}" if one.query else address, one.query == here)
            for one in kept.order_by("name")
        ]

    @property
    def may_keep(self) -> bool:
        """Whether there is something to keep that no tab shows already."""
        state = self.state
        changed = not state.at_home or state.sort != self.screen.order or state.chosen_columns
        return bool(state.valid and changed) and not any(own.current for own in self.own_tabs)

    @cached_property
    def columns_offered(self) -> list[tuple[str, str, bool]]:
        """Name, label and whether it is shown, of each column that may be left out."""
        return [
            (name, str(self.screen.columns[name].header), name in self.state.columns)
            for name in self.screen.column_names
            if name != self.screen.lead
        ]

    @cached_property
    def hidden(self) -> list[tuple[str, str]]:
        """What the filter form must carry along: everything of the state that it does not edit."""
        state = self.state
        kept = [("view", state.view.name if state.view else "")]
        if state.sort != self.screen.order:
            kept.append(("sort", state.sort))
        if state.chosen_columns:
            kept.append(("cols", ",".join(state.chosen_columns)))
        return kept

    @cached_property
    def filters_given(self) -> list[tuple[str, str]]:
        """The filters in force as name and value, for forms that edit something else."""
        return [(name, value) for name, values in self.state.in_force.lists() for value in values]

    @property
    def count_text(self) -> str:
        return words.count_text(self.state.count)

    @property
    def things(self) -> str:
        return words.things(self.state.count, self.screen.noun, self.screen.nouns)

    @property
    def next_url(self) -> str:
        after = self.state.page.next
        return self.state.address(after=after) if after else ""

    @property
    def previous_url(self) -> str:
        before = self.state.page.previous
        return self.state.address(before=before) if before else ""

    @property
    def export_url(self) -> str:
        return self._with_query("export")

    @property
    def workbook_url(self) -> str:
        return self._with_query("workbook")

    @property
    def filter_url(self) -> str:
        return self._with_query("filter")

    def _with_query(self, kind: str) -> str:
        query = self.state.query()
        return f"{self.screen.url(kind)}?{query}" if query else self.screen.url(kind)

    @property
    def everything(self) -> bool:
        """Whether "all N like these" is offered: more than this page, and not too many."""
        more = bool(self.next_url or self.previous_url)
        return more and self.state.count <= self.screen.bulk_limit

    @cached_property
    def summary(self) -> str:
        return self.screen.summary(self.request, self.state.rows)

    @cached_property
    def narrowed(self) -> bool:
        """Whether an empty list may be empty because of what was asked."""
        return not (self.state.valid and self.state.at_home)

    @cached_property
    def extra(self) -> dict[str, Any]:
        return self.screen.list_context(self.request)


@dataclass
class RowPage:
    """One row, in the side panel or on a page of its own."""

    screen: "ListScreen"
    request: HttpRequest
    row: Any
    close_url: str = ""
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def key(self) -> str:
        return self.screen.key_of(self.row)

    @property
    def title(self) -> str:
        return self.screen.row_title(self.row)

    @property
    def badge(self) -> Badge | None:
        return self.screen.row_badge(self.row)

    @property
    def page_url(self) -> str:
        return self.screen.row_url(self.row)

    @property
    def panel_url(self) -> str:
        return self.screen.url("panel", self.row)

    @cached_property
    def buttons(self) -> list[Button]:
        user = self.request.user
        allowed = [a for a in self.screen.actions if a.offered and a.allowed(user)]
        return buttons(self.screen, self.row, allowed)

    @property
    def refused(self) -> str:
        return self.outcome.refused.get(str(self.row.pk), "") or self.outcome.sentence

    @property
    def moving(self) -> bool:
        return self.screen.moving(self.row)
