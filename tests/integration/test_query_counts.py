"""How often a list asks the database: as often for a full page as for three, and not too often."""

import re

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mkterp.core import roles
from mkterp.core.models import User
from mkterp.core.screens.doors import doors
from sync import selectors
from sync.selectors.shipments import STAGES
from tests.rows import pour

pytestmark = pytest.mark.django_db

WHOLE_ROWS = re.compile(r'SELECT DISTINCT "\w+"\."id"')
# Of these the frame asks for the person, the rail's counts and the period on every page.
MOST = 30
LISTS = sorted(
    door.name.removesuffix("-export")
    for door in doors()
    if door.name.endswith("-export") and door.route.endswith("export.csv")
)


@pytest.fixture
def client() -> Client:
    """Somebody with every role: whoever may do most is asked most for."""
    roles.sync_roles()
    person = User.objects.create(username="everybody")
    person.groups.set(Group.objects.all())
    client = Client()
    client.force_login(person)
    client.get(reverse("home"))  # what is asked once for a session, or for a process, is asked
    return client


def asked(client: Client) -> dict[str, int]:
    """The number of queries of every list: as it opens, with all its rows, and with one open."""
    counts: dict[str, int] = {}
    for name in LISTS:
        _page(client, counts, name, reverse(name))
        page = _page(client, counts, f"{name}, all", reverse(name) + "?view=")
        if page.rows and page.screen.panel_template:
            opened = page.state.here(open=page.rows[0].key)
            _page(client, counts, f"{name}, one open", opened)
    return counts


def _page(client, counts, name, url):
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(url)
    assert answer.status_code == 200, (name, answer.status_code)
    # DISTINCT over whole rows would read and sort all of them before the first page.
    assert not [q["sql"] for q in queries if WHOLE_ROWS.search(q["sql"])], name
    counts[name] = len(queries)
    return answer.context["page"]


def test_a_list_asks_no_more_for_three_pages_than_for_one(client):
    pour(50, least=50)
    one = asked(client)
    pour(100, least=100)
    three = asked(client)

    assert len(one) > 60
    assert {name: (count, three[name]) for name, count in one.items() if three[name] > count} == {}
    assert {name: count for name, count in three.items() if count > MOST} == {}


def test_the_rail_counts_what_its_lists_show():
    pour(50, least=50)

    shown = selectors.shipments().filter(stage__in=["PARKED", "REFUSED"])
    stuck = sum(rows.count() for rows in selectors.stuck_shipments())
    assert (stuck, shown.count() > 5) == (shown.count(), True)
    for stage in STAGES:
        by_it = selectors.at_stage(selectors.shipments(), [stage])
        assert set(by_it.values_list("stage", flat=True)) <= {stage}
        assert by_it.count() == selectors.shipments().filter(stage=stage).count()
    parked = selectors.corrections().filter(state="PARKED")
    assert selectors.parked_corrections().count() == parked.count() > 5
