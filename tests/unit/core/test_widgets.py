"""Our templates of widgets draw what Django's own do, save for the space between tags."""

import re

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates, get_default_renderer
from django.utils.safestring import mark_safe

CHOICES = [
    ("", "any"),
    ("<a>", 'less & "more"'),
    (7, mark_safe("<b>seven</b>")),
    ("A group", [("x", "X"), ("y", "Y")]),
]
WIDGETS = [
    (forms.TextInput(), 'a "quoted" <text>'),
    (forms.TextInput(), None),
    (forms.NumberInput({"min": 0, "step": "0.01"}), 12),
    (forms.HiddenInput(), "kept"),
    (forms.EmailInput({"required": True, "autofocus": False}), ""),
    (forms.PasswordInput(), "never shown"),
    (forms.CheckboxInput({"class": "cb"}), True),
    (forms.CheckboxInput(), False),
    (forms.Select(choices=CHOICES), 7),
    (forms.Select({"class": "inp sel", "aria-label": "a & b"}, CHOICES), "nothing of these"),
    (forms.SelectMultiple(choices=CHOICES), ["x", "<a>"]),
    (forms.NullBooleanSelect(), "true"),
    (forms.CheckboxSelectMultiple({"id": "several", "class": "c"}, CHOICES), ["y", 7]),
    (forms.CheckboxSelectMultiple(choices=CHOICES), []),
    (forms.RadioSelect({"id": "one"}, CHOICES), "x"),
    (forms.Textarea({"rows": 3}), "two\nlines"),
]


@pytest.mark.parametrize(("widget", "value"), WIDGETS)
def test_a_widget_is_drawn_as_django_draws_it(widget, value):
    attrs = {"id": "id_it", "aria-invalid": "true"}
    ours = widget.render("it", value, attrs, renderer=get_default_renderer())
    theirs = widget.render("it", value, attrs, renderer=DjangoTemplates())

    assert _plain(ours) == _plain(theirs)


def _plain(html):
    return re.sub(r"\s*(<[^>]*>)\s*", r"\1", html)
