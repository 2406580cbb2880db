"""Channels, what was sent, and what one wants to be told: as people see and press them."""

from datetime import datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from mkterp.core.models import AuditEntry
from sync.domain.cases import CaseKind
from sync.models import Channel, NoticeWish, Notification
from sync.services import cases
from sync.services.cases import Cause
from tests.integration.sync.notifying import house

__all__ = ["house"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def at() -> datetime:
    """Later than whatever is queued by the clock on the wall."""
    return timezone.now() + timedelta(hours=1)


ADD = {
    "name": "Ops room",
    "kind": "WEBHOOK",
    "address_name": "NOTIFY_OPS_ROOM_URL",
    "secret_name": "NOTIFY_OPS_ROOM_SECRET",
    "topics": ["HEALTH", "CASE"],
    "least_severity": "2",
    "rhythm": "IMMEDIATE",
    "reason": "agreed on Monday",
}


def happened(key="x", *, at):
    return cases.open_case(cause=Cause(CaseKind.FEED_STOPPED, key, "A feed."), at=at)


def test_an_administrator_adds_a_channel_by_the_names_of_its_secrets_and_tests_it(
    house, administrator, client_of, monkeypatch
):
    monkeypatch.setenv("NOTIFY_OPS_ROOM_URL", f"{house.receiver.url}/hush-hush")
    monkeypatch.setenv("NOTIFY_OPS_ROOM_SECRET", "a shared secret")
    client = client_of(administrator)

    page = client.post(reverse("sync:channel-add"), ADD, follow=True)
    channel = Channel.objects.get()
    pressed = client.post(reverse("sync:channel-test"), {"one": channel.pk}, follow=True)
    house.run()

    assert page.status_code == 200
    assert "NOTIFY_OPS_ROOM_URL" in page.text
    assert "hush-hush" not in page.text + pressed.text
    (received,) = house.receiver.got
    assert received.path == "/hush-hush"
    assert "A test that administrator asked for" in received.json["items"][0]["sentence"]
    assert AuditEntry.objects.get(action="channel.add").reason == "agreed on Monday"
    sent = client.get(reverse("sync:notifications"))
    assert [row.row.stage for row in sent.context["page"].rows] == ["DELIVERED"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"address_name": "MKTERP_SECRET_KEY"}, "MKTERP_SECRET_KEY: A name such as"),
        ({"address_name": "https://hooks.example.com/T0"}, "https://hooks.example.com/T0: A name"),
        ({"secret_name": ""}, "needs the name of the variable that holds its secret"),
        ({"kind": "SLACK"}, "Only a signed webhook has a secret"),
        ({"topics": ["GOSSIP"]}, "Select a valid choice. GOSSIP"),
        ({"reason": ""}, "This field is required"),
    ],
)
def test_a_channel_that_makes_no_sense_is_refused_in_words_and_nothing_is_kept(
    administrator, client_of, wrong, says
):
    page = client_of(administrator).post(reverse("sync:channel-add"), ADD | wrong)

    assert page.status_code == 422
    assert says in page.text.replace("&#x27;", "'")
    assert not Channel.objects.exists()


def test_a_changed_channel_keeps_what_it_was_in_the_audit(house, administrator, client_of):
    channel = house.channel(kind="WEBHOOK")
    client = client_of(administrator)
    where = reverse("sync:channel-change", kwargs={"key": channel.pk})
    assert client.get(where).context["form"].initial["name"] == "Ops room"

    client.post(where, ADD | {"rhythm": "DAILY", "reason": "too loud"})

    channel.refresh_from_db()
    entry = AuditEntry.objects.get(action="channel.change")
    assert (entry.before["rhythm"], entry.after["rhythm"]) == ("IMMEDIATE", "DAILY")
    assert channel.rhythm == "DAILY"


@pytest.mark.parametrize("role", ["viewer", "operations", "finance", "controller", "auditor"])
def test_only_an_administrator_sets_channels(role, request, house, client_of):
    client = client_of(request.getfixturevalue(role))
    channel = house.channel()

    assert client.get(reverse("sync:channels")).status_code == 200
    assert client.get(reverse("sync:channel-add")).status_code == 403
    assert client.post(reverse("sync:channel-test"), {"one": channel.pk}).status_code == 403
    assert Notification.objects.count() == 0


def test_a_channel_says_which_variable_this_server_lacks(administrator, client_of):
    channel = Channel.objects.create(
        name="Lost", kind="SLACK", address_name="NOTIFY_LOST_URL", topics=["HEALTH"]
    )

    page = client_of(administrator).get(f"{reverse('sync:channels')}?open={channel.pk}")

    assert "NOTIFY_LOST_URL is not set on this server" in page.text
    assert "not set" in page.text


def test_the_list_says_what_waits_what_was_sent_and_why_one_was_not(
    house, operations, administrator, client_of
):
    client = client_of(operations)
    empty = client.get(reverse("sync:notifications"))
    assert "Nobody has been told anything yet" in empty.text

    house.channel("Ops room")
    house.receiver.answer((410, {}, b"channel_is_archived"))
    happened(at=house.at)
    house.run(minutes=1)
    house.run()

    page = client.get(f"{reverse('sync:notifications')}?view=")
    rows = {row.row.stage: row for row in page.context["page"].rows}
    assert set(rows) == {"FAILED", "GATHERING"}  # the refusal itself is news, and gathers
    assert "channel_is_archived" in page.text
    house.receiver.answer(200)
    client.post(reverse("sync:notification-retry"), {"one": rows["FAILED"].key})
    house.run()
    assert len(house.receiver.got) == 2
    panel = client.get(f"{reverse('sync:notifications')}?view=&open={rows['FAILED'].key}")
    assert "channel_is_archived" in panel.text
    assert "Delivered" in panel.text


def test_a_person_chooses_what_to_be_told_and_goes_back_to_the_roles(operations, client_of):
    client = client_of(operations)
    where = reverse("sync:own-notifications")
    form = client.get(where).context["form"]
    given = {name: form[name].initial for name in form.fields}
    assert given["CASE_rhythm"] == "DAILY"

    client.post(where, given | {"CASE_rhythm": "NONE"})

    assert client.get(where).context["form"]["CASE_rhythm"].initial == "NONE"
    assert client.post(where, given | {"CASE_rhythm": "HOURLY"}).status_code == 422
    client.post(reverse("sync:own-notifications-reset"))
    assert client.get(where).context["form"]["CASE_rhythm"].initial == "DAILY"
    assert not NoticeWish.objects.exists()


def test_a_person_sends_himself_a_test_and_is_told_why_he_cannot(house, viewer, client_of):
    client = client_of(viewer)
    refused = client.post(reverse("sync:own-notifications-test"), follow=True)
    assert "You have no e-mail address here" in refused.text

    house.person(viewer)
    client.post(reverse("sync:own-notifications-test"))
    house.run()

    ((to, subject),) = house.mailed()
    assert to == "viewer@house.example"
    assert "A test that viewer asked for" in subject


def test_everybody_finds_what_they_are_told_behind_their_name(viewer, client_of):
    page = client_of(viewer).get(reverse("home"))

    assert f'href="{reverse("sync:own-notifications")}"' in page.text
