"""Every page can be reached: from the rail, by the palette, and its handbook opens beside it."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from mkterp.core import roles
from mkterp.core.models import User
from mkterp.core.screens.doors import doors
from mkterp.frame import FRAME
from mkterp.overview import handbook
from tests.places import address, fill

pytestmark = pytest.mark.django_db

DECLARED = FRAME.navigation + FRAME.beyond + FRAME.personal + FRAME.commands
# Pages without a row that nobody goes to by name: parts of another page, or steps of an errand.
ELSEWHERE = {
    "search": "the palette's own field",
    "palette": "itself",
    "change-password": "on Your account",
    "account_reauthenticate": "on the way to another page",
    "mfa_reauthenticate": "on the way to another page",
    "mfa_index": "on Your account",
    "mfa_activate_totp": "on Your account",
    "mfa_deactivate_totp": "on Your account",
    "mfa_view_recovery_codes": "on Your account",
    "mfa_generate_recovery_codes": "on Your account",
}


@pytest.fixture
def rows(at):
    fill(at=at)


@pytest.fixture
def everybody(db) -> User:
    return User.objects.create(username="everybody", is_superuser=True)


def is_page(answer) -> bool:
    """A whole page in the frame, not a fragment, a download or a step of signing in."""
    if answer.streaming or answer.status_code != 200:
        return False
    return answer["Content-Type"].startswith("text/html") and 'id="rail"' in answer.text


def test_every_page_without_a_row_is_in_the_rail_or_the_palette(rows, everybody, client_of):
    client = client_of(everybody)
    pages = set()
    for door in doors():
        if door.arguments or door.permission == roles.PUBLIC or door.route.endswith("/filter/"):
            continue
        answer = client.get(address(door))
        if is_page(answer):
            pages.add(door.name)

    assert len(pages) > 45
    assert pages - {item.url_name for item in DECLARED} == set(ELSEWHERE) & pages


def test_a_place_asks_what_its_door_asks():
    asked = {door.name: door.permission for door in doors()}
    open_to_all = (roles.SIGNED_IN, roles.PUBLIC)
    wrong = {
        item.url_name: (item.permission, asked[item.url_name])
        for item in DECLARED
        if asked[item.url_name] != item.permission
        and not (item.permission == "" and asked[item.url_name] in open_to_all)
    }

    assert wrong == {}


def test_the_registries_stand_in_the_rail_under_their_headings(controller, viewer, client_of):
    groups = {
        group.title: [line.item.label for line in group.lines]
        for group in client_of(controller).get(reverse("keys")).context["frame"].groups
    }

    assert {"Duplicate items", "New items to ask for", "Unmapped tax codes"} <= set(
        groups["Mapping"]
    )
    assert groups["Settings"] == [
        "Tax codes",
        "Tax on shipping",
        "Accounts",
        "Tolerances",
        "Matching rules",
        "Import and export",
        "Channels",
    ]
    assert len(groups) == len({*groups}), "no heading stands twice"


def found(client: Client, text: str) -> list[str]:
    context = client.get(reverse("palette"), {"q": text}).context
    return [place.label for place in (*context["pages"], *context["commands"])]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("cadence", "Cadence"),
        ("safety", "Safety stock"),
        ("toler", "Tolerances"),
        ("drift per", "Drift per seller"),
        ("matching", "Matching rules"),
        ("channel", "Channels"),
        ("checkl", "Checklists"),
        ("keys", "All keys"),
        ("account", "Your account"),
        ("ownership rule", "Sellers without a rule"),
        ("add a person", "Add a person"),
        ("check a file", "Import and export"),
        ("sign out", "Sign out"),
    ],
)
def test_the_palette_finds_every_page_and_command(text, label, administrator, client_of):
    assert label in found(client_of(administrator), text)


def test_the_palette_offers_nothing_that_the_role_may_not_do(viewer, finance, client_of):
    assert "Add a person" not in found(client_of(viewer), "")
    assert "Load a bank file" not in found(client_of(viewer), "bank")
    assert found(client_of(finance), "load a bank") == ["Load a bank file"]


def test_signing_out_from_the_palette_is_sent_and_not_followed(viewer):
    client = Client(enforce_csrf_checks=True)
    client.force_login(viewer)
    shown = client.get(reverse("palette"), {"q": "sign out"}).text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', shown)[1]

    assert f'<form method="post" action="{reverse("logout")}">' in shown
    answer = client.post(reverse("logout"), {"csrfmiddlewaretoken": token})
    assert answer.url == reverse("signed-out")


def test_whoever_may_set_it_gets_from_the_sellers_to_the_rule_for_the_others(
    administrator, viewer, client_of
):
    link = f'href="{reverse("mapping:default")}"'

    assert link in client_of(administrator).get(reverse("mapping:sellers")).text
    assert link not in client_of(viewer).get(reverse("mapping:sellers")).text


# -- the handbook beside the page -----------------------------------------------------------------


def test_h_opens_the_page_of_the_handbook_beside_every_page(rows, everybody, client_of):
    client = client_of(everybody)
    slugs = {}
    for door in doors():
        if door.permission == roles.PUBLIC or door.name in ("handbook", "handbook-page"):
            continue
        answer = client.get(address(door))
        if not is_page(answer):
            continue
        links = re.findall(r'<a [^>]*data-key="h"[^>]*>', answer.text)
        beside = [one for one in links if 'hx-target="#handbook"' in one]
        assert beside, door.name
        assert links == beside, (door.name, "h leaves the page")
        slugs[door.name] = re.search(r'href="/handbook/([^"]+)/"', beside[0])[1]

    assert len(slugs) > 70
    assert {name: slug for name, slug in slugs.items() if handbook.page(slug) is None} == {}
    assert sorted(name for name, slug in slugs.items() if slug == handbook.START) == [
        "checks",
        "home",
        "keys",
        "practice",
        "search",
    ]
    told = ("sync:unmapped", "sync:unmapped-bulk", "sync:cadence", "mapping:seller", "health")
    assert [slugs[name] for name in told] == [
        "data/mappings",
        "data/mappings",
        "data/stock",
        "data/seller-stock",
        "data/connections",
    ]


def test_the_handbook_itself_has_nothing_beside_it(viewer, client_of):
    assert 'data-key="h"' not in client_of(viewer).get(reverse("handbook")).text
