"""Who is told of what, and how soon: people by their roles and wishes, channels by their topics."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.test.utils import override_settings

from mkterp.core.errors import Refused
from sync import connections
from sync.domain.cases import CaseKind
from sync.domain.notices import Rhythm, Topic, Wish
from sync.models import (
    Notice,
    Notification,
    OutboxMessage,
    StockHold,
)
from sync.services import case_desk, cases, notices_desk, stock_holds
from tests.integration.sync.notifying import happened, house

__all__ = ["house"]

pytestmark = pytest.mark.django_db

FEED_STOPPED, DRIFT = CaseKind.FEED_STOPPED, CaseKind.STOCK_DRIFT


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


def test_who_is_given_a_case_is_told_alone_and_who_takes_one_is_not(
    house, operations, finance, administrator
):
    for person in (operations, finance, administrator):
        house.person(person)
    house.channel(topics=[str(topic) for topic in Topic])
    case = happened(CaseKind.NO_ADDRESS, at=house.at)  # the least severity
    house.run(minutes=20)
    told_before = len(house.receiver.got)

    case_desk.take(case=case, by=operations, at=house.at)
    house.run(minutes=20)
    assert house.mailed() == []

    case_desk.assign(case=case, person=finance, by=operations, at=house.at)
    case_desk.assign(case=case, person=finance, by=operations, at=house.at)
    house.run(minutes=20)

    ((to, subject),) = house.mailed()
    assert to == "finance@house.example"
    assert f"Given to finance by operations: {case}: No delivery address." in subject
    assert len(house.receiver.got) == told_before
    # Given away before it could be told: who has it now is told, and nobody else.
    case_desk.assign(case=case, person=operations, by=finance, at=house.at)
    case_desk.assign(case=case, person=administrator, by=finance, at=house.at)
    house.run(minutes=20)
    assert [to for to, _ in house.mailed()][1:] == ["administrator@house.example"]


def test_no_channel_is_told_what_is_for_one_person(administrator, house):
    with pytest.raises(Refused, match="no topic GIVEN"):
        notices_desk.set_channel(
            channel=None, by=administrator, at=house.at, reason="x", name="Ops", kind="SLACK",
            address_name="NOTIFY_OPS_URL", secret_name="", topics=["GIVEN"],
            rhythm="IMMEDIATE", least_severity=1,
        )  # fmt: skip


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
