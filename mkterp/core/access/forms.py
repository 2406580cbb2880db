"""What a person says of himself, and what an administrator says of people."""

import zoneinfo
from typing import Any

from django import forms
from django.contrib.auth.models import Group

from mkterp.core import roles
from mkterp.core.api.tokens import LONGEST
from mkterp.core.models import User


class RolesField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # not at run time
    """The roles with what each may do."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("queryset", Group.objects.filter(name__in=roles.ROLES).order_by("pk"))
        options.setdefault("widget", forms.CheckboxSelectMultiple)
        super().__init__(**options)

    def label_from_instance(self, obj: Any) -> str:
        role = roles.ROLES[obj.name]
        return f"{role.title}: {role.meaning}"


class AccountForm(forms.Form):
    """Name and time zone. Times on every screen are shown in this zone.

    Not the e-mail address: single sign-on finds a person by it, so whoever could choose it could
    receive somebody else's sign-in, roles included.
    """

    first_name = forms.CharField(max_length=150, required=False, label="First name")
    last_name = forms.CharField(max_length=150, required=False, label="Last name")
    time_zone = forms.TypedChoiceField(
        choices=lambda: [
            ("", "The company's"),
            *((zone, zone) for zone in sorted(zoneinfo.available_timezones())),
        ],
        required=False,
        label="Time zone",
    )


class TokenForm(forms.Form):
    """A token for a program."""

    name = forms.CharField(max_length=100, label="What will use it?")
    days = forms.IntegerField(
        min_value=1, max_value=LONGEST.days, initial=90, label="For how many days?"
    )
    may_act = forms.BooleanField(
        required=False, label="May act for you (confirm, retry), not only read"
    )


class PersonForm(forms.Form):
    """A person to be added."""

    username = forms.CharField(
        max_length=150,
        label="Name to sign in with",
        validators=User._meta.get_field("username").validators,
    )
    first_name = forms.CharField(max_length=150, required=False, label="First name")
    last_name = forms.CharField(max_length=150, required=False, label="Last name")
    email = forms.EmailField(required=False, label="E-mail")
    roles = RolesField(required=False, label="Roles")


class RolesForm(forms.Form):
    roles = RolesField(required=False, label="Roles")
    reason = forms.CharField(max_length=500, label="Why?", widget=forms.Textarea({"rows": 2}))


class EmailForm(forms.Form):
    email = forms.EmailField(
        label="E-mail",
        widget=forms.EmailInput({"autofocus": True}),
        help_text="Single sign-on finds the person by it: give only an address that is theirs.",
    )
