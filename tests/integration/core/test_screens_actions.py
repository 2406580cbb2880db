"""Buttons: who sees them, what they do to which rows, what is said afterwards."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from mkterp.core.models import User
from mkterp.core.screens import Action

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.integration.core.screens_urls"),
]

LIST = "http://testserver/people/?view=all"


@pytest.fixture(autouse=True)
def without_a_rail(settings):
    settings.FRAME = ""


@pytest.fixture
def client(administrator) -> Client:
    client = Client()
    client.force_login(administrator)
    return client


@pytest.fixture
def people(administrator) -> list[User]:
    return User.objects.bulk_create(User(username=f"person {n:02}") for n in range(8))


def off() -> set[str]:
    return set(User.objects.filter(is_active=False).values_list("username", flat=True))


def press(client: Client, action: str, at: str = LIST, **data):
    """Presses a button the way htmx does."""
    headers = {"HX-Request": "true", "HX-Current-URL": at}
    return client.post(f"/people/do/{action}/", data, headers=headers)


def test_a_button_on_a_row_does_it_and_answers_with_the_list_and_the_toast(client, people):
    response = press(client, "switch-off", one=people[0].pk, pk=[people[1].pk])
    assert response.status_code == 200
    assert off() == {"person 00"}, "the button's own row, whatever is ticked"
    assert "<html" not in response.text
    assert 'id="screen"' in response.text
    assert "Switched off 1 person." in response.text
    assert 'id="rail" aria-label="Main" hx-swap-oob="true"' in response.text


def test_the_toast_carries_the_undo(client, people):
    response = press(client, "switch-off", pk=[p.pk for p in people[:3]])
    assert 'action="/people/do/switch-on/"' in response.text
    assert len(off()) == 3
    undone = press(client, "switch-on", pk=[p.pk for p in people[:3]])
    assert "3 people are back." in undone.text
    assert off() == set()


def test_without_scripts_the_form_redirects_back_to_where_it_was(client, people):
    back = "/people/?view=all&sort=-username"
    response = client.post("/people/do/switch-off/", {"one": people[0].pk, "next": back})
    assert response.status_code == 303
    assert response.url == back
    assert "Switched off 1 person." in client.get(response.url).text


def test_a_redirect_never_leaves_the_site(client, people):
    for next_ in ("https://evil.test/people/", "//evil.test/", "javascript:alert(1)"):
        response = client.post("/people/do/switch-off/", {"pk": people[0].pk, "next": next_})
        assert response.status_code == 303
        assert response.url.startswith("/people/")
        people[0].is_active = True
        people[0].save()


def test_a_refusal_stands_beside_its_row_and_the_others_are_done(client, administrator, people):
    response = press(client, "switch-off", pk=[administrator.pk, people[0].pk])
    assert response.status_code == 200
    assert off() == {"person 00"}
    assert "You cannot switch yourself off." in response.text
    refused = [row for row in response.context["page"].rows if row.refused]
    assert [row.row for row in refused] == [administrator]
    assert "Switched off 1 person. 1 person refused." in response.text


def test_when_nothing_could_be_done_the_answer_is_422_on_list_and_page(client, administrator):
    response = press(client, "switch-off", one=administrator.pk)
    assert response.status_code == 422
    assert "You cannot switch yourself off." in response.text
    page = f"/people/{administrator.pk}/"
    response = press(client, "switch-off", at=f"http://testserver{page}", one=administrator.pk)
    assert response.status_code == 422
    assert "You cannot switch yourself off." in response.text
    plain = client.post("/people/do/switch-off/", {"one": administrator.pk, "next": page})
    assert plain.status_code == 422
    assert "<html" in plain.text


def test_on_a_row_s_page_success_leads_back_to_that_page(client, people):
    page = f"/people/{people[0].pk}/"
    response = press(client, "switch-off", at=f"http://testserver{page}", one=people[0].pk)
    assert response.status_code == 303
    assert response.url == page


def test_from_another_page_a_refusal_is_said_after_the_redirect(client, administrator):
    response = client.post("/people/do/switch-off/", {"one": administrator.pk, "next": "/keys/"})
    assert response.url == "/keys/"
    assert "You cannot switch yourself off." in client.get("/keys/").text


def test_rows_whose_condition_fails_are_left_alone_and_counted(client, people):
    User.objects.filter(pk=people[0].pk).update(is_active=False)
    response = press(client, "switch-off", pk=[people[0].pk, people[1].pk])
    assert "Switched off 1 person. 1 person left alone." in response.text
    alone = press(client, "switch-off", one=people[0].pk)
    assert alone.status_code == 422
    assert "Only active people can be switched off." in alone.text
    shown = client.get(LIST).context["page"].rows
    assert all(bool(row.buttons) == row.row.is_active for row in shown)


def test_a_deed_with_a_reason_asks_first_and_does_nothing_until_told_why(client, people):
    keys = [p.pk for p in people[:2]]
    asked = press(client, "rename", pk=keys)
    assert asked.status_code == 200
    assert asked["HX-Retarget"] == "#dialog"
    assert "Rename 2 people?" in asked.text
    silent = press(client, "rename", pk=keys, confirmed="1", reason="   ")
    assert silent.status_code == 422
    assert "Say why" in silent.text
    assert not User.objects.filter(first_name="Sam").exists()
    done = press(client, "rename", pk=keys, confirmed="1", reason="Sam")
    assert "Renamed 2 people." in done.text
    assert User.objects.filter(first_name="Sam").count() == 2


def test_without_scripts_the_question_is_a_page_that_carries_the_choice(client, people):
    back = "/people/?view=all"
    page = client.post("/people/do/rename/", {"pk": [people[0].pk, people[1].pk], "next": back})
    assert "<html" in page.text
    for person in people[:2]:
        assert f'<input type="hidden" name="pk" value="{person.pk}">' in page.text


def test_all_like_these_means_the_filtered_list_at_the_number_that_was_seen(client, people):
    User.objects.filter(username__gte="person 05").update(first_name="Zoe")
    here = "http://testserver/people/?view=all&first_name=Zoe"
    stale = press(client, "switch-off", at=here, all="1", expect="2")
    assert stale.status_code == 422
    assert "The list has changed: it now has 3 people, not 2." in stale.text
    assert off() == set()
    press(client, "switch-off", at=here, all="1", expect="3")
    assert off() == {"person 05", "person 06", "person 07"}


def test_more_than_the_limit_is_refused_before_anything_happens(client, people):
    User.objects.bulk_create(User(username=f"more {n:02}") for n in range(20))
    count = str(User.objects.count())
    response = press(client, "switch-off", all="1", expect=count)
    assert response.status_code == 422
    assert "at most 20 can be done at once" in response.text
    assert off() == set()


def test_nothing_selected_is_said_in_words(client, people):
    response = press(client, "switch-off")
    assert response.status_code == 422
    assert "Nothing is selected." in response.text


def test_a_button_and_its_door_are_cut_from_one_declaration(client, people, viewer):
    looking = Client()
    viewer.user_permissions.add(Permission.objects.get(codename="view_user"))
    looking.force_login(viewer)
    page = looking.get(LIST)
    assert page.status_code == 200
    assert "Switch off" not in page.text
    assert looking.post("/people/do/switch-off/", {"one": people[0].pk}).status_code == 403
    assert "Switch off" in client.get(LIST).text
    assert client.get("/people/do/switch-off/").status_code == 405
    assert off() == set()


def test_an_action_without_the_right_to_look_is_refused_too(people, viewer):
    acting = Client()
    viewer.user_permissions.add(Permission.objects.get(codename="change_user"))
    acting.force_login(viewer)
    assert acting.post("/people/do/switch-off/", {"one": people[0].pk}).status_code == 403


def test_a_foreign_form_is_refused(people, administrator):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(administrator)
    response = strict.post("/people/do/switch-off/", {"one": people[0].pk})
    assert response.status_code == 403
    assert "too old to accept" in response.text
    assert off() == set()


def test_an_action_whose_service_takes_no_rows_is_a_mistake_at_import():
    def service(*, by, at):
        return None

    with pytest.raises(TypeError, match="must take 'obj' or 'rows'"):
        Action("broken", "Broken", "core.view_user", service)
