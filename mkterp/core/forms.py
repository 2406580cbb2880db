"""The forms of the frame: sign-in, and the two preferences a person has about it."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm


class SignInForm(AuthenticationForm):
    """Name and password. Says what to do next when they do not fit."""

    error_messages = {
        "invalid_login": (
            "This name and password do not belong together. Check both (capitals count in the "
            "password), or ask an administrator to reset it."
        ),
        "inactive": "This account is switched off. Ask an administrator to switch it on.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "Name"


class PreferencesForm(forms.Form):
    """How the frame looks and listens. Kept in a cookie, so that it holds before sign-in too."""

    THEMES = (("auto", "As the system"), ("light", "Light"), ("dark", "Dark"))
    KEYS = (("on", "On"), ("off", "Off"))

    theme = forms.ChoiceField(choices=THEMES, required=False)
    keys = forms.ChoiceField(choices=KEYS, required=False)
    next = forms.CharField(required=False, widget=forms.HiddenInput)
