"""A person keeps a list as he likes to see it; nobody else sees that."""

import pytest
from django.urls import reverse

from mkterp.core.models import KeptView
from mkterp.core.screens.kept import MOST

pytestmark = pytest.mark.django_db

MINE = "q=oxford&sort=sku&after=7&open=12"


def keep(client, name="Oxfords", query=MINE, **more):
    return client.post(
        "/views/keep/", {"list": "sync:exceptions", "name": name, "query": query} | more
    )


def test_a_kept_view_is_a_tab_for_the_person_alone(operations, viewer, client_of):
    client = client_of(operations)

    answer = keep(client)

    assert answer.url == "/exceptions/?q=oxford&sort=sku"  # the page and the open row pass
    assert ">Oxfords</a>" in client.get("/exceptions/").text
    assert ">Oxfords</a>" not in client.get("/orders/").text
    assert ">Oxfords</a>" not in client_of(viewer).get("/exceptions/").text


def test_the_tab_in_force_is_marked_and_offers_nothing_more_to_keep(operations, client_of):
    client = client_of(operations)
    found = client.get("/exceptions/?q=oxford").text
    assert "Keep this view as" in found
    keep(client, query="q=oxford")

    found = client.get("/exceptions/?q=oxford").text

    assert 'aria-current="true">Oxfords</a>' in found
    assert found.count('aria-current="true"') == 1
    assert "Keep this view as" not in found


def test_the_same_name_again_takes_the_old_ones_place(operations, client_of):
    client = client_of(operations)
    keep(client)
    keep(client, query="q=derby")

    assert KeptView.objects.get().query == "q=derby"


def test_nobody_removes_what_another_keeps(operations, viewer, client_of):
    keep(client_of(operations))
    kept = KeptView.objects.get()
    address = reverse("view-remove", args=[kept.pk])

    assert client_of(viewer).post(address).status_code == 404
    assert client_of(operations).post(address).url == "/exceptions/"
    assert not KeptView.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"list": "sync:nothing"}, {"list": "sync:order"}, {"name": ""}, {"name": "x" * 41}]
)
def test_what_makes_no_sense_keeps_nothing(operations, client_of, wrong):
    keep(client_of(operations), **wrong)

    assert not KeptView.objects.exists()


def test_more_tabs_than_anybody_can_read_are_refused(operations, client_of):
    client = client_of(operations)
    for number in range(MOST + 1):
        keep(client, name=f"View {number}")

    assert KeptView.objects.count() == MOST
    assert "Remove one first" in client.get("/exceptions/").text
