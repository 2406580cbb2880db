"""Webhooks as the vendor documents them: signed, retried, and switched off by a 4xx."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.sandbox.marketplacer import Sandbox
from tests.sandbox.marketplacer.ids import global_id

URL = "http://receiver.test/hook"


@pytest.fixture
def hooked(sandbox) -> Sandbox:
    sandbox.register_webhook(URL, hmac_key="a key", headers={"X-Ours": "yes"})
    return sandbox


def _node(body: bytes):
    return json.loads(body)["payload"]["data"]["node"]


def test_a_new_invoice_is_announced_signed_with_key_and_sequence(hooked, deliveries):
    order = hooked.place_orders(1)[0]
    hooked.deliveries.deliver_due()
    assert len(deliveries) == len(order["invoiceNumbers"])
    url, headers, body = deliveries[0]
    assert url == URL
    digest = hmac.new(b"a key", body, hashlib.sha256).digest()
    assert headers["Marketplacer-Hmac-256"] == base64.b64encode(digest).decode()
    sequence = headers["Marketplacer-Sequence"]
    assert base64.b64decode(headers["Idempotency-Key"]).decode() == f"sandbox:{sequence}"
    assert headers["Marketplacer-Vertical"] == "sandbox"
    assert headers["User-Agent"] == "Marketplacer Client/1.0.0"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Ours"] == "yes"
    event = json.loads(body)
    assert set(event) == {"id", "event_name", "payload"}
    assert base64.b64decode(event["id"]).startswith(b"WebhookEvent-")
    assert event["event_name"] == "create"
    invoice = hooked.invoice(order["invoiceNumbers"][0])
    assert _node(body) == {
        "__typename": "Invoice",
        "id": invoice["id"],
        "legacyId": invoice["legacy_id"],
        "updatedAt": invoice["updated_at"][:19] + "Z",
        "statusFlags": ["PAID"],
    }


def test_writing_an_external_id_echoes_as_an_invoice_update(hooked, ask, deliveries):
    number = hooked.place_orders(1)[0]["invoiceNumbers"][0]
    hooked.deliveries.deliver_due()
    deliveries.clear()
    query = """mutation($o: ID!) {
      externalIdUpsert(input: {owner: $o, key: "erp", value: "1"}) { status } }"""
    ask(query, o=global_id("Invoice", number))
    hooked.deliveries.deliver_due()
    assert [json.loads(body)["event_name"] for _, _, body in deliveries] == ["update"]


def test_a_server_error_is_retried_with_the_same_key_until_it_is_taken(hooked, deliveries, answers):
    answers += [500, 503, 200]
    hooked.place_order([{"variant_legacy_id": 7001}])
    hooked.deliveries.deliver_due()
    assert hooked.deliveries.deliver_due() == 0, "a retry waits"
    for _ in range(3):
        hooked.deliveries.deliver_due(hurry=True)
    assert len(deliveries) == 3
    assert len({headers["Idempotency-Key"] for _, headers, _ in deliveries}) == 1
    assert hooked.webhook_states()[0]["events"] == {"sent": 1}


def test_waits_grow_from_a_minute_with_the_fourth_power_of_the_attempt(catalogue):
    now = [datetime(2026, 11, 30, tzinfo=UTC)]
    made = Sandbox(
        7, catalogue=catalogue, clock=lambda: now[0], webhook_sender=lambda url, headers, body: 500
    )
    made.register_webhook(URL, max_retries=5)
    made.place_order([{"variant_legacy_id": 7001}])
    waits = []
    for _ in range(5):
        made.deliveries.deliver_due(hurry=True)
        due = datetime.fromisoformat(made.store.all("WebhookEvent")[0]["due"])
        waits.append(int((due - now[0]).total_seconds()))
    assert waits == [60, 60, 81, 256, 625]
    made.deliveries.deliver_due(hurry=True)
    assert made.webhook_states()[0]["events"] == {"failed": 1}
    assert made.webhook_states()[0]["enabled"] is True


def test_no_answer_at_all_is_retried(catalogue):
    def silent(url: str, headers: dict[str, str], body: bytes) -> int:
        raise httpx.ConnectError("refused")

    made = Sandbox(7, catalogue=catalogue, webhook_sender=silent)
    made.register_webhook(URL)
    made.place_order([{"variant_legacy_id": 7001}])
    made.deliveries.deliver_due()
    assert made.webhook_states()[0]["events"] == {"rejected": 1}


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_any_4xx_but_429_switches_the_whole_webhook_off(hooked, deliveries, answers, status):
    answers.append(status)
    hooked.place_order([{"variant_legacy_id": 7001}])
    hooked.place_order([{"variant_legacy_id": 7002}])
    hooked.deliveries.deliver_due()
    (state,) = hooked.webhook_states()
    assert state["enabled"] is False
    assert state["disabledBecause"] == f"answered {status}"
    assert len(deliveries) == 1
    hooked.place_order([{"variant_legacy_id": 7003}])
    hooked.enable_webhook(state["number"])
    hooked.deliveries.deliver_due()
    assert len(deliveries) == 2, "what waited is sent, what happened meanwhile is not"


def test_a_429_lowers_the_parallel_limit_and_is_retried(hooked, answers):
    answers.append(429)
    hooked.place_order([{"variant_legacy_id": 7001}])
    hooked.deliveries.deliver_due()
    (state,) = hooked.webhook_states()
    assert (state["enabled"], state["concurrentSendLimit"]) == (True, 3)
    hooked.deliveries.deliver_due(hurry=True)
    assert hooked.webhook_states()[0]["events"] == {"sent": 1}


def test_the_dial_doubles_drops_and_silences_deliveries(hooked, deliveries):
    hooked.faults.set({"webhook": {"duplicate_each": 2}})
    hooked.place_order([{"variant_legacy_id": 7001}])
    hooked.deliveries.deliver_due()
    assert len(deliveries) == 3
    assert len({body for _, _, body in deliveries}) == 1
    hooked.faults.set({"webhook": {"duplicate_each": 0, "p_drop": 1.0}})
    hooked.place_order([{"variant_legacy_id": 7001}])
    hooked.deliveries.deliver_due()
    hooked.faults.set({"webhook": {"p_drop": 0, "silence": True}})
    hooked.place_order([{"variant_legacy_id": 7001}])
    hooked.deliveries.deliver_due()
    assert len(deliveries) == 3
    hooked.faults.set({"webhook": {"silence": False}})
    hooked.deliveries.deliver_due()
    assert len(deliveries) == 4


def test_reordered_deliveries_arrive_out_of_sequence(catalogue):
    now = [datetime(2026, 11, 30, tzinfo=UTC)]
    seen: list[int] = []

    def receive(url: str, headers: dict[str, str], body: bytes) -> int:
        seen.append(int(headers["Marketplacer-Sequence"]))
        return 200

    made = Sandbox(7, catalogue=catalogue, clock=lambda: now[0], webhook_sender=receive)
    made.register_webhook(URL)
    made.faults.set({"webhook": {"p_reorder": 0.5}})
    made.place_orders(20)
    while made.webhook_states()[0]["events"].get("unsent"):
        made.deliveries.deliver_due()
        now[0] += timedelta(milliseconds=100)
    assert sorted(seen) == list(range(1, len(seen) + 1))
    assert seen != sorted(seen)


def test_a_late_delivery_carries_the_state_of_its_own_time(hooked, deliveries, answers):
    answers.append(503)
    order = hooked.place_order([{"variant_legacy_id": 7001}])
    hooked.deliveries.deliver_due()
    hooked.cancel(order["invoiceNumbers"][0])
    hooked.deliveries.deliver_due()
    hooked.deliveries.deliver_due(hurry=True)
    flags = [_node(body)["statusFlags"] for _, _, body in deliveries]
    assert flags == [["PAID"], ["PAID", "CANCELLED"], ["PAID"]]


def test_an_event_is_delivered_again_on_request_a_hundred_times(hooked, deliveries):
    number = hooked.place_order([{"variant_legacy_id": 7001}])["invoiceNumbers"][0]
    hooked.deliveries.deliver_due()
    assert hooked.redeliver(number, times=100) == 100
    hooked.deliveries.deliver_due()
    assert len(deliveries) == 101
    assert len({(headers["Idempotency-Key"], body) for _, headers, body in deliveries}) == 1


def test_equal_payloads_are_skipped_where_that_is_allowed(sandbox, deliveries):
    query = "query($id: ID!) { node(id: $id) { id ... on Invoice { statusFlags } } }"
    sandbox.register_webhook(URL, query=query, allow_skip=True)
    number = sandbox.place_order([{"variant_legacy_id": 7001}])["invoiceNumbers"][0]
    sandbox.market.touch("Invoice", number)
    sandbox.deliveries.deliver_due()
    assert len(deliveries) == 1
    assert sandbox.webhook_states()[0]["events"] == {"sent": 1, "skipped": 1}


def test_a_webhook_made_through_the_api_with_a_blank_query_tells_only_the_type(
    sandbox, ask, deliveries
):
    query = """mutation($url: String!) {
      webhookCreate(input: {attributes: {url: $url, type: VARIANT, hmacKey: "k"}}) {
        status errors { field messages } webhook { id type enabled maxRetries queryString } } }"""
    made = ask(query, url=URL)["data"]["webhookCreate"]
    assert made["webhook"]["maxRetries"] == 25
    sandbox.edit_variant(7001, stock=3)
    sandbox.deliveries.deliver_due()
    assert _node(deliveries[0][2]) == {"__typename": "Variant"}
    refused = ask(query, url="ftp://nowhere")["data"]["webhookCreate"]
    assert (refused["status"], refused["webhook"]) == (422, None)
