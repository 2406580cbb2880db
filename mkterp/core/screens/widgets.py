"""How Django draws the widgets of forms (FORM_RENDERER): ours for what is drawn hundredfold."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

Groups = Iterable[tuple[str | None, Iterable[Mapping[str, Any]], int]]


class WidgetRenderer(TemplatesSetting):
    """Templates for every widget, ours first, and Python for the options of a select.

    A list's filters offer hundreds of options: a template took a third of the page's time for them.
    """

    def render(
        self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None
    ) -> str:
        if template_name == "django/forms/widgets/select.html":
            return _select(context["widget"])
        return super().render(template_name, context, request)


def _select(widget: Mapping[str, Any]) -> SafeString:
    """What Django's select.html writes, line by line."""
    options = "".join(_groups(widget["optgroups"]))
    name = conditional_escape(widget["name"])
    return mark_safe(f'<select name="{name}"{_attributes(widget["attrs"])}>{options}\n</select>')


def _groups(groups: Groups) -> Iterable[str]:
    for label, options, _ in groups:
        if label:
            yield f'<optgroup label="{conditional_escape(label)}">'
        for option in options:
            value = conditional_escape(str(option["value"]))
            words = conditional_escape(option["label"])
            yield f'\n<option value="{value}"{_attributes(option["attrs"])}>{words}</option>'
        if label:
            yield "\n</optgroup>"


def _attributes(given: Mapping[str, Any]) -> str:
    """True stands alone, False is left out."""
    return "".join(
        f" {name}" if value is True else f' {name}="{conditional_escape(str(value))}"'
        for name, value in given.items()
        if value is not False
    )
