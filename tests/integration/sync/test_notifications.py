"""What receivers hold after something happened: how much, how often, signed, and whom it names."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta

import pytest
from django.core import serializers
from django.db import transaction
from django.test.utils import override_settings

from mkterp.core.errors import Refused
from mkterp.core.models import AuditEntry
from sync import connections
from sync.domain.cases import CaseKind
from sync.domain.notices import Rhythm, Topic, Wish
from sync.models import (
    Channel,
    ExceptionCase,
    Notice,
    Notification,
    OutboxAttempt,
    OutboxMessage,
    StockHold,
)
from sync.selectors import feeds as feed_health
from sync.selectors import notices as selectors
from sync.services import case_desk, cases, inbox, notices_desk, stock_holds
from sync.services.cases import Cause
from tests.factories import make_catalogue_read, make_listing, make_seller, make_tax_codes
from tests.integration.sync.notifying import house
from tests.payloads import invoice_node, line_node

__all__ = ["house"]

pytestmark = pytest.mark.django_db

FEED_STOPPED, DRIFT = CaseKind.FEED_STOPPED, CaseKind.STOCK_DRIFT


def happened(kind=FEED_STOPPED, key="x", *, at, sentence="It happened.") -> ExceptionCase:
    return cases.open_case(cause=Cause(kind, key, sentence), at=at)


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


# -- people ---------------------------------------------------------------------------------------


def test_people_are_told_what_their_roles_ask_for(
    house, operations, finance, viewer, administrator, auditor
):
    for person in (operations, finance, viewer, administrator, auditor):
        house.person(person)
    happened(at=house.at)

    house.run(minutes=1)

    told = {to for to, _ in house.mailed()}
    assert told == {"operations@house.example", "administrator@house.example"}
    message = house.mail.got[0][1]
    assert message["Subject"].startswith("[Northbank UK] EX-")
    assert message["Auto-Submitted"] == "auto-generated"
    assert "https://house.example/exceptions/" in message.get_content()


def test_a_person_is_told_what_he_chose_and_no_longer_what_the_role_asks_for(
    house, operations, viewer
):
    for person in (operations, viewer):
        house.person(person)
    silence = {topic: Wish(Rhythm.NONE, 3) for topic in Topic if topic is not Topic.TEST}
    notices_desk.wish(person=operations, wishes=silence, at=house.at)
    loud = silence | {Topic.HEALTH: Wish(Rhythm.IMMEDIATE, 1)}
    notices_desk.wish(person=viewer, wishes=loud, at=house.at)
    happened(at=house.at)

    house.run(minutes=1)

    assert [to for to, _ in house.mailed()] == ["viewer@house.example"]
    notices_desk.as_the_roles_say(person=operations, at=house.at)
    happened(key="y", at=house.at)
    house.run(minutes=10)
    assert "operations@house.example" in {to for to, _ in house.mailed()}


def test_a_day_is_one_message_at_eight_where_the_person_is(house, operations):
    house.person(operations, time_zone="Pacific/Auckland")  # 13 hours ahead of UTC in November
    house.at = house.at.replace(hour=6, minute=0)
    happened(CaseKind.NO_TREATMENT, "a", at=house.at)
    house.run()
    for hour in range(12):
        happened(CaseKind.NO_TREATMENT, f"b{hour}", at=house.at)
        house.run(hours=1)
    assert house.mailed() == []  # 18:00 in London is 07:00 in Auckland

    house.run(hours=1)

    assert house.mailed() == [("operations@house.example", "[Northbank UK] 13 new exceptions")]


def test_whoever_has_an_overdue_case_in_hand_is_told_whatever_its_severity(
    house, operations, finance
):
    for person in (operations, finance):
        house.person(person)
    case = happened(CaseKind.NO_ADDRESS, at=house.at)  # the least severity
    case_desk.take(case=case, by=operations, at=house.at)

    house.at += timedelta(days=3)
    case_desk.escalate(at=house.at)
    case_desk.escalate(at=house.at)
    house.run(minutes=1)

    assert [to for to, _ in house.mailed()] == ["operations@house.example"]
    assert "it is with operations" in house.mail.got[0][1].get_content()


@override_settings(SERVICE_LEVEL_HOURS={"NO_ADDRESS": 2})
def test_a_kind_is_overdue_by_its_own_service_level(house):
    house.channel(kind="WEBHOOK", topics=["OVERDUE"])
    happened(CaseKind.NO_ADDRESS, "a", at=house.at)
    happened(CaseKind.BAD_QUANTITY, "b", at=house.at)

    house.at += timedelta(hours=2)
    case_desk.escalate(at=house.at)
    house.run(minutes=1)

    (item,) = house.receiver.got[0].json["items"]
    assert "No delivery address" in item["sentence"]
    assert "Past its service level, and nobody has taken it." in item["sentence"]


def test_without_a_mail_server_nothing_piles_up_for_people(house, operations, settings):
    house.person(operations)
    settings.EMAIL_HOST = ""
    happened(at=house.at)

    house.run(minutes=1)

    assert Notification.objects.count() == 0
    with pytest.raises(Refused, match="No mail server"):
        notices_desk.test_person(person=operations, at=house.at)


def test_a_box_that_does_not_exist_is_a_refusal_and_a_full_one_is_waited_for(
    house, operations, administrator
):
    house.person(operations)
    house.person(administrator)
    house.mail.refuses = {
        "operations@house.example": "550 no such box",
        "administrator@house.example": "452 it is full",
    }
    happened(at=house.at)

    house.run(minutes=1)
    house.run()

    assert {"FAILED", "PENDING"} <= set(house.stages())
    errors = set(OutboxMessage.objects.exclude(last_error="").values_list("last_error", flat=True))
    assert "rejected: The mail server answered 550: no such box" in errors
    assert "transient: The mail server answered 452: it is full" in errors
    house.mail.refuses = {}
    house.run(minutes=5)
    assert "administrator@house.example" in {to for to, _ in house.mailed()}


def test_a_mail_server_that_is_away_is_waited_out(house, operations):
    house.person(operations)
    house.mail.stop()
    happened(at=house.at)

    house.run(minutes=1)

    message = OutboxMessage.objects.get()
    assert message.state == "PENDING"
    assert message.last_error.startswith("transient: The mail server cannot be reached")


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


# -- what raises one ------------------------------------------------------------------------------


def test_a_hold_of_many_zeros_is_told(house):
    house.channel(kind="WEBHOOK", topics=["STOCK_HELD"])
    hold = StockHold.objects.create(kind="ZEROS", opened_at=house.at, listings=40, units=900)
    stock_holds.opened(hold=hold, at=house.at)

    house.run(minutes=1)

    (item,) = house.receiver.got[0].json["items"]
    assert item["topic"] == "STOCK_HELD"
    assert "40 levels are held" in item["sentence"]


def test_a_channel_is_told_from_its_severity_on_and_of_its_topics_alone(house):
    house.channel("Grave room", path="/grave", least_severity=3)
    house.channel("Close room", path="/close", topics=["CLOSE"])
    happened(DRIFT, at=house.at)  # severity 2

    house.run(minutes=1)
    assert house.receiver.got == []

    happened(FEED_STOPPED, at=house.at)
    house.run(minutes=1)
    assert [one.path for one in house.receiver.got] == ["/grave"]


def test_what_was_put_right_before_the_message_left_is_counted_and_not_told(house):
    house.channel(kind="WEBHOOK")
    fixed, standing = (happened(key=key, at=house.at) for key in "ab")
    cases.resolve(case=fixed, resolution="It runs.", at=house.at)
    house.run(minutes=1)

    told = house.receiver.got[0].json
    assert (len(told["items"]), told["fixed"]) == (1, 1)
    assert told["items"][0]["sentence"].startswith(f"{standing}:")


def test_a_message_with_nothing_left_to_say_is_not_sent_and_says_why(house):
    house.channel()
    case = happened(at=house.at)
    house.run()
    cases.resolve(case=case, resolution="It runs.", at=house.at)

    house.run(minutes=1)

    assert house.receiver.got == []
    assert house.stages() == ["All of it was put right before it was sent."]


def test_a_channel_that_is_switched_off_is_told_nothing_more(house, administrator):
    channel = house.channel()
    happened(at=house.at)
    house.run()
    notices_desk.switch_off(channel=channel, by=administrator, at=house.at, reason="moved")
    happened(key="later", at=house.at)

    house.run(minutes=1)

    assert house.receiver.got == []
    assert house.stages() == ["Ops room was switched off."]


def test_a_happening_that_is_undone_with_its_transaction_is_told_nobody(house):
    house.channel()
    with transaction.atomic():
        happened(at=house.at)
        transaction.set_rollback(True)

    house.run(minutes=1)

    assert house.receiver.got == []


def test_nothing_is_sent_while_a_transaction_is_open(house):
    with transaction.atomic():
        for way in (connections.poster, connections.mails):
            with pytest.raises(connections.InTransaction):
                way()


@override_settings(DRY_RUN=True)
def test_people_are_told_in_a_dry_run(house):
    house.channel()
    happened(at=house.at)

    house.run(minutes=1)

    assert len(house.receiver.got) == 1


def test_the_same_happening_is_one_notice_however_often_it_is_seen(house):
    for _ in range(3):
        happened(at=house.at)

    assert Notice.objects.count() == 1
