"""A room of its own for the tests of ListScreen: people, listed with everything a list can do."""

import django_filters as filters
import django_tables2 as tables
from django.http import HttpResponse
from django.urls import include, path

from mkterp.core.errors import Refused
from mkterp.core.models import User
from mkterp.core.roles import signed_in
from mkterp.core.screens import Action, Badge, Empty, ListScreen, View
from mkterp.core.screens.columns import Column, LeadColumn, StateColumn, TimeColumn

STATES = {True: Badge("active", "done"), False: Badge("off", "wait")}


class PeopleFilters(filters.FilterSet):
    is_active = filters.BooleanFilter(label="Active")
    date_joined = filters.DateFromToRangeFilter(label="Joined")
    first_name = filters.CharFilter(label="First name")

    class Meta:
        model = User
        fields = []


class PeopleTable(tables.Table):
    username = LeadColumn(verbose_name="Name", sub="email")
    first_name = Column(verbose_name="First name")
    date_joined = TimeColumn(verbose_name="Joined")
    is_active = StateColumn(STATES)


def switch_off(*, person, by, at):
    if person == by:
        raise Refused("You cannot switch yourself off.")
    person.is_active = False
    person.save()
    return person


def switch_on(*, obj, by, at):
    obj.is_active = True
    obj.save()
    return obj


def rename(*, rows, by, at, reason):
    for person in rows:
        person.first_name = reason
        person.save()


SWITCH_OFF = Action(
    "switch-off",
    "Switch off",
    "core.change_user",
    switch_off,
    one="person",
    condition=lambda person: person.is_active,
    unmet="Only active people can be switched off.",
    done="Switched off {things}.",
    multi=True,
    undo="switch-on",
)
SWITCH_ON = Action(
    "switch-on",
    "Switch on",
    "core.change_user",
    switch_on,
    offered=False,
    done="{things} are back.",
)
RENAME = Action(
    "rename",
    "Rename",
    "core.change_user",
    rename,
    row=False,
    multi=True,
    needs_reason=True,
    confirm="Rename {things}?",
    done="Renamed {things}.",
)


class People(ListScreen):
    name, noun, nouns = "people", "person", "people"
    title = "People"
    permission = "core.view_user"
    table, filters = PeopleTable, PeopleFilters
    search_fields = ("username", "email")
    orderings = {
        "username": ("username",),
        "first_name": ("first_name", "id"),
        "date_joined": ("date_joined", "id"),
    }
    order = "username"
    views = (
        View("active", "Active", {"is_active": "true"}, count=True),
        View("off", "Switched off", {"is_active": "false"}),
        View("all", "All", columns=("username", "is_active")),
    )
    actions = (SWITCH_OFF, SWITCH_ON, RENAME)
    empty = Empty("Nobody here", "An administrator adds people.")
    panel_template = "core/_keys.html"
    detail_template = "core/detail.html"
    page_size = 5
    bulk_limit = 20

    def rows(self, request):
        return User.objects.exclude(username="hidden")

    def row_badge(self, row):
        return STATES[row.is_active]


class Everybody(People):
    """The same rows without anything optional."""

    name, noun = "everybody", "soul"
    filters, views, actions, search_fields = None, (), (), ()
    panel_template = detail_template = ""

    def rows(self, request):
        return User.objects.none()


@signed_in
def home(request):
    return HttpResponse("home")


def forgotten(request):
    return HttpResponse("a view whose author forgot the permission")


PEOPLE = People()

urlpatterns = [
    path("", include("mkterp.core.urls")),
    path("", home, name="home"),
    path("forgotten/", forgotten, name="forgotten"),
    *PEOPLE.urls("people/"),
    *Everybody().urls("everybody/"),
]
