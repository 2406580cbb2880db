"""What stands in the rows of a list, drawn: core/_table.html puts it in its place.

Cells, links and buttons are hundreds on a page and are written here, because a template takes
several times as long for each.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from mkterp.core.screens.actions import Action
from mkterp.core.screens.marks import icon

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


def _button(button: Button, size: str, quiet: bool, keys: bool) -> SafeString:
    action = button.action
    key = action.key if keys else ""
    return format_html(
        '<button type="submit" class="btn {} {}" form="act" formaction="{}" hx-post="{}"'
        ' hx-disabled-elt="this" id="{}-{}{}" {}{}>{}{}{}</button>',
        size,
        "q" if quiet else button.css,
        button.url,
        button.url,
        action.name,
        button.key,
        "" if quiet else "-bar",
        format_html('name="one" value="{}"', button.key) if button.key else "",
        format_html(' data-key="{}"', key) if key else "",
        icon(action.icon) if action.icon and not quiet else "",
        action.label,
        format_html("<kbd>{}</kbd>", key) if key else "",
    )


@dataclass(frozen=True)
class RowView:
    """One row of the table, ready to draw."""

    row: Any
    key: str
    title: str
    css: str
    cells: list[tuple[str, SafeString]]  # the class of each, and what stands in it
    page_url: str
    buttons: SafeString
    refused: str
    is_open: bool


def link(*, key: str, url: str, panel_url: str, is_open: bool, html: SafeString) -> SafeString:
    """The cell that opens its row: in the panel where there is one, else on a page of its own."""
    panel = ' hx-get="{}" hx-target="#panel" hx-indicator="#panel"' if panel_url else ""
    return format_html(
        '<a class="row-link" id="open-{}" href="{}"{}{}>{}</a>',
        key,
        url,
        format_html(panel, panel_url) if panel else "",
        mark_safe(' aria-current="true"') if is_open else "",
        html,
    )


def shown(value: Any) -> SafeString:
    """A cell's value as a template would write it."""
    if isinstance(value, str):
        return conditional_escape(value)
    if isinstance(value, datetime) and timezone.is_aware(value):
        value = timezone.localtime(value)
    return conditional_escape(localize(value))
