"""The second page of every list, in every order: what follows the first, and nothing twice."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from mkterp.core import roles
from mkterp.core.models import User
from tests.integration.test_query_counts import LISTS
from tests.rows import pour

pytestmark = pytest.mark.django_db


def test_the_second_page_goes_on_where_the_first_ends():
    roles.sync_roles()
    person = User.objects.create(username="everybody")
    person.groups.set(Group.objects.all())
    client = Client()
    client.force_login(person)
    pour(70, least=70)
    wrong, paged = [], 0
    for name in LISTS:
        first = client.get(reverse(name) + "?view=").context["page"]
        for order in (*first.screen.orderings, *(f"-{one}" for one in first.screen.orderings)):
            ordered = client.get(reverse(name), {"view": "", "sort": order}).context["page"]
            if not ordered.next_url:
                continue
            paged += 1
            rows = list(ordered.state.rows.order_by(*ordered.state.ordering))
            expected = [row.pk for row in rows[50:100]]
            after = client.get(ordered.next_url).context["page"]
            if [view.row.pk for view in after.rows] != expected:
                wrong.append((name, order))
    assert wrong == []
    assert paged > 60
