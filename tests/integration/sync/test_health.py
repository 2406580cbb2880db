"""Health by evidence: what feeds recorded, missed runs, silent webhooks, whole days."""

import json
import logging
import socket
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client, override_settings
from django.utils import timezone
from pythonjsonlogger.json import JsonFormatter

from mkterp.core import requestid
from sync import selectors
from sync.domain.delivery import Unavailable
from sync.models import ExceptionCase, InboxMessage, Invoice
from sync.pace import SharedGovernor
from sync.services import alarms, feeds
from tests.factories import make_catalogue_read, make_listing, make_seller, make_tax_codes
from tests.integration.sync.test_screens_lists import hear

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forgotten():
    cache.clear()


def feed(name, at):
    return next(found for found in selectors.feeds(at=at) if found.name == name)


def came(source, at, number=1) -> InboxMessage:
    return InboxMessage.objects.create(
        source=source, identity=f"{source}-{number}-{at}", body={}, received_at=at, not_before=at
    )


# -- feeds ----------------------------------------------------------------------------------------


def test_a_feed_says_how_many_rows_and_errors_its_last_day_had(at):
    for minute in range(4):
        failure = Unavailable("no answer") if minute == 1 else None
        moment = at + timedelta(minutes=minute)
        feeds.told(name="invoices", failure=failure, at=moment, counts={"read": 60})

    found = feed("invoices", at + timedelta(minutes=5))
    assert (found.runs, found.failures, found.rows) == (4, 1, 240)
    assert (found.error_percent, found.rows_per_hour) == (25, 10)
    assert feed("invoices", at + timedelta(days=2)).runs == 0


def test_a_feed_names_its_next_run(schedules, at):
    assert feed("invoices", at).next_run is not None


def test_a_missed_run_opens_one_case_after_its_grace_and_resolves_with_proof(at):
    feeds.told(name="invoices", failure=None, at=at, counts={"read": 1})
    alarms.watch(at=at + timedelta(minutes=3))  # three runs of grace
    assert not ExceptionCase.objects.exists()

    for minute in (4, 5):
        alarms.watch(at=at + timedelta(minutes=minute))
    case = ExceptionCase.objects.get()
    assert (case.kind, case.state) == ("MISSED_RUN", "OPEN")
    assert "“Orders in” has not got through" in case.cause

    feeds.told(name="invoices", failure=None, at=at + timedelta(minutes=6), counts={"read": 7})
    alarms.watch(at=at + timedelta(minutes=6))
    case.refresh_from_db()
    assert (case.state, case.proof["read read"]) == ("RESOLVED", "7")


def test_a_feed_that_never_ran_raises_no_alarm(at):
    alarms.watch(at=at)

    assert not ExceptionCase.objects.exists()


# -- webhooks -------------------------------------------------------------------------------------


def test_silent_webhooks_are_an_alarm_only_when_news_came_without_them(at):
    came("HINT", at)
    later = at + timedelta(minutes=90)
    alarms.watch(at=later)
    assert not ExceptionCase.objects.exists()  # nothing happened that one could have announced

    came("NODE", at + timedelta(minutes=30))
    alarms.watch(at=later)
    case = ExceptionCase.objects.get()
    assert case.kind == "WEBHOOK_SILENT"

    came("HINT", later, 2)
    alarms.watch(at=later + timedelta(minutes=1))
    case.refresh_from_db()
    assert case.state == "RESOLVED"
    assert "last webhook" in case.proof


def test_webhooks_that_were_never_set_up_are_no_alarm(at):
    came("NODE", at)

    assert selectors.webhook_silence(at=at + timedelta(days=1)) is None


# -- budgets --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_calls_of_this_hour_are_counted_against_what_is_allowed():
    governor = SharedGovernor("marketplacer", 500, 10)
    for _ in range(3):
        governor.before_call()

    budget = selectors.budgets(at=timezone.now())[0]
    assert (budget.calls, budget.allowed, budget.silent_until) == (3, 180_000, None)

    governor.told_to_wait(60)
    assert selectors.budgets(at=timezone.now())[0].silent_until > timezone.now()


# -- completeness ---------------------------------------------------------------------------------


def test_a_day_is_whole_only_when_every_order_is_accounted_for(at):
    make_catalogue_read()
    make_tax_codes()
    invoice = hear(1, at=at, listing=make_listing(seller=make_seller()))
    day = at + timedelta(hours=1)

    def today():
        days = selectors.completeness(at=day, days=60)
        return next(found for found in days if found.seen)

    assert (today().waiting, today().unexplained, today().meaning) == (1, 0, "need")
    Invoice.objects.filter(pk=invoice.pk).update(state=Invoice.State.POSTED)

    # Said to be posted, and nobody has seen the ERP's document.
    assert (today().unexplained, today().meaning) == (1, "broke")


# -- pages ----------------------------------------------------------------------------------------


def test_the_health_page_asks_nobody_but_the_database(operations, client_of, at, monkeypatch):
    client = client_of(operations)
    client.get("/health/")
    InboxMessage.objects.all().delete()

    def refuse(*args, **kwargs):
        raise AssertionError("health must not reach out: it works when everybody else is down")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    page = client.get("/health/")

    assert page.status_code == 200
    assert "No worker has run here yet" in page.text
    assert len(page.context["days"]) == 28


def test_figures_for_prometheus_name_every_feed_and_kind(at):
    feeds.told(name="invoices", failure=None, at=timezone.now(), counts={"read": 3})

    answer = Client().get("/metrics")

    assert answer["Content-Type"].startswith("text/plain")
    assert 'mkterp_feed_well{feed="invoices"} 1.0' in answer.text
    assert 'mkterp_feed_rows_day{feed="invoices"} 3.0' in answer.text
    assert 'mkterp_feed_well{feed="stock"} 0.0' in answer.text


def test_figures_are_for_this_host_or_for_whoever_holds_the_token():
    client = Client()
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.8").status_code == 401
    assert client.get("/metrics", headers={"X-Forwarded-For": "10.0.0.8"}).status_code == 401
    with override_settings(METRICS_TOKEN="a-long-token"):
        assert client.get("/metrics").status_code == 401
        wrong = {"Authorization": "Bearer other"}
        assert client.get("/metrics", headers=wrong).status_code == 401
        right = {"Authorization": "Bearer a-long-token"}
        assert client.get("/metrics", headers=right, REMOTE_ADDR="10.0.0.8").status_code == 200


def test_a_log_line_for_machines_names_the_request_and_the_order(settings):
    declared = settings.LOGGING["formatters"]["json"]
    formatter = JsonFormatter(declared["format"], rename_fields=declared["rename_fields"])
    record = logging.LogRecord("sync", logging.INFO, "f", 1, "delivered %s", ("x",), None)
    token = requestid.request_id.set("req-12345678")
    with requestid.about("INV-7"):
        requestid.RequestIdFilter().filter(record)
    requestid.request_id.reset(token)

    said = json.loads(formatter.format(record))

    assert (said["request_id"], said["order"]) == ("req-12345678", "INV-7")
    assert (said["message"], said["level"], said["logger"]) == ("delivered x", "INFO", "sync")
