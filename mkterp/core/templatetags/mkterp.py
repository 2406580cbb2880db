"""The tags of our templates: `{% load mkterp %}`."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms, template
from django.http import QueryDict
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_filters.widgets import DateRangeWidget

from mkterp.core.screens import marks, rows, words
from mkterp.core.screens.columns import Badge

register = template.Library()


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """{% icon "check" %} — one of the sprite (scripts/vendor_assets.sh lists them)."""
    return marks.icon(name, css)


@register.simple_tag
def money(amount: Decimal | None, currency: str) -> SafeString:
    """{% money invoice.gross invoice.currency %} → £1,284.50"""
    return marks.money(amount, currency)


@register.simple_tag
def difference(amount: Decimal, currency: str) -> SafeString:
    """{% difference amount currency %} → +£0.02 over"""
    return marks.difference(amount, currency)


@register.simple_tag
def signed(count: int) -> SafeString:
    """{% signed stock.change %} → −28"""
    return marks.signed(count)


@register.simple_tag
def badge(word: str | Badge, meaning: str = "wait", glyph: str = "") -> SafeString:
    """{% badge "parked" "need" %}, or {% badge badge %} with a Badge."""
    if isinstance(word, Badge):
        return marks.badge(word.word, word.meaning, glyph)
    return marks.badge(word, meaning, glyph)


@register.simple_tag
def age(value: datetime | None) -> SafeString:
    """{% age case.opened_at %} → 3 h, the exact time in its title."""
    return marks.age(value)


@register.simple_tag
def moment(value: datetime | None) -> SafeString:
    """{% moment order.placed_at %} → the local time, UTC in its title."""
    return marks.moment(value)


@register.simple_tag
def things(count: int, one: str, many: str) -> str:
    """{% things 14 "order" "orders" %} → 14 orders"""
    return words.things(count, one, many)


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """{% query page=2 sort="" %} → the query of this address with changes; "" leaves a name out."""
    data: QueryDict = context["request"].GET.copy()
    for name, value in changes.items():
        if value in ("", None):
            data.pop(name, None)
        else:
            data[name] = str(value)
    return f"?{data.urlencode()}" if data else "?"


@register.simple_tag
def buttons(shown: Iterable[rows.Button]) -> SafeString:
    """{% buttons panel.buttons %} — each with the key that presses it."""
    return rows.draw_buttons(shown, keys=True)


@register.simple_tag(takes_context=True)
def action_bar(
    context: template.Context, screen: Any, row: Any, only: str = "", size: str = ""
) -> SafeString:
    """{% action_bar screen row %} — the buttons this person may press on this row now.

    `only` names actions, separated by spaces; `size` "sm" makes them small. The page must hold
    {% act_form %} once, outside of any other form.
    """
    user = context["request"].user
    names = only.split()
    allowed = [
        action
        for action in screen.actions
        if action.offered and action.allowed(user) and (not names or action.name in names)
    ]
    return rows.draw_buttons(rows.buttons(screen, row, allowed), size=size, keys=not size)


@register.inclusion_tag("core/_act_form.html", takes_context=True)
def act_form(context: template.Context, here: str = "") -> dict[str, Any]:
    """{% act_form %} — the one form that every action button on a page belongs to."""
    request = context["request"]
    return {"here": here or request.get_full_path(), "request": request}


_CONTROLS: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.CheckboxSelectMultiple, ""),
    (forms.RadioSelect, ""),
    (forms.CheckboxInput, "cb"),
    (forms.Select, "inp sel"),
    (forms.Textarea, "inp"),
    (forms.HiddenInput, ""),
    (forms.MultiWidget, "inp"),
    (forms.NullBooleanSelect, "inp sel"),
    (forms.widgets.Input, "inp"),
)


@register.simple_tag
def control(field: forms.BoundField, css: str = "") -> SafeString:
    """{% control field %} — a form field's widget in our style, tied to its error and hint."""
    widget = field.field.widget
    wanted = next((css_ for kind, css_ in _CONTROLS if isinstance(widget, kind)), "inp")
    attrs: dict[str, Any] = {"class": f"{wanted} {css}".strip()}
    _dates_and_ends(field)
    described = [f"{field.auto_id}_error"] if field.errors else []
    described += [f"{field.auto_id}_hint"] if field.help_text else []
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if field.errors:
        attrs["aria-invalid"] = "true"
    html = field.as_widget(attrs=attrs)
    if isinstance(widget, forms.CheckboxSelectMultiple):
        return format_html('<div class="mk-boxes">{}</div>', html)
    if isinstance(widget, forms.MultiWidget):
        return format_html('<span class="mk-ends">{}</span>', html)
    return html


def _dates_and_ends(field: forms.BoundField) -> None:
    """Dates get the browser's own picker, each end of a range a name, "unknown" a better word."""
    widget: Any = field.field.widget
    ends: Any = widget.widgets if isinstance(widget, forms.MultiWidget) else ()
    for end, name in zip(ends, ("from", "to"), strict=False):
        end.attrs |= {"aria-label": f"{field.label}, {name}", "placeholder": name}
    if isinstance(widget, forms.DateInput):
        widget.input_type, widget.format = "date", "%Y-%m-%d"
    elif isinstance(widget, DateRangeWidget):
        for end in ends:
            end.input_type = "date"
    elif isinstance(widget, forms.NullBooleanSelect):
        widget.choices = [("unknown", "any"), ("true", "yes"), ("false", "no")]


@register.filter
def is_group(field: forms.BoundField) -> bool:
    """Whether a field is several inputs and needs a legend rather than a label."""
    kinds = (forms.CheckboxSelectMultiple, forms.RadioSelect, forms.MultiWidget)
    return isinstance(field.field.widget, kinds)


@register.filter
def is_checkbox(field: forms.BoundField) -> bool:
    return isinstance(field.field.widget, forms.CheckboxInput)
