"""What the form of a list's filters says, in every list that has one."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from mkterp.core import roles
from mkterp.core.models import User
from mkterp.core.screens.doors import doors

pytestmark = pytest.mark.django_db
FILTERS = sorted(door.name for door in doors() if door.name.endswith("-filter"))


def test_there_are_filters():
    assert len(FILTERS) > 20


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_has_a_name_and_a_word_for_all(name):
    """django-filter calls a field it does not find "[invalid name]", Django no choice "-----"."""
    roles.sync_roles()
    person = User.objects.create(username="everybody")
    person.groups.set(Group.objects.all())
    client = Client()
    client.force_login(person)

    page = client.get(reverse(name)).content.decode()

    assert "<form" in page
    assert "[invalid name]" not in page
    assert "-----" not in page
