"""What a person says about the frame and the lists."""

from django import forms


class PreferencesForm(forms.Form):
    """How the frame looks and listens. Kept in a cookie, so that it holds before sign-in too."""

    THEMES = (("auto", "As the system"), ("light", "Light"), ("dark", "Dark"))
    KEYS = (("on", "On"), ("off", "Off"))

    theme = forms.ChoiceField(choices=THEMES, required=False)
    keys = forms.ChoiceField(choices=KEYS, required=False)
    next = forms.CharField(required=False, widget=forms.HiddenInput)


class KeepForm(forms.Form):
    """The list as it is now, under a name of the person's own."""

    list = forms.CharField(max_length=80, widget=forms.HiddenInput)
    query = forms.CharField(max_length=2000, required=False, widget=forms.HiddenInput)
    name = forms.CharField(max_length=40)
