"""What receivers hold after something happened: how much, how often, signed, and whom it names."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta

import pytest
from django.core import serializers

from mkterp.core.errors import Refused
from mkterp.core.models import AuditEntry
from sync import connections
from sync.domain.cases import CaseKind
from sync.models import (
    Channel,
    ExceptionCase,
    Notice,
    Notification,
    OutboxAttempt,
    OutboxMessage,
)
from sync.selectors import feeds as feed_health
from sync.selectors import notices as selectors
from sync.services import case_desk, cases, inbox, notices_desk
from sync.services.cases import Cause
from tests.factories import make_catalogue_read, make_listing, make_seller, make_tax_codes
from tests.integration.sync.notifying import happened, house
from tests.payloads import invoice_node, line_node

__all__ = ["house"]

pytestmark = pytest.mark.django_db

FEED_STOPPED = CaseKind.FEED_STOPPED


# -- a storm, an outage, a refusal ----------------------------------------------------------------


def test_a_storm_of_a_thousand_cases_in_a_minute_is_one_message(house):
    house.channel(kind="WEBHOOK")
    for second in range(0, 60, 6):
        causes = [Cause(FEED_STOPPED, f"{second}.{n}", "It happened.") for n in range(100)]
        cases.open_cases(causes=causes, at=house.at + timedelta(seconds=second))

    for _ in range(12):
        house.run(minutes=1)

    (received,) = house.receiver.got
    told = received.json
    assert (len(told["items"]), told["more"]) == (20, 980)
    assert told["subject"] == "1,000 health alarms"


def test_one_happening_is_told_within_a_minute_and_leads_to_its_page(house):
    house.channel(kind="WEBHOOK")
    case = happened(at=house.at)
    house.at += timedelta(seconds=59)
    house.run()
    assert house.receiver.got == []  # what belongs to it may still come

    house.at += timedelta(seconds=1)
    house.run()

    (item,) = house.receiver.got[0].json["items"]
    assert item["url"] == f"https://house.example/exceptions/{case.pk}/"
    assert (item["topic"], item["severity"]) == ("HEALTH", 3)


def test_an_outage_of_an_hour_ends_with_two_messages(house):
    house.channel(kind="WEBHOOK")
    house.receiver.answer(503)
    for minute in range(0, 60, 3):
        happened(key=f"{minute}", at=house.at)
        house.run(minutes=3)
    assert OutboxMessage.objects.get().state == "PENDING"
    assert not ExceptionCase.objects.filter(kind=CaseKind.NOTICE_REFUSED).exists()

    house.receiver.answer(200)
    house.receiver.got.clear()
    for _ in range(15):
        house.run(minutes=1)

    first, second = (one.json for one in house.receiver.got)
    assert (len(first["items"]), len(second["items"])) == (1, 19)


def test_a_receiver_that_fails_holds_up_no_other_nor_its_feed(house):
    house.channel("Whole room", path="/whole")
    Channel.objects.create(
        name="Lost room",
        kind="SLACK",
        address_name="NOTIFY_LOST_URL",
        topics=["HEALTH"],
        least_severity=1,
    )
    house._environment.setenv("NOTIFY_LOST_URL", "http://127.0.0.1:9/")  # nobody listens
    happened(at=house.at)

    house.run(minutes=1)

    assert [one.path for one in house.receiver.got] == ["/whole"]
    assert sorted(house.stages()) == ["DELIVERED", "PENDING"]
    health = next(f for f in feed_health(at=house.at) if f.name == "deliver_notices")
    assert health.state == "well"


def test_a_refusal_opens_one_case_that_the_next_message_taken_resolves(house, administrator):
    channel = house.channel()
    house.receiver.answer((404, {}, b"no_service"))
    for number in range(3):
        happened(key=f"{number}", at=house.at)
        for _ in range(12):
            house.run(minutes=1)

    case = ExceptionCase.objects.get(kind=CaseKind.NOTICE_REFUSED)
    assert (case.state, case.key) == ("OPEN", f"notice:channel:{channel.pk}")
    assert case.quote == "127.0.0.1 answered 404: no_service"
    # Its own case was told with the others, and opened no second one.
    assert OutboxMessage.objects.filter(state="FAILED").count() == case.occurrences

    house.receiver.answer(200)
    notices_desk.test_channel(channel=channel, by=administrator, at=house.at)
    house.run()
    case.refresh_from_db()
    assert case.state == "RESOLVED"


def test_a_refused_message_is_sent_again_as_it_was_written(house, operations):
    house.channel(kind="WEBHOOK")
    house.receiver.answer(400)
    happened(at=house.at)
    house.run(minutes=1)
    first = Notification.objects.order_by("pk").first()
    house.receiver.answer(200)

    notices_desk.retry(notification=first, by=operations, at=house.at)
    house.run()

    refused, taken = house.receiver.got[:2]
    assert refused.body == taken.body
    with pytest.raises(Refused, match="only a refused one"):
        notices_desk.retry(notification=first, by=operations, at=house.at)


# -- a program ------------------------------------------------------------------------------------


def is_ours(headers, body, secret, now):
    """As docs/notifications.md tells a receiver to look."""
    moment = headers["Mkterp-Timestamp"]
    if abs(now - int(moment)) > 300:
        return False
    signed = moment.encode() + b"." + body
    expected = "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, headers["Mkterp-Signature"])


def test_a_program_can_prove_that_a_message_is_ours_and_see_that_it_came_twice(house):
    house.channel(kind="WEBHOOK")
    house.receiver.answer(503, 200)
    happened(at=house.at)
    house.run(minutes=1)
    house.run(minutes=1)

    first, second = house.receiver.got
    now = datetime.now().astimezone().timestamp()
    for one in (first, second):
        assert is_ours(one.headers, one.body, "a shared secret", now)
        assert not is_ours(one.headers, one.body + b" ", "a shared secret", now)
        assert not is_ours(one.headers, one.body, "a shared secret", now + 301)
        assert not is_ours(one.headers, one.body, "another", now)
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.headers["Idempotency-Key"] == first.json["id"]
    assert [row.outcome for row in OutboxAttempt.objects.order_by("pk")] == [
        "transient",
        "delivered",
    ]


def test_nothing_goes_to_a_program_unsigned(house, monkeypatch):
    house.channel(kind="WEBHOOK")
    monkeypatch.delenv("NOTIFY_OPS_ROOM_SECRET")
    happened(at=house.at)

    house.run(minutes=1)

    assert house.receiver.got == []
    assert "nothing goes unsigned" in OutboxMessage.objects.order_by("pk").first().last_error


# -- what is not said -----------------------------------------------------------------------------

BUYER = ("Ana", "Example", "1 Sample Street", "Exampleton", "EX1 1AA")


def test_no_message_names_a_buyer_or_quotes_what_a_far_side_wrote(house, operations):
    house.person(operations)
    house.channel(kind="WEBHOOK")
    house.channel("Slack room")
    house.channel("Teams room", "TEAMS")
    make_catalogue_read()
    make_tax_codes()
    seller = make_seller(treatment=None)
    lines = [line_node(listing=make_listing(seller=seller), quantity=-1)]
    node = invoice_node(1, seller=seller, lines=lines)
    inbox.receive_nodes(nodes=[node], at=house.at)
    inbox.process(clock=lambda: house.at)
    said = "Ana Example of 1 Sample Street, Exampleton EX1 1AA is unknown."
    for kind in CaseKind:
        quoting = Cause(kind, f"said:{kind}", said, quote=said)
        if kind not in (CaseKind.MISSED_RUN, CaseKind.WEBHOOK_SILENT, CaseKind.STOCK_HELD):
            cases.open_case(cause=quoting, at=house.at)
    house.at += timedelta(days=4)
    case_desk.escalate(at=house.at)

    house.run(minutes=1)
    house.run(hours=24)

    everything = [one.body.decode() for one in house.receiver.got]
    everything += [message.as_string() + message.get_content() for _, message in house.mail.got]
    assert len(house.receiver.got) >= 3
    assert house.mail.got
    held = "\n".join([*everything, json.dumps(list(Notice.objects.values_list("sentence")))])
    assert [name for name in BUYER if name in held] == []


def test_no_address_and_no_secret_of_a_channel_is_kept_anywhere(house, administrator):
    channel = house.channel(kind="WEBHOOK")
    house.receiver.answer(500, 404)
    notices_desk.test_channel(channel=channel, by=administrator, at=house.at)
    house.run()
    house.run(minutes=1)

    rows = [*OutboxMessage.objects.all(), *OutboxAttempt.objects.all(), *Channel.objects.all()]
    rows += [*Notification.objects.all(), *AuditEntry.objects.all(), *ExceptionCase.objects.all()]
    kept = serializers.serialize("json", rows)
    assert "NOTIFY_OPS_ROOM_URL" in kept
    assert "/services/T0" not in kept
    assert "a shared secret" not in kept


def test_an_address_behind_the_wall_is_refused_unless_the_installation_allows_it(house, settings):
    house.channel()
    settings.NOTIFY_PRIVATE_ADDRESSES = False
    connections.reset()
    happened(at=house.at)

    house.run(minutes=1)

    assert house.receiver.got == []
    assert "must begin with https://" in OutboxMessage.objects.order_by("pk").first().last_error


def test_a_variable_that_is_not_ours_to_tell_is_never_read(house, administrator, monkeypatch):
    facts = {
        "name": "Thief", "kind": "WEBHOOK", "address_name": "DATABASE_URL",
        "secret_name": "NOTIFY_S", "topics": ["HEALTH"], "rhythm": "IMMEDIATE",
        "least_severity": 1,
    }  # fmt: skip
    with pytest.raises(Refused, match="DATABASE_URL: A name such as NOTIFY_OPS_URL"):
        notices_desk.set_channel(channel=None, by=administrator, at=house.at, reason="r", **facts)
    monkeypatch.setenv("MKTERP_SECRET_KEY", "the house's own")
    assert selectors.variable("MKTERP_SECRET_KEY") == ""
