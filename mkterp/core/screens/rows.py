"""What stands in the rows of a list, drawn: core/_table.html puts it in its place.

Cells, links and buttons are hundreds on a page and are written here, because a template takes
several times as long for each.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import conditional_escape, html_safe
from django.utils.safestring import SafeString, mark_safe

from mkterp.core.screens.actions import Action
from mkterp.core.screens.marks import icon, text

if TYPE_CHECKING:
    from mkterp.core.screens.lists import ListScreen


@dataclass(frozen=True)
class Button:
    """A button that may be pressed: the person has the permission, the row meets the condition."""

    action: Action
    url: str
    key: str = ""  # the row; "" in the bulk bar

    @property
    def css(self) -> str:
        if self.action.danger:
            return "d"
        return "p" if self.action.primary else ""


def buttons(screen: "ListScreen", row: Any, actions: list[Action]) -> list[Button]:
    """The buttons of these actions that apply to the row now, in the order they were declared."""
    key = screen.key_of(row)
    return [Button(a, screen.url(a.name), key) for a in actions if a.condition(row)]


def draw_buttons(
    shown: Iterable[Button], *, size: str = "", quiet: bool = False, keys: bool = False
) -> SafeString:
    """The buttons of a row. Each belongs to the page's one form (core/_act_form.html).

    `quiet`: without icon and colour, in a table; `keys`: each says which key presses it.
    """
    return mark_safe("".join(_button(one, size, quiet, keys) for one in shown))


def _button(button: Button, size: str, quiet: bool, keys: bool) -> str:
    action, url, row = button.action, escape(button.url), escape(button.key)
    key = escape(action.key) if keys else ""
    return (
        f'<button type="submit" class="btn {size} {"q" if quiet else button.css}" form="act"'
        f' formaction="{url}" hx-post="{url}" hx-disabled-elt="this"'
        f' id="{action.name}-{row}{"" if quiet else "-bar"}"'
        + (f' name="one" value="{row}"' if row else "")
        + (f' data-key="{key}"' if key else "")
        + f">{icon(action.icon) if action.icon and not quiet else ''}{escape(action.label)}"
        + (f"<kbd>{key}</kbd></button>" if key else "</button>")
    )


@html_safe
@dataclass(frozen=True)
class RowView:
    """One row of the table; as text it is its HTML, and below it why it was refused if it was."""

    row: Any
    key: str
    title: str
    css: str
    cells: list[tuple[str, SafeString]]  # the class of each, and what stands in it
    page_url: str
    buttons: SafeString | None  # None: the table has no place for any
    picks: bool  # whether it can be selected
    refused: str
    is_open: bool

    def __str__(self) -> str:
        key, title = escape(self.key), escape(self.title)
        page = f' data-page="{escape(self.page_url)}"' if self.page_url else ""
        html = [
            f'<tr role="row" id="row-{key}" class="{self.css}{" cur" if self.is_open else ""}"'
            f' data-row="{key}"{page}>'
        ]
        if self.picks:
            html.append(
                '<td role="cell" class="w-cb"><input class="cb" type="checkbox" form="act"'
                f' name="pk" value="{key}" id="pick-{key}" aria-label="Select {title}"></td>'
            )
        html += [f'<td role="cell" class="{css}">{cell}</td>' for css, cell in self.cells]
        if self.buttons is not None:
            html.append(f'<td role="cell" class="w-act">{self.buttons}</td>')
        html.append("</tr>\n")
        if self.refused:
            html.append(
                '<tr role="row" class="note"><td role="cell" colspan="99">'
                f'<div class="mk-refused" role="alert">{icon("octagon-x")}<span><b>{title}</b>'
                f" {escape(self.refused)}</span></div></td></tr>\n"
            )
        return "".join(html)


def link(*, key: str, url: str, panel_url: str, is_open: bool, html: SafeString) -> SafeString:
    """The cell that opens its row: in the panel where there is one, else on a page of its own."""
    more = ' aria-current="true"' if is_open else ""
    if panel_url:
        more += f' hx-get="{escape(panel_url)}" hx-target="#panel" hx-indicator="#panel"'
    return mark_safe(
        f'<a class="row-link" id="open-{escape(key)}" href="{escape(url)}"{more}>{html}</a>'
    )


def shown(value: Any) -> SafeString:
    """A cell's value as a template would write it."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, datetime) and timezone.is_aware(value):
        value = timezone.localtime(value)
    return conditional_escape(localize(value))
