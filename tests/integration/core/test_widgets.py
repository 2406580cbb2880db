"""Our drawing of a select is Django's own but for white space."""

import pytest
from django import forms
from django.forms.renderers import TemplatesSetting
from django.test.html import parse_html
from django.utils.safestring import mark_safe

from mkterp.core.screens.widgets import WidgetRenderer

CHOICES = [
    ("", "any"),
    (1, 'one "and" <two>'),
    (None, mark_safe("<b>none</b>")),
    ("Group & co", [("x&y", "in a group"), (True, "yes")]),
]


@pytest.mark.parametrize("value", ["", 1, "x&y", None, True])
@pytest.mark.parametrize("widget", [forms.Select, forms.SelectMultiple, forms.NullBooleanSelect])
def test_a_select_is_what_djangos_template_makes(widget, value):
    plain = widget() if widget is forms.NullBooleanSelect else widget(choices=CHOICES)
    given = [value] if widget is forms.SelectMultiple else value
    attrs = {"id": "id_x", "class": "inp", "required": True, "disabled": False, "data-n": 3}

    ours = plain.render("a<b", given, attrs=attrs, renderer=WidgetRenderer())

    theirs = plain.render("a<b", given, attrs=attrs, renderer=TemplatesSetting())
    assert parse_html(ours) == parse_html(theirs)
    assert "<option" in ours
