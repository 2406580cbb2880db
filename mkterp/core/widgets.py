"""How forms are drawn: Django's widgets, letter by letter, without a template for every option.

Django draws a select by a template that includes one more for each option, and in it one more for
the attributes. A list's filter form has hundreds of options: half of a page's time went there.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.forms.renderers import DjangoTemplates
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

Widget = Mapping[str, Any]  # what a widget's get_context puts under "widget"


class Renderer(DjangoTemplates):
    """Draws the common widgets in Python, everything else by its template."""

    def render(
        self, template_name: str, context: dict[str, Any], request: Any = None
    ) -> SafeString:
        draw = _DRAWN.get(template_name)
        if draw is None:
            return mark_safe(super().render(template_name, context, request))
        return draw(context["widget"])


def _attributes(attrs: Mapping[str, Any]) -> SafeString:
    said = []
    for name, value in attrs.items():
        if value is True:
            said.append(f" {conditional_escape(name)}")
        elif value is not False:
            said.append(f' {conditional_escape(name)}="{conditional_escape(value)}"')
    return mark_safe("".join(said))


def _input(widget: Widget) -> SafeString:
    value = widget["value"]
    return format_html(
        '<input type="{}" name="{}"{}{}>',
        widget["type"],
        widget["name"],
        "" if value is None else format_html(' value="{}"', value),
        _attributes(widget["attrs"]),
    )


def _select(widget: Widget) -> SafeString:
    drawn: list[str] = [
        format_html('<select name="{}"{}>', widget["name"], _attributes(widget["attrs"]))
    ]
    for group, options, _ in widget["optgroups"]:
        if group:
            drawn.append(format_html('<optgroup label="{}">', group))
        for option in options:
            attrs = _attributes(option["attrs"])
            value, label = conditional_escape(option["value"]), conditional_escape(option["label"])
            drawn.append(f'<option value="{value}"{attrs}>{label}</option>')
        if group:
            drawn.append("</optgroup>")
    return mark_safe("\n".join(drawn) + "\n</select>")


def _several(widget: Widget) -> SafeString:
    """Check boxes or radio buttons, each with its label."""
    names = {name: widget["attrs"].get(name) for name in ("id", "class")}
    drawn = [f"<div{_attributes({name: value for name, value in names.items() if value})}>"]
    for group, options, _ in widget["optgroups"]:
        if group:
            drawn.append(format_html("<div><label>{}</label>", group))
        drawn += [f"<div>{_option(option)}</div>" for option in options]
        if group:
            drawn.append("</div>")
    return mark_safe("\n".join(drawn) + "\n</div>")


def _option(option: Widget) -> SafeString:
    drawn = _input(option)
    if not option.get("wrap_label"):
        return drawn
    named = option["attrs"].get("id")
    return format_html(
        "<label{}>{} {}</label>",
        _attributes({"for": named} if named else {}),
        drawn,
        option["label"],
    )


_FOLDER = "django/forms/widgets/"
_INPUTS = ("checkbox", "date", "datetime", "email", "hidden", "input", "number", "password", "text")
_DRAWN: dict[str, Callable[[Widget], SafeString]] = {
    **{f"{_FOLDER}{name}.html": _input for name in _INPUTS},
    f"{_FOLDER}select.html": _select,
    f"{_FOLDER}checkbox_select.html": _several,
    f"{_FOLDER}radio.html": _several,
}
