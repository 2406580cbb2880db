"""The two preferences a person has about the frame."""

from django import forms


class PreferencesForm(forms.Form):
    """How the frame looks and listens. Kept in a cookie, so that it holds before sign-in too."""

    THEMES = (("auto", "As the system"), ("light", "Light"), ("dark", "Dark"))
    KEYS = (("on", "On"), ("off", "Off"))

    theme = forms.ChoiceField(choices=THEMES, required=False)
    keys = forms.ChoiceField(choices=KEYS, required=False)
    next = forms.CharField(required=False, widget=forms.HiddenInput)
