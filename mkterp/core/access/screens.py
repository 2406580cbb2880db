# mypy: allow-subclassing-any
"""The people's list."""

from typing import Any, ClassVar

import django_filters as filters
import django_tables2 as tables
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.contrib.postgres.aggregates import StringAgg
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from mkterp.core import roles
from mkterp.core.access import people
from mkterp.core.access.forms import EmailForm
from mkterp.core.models import AuditEntry, User
from mkterp.core.screens import Action, Badge, Empty, ListScreen, View
from mkterp.core.screens.columns import Column, LeadColumn, StateColumn, TimeColumn

STATES = {True: Badge("active", "done"), False: Badge("off", "wait")}

SWITCH_OFF = Action(
    "switch-off",
    "Switch off",
    "core.change_user",
    people.switch_off,
    one="person",
    condition=lambda person: person.is_active,
    unmet="Only active people can be switched off.",
    done="Switched off: {things}. They cannot go on working, nor sign in.",
    needs_reason=True,
    danger=True,
    icon="ban",
)
SWITCH_ON = Action(
    "switch-on",
    "Switch on",
    "core.change_user",
    people.switch_on,
    one="person",
    condition=lambda person: not person.is_active,
    unmet="Only people who are switched off can be switched on.",
    done="Switched on: {things}.",
    icon="check",
)
SET_EMAIL = Action(
    "set-email",
    "Change e-mail",
    "core.change_user",
    people.set_email,
    one="person",
    done="The e-mail address is changed.",
    form=EmailForm,
    confirm="Change the e-mail address of {things}?",
    needs_reason=True,
    row=False,
    icon="user-round",
)
FORGET = Action(
    "forget-second-factor",
    "Forget second factor",
    "core.change_user",
    people.forget_second_factor,
    one="person",
    condition=lambda person: person.second_factor,
    unmet="There is no second factor to forget.",
    done="Forgotten. The next sign-in asks for the password alone.",
    row=False,
    needs_reason=True,
    danger=True,
    icon="unlink",
)


class PeopleFilters(filters.FilterSet):
    is_active = filters.BooleanFilter(label="Active")
    groups = filters.ModelChoiceFilter(
        queryset=Group.objects.filter(name__in=roles.ROLES), empty_label="any", label="Role"
    )
    second_factor = filters.BooleanFilter(label="Second factor")

    class Meta:
        model = User
        fields: ClassVar[list[str]] = []


class PeopleTable(tables.Table):
    username = LeadColumn(verbose_name="Name", sub="full_name")
    role_names = Column(verbose_name="Roles")
    second_factor = Column(verbose_name="Second factor", narrow="hide")
    email = Column(verbose_name="E-mail", narrow="hide", wide=True)
    last_login = TimeColumn(verbose_name="Last signed in", narrow="hide")
    is_active = StateColumn(STATES)

    def render_second_factor(self, value: bool) -> str:
        return "yes" if value else "no"


class People(ListScreen):
    room = "access"
    name, noun, nouns = "people", "person", "people"
    title, icon = "People", "users-round"
    permission = "core.view_user"
    handbook = "data/people"
    table, filters = PeopleTable, PeopleFilters
    search_fields = ("username", "first_name", "last_name", "email")
    orderings: ClassVar = {
        "username": ("username", "id"),
        "last_login": ("last_login", "id"),
    }
    order = "username"
    views = (
        View("active", "Active", {"is_active": "true"}),
        View("off", "Switched off", {"is_active": "false"}),
        View("all", "All"),
    )
    actions = (SET_EMAIL, SWITCH_OFF, SWITCH_ON, FORGET)
    above_template = "core/people/_above.html"
    detail_template = "core/people/person.html"
    empty = Empty(
        "Nobody here",
        "People are added here by an administrator, or come by single sign-on.",
        "users-round",
    )

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        return User.objects.annotate(
            second_factor=Exists(Authenticator.objects.filter(user=OuterRef("pk"))),
            role_names=StringAgg("groups__name", ", ", order_by="groups__name", default=""),
        )

    def row_badge(self, row: Any) -> Badge:
        return STATES[row.is_active]

    def detail_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        subject = f"{row._meta.label_lower}:{row.pk}"
        history = list(
            AuditEntry.objects.filter(subject=subject).select_related("by").order_by("-id")[:50]
        )
        for entry in history:
            entry.words = entry.action.replace("_", " ").capitalize()  # type: ignore[attr-defined]
        return {
            "held": roles.roles_of(row),
            "history": history,
            "may_change": request.user.has_perm("core.change_user"),
            "roles_url": reverse("access:person-roles", kwargs={"key": row.pk}),
            "invite_url": reverse("access:person-invite", kwargs={"key": row.pk}),
        }


PEOPLE = People()
