"""What every test may ask for: people by role, a clock, the sandbox in process, the fake ERP."""

from datetime import UTC, datetime

import pytest
from django.conf import settings as product
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from hypothesis import HealthCheck, settings

from mkterp import postgres
from mkterp.core import roles
from mkterp.core.models import User

postgres.ensure_running()
# The real one is slow on purpose, half a second a person; nothing here is worth guessing.
product.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# No example is judged by how long it took: that says what else the machine does.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture
def at() -> datetime:
    """A moment of the test's own: a minute before midnight at a month's end."""
    return datetime(2026, 11, 30, 23, 59, tzinfo=UTC)


def _person(role: str) -> User:
    # A test that commits empties the tables when it ends, the groups with them.
    if not Group.objects.filter(name=role).exists():
        roles.sync_roles()
    user = User.objects.create_user(username=role, password="a long enough password")
    user.groups.set([Group.objects.get(name=role)])
    return user


@pytest.fixture
def viewer(db) -> User:
    return _person("viewer")


@pytest.fixture
def auditor(db) -> User:
    return _person("auditor")


@pytest.fixture
def operations(db) -> User:
    return _person("operations")


@pytest.fixture
def finance(db) -> User:
    return _person("finance")


@pytest.fixture
def controller(db) -> User:
    return _person("controller")


@pytest.fixture
def administrator(db) -> User:
    return _person("administrator")


@pytest.fixture
def client_of():
    """A browserless client that is signed in as the given person."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def schedules(db) -> None:
    call_command("syncschedules", verbosity=0)
