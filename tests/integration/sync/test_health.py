"""Health by evidence: what feeds recorded, missed runs, silent webhooks, whole days."""

import json
import logging
import socket
from datetime import timedelta

import pytest
from django.conf import settings as product
from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django_q.models import OrmQ
from pythonjsonlogger.json import JsonFormatter

from mkterp.core import requestid
from mkterp.core.models import AuditEntry
from mkterp.overview import standing
from reconciliation.models import CompletenessStatement
from sync import selectors
from sync.domain.delivery import Misconfigured, Throttled, Unavailable
from sync.models import ExceptionCase, InboxMessage, Invoice, OutboxMessage
from sync.pace import SharedGovernor
from sync.receivers import task_ended
from sync.selectors import evidence
from sync.selectors import schedules as schedule_words
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


# -- queues that stand still ----------------------------------------------------------------------


def queued(at, *, number=1, lane="ERP", **changes) -> OutboxMessage:
    given = {
        "operation": "post_order",
        "key": f"k{number}",
        "stream": f"s{number}",
        "reference": f"INV-{number}",
        "payload": {},
        "queued_at": at,
        "not_before": at,
    }
    return OutboxMessage.objects.create(**{**given, "lane": lane, **changes})


def test_a_feed_is_late_while_what_is_due_stands_still(at):
    feeds.told(name="deliver_erp", failure=None, at=at, counts={"sent": 1})
    for number in range(3):
        queued(at, number=number)
    assert feed("deliver_erp", at + timedelta(minutes=10)).state == "well"

    later = at + timedelta(minutes=11)
    found = feed("deliver_erp", later)
    assert (found.state, found.words) == (
        "late",
        "nothing has moved since 30 Nov 23:59 UTC, and 3 wait",
    )
    assert found.due_since == at
    assert selectors.feed_states(at=later)["deliver_erp"] == "late"
    alarms.watch(at=later)
    case = ExceptionCase.objects.get()
    assert (case.kind, "and 3 wait" in case.cause) == ("MISSED_RUN", True)

    feeds.told(name="deliver_erp", failure=None, at=later, counts={"sent": 3})
    alarms.watch(at=later)
    case.refresh_from_db()
    assert case.state == "RESOLVED"


def test_a_feed_that_never_ran_is_late_once_what_is_due_stands_still(at):
    came("HINT", at).__class__.objects.update(typename="Invoice")
    queued(at, lane="NOTICES")

    states = selectors.feed_states(at=at + timedelta(minutes=11))
    assert (states["fetch_hinted"], states["deliver_notices"]) == ("late", "late")


def test_what_waits_for_a_person_or_its_time_does_not_make_a_feed_late(at):
    feeds.told(name="deliver_erp", failure=None, at=at, counts={"sent": 1})
    later = at + timedelta(hours=5)
    queued(at, number=1, state="FAILED", stream="one")
    queued(at, number=2, stream="one")  # behind the one that a person must see to
    queued(at, number=3, not_before=later + timedelta(minutes=1))
    queued(at, number=4, state="IN_FLIGHT", lease_until=later + timedelta(minutes=1))
    queued(at, number=5, dry=True)

    assert feed("deliver_erp", later).state == "well"

    queued(at, number=6)
    assert feed("deliver_erp", later).state == "late"
    with override_settings(DRY_RUN=True):
        assert feed("deliver_erp", later).state == "well"


def test_the_oldest_due_message_is_found_by_an_index(at):
    OutboxMessage.objects.bulk_create(
        [
            OutboxMessage(
                lane="ERP", operation="post_order", key=f"k{n}", stream=f"s{n}", reference="x",
                payload={}, queued_at=at, not_before=at + timedelta(seconds=n),
                state="DELIVERED" if n % 20 else "PENDING",
            )
            for n in range(5000)
        ]
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sync_outboxmessage")
    with CaptureQueriesContext(connection) as asked:
        assert evidence.due_since(at=at + timedelta(hours=3)) == {"deliver_erp": at}
    assert len(asked) == 1
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + asked[0]["sql"])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "outbox_oldest" in plan


# -- tasks ----------------------------------------------------------------------------------------


def test_health_shows_every_schedule(operations, client_of, settings, at):
    known = {task for _, task in schedule_words.FEEDS.values()} | set(schedule_words.TASKS)
    assert set(settings.SCHEDULES) == known

    page = client_of(operations).get("/health/").text
    for task in settings.SCHEDULES:
        assert f"<b>{escape(selectors.label_of(task))}</b>" in page, task


CRASH = (
    "x : Traceback (most recent call last):\n"
    '  File "worker.py", line 104, in worker\n    res = f()\n'
    '  File "tasks.py", line 9, in run\n    1 / 0\n          ^\n'
    "django.db.utils.IntegrityError: duplicate key\nDETAIL: Key (name)=(Jane Doe) exists.\n"
)


def ended(task, at, result=None):
    task_ended(
        "django_q",
        task={"func": task, "stopped": at, "result": result, "success": result is None},
    )


def test_a_task_that_crashes_becomes_late_and_an_alarm_without_saying_whose_data(at):
    task = "reconciliation.tasks.compare_documents"
    ended(task, at)
    for minute in (5, 10, 16):
        ended(task, at + timedelta(minutes=minute), CRASH)
    later = at + timedelta(minutes=16)

    found = next(one for one in selectors.tasks(at=later) if one.name == task)
    assert (found.state, found.succeeded_at) == ("late", at)
    assert found.words == "its task crashes since 01 Dec 00:04 UTC: IntegrityError"
    assert selectors.feed_states(at=later)[task] == "late"
    alarms.watch(at=later)
    assert "“Compare documents and their tax” is late" in ExceptionCase.objects.get().cause

    ended(task, later)
    alarms.watch(at=later)
    assert ExceptionCase.objects.get().state == "RESOLVED"


def test_a_task_of_the_night_is_late_by_the_morning(at):
    task = "sync.tasks.pull_all_stock"
    ended(task, at)

    assert selectors.feed_states(at=at + timedelta(hours=26))[task] == "well"
    assert selectors.feed_states(at=at + timedelta(hours=28))[task] == "late"


def test_a_feed_whose_task_crashes_is_late_though_its_last_word_was_good(at):
    feeds.told(name="deliver_erp", failure=None, at=at, counts={"sent": 1})
    ended("sync.tasks.deliver_erp", at)
    ended("sync.tasks.deliver_erp", at + timedelta(minutes=1), CRASH)

    found = feed("deliver_erp", at + timedelta(minutes=4))
    assert (found.state, "crashes" in found.words) == ("late", True)


def test_a_far_side_that_refuses_within_a_task_shows_on_its_line(at):
    feeds.told(name="completeness", failure=Unavailable("no answer"), at=at, counts={})

    assert selectors.feed_states(at=at)["reconciliation.tasks.sweep_days"] == "unavailable"


def test_workers_that_slept_do_not_raise_an_alarm_for_everything_at_once(at):
    ended("sync.tasks.tend_cases", at)
    ended("sync.tasks.canary", at)
    later = at + timedelta(hours=8)
    alarms.watch(at=later)
    assert not ExceptionCase.objects.exists()

    ended("sync.tasks.tend_cases", later)
    alarms.watch(at=later + timedelta(minutes=1))
    assert "Prove that a worker executes" in ExceptionCase.objects.get().cause


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


def cell(day, at):
    cache.clear()
    return next(one for one in standing.day_cells(at=at) if one.day.day == day)


def state(day, at, **given):
    CompletenessStatement.objects.create(
        day=day, currency="EUR", asked_at=at, seller_key=str(at), **given
    )


def test_a_day_is_whole_only_when_every_order_is_accounted_for_and_both_sides_were_asked(at):
    make_catalogue_read()
    make_tax_codes()
    invoice = hear(1, at=at, listing=make_listing(seller=make_seller()))
    zone = product.COMPANY_TIME_ZONE
    day, night = invoice.placed_at.astimezone(zone).date(), invoice.placed_at + timedelta(days=2)

    assert (cell(day, night).word, cell(day, night).meaning) == ("1 wait", "need")
    rows = Invoice.objects.filter(pk=invoice.pk)

    # Said to be posted, and nobody has seen the ERP's document.
    rows.update(state=Invoice.State.POSTED)
    assert (cell(day, night).word, cell(day, night).meaning) == ("1 lost", "broke")

    rows.update(state=Invoice.State.CANCELLED)
    assert (cell(day, night).word, cell(day, night).meaning) == ("not proved", "wait")
    assert "not proved yet" in cell(day, night).words

    # Asked while the day still ran, it may have gone on.
    state(day, invoice.placed_at, orders=1, cancelled=1)
    assert cell(day, night).word == "not proved"

    CompletenessStatement.objects.all().delete()
    state(day, night, orders=1, cancelled=1)
    assert (cell(day, night).word, cell(day, night).meaning) == ("whole", "done")


def test_an_order_that_never_came_here_is_lost_on_the_strip(operations, client_of, at):
    day = at.astimezone(product.COMPANY_TIME_ZONE).date() - timedelta(days=3)
    state(day, at, orders=2, gaps=2)
    state(day - timedelta(days=1), at - timedelta(minutes=1))

    found = cell(day, at)
    assert (found.orders, found.word, found.meaning) == (2, "2 lost", "broke")
    assert cell(day - timedelta(days=1), at).word == "none"
    assert cell(day - timedelta(days=2), at).word == "not proved"
    with override_settings(GO_LIVE_AT=at):
        assert cell(day - timedelta(days=2), at).word == "–"


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


# -- running by hand ------------------------------------------------------------------------------


def press(client, task):
    return client.post(reverse("sync:feed-run"), {"task": task}, follow=True)


def test_a_refused_feed_is_run_at_once_and_only_once(operations, client_of, at):
    now = timezone.now()
    feeds.told(name="deliver_erp", failure=Misconfigured("wrong key"), at=now, counts={})
    assert feeds.held_back(name="deliver_erp", at=now)
    client = client_of(operations)
    assert "Run now" in client.get("/health/").text

    for _ in range(2):
        page = press(client, "sync.tasks.deliver_erp")
    assert "Orders to the ERP: a run is queued. Health shows how it ends." in page.text
    assert OrmQ.objects.count() == 1
    assert not feeds.held_back(name="deliver_erp", at=now)
    assert AuditEntry.objects.filter(action="feed.run", by=operations).count() == 1


def test_a_feed_that_was_asked_to_wait_is_not_run(administrator, client_of):
    failure = Throttled("slow down", retry_after=60)
    feeds.told(name="push_stock", failure=failure, at=timezone.now(), counts={})

    page = press(client_of(administrator), "sync.tasks.push_stock")
    assert "asks to be left alone" in page.text
    assert "runs here" in press(client_of(administrator), "os.abort").text
    assert not OrmQ.objects.exists()


def test_who_may_not_run_a_feed_sees_no_button_and_is_refused(viewer, client_of):
    client = client_of(viewer)

    assert "Run now" not in client.get("/health/").text
    assert press(client, "sync.tasks.deliver_erp").status_code == 403
