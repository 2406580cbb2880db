"""Claim, call, record: what the ERP holds afterwards, whatever went wrong on the way."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction

from sync import connections, selectors
from sync.domain.cases import CaseKind
from sync.domain.delivery import AuthError, Throttled, Transient
from sync.domain.documents import OrderPhase
from sync.models import ErpDocument, ExceptionCase, Feed, Invoice, OutboxAttempt, OutboxMessage
from sync.services import deliveries, documents, frozen, inbox, outbox, postings, work
from tests.factories import (
    make_catalogue_read,
    make_item,
    make_listing,
    make_mapping,
    make_seller,
    make_tax_codes,
)
from tests.payloads import invoice_node, line_node

pytestmark = pytest.mark.django_db(transaction=True)

ERP = OutboxMessage.Lane.ERP


@pytest.fixture(autouse=True)
def registry():
    make_catalogue_read()
    make_tax_codes()


@pytest.fixture
def mapped(erp):
    listing = make_listing(seller=make_seller())
    item = make_item(sku="LIN-CAMP-M")
    erp.add_item(item.sku)
    make_mapping(listing=listing, item=item)
    return listing


def queue(listing, *numbers, at, gross=6_000):
    nodes = [
        invoice_node(n, seller=listing.seller, lines=[line_node(n, listing=listing, gross=gross)])
        for n in numbers
    ]
    inbox.receive_nodes(nodes=nodes, at=at)
    inbox.process(clock=lambda: at)


def deliver(at):
    return deliveries.deliver(lane=ERP, clock=lambda: at)


def states():
    return sorted(OutboxMessage.objects.filter(lane=ERP).values_list("state", flat=True))


def test_an_order_arrives_once_and_is_read_back_to_the_cent(erp, mapped, at):
    queue(mapped, 1, at=at, gross=5_999)

    assert deliver(at) == 1

    (sale,) = erp.orders
    assert (sale.key, sale.phase, sale.gross) == (
        "invoice-1",
        OrderPhase.ACCEPTED,
        Decimal("59.99"),
    )
    document = ErpDocument.objects.get()
    assert (document.gross, document.number) == (sale.gross, sale.number)
    assert Invoice.objects.get().state == "POSTED"


def test_the_erps_number_is_queued_for_marketplacer(erp, mapped, at):
    queue(mapped, 1, at=at)
    deliver(at)

    told = OutboxMessage.objects.get(operation="set_external_id")

    assert told.payload["owner"] == "invoice-1"
    assert told.payload["value"] == ErpDocument.objects.get().number


def test_a_lost_answer_is_looked_for_and_makes_no_second_sale(erp, mapped, at):
    queue(mapped, 1, at=at)
    erp.lose_answers(1)

    deliver(at)
    assert (states(), len(erp.orders)) == (["PENDING"], 1)
    deliver(at + timedelta(minutes=1))

    assert (states(), len(erp.orders)) == (["DELIVERED"], 1)
    assert OutboxAttempt.objects.order_by("pk").first().outcome == "unknown outcome"


def test_an_hour_of_outage_is_waited_out_and_nothing_is_lost(erp, mapped, at):
    queue(mapped, 1, 2, 3, at=at)
    erp.down = True
    for minute in range(60):
        deliver(at + timedelta(minutes=minute))
    assert states() == ["PENDING"] * 3
    assert ExceptionCase.objects.count() == 0

    erp.down = False
    deliver(at + timedelta(minutes=70))

    assert states() == ["DELIVERED"] * 3
    assert len(erp.orders) == 3


def test_one_refused_order_does_not_hold_up_the_others_of_its_batch(erp, mapped, at):
    queue(mapped, 1, 2, 3, at=at)
    erp.reject("invoice-2", "The account of category Shirts is missing.")

    deliver(at)

    assert sorted(sale.key for sale in erp.orders) == ["invoice-1", "invoice-3"]
    refused = Invoice.objects.get(legacy_id=2)
    case = ExceptionCase.objects.get()
    assert (refused.state, case.kind) == ("FAILED", CaseKind.ERP_REJECTED)
    assert "account of category Shirts" in case.quote
    assert selectors.cases().get().blocked_orders == 1


def test_a_refused_order_goes_after_its_cause_is_put_right_and_a_person_retries(
    erp, mapped, operations, at
):
    queue(mapped, 1, at=at)
    erp.reject("invoice-1", "no account")
    deliver(at)
    erp.accept("invoice-1")

    outbox.retry(message=OutboxMessage.objects.get(), by=operations, at=at)
    deliver(at)

    assert Invoice.objects.get().state == "POSTED"
    assert ExceptionCase.objects.get().state == "RESOLVED"


def test_a_stranded_draft_is_driven_on_to_a_confirmed_sale(erp, mapped, at):
    queue(mapped, 1, at=at)
    draft = frozen.thaw_order(OutboxMessage.objects.get().payload)
    erp.strand(draft, OrderPhase.DRAFT)

    deliver(at)

    (sale,) = erp.orders
    assert sale.phase == OrderPhase.ACCEPTED


def test_a_frozen_order_thaws_to_the_same_order(erp, mapped, at):
    queue(mapped, 1, at=at, gross=1_203)
    payload = OutboxMessage.objects.get().payload

    assert frozen.freeze(frozen.thaw_order(payload)) == payload


def test_a_refused_sign_in_waits_and_opens_one_case_that_closes_itself(erp, mapped, at):
    queue(mapped, 1, at=at)
    erp.fail_next(AuthError("wrong password"), times=1)

    deliver(at)
    deliver(at + timedelta(seconds=30))  # held back: nobody tries again at once
    assert ExceptionCase.objects.get().kind == CaseKind.FEED_STOPPED
    assert len(OutboxAttempt.objects.all()) == 1

    deliver(at + timedelta(minutes=6))
    assert (states(), ExceptionCase.objects.get().state) == (["DELIVERED"], "RESOLVED")


def test_a_throttled_lane_waits_as_long_as_it_is_told(erp, mapped, at):
    queue(mapped, 1, at=at)
    erp.fail_next(Throttled("slow down", retry_after=600), times=1)
    deliver(at)
    queue(mapped, 2, at=at)

    assert deliver(at + timedelta(minutes=9)) == 0
    assert deliver(at + timedelta(minutes=11)) == 2


def test_a_worker_that_lost_its_lease_does_not_record(erp, mapped, at):
    queue(mapped, 1, at=at)
    lease, (message,) = work.claim(deliveries.due(ERP), at=at, limit=1, state="IN_FLIGHT")
    later = at + work.LEASE + timedelta(seconds=1)
    deliver(later)  # another worker took over and delivered
    assert states() == ["DELIVERED"]

    with transaction.atomic():
        assert work.hold(OutboxMessage, lease=lease, pks=[message.pk]) == []


def test_a_unit_that_kills_its_worker_again_and_again_is_parked_with_a_case(erp, mapped, at):
    queue(mapped, 1, at=at)
    for claim in range(5):
        work.claim(deliveries.due(ERP), at=at + claim * 2 * work.LEASE, limit=9, state="IN_FLIGHT")

    deliver(at + 12 * work.LEASE)

    assert (states(), len(erp.orders)) == (["FAILED"], 0)
    assert ExceptionCase.objects.get().kind == CaseKind.POISON


def test_a_suspect_is_tried_alone_so_that_it_takes_no_other_down(erp, mapped, at):
    queue(mapped, 1, 2, 3, at=at)
    work.claim(deliveries.due(ERP), at=at, limit=1, state="IN_FLIGHT")

    _, rows = work.claim(deliveries.due(ERP), at=at + 2 * work.LEASE, limit=10, state="IN_FLIGHT")

    assert [row.key for row in rows] == ["invoice-1"]


def test_two_workers_on_one_lane_make_each_order_once(erp, mapped, at):
    queue(mapped, *range(1, 13), at=at)
    failures = []

    def run():
        try:
            deliver(at)
        except BaseException as problem:  # noqa: BLE001  (shown by the main thread)
            failures.append(problem)
        finally:
            connection.close()

    workers = [threading.Thread(target=run) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    deliver(at)

    assert failures == []
    assert len(erp.orders) == 12
    assert OutboxAttempt.objects.count() == 12


def test_booked_is_another_fact_than_accepted(erp, mapped, at):
    queue(mapped, 1, at=at)
    deliver(at)
    postings.read_back(clock=lambda: at)
    assert ErpDocument.objects.get().booked_at is None

    erp.book_all()
    postings.read_back(clock=lambda: at)

    document = ErpDocument.objects.get()
    assert document.booked_at == at
    assert document.invoice_number


def test_what_the_erp_holds_otherwise_is_worth_the_difference_until_it_holds_what_was_sent(
    erp, mapped, at
):
    queue(mapped, 1, at=at)
    deliver(at)
    sent = OutboxMessage.objects.get(operation="post_order")
    payload = dict(sent.payload)
    more = str(Decimal(payload["gross"]) + Decimal("12.50"))
    OutboxMessage.objects.filter(pk=sent.pk).update(payload={**payload, "gross": more})
    postings.read_back(clock=lambda: at)

    case = ExceptionCase.objects.get(kind="ERP_DIFFERS")
    assert (case.at_stake_minor, case.at_stake_currency, case.held_orders) == (1250, "GBP", 0)
    assert case.points_money > 0

    OutboxMessage.objects.filter(pk=sent.pk).update(payload=payload)
    postings.read_back(clock=lambda: at)
    case.refresh_from_db()
    assert case.state == "RESOLVED"
    held = f"{Decimal(payload['gross']):.2f} GBP"
    assert case.proof["gross sent and in the ERP"] == held


def test_invoices_that_the_ledger_told_of_are_all_read_in_one_run(erp, mapped, at, monkeypatch):
    monkeypatch.setattr(postings, "READ_BACK_BATCH", 2)
    queue(mapped, *range(1, 8), at=at)
    deliver(at)
    assert postings.read_back(clock=lambda: at) == 2
    later = at + timedelta(hours=1)
    erp.book_all()
    documents.pull_documents(clock=lambda: later)

    assert postings.read_back(clock=lambda: later) == 7
    assert not ErpDocument.objects.filter(booked_at=None).exists()


def test_what_the_erp_no_longer_has_does_not_keep_others_from_being_read(
    erp, mapped, at, monkeypatch
):
    monkeypatch.setattr(postings, "READ_BACK_BATCH", 1)
    queue(mapped, 1, 2, at=at)
    deliver(at)
    gone, other = ErpDocument.objects.order_by("pk")
    ErpDocument.objects.filter(pk=gone.pk).update(erp_ref="deleted")
    later = at + timedelta(hours=1)

    postings.read_back(clock=lambda: later)
    postings.read_back(clock=lambda: later)

    other.refresh_from_db()
    assert other.read_at == later


def test_an_erp_that_is_down_does_not_stop_the_reading_back_for_ever(erp, mapped, at):
    queue(mapped, 1, at=at)
    deliver(at)
    erp.fail_next(Transient("restarting"), times=1)

    assert postings.read_back(clock=lambda: at) == 0
    assert Feed.objects.get(name="read_back").error_kind == "transient"
    assert postings.read_back(clock=lambda: at) == 1


def test_the_timeline_tells_the_whole_story(erp, mapped, at):
    queue(mapped, 1, at=at)
    deliver(at)
    erp.book_all()
    postings.read_back(clock=lambda: at)

    titles = [event.title for event in selectors.timeline(Invoice.objects.get())]

    assert titles[0] == "Placed at Marketplacer"
    assert [t.split(" as ")[0] for t in titles if " as " in t] == ["Accepted", "Booked"]


def test_a_call_to_the_outside_inside_a_transaction_is_a_bug(erp):
    with pytest.raises(connections.InTransaction), transaction.atomic():
        connections.erp()
