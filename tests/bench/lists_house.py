"""A house with many rows, and the addresses of its long lists at several depths; for `lists`."""

import json
import sys
from datetime import timedelta

from django.contrib.auth.models import Group
from django.db import connection
from django.http import QueryDict
from django.test import Client, RequestFactory
from django.utils import timezone

from mapping.screens import MAPPINGS
from mkterp.core import roles
from mkterp.core.models import Heartbeat, User
from mkterp.core.screens import keyset
from mkterp.core.screens.lists import ListScreen
from mkterp.core.screens.state import ListState
from sync.screens import EXCEPTIONS, INBOX, INVENTORY, ORDERS, OUTBOX, SHIPMENTS
from tests.rows import LONG, pour

SCREENS = (ORDERS, EXCEPTIONS, INBOX, OUTBOX, INVENTORY, MAPPINGS, SHIPMENTS)
DEPTHS = (0.01, 0.25, 0.5, 0.75, 0.99)
SOUGHT = ("INV-40", "SKU-77", "5000000000042", "Camp shirt 7", "business_name 3", "nothing at all")


def tell(many: int) -> None:
    """Fill the database, and print a session with every role and the addresses to ask."""
    roles.sync_roles()
    person = User.objects.create(username="everybody")
    person.groups.set(Group.objects.all())
    client = Client()
    client.force_login(person)
    pour(many, least=50, long=LONG)
    # A worker that lives: without one every page counts what waits for it.
    Heartbeat.objects.create(
        name="here:1", beat_at=timezone.now() + timedelta(days=1), detail={"host": "here", "pid": 1}
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        # Every query in one process, whose time can be read: a helper's would be missed.
        name = connection.settings_dict["NAME"]
        cursor.execute(f'ALTER DATABASE "{name}" SET max_parallel_workers_per_gather = 0')
    pages = {screen.name: _addresses(screen, person, "view=") for screen in SCREENS}
    pages |= {
        f"{screen.name}, all": _addresses(screen, person, "view=all")
        for screen in SCREENS
        if screen.views[0].name != "all" and screen.view_named("all") is not None
    }
    pages["search"] = [f"/search/?q={text}" for text in SOUGHT]
    told = {"session": client.cookies["sessionid"].value, "pages": pages}
    sys.stdout.write(json.dumps(told))


def _addresses(screen: ListScreen, person: User, query: str) -> list[str]:
    """The list as it opens or another view of it, from the top and from several depths."""
    request = RequestFactory().get(screen.url())
    request.user = person
    state = ListState(screen, request, QueryDict(query))
    rows, total = state.rows.order_by(*state.ordering), state.rows.count()
    found = [f"{screen.url()}?{query}"]
    for depth in DEPTHS if total else ():
        cursor = keyset.encode(rows[int((total - 1) * depth)], state.ordering)
        found.append(f"{screen.url()}?{query}&after={cursor}")
    return found
