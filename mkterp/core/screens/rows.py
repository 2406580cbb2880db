"""Rows and buttons as HTML: there are hundreds on a page, so they are written here and not in a
template, which takes several times as long for each."""

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
    cells: list[tuple[str, Any]]  # the class of each, and what stands in it
    lead: int  # the place of the cell that carries the link
    open_url: str  # the list with this row open, or the row's page when there is no panel
    panel_url: str
    page_url: str
    buttons: list[Button]
    refused: str
    is_open: bool
    picked: bool  # whether it can be ticked
    acts: bool  # whether there is a column for buttons

    @property
    def html(self) -> SafeString:
        """The `<tr>`, and beneath it the sentence of a refusal."""
        key, title = conditional_escape(self.key), conditional_escape(self.title)
        cells = []
        if self.picked:
            cells.append(
                '<td role="cell" class="w-cb"><input class="cb" type="checkbox" form="act"'
                f' name="pk" value="{key}" id="pick-{key}" aria-label="Select {title}"></td>'
            )
        for at, (css, value) in enumerate(self.cells):
            html = self._linked(shown(value)) if at == self.lead else shown(value)
            cells.append(f'<td role="cell" class="{css}">{html}</td>')
        if self.acts:
            drawn = draw_buttons(self.buttons, size="sm", quiet=True)
            cells.append(f'<td role="cell" class="w-act">{drawn}</td>')
        page = format_html(' data-page="{}"', self.page_url) if self.page_url else ""
        css = f"{self.css} cur" if self.is_open else self.css
        row = f'<tr role="row" id="row-{key}" class="{css}" data-row="{key}"{page}>'
        return mark_safe(f"{row}{''.join(cells)}</tr>{self._refusal() if self.refused else ''}")

    def _linked(self, html: SafeString) -> SafeString:
        if not self.open_url:
            return html
        panel = ' hx-get="{}" hx-target="#panel" hx-indicator="#panel"' if self.panel_url else ""
        return format_html(
            '<a class="row-link" id="open-{}" href="{}"{}{}>{}</a>',
            self.key,
            self.open_url,
            format_html(panel, self.panel_url) if panel else "",
            mark_safe(' aria-current="true"') if self.is_open else "",
            html,
        )

    def _refusal(self) -> SafeString:
        return format_html(
            '<tr role="row" class="note"><td role="cell" colspan="99"><div class="mk-refused"'
            ' role="alert">{}<span><b>{}</b> {}</span></div></td></tr>',
            icon("octagon-x"),
            self.title,
            self.refused,
        )


def shown(value: Any) -> SafeString:
    """A cell's value as a template would write it."""
    if isinstance(value, str):
        return conditional_escape(value)
    if isinstance(value, datetime) and timezone.is_aware(value):
        value = timezone.localtime(value)
    return conditional_escape(localize(value))
