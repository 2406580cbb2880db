"""The frame: who gets in, what every answer carries, what a person sees of it."""

import re

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import InterfaceError, OperationalError
from django.test import Client, override_settings
from django.urls import reverse

from mkterp.core import roles
from mkterp.core.models import User
from mkterp.core.screens.doors import doors
from mkterp.core.screens.frame import Count, Frame, NavItem, Period
from tests.integration.core.screens_urls import PEOPLE

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.integration.core.screens_urls"),
]

FRAME = Frame(
    navigation=(
        NavItem("people", "People", "users-round", "core.view_user", count=lambda user: 12),
        NavItem("everybody", "Everybody", "inbox", "core.change_user", group="More"),
        NavItem("keys", "Late", "activity", count=lambda user: Count(0, "broke", "1 late")),
    ),
    search="people",
    period=lambda request: Period("Nov 2026", "closes in 7 d"),
    company="Northbank UK",
)


@pytest.fixture(autouse=True)
def frame(settings):
    settings.FRAME = f"{__name__}.FRAME"


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_stranger_is_sent_to_sign_in_and_comes_back_to_where_he_wanted():
    response = Client().get("/people/?view=all")
    assert response.status_code == 302
    assert response.url == "/sign-in/?next=/people/%3Fview%3Dall"


def test_signing_in_and_out(administrator):
    client = Client()
    wrong = client.post("/sign-in/", {"login": "administrator", "password": "no"})
    assert wrong.status_code == 200
    assert "do not belong together" in wrong.text
    right = {"login": "administrator", "password": "a long enough password"}
    response = client.post("/sign-in/", right | {"next": "/people/?view=off"})
    assert response.url == "/people/?view=off"
    assert client.get("/sign-in/").status_code == 302
    assert client.get("/sign-out/").status_code == 405
    out = client.post("/sign-out/")
    assert out.url == reverse("signed-out")
    assert "You are signed out" in client.get(out.url).text
    assert client.get("/people/").status_code == 302


def test_a_session_that_died_moves_the_whole_page_not_the_table():
    response = Client().get(
        "/people/?view=off",
        headers={
            "HX-Request": "true",
            "HX-Current-URL": "http://testserver/people/?view=all&open=3",
        },
    )
    assert response.status_code == 204
    assert response["HX-Redirect"] == "/sign-in/?next=/people/%3Fview%3Dall%26open%3D3"


def test_a_foreign_current_url_is_not_a_place_to_come_back_to():
    headers = {"HX-Request": "true", "HX-Current-URL": "https://evil.test/x"}
    assert Client().get("/people/", headers=headers)["HX-Redirect"] == "/sign-in/?next=/"


def test_a_view_that_declares_no_permission_lets_nobody_in(administrator):
    assert signed_in(administrator).get("/forgotten/").status_code == 403
    assert Client().get("/forgotten/").status_code == 403


def test_every_door_says_what_it_asks():
    found = {door.name: door for door in doors("tests.integration.core.screens_urls")}
    assert [d.name for d in found.values() if d.permission is None] == ["forgotten"]
    assert found["people"].permission == "core.view_user"
    assert found["people-export"].permission == "core.view_user"
    assert found["person-panel"].permission == "core.view_user"
    assert found["person-switch-off"].permission == "core.change_user"
    assert found["person"].arguments == ("key",)
    assert found["login"].permission == roles.PUBLIC
    assert found["keys"].permission == roles.SIGNED_IN
    assert len([n for n in found if n.startswith("person-")]) == len(PEOPLE.actions) + 1


def test_the_wrong_role_is_refused_in_words(operations):
    response = signed_in(operations).get("/people/")
    assert response.status_code == 403
    assert "This is not yours to open" in response.text


def test_every_answer_carries_the_policy_an_id_and_no_permission_to_be_kept(administrator):
    response = signed_in(administrator).get("/people/")
    policy = response["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert "no-store" in response["Cache-Control"]
    assert re.fullmatch(r"[0-9a-f]{32}", response["X-Request-ID"])
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("given", "kept"), [("a-proxy.id_1234", True), ("x\ninjected: 1", False), ("é" * 10, False)]
)
def test_an_id_from_a_proxy_is_kept_when_it_is_plain(given, kept):
    response = Client().get("/sign-in/", headers={"X-Request-ID": given})
    assert (response["X-Request-ID"] == given) is kept


def test_the_rail_shows_what_the_person_may_open(administrator, operations):
    text = signed_in(administrator).get("/people/").text
    assert 'aria-current="page"' in text
    assert "Everybody" in text
    assert ">12<" in text
    assert "1 late" in text
    assert "Nov 2026" in text
    others = signed_in(operations).get("/keys/").text
    assert "Everybody" not in others
    assert "1 late" in others


def test_the_theme_is_remembered_and_drawn_by_the_server(administrator):
    client = signed_in(administrator)
    assert "data-bs-theme" not in client.get("/people/").text
    response = client.post("/preferences/", {"theme": "dark", "next": "/people/?view=all"})
    assert response.url == "/people/?view=all"
    assert '<html lang="en-GB" data-bs-theme="dark">' in client.get("/people/").text
    client.post("/preferences/", {"theme": "auto"})
    assert "data-bs-theme" not in client.get("/people/").text


def test_single_keys_can_be_switched_off(administrator):
    client = signed_in(administrator)
    assert 'data-keys="on"' in client.get("/keys/").text
    client.post("/preferences/", {"keys": "off", "next": "/keys/"})
    assert 'data-keys="off"' in client.get("/keys/").text


@pytest.mark.parametrize("next_", ["https://evil.test/", "//evil.test", "javascript:alert(1)", ""])
def test_preferences_never_lead_off_the_site(next_):
    assert Client().post("/preferences/", {"theme": "dark", "next": next_}).url == "/"
    assert Client().post("/preferences/", {"theme": "pink"}).status_code == 400


@override_settings(DEBUG=False)
def test_a_page_that_is_not_there_says_what_to_do(administrator):
    response = signed_in(administrator).get("/nowhere/")
    assert response.status_code == 404
    assert "There is nothing at this address" in response.text


@override_settings(DEBUG=False)
def test_our_own_mistake_is_a_page_not_a_trace(administrator, monkeypatch):
    def broken(request):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(PEOPLE, "rows", broken)
    client = signed_in(administrator)
    client.raise_request_exception = False
    response = client.get("/people/")
    assert response.status_code == 500
    assert "That went wrong on our side" in response.text
    assert "secret detail" not in response.text


@pytest.mark.parametrize("trouble", [OperationalError("deadlock detected"), InterfaceError("gone")])
def test_a_database_that_is_away_is_no_mistake_of_ours(administrator, monkeypatch, trouble):
    def away(request):
        raise trouble

    monkeypatch.setattr(PEOPLE, "rows", away)
    client = signed_in(administrator)
    looked = client.get("/people/?view=all")
    done = client.post("/people/do/switch-off/", {"one": administrator.pk})
    for response in (looked, done):
        assert (response.status_code, response["Retry-After"]) == (503, "5")
        assert "do it again" in response.text
    assert 'href="/people/?view=all"' in looked.text
    assert "Try again" not in done.text


def test_times_are_shown_in_the_person_s_own_zone(administrator):
    client = signed_in(administrator)
    administrator.time_zone = "Pacific/Auckland"
    administrator.date_joined = administrator.date_joined.replace(
        year=2026, month=1, day=1, hour=11, minute=5
    )
    administrator.save()
    text = client.get("/people/?view=active").text
    assert "Fri 02 Jan 2026 00:05" in text
    assert "11:05" in text, "UTC stands in the title"
    administrator.time_zone = "Nowhere/At-All"
    administrator.save()
    assert client.get("/people/").status_code == 200


def test_the_groups_are_the_table_of_roles():
    roles.sync_roles()
    stray = Group.objects.get(name="viewer")
    stray.permissions.clear()
    assert roles.sync_roles() == []
    for name, role in roles.ROLES.items():
        held = {
            f"{app}.{code}"
            for app, code in Group.objects.get(name=name).permissions.values_list(
                "content_type__app_label", "codename"
            )
        }
        assert held == role.permissions, name


def test_what_a_role_may_do_stands_in_the_table_alone(operations, django_assert_num_queries):
    stray = Group.objects.create(name="stray")
    stray.permissions.set(Permission.objects.filter(codename="delete_user"))
    Group.objects.get(name="operations").permissions.clear()
    operations.groups.add(stray)
    person = User.objects.get(pk=operations.pk)

    with django_assert_num_queries(2):  # permissions of their own, names of their roles
        assert person.has_perm("mapping.confirm_skumapping")
        assert not person.has_perm("core.delete_user")
        assert [role.title for role in roles.roles_of(person)] == ["Operations"]
    person = User.objects.get(pk=operations.pk)
    person.is_active = False
    assert not person.has_perm("mapping.confirm_skumapping")


def test_the_auditor_and_the_viewer_can_change_nothing():
    for name in ("viewer", "auditor"):
        # An evidence pack is a download; that it was made is noted, nothing else changes.
        asked = roles.ROLES[name].permissions - {"reconciliation.make_evidencepack"}
        assert {p.split(".")[1].split("_")[0] for p in asked} == {"view"}, name


def test_a_permission_that_does_not_exist_is_named_before_anything_changes(monkeypatch):
    odd = roles.Role("Odd", "", frozenset({"core.view_user", "core.fly_user"}))
    monkeypatch.setitem(roles.ROLES, "odd", odd)
    with pytest.raises(LookupError, match=r"core\.fly_user"):
        roles.sync_roles()
    assert not Group.objects.filter(name="odd").exists()
    assert roles.sync_roles(strict=False) == ["core.fly_user"]
