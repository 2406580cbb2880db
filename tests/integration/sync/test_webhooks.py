"""The webhook door: authentic and stored is 200, everything else 503, and never a 4xx."""

import base64
import hashlib
import hmac
import json

import pytest
from django.db import DatabaseError
from django.test import Client
from django_q.models import OrmQ

from sync.domain.cases import CaseKind
from sync.models import ExceptionCase, InboxMessage
from sync.services import inbox

pytestmark = pytest.mark.django_db

KEY = "a webhook key"
URL = "/webhooks/marketplacer/"


@pytest.fixture(autouse=True)
def key(settings):
    settings.MARKETPLACER_WEBHOOK_KEY = KEY


def event(node_id="SW52b2ljZS0x", typename="Invoice"):
    node = {"__typename": typename, "id": node_id} if node_id else None
    return json.dumps(
        {"id": "event-1", "event_name": "update", "payload": {"data": {"node": node}}}
    ).encode()


def deliver(body=None, *, signature=None, identity="vertical:118304", **headers):
    body = event() if body is None else body
    digest = hmac.new(KEY.encode(), body, hashlib.sha256).digest()
    return Client().post(
        URL,
        data=body,
        content_type="application/json",
        headers={
            "Marketplacer-Hmac-256": signature or base64.b64encode(digest).decode(),
            "Idempotency-Key": identity,
            "Marketplacer-Sequence": "118304",
            **headers,
        },
    )


def refusals():
    return list(
        ExceptionCase.objects.filter(kind=CaseKind.WEBHOOK_REFUSED).values_list("key", flat=True)
    )


def test_an_authentic_event_is_stored_and_wakes_the_fetcher():
    assert deliver().status_code == 200

    message = InboxMessage.objects.get()
    assert (message.source, message.node_id, message.sequence, message.state) == (
        "HINT",
        "SW52b2ljZS0x",
        118304,
        "NEW",
    )
    assert OrmQ.objects.count() == 1


def test_the_same_event_a_hundred_times_is_one_row_and_one_task():
    assert {deliver().status_code for _ in range(100)} == {200}

    assert (InboxMessage.objects.count(), OrmQ.objects.count()) == (1, 1)


def test_a_burst_of_different_events_enqueues_one_task():
    for number in range(20):
        deliver(identity=f"vertical:{number}")

    assert (InboxMessage.objects.count(), OrmQ.objects.count()) == (20, 1)


def test_a_wrong_signature_is_answered_503_because_a_4xx_would_switch_the_webhook_off():
    answers = {deliver(signature="bm90IG91cnM=").status_code for _ in range(3)}

    assert answers == {503}
    assert InboxMessage.objects.count() == 0
    assert ExceptionCase.objects.get().occurrences == 3


@pytest.mark.parametrize("signature", ["", "not base64 \u00fc", "AAAA"])
def test_no_signature_of_any_shape_opens_the_door(signature):
    response = Client().post(
        URL,
        data=event(),
        content_type="application/json",
        headers={"Marketplacer-Hmac-256": signature},
    )

    assert (response.status_code, InboxMessage.objects.count()) == (503, 0)


def test_without_a_key_of_our_own_nothing_is_believed(settings):
    settings.MARKETPLACER_WEBHOOK_KEY = ""
    digest = hmac.new(b"", event(), hashlib.sha256).digest()

    response = deliver(signature=base64.b64encode(digest).decode())

    assert response.status_code == 503


def test_an_oversized_body_is_not_read(settings):
    settings.WEBHOOK_MAX_BYTES = 100

    response = deliver(b"x" * 101)

    assert (response.status_code, refusals()) == (503, ["webhook:oversized"])


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff\xfe", b'"text"'])
def test_an_authentic_body_that_is_not_an_event_is_taken_and_shown_to_a_person(body):
    response = deliver(body)

    assert (response.status_code, refusals()) == (200, ["webhook:unreadable"])


def test_an_event_whose_node_is_null_is_kept_and_needs_nothing():
    assert deliver(event(node_id=None)).status_code == 200

    message = InboxMessage.objects.get()
    assert (message.state, OrmQ.objects.count()) == ("IGNORED", 0)


def test_a_kind_nobody_acts_on_is_kept_and_says_so():
    deliver(event(typename="Shipment"))

    message = InboxMessage.objects.get()
    assert message.state == "IGNORED"
    assert "nothing here acts on" in message.note


def test_what_cannot_be_stored_is_answered_503_and_comes_again(monkeypatch):
    def broken(**_):
        raise DatabaseError("disk full")

    monkeypatch.setattr(inbox, "receive_hint", broken)

    assert deliver().status_code == 503


def test_a_nul_in_the_body_does_not_break_the_door():
    assert deliver(event(node_id="bad\x00id")).status_code == 200


def test_somebody_who_looks_in_by_browser_is_told_what_this_is():
    response = Client().get(URL)

    assert (response.status_code, "posts its webhooks" in response.text) == (200, True)
