"""Ways in: password, second factor, single sign-on, invitations, and who may change people."""

import time
from urllib.parse import urlsplit

import httpx
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from mkterp.core.models import AuditEntry, User
from tests.sandbox.identity import IdentityProvider

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough password"


@pytest.fixture(autouse=True)
def no_throttle_left_over():
    cache.clear()
    yield
    cache.clear()


def sign_in(name: str, password: str = PASSWORD, client: Client | None = None):
    client = client or Client()
    return client, client.post("/sign-in/", {"login": name, "password": password})


def deeds(person: User) -> list[str]:
    entries = AuditEntry.objects.filter(subject=f"core.user:{person.pk}")
    return list(entries.order_by("id").values_list("action", flat=True))


def code_now(secret: str, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def with_second_factor(person: User) -> tuple[Client, str]:
    """Signs in and sets one up in the pages, as a person does."""
    client, _ = sign_in(person.username)
    asked = client.get("/account/second-factor/add/")  # changes of the way in ask once more
    page = client.post(asked.url, {"password": PASSWORD}, follow=True)
    secret = page.context["form"].secret
    added = client.post("/account/second-factor/add/", {"code": code_now(secret)})
    assert added.url == reverse("mfa_view_recovery_codes")
    return client, secret


def test_a_wrong_password_is_refused_in_words_and_written_down(operations):
    _, answer = sign_in("operations", "no")

    assert "do not belong together" in answer.text
    assert deeds(operations) == ["sign_in_refused"]


def test_five_wrong_passwords_close_the_door_for_that_name_even_for_the_right_one(operations):
    for _ in range(5):
        sign_in("operations", "no")
    _, answer = sign_in("operations")

    assert "Wait five minutes" in answer.text
    assert "signed_in" not in deeds(operations)


def test_a_person_who_was_switched_off_is_out_at_once(operations, administrator, client_of):
    working, _ = sign_in("operations")
    assert working.get("/").status_code == 200
    answer = client_of(administrator).post(
        "/people/do/switch-off/",
        {"one": operations.pk, "confirmed": "1", "reason": "left", "next": "/people/"},
    )

    assert answer.status_code == 303
    assert working.get("/").status_code == 302
    assert deeds(operations)[-1] == "person_switched_off"


def test_a_second_factor_is_asked_for_once_it_is_set_up(finance):
    _, secret = with_second_factor(finance)
    client, answer = sign_in("finance")
    assert answer.url == "/sign-in/code/"
    assert client.get("/").status_code == 302

    wrong = client.post("/sign-in/code/", {"code": "000000"})
    assert "This code is not right" in wrong.text
    # The code of the next half minute: each works once, and the present one was used above.
    right = client.post("/sign-in/code/", {"code": code_now(secret, 1)})

    assert right.url == "/"
    assert client.get("/").status_code == 200
    assert deeds(finance).count("second_factor_refused") == 1


def test_a_recovery_code_signs_in_once(finance):
    first, _ = with_second_factor(finance)
    codes = first.get("/account/recovery-codes/").context["unused_codes"]
    assert len(codes) == 10
    for expected in (302, 200):  # the second time it is refused on the page
        client, _ = sign_in("finance")
        assert client.post("/sign-in/code/", {"code": codes[0]}).status_code == expected


def test_the_second_factors_secret_is_not_in_the_database_in_clear(finance):
    _, secret = with_second_factor(finance)

    stored = [str(one.data) for one in Authenticator.objects.all()]
    assert len(stored) == 2
    assert not any(secret in data for data in stored)


def test_a_role_that_must_have_a_second_factor_sets_it_up_before_anything_else(settings, finance):
    settings.SECOND_FACTOR_ROLES = frozenset({"finance"})
    client, _ = sign_in("finance")
    assert client.get("/exceptions/").url == "/account/second-factor/add/"
    assert client.get("/account/").status_code == 200

    client, _ = with_second_factor(finance)

    assert client.get("/exceptions/").status_code == 200


def test_an_administrator_forgets_a_lost_second_factor_but_not_their_own(administrator, finance):
    with_second_factor(finance)
    admin, _ = with_second_factor(administrator)
    asked = {"confirmed": "1", "reason": "lost the phone", "next": "/people/"}
    admin.post("/people/do/forget-second-factor/", {"one": finance.pk} | asked)
    own = admin.post("/people/do/forget-second-factor/", {"one": administrator.pk} | asked)

    assert sign_in("finance")[1].url == "/"
    assert "Ask another administrator" in own.text
    assert Authenticator.objects.filter(user=administrator).exists()


def test_a_new_person_chooses_a_password_by_an_invitation_that_works_once(administrator, client_of):
    admin = client_of(administrator)
    role = Group.objects.get(name="operations")
    answer = admin.post("/people/add/", {"username": "mika", "roles": [role.pk]})
    person = User.objects.get(username="mika")
    assert answer.url == f"/people/{person.pk}/"
    link = admin.post(f"/people/{person.pk}/invite/").context["link"]

    def choose(password: str):
        visitor = Client()
        landed = visitor.get(urlsplit(link).path, follow=True)
        if not landed.context["validlink"]:
            return "used"
        both = {"new_password1": password, "new_password2": password}
        return visitor.post(landed.request["PATH_INFO"], both).url

    assert choose("windmill on the dyke") == "/sign-in/"
    assert choose("another one entirely") == "used"
    assert sign_in("mika", "windmill on the dyke")[1].url == "/"
    assert deeds(person) == [
        "person_added",
        "roles_set",
        "person_invited",
        "password_chosen",
        "signed_in",
    ]


def test_an_administrator_cannot_take_their_own_role_and_a_reason_is_needed(
    administrator, operations, client_of
):
    admin = client_of(administrator)
    own = admin.post(f"/people/{administrator.pk}/roles/", {"roles": [], "reason": "tired"})
    silent = admin.post(f"/people/{operations.pk}/roles/", {"roles": []})

    assert (own.status_code, silent.status_code) == (422, 422)
    assert "from yourself" in own.text
    assert [g.name for g in administrator.groups.all()] == ["administrator"]
    assert [g.name for g in operations.groups.all()] == ["operations"]


def test_a_person_describes_himself_and_sees_times_in_his_zone(viewer, client_of):
    client = client_of(viewer)
    told = {"first_name": "Vera", "last_name": "Novak", "time_zone": "Asia/Tokyo"}
    # Single sign-on finds people by it: nobody may choose to be somebody else.
    told["email"] = "controller@northbank.test"
    assert client.post("/account/", told).status_code == 302
    assert client.post("/account/", told | {"time_zone": "Mars/Base"}).status_code == 422

    viewer.refresh_from_db()
    assert (str(viewer), viewer.time_zone) == ("Vera Novak", "Asia/Tokyo")
    assert viewer.email == ""
    assert deeds(viewer) == ["person_described"]


def test_an_administrator_changes_an_address_that_nobody_else_has(
    administrator, operations, viewer, client_of
):
    admin = client_of(administrator)
    act = "/people/do/set-email/"
    asked = {"confirmed": "1", "reason": "She married.", "next": "/people/"}
    told = asked | {"one": viewer.pk, "email": "vera@northbank.test"}

    admin.post(act, told)
    taken = admin.post(act, told | {"one": operations.pk, "email": "Vera@northbank.test"})

    viewer.refresh_from_db()
    operations.refresh_from_db()
    assert (viewer.email, operations.email) == ("vera@northbank.test", "")
    assert (taken.status_code, "already" in taken.text) == (422, True)
    assert deeds(viewer) == ["email_set"]
    assert deeds(operations) == []
    refused = client_of(viewer).post(act, told | {"email": "controller@northbank.test"})
    assert refused.status_code == 403


def test_the_peoples_list_names_every_role_of_a_person(administrator, client_of):
    administrator.groups.add(Group.objects.get(name="controller"))

    assert "administrator, controller" in client_of(administrator).get("/people/").text


@pytest.fixture
def company(settings):
    with IdentityProvider("mkterp", "a shared secret") as provider:
        settings.OIDC_ISSUER = provider.issuer
        settings.SOCIALACCOUNT_PROVIDERS = {
            "openid_connect": {
                "APPS": [
                    {
                        "provider_id": "company",
                        "name": "Northbank",
                        "client_id": "mkterp",
                        "secret": "a shared secret",
                        "settings": {
                            "server_url": provider.issuer,
                            "oauth_pkce_enabled": True,
                        },
                    }
                ]
            }
        }
        yield provider


def go_through(provider: IdentityProvider, **person):
    """What a browser does: to the provider and back with a code."""
    provider.person = {"sub": person["preferred_username"], **person}
    client = Client()
    assert 'href="/sign-in/with/company/"' in client.get("/sign-in/").text
    there = client.get("/sign-in/with/company/")  # a browser lets no form lead to another host
    back = httpx.get(there.url).headers["Location"]
    parts = urlsplit(back)
    return client, client.get(f"{parts.path}?{parts.query}")


def test_single_sign_on_makes_a_person_without_a_role(company):
    client, answer = go_through(company, preferred_username="mika", email="mika@northbank.test")

    person = User.objects.get(username="mika")
    assert (answer.url, person.groups.count()) == ("/", 0)
    assert "You have no role yet" in client.get("/").text
    assert not person.has_usable_password()


def test_the_providers_claim_gives_and_takes_roles(settings, company, operations):
    settings.OIDC_ROLES_CLAIM, settings.OIDC_ROLES = "groups", {"erp-money": "finance"}
    who = {"preferred_username": "mika", "email": "mika@northbank.test"}
    go_through(company, groups=["erp-money", "everybody"], **who)
    person = User.objects.get(username="mika")
    assert [g.name for g in person.groups.all()] == ["finance"]

    go_through(company, groups=["viewer"], **who)

    assert [g.name for g in person.groups.all()] == ["viewer"]
    assert deeds(person).count("roles_set") == 2


def test_somebody_elses_answer_of_the_provider_signs_nobody_in(company):
    company.person = {"sub": "mika", "preferred_username": "mika"}
    there = Client().post("/sign-in/with/company/")
    parts = urlsplit(httpx.get(there.url).headers["Location"])
    answer = Client().get(f"{parts.path}?{parts.query}")  # another browser than the one that asked

    assert "Sign-in did not work" in answer.text
    assert not User.objects.filter(username="mika").exists()


def test_a_second_factor_is_not_asked_of_the_companys_own_people(settings, company):
    settings.SECOND_FACTOR_ROLES = frozenset({"finance"})
    settings.OIDC_ROLES_CLAIM = "groups"
    client, _ = go_through(company, preferred_username="mika", groups=["finance"])

    assert client.get("/exceptions/").status_code == 200
