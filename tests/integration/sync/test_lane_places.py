"""A lane that several workers work at once, on whatever host: nothing lost, nothing twice."""

import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from django_q.models import OrmQ

from sync.domain.delivery import Throttled
from sync.models import OutboxMessage
from sync.services import deliveries, feeds, inbox, lanes, work
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


@pytest.fixture
def mapped(erp):
    make_catalogue_read()
    make_tax_codes()
    listing = make_listing(seller=make_seller())
    item = make_item(sku="LIN-CAMP-M")
    erp.add_item(item.sku)
    make_mapping(listing=listing, item=item)
    return listing


def queue(listing, *numbers, at):
    nodes = [
        invoice_node(n, seller=listing.seller, lines=[line_node(n, listing=listing, gross=6_000)])
        for n in numbers
    ]
    inbox.receive_nodes(nodes=nodes, at=at)
    inbox.process(clock=lambda: at)


def deliver(at):
    return deliveries.deliver(lane=ERP, clock=lambda: at)


def states():
    return sorted(OutboxMessage.objects.filter(lane=ERP).values_list("state", flat=True))


@contextmanager
def elsewhere(action):
    """Another worker, with a database connection of its own, that has done this and lives on."""
    done, over = threading.Event(), threading.Event()

    def live():
        try:
            action()
            done.set()
            over.wait(30)
        finally:
            connection.close()

    worker = threading.Thread(target=live)
    worker.start()
    assert done.wait(30)
    try:
        yield
    finally:
        over.set()
        worker.join()


def claim(slot, at):
    work.claim(deliveries.due(ERP, slot), at=at, limit=1, state="IN_FLIGHT", slot=slot)


def hold_place(slot, at):
    """Take the place, claim a message and be still at work on it."""
    assert work.try_lane_lock(f"deliver_erp:{slot}")
    claim(slot, at)


def test_as_many_workers_work_the_erps_lane_as_it_takes_calls_at_once(erp, mapped, at, monkeypatch):
    queue(mapped, *range(1, 9), at=at)
    monkeypatch.setattr(deliveries, "_batch_size", lambda lane: 1)
    both = threading.Barrier(2, timeout=20)
    arrived = []
    submit = erp.submit_orders

    def together(orders):
        if len(arrived) < 2:
            arrived.append(orders[0].key)
            both.wait()  # broken unless two are here at the same moment
        return submit(orders)

    monkeypatch.setattr(erp, "submit_orders", together)
    other = threading.Thread(target=lambda: (deliver(at), connection.close()))
    other.start()
    deliver(at)
    other.join()
    deliver(at)

    assert states() == ["DELIVERED"] * 8
    assert len(erp.orders) == 8


def test_no_more_than_that_work_it(erp, mapped, at):
    queue(mapped, *range(1, 10), at=at)
    places = erp.capabilities().max_concurrency

    def hold_all():
        for slot in range(places):
            hold_place(slot, at)

    with elsewhere(hold_all):
        assert deliver(at) == 0
    assert deliver(at) == 9 - places


def test_what_outlasts_its_lease_is_not_sent_beside_the_worker_that_still_has_it(erp, mapped, at):
    queue(mapped, 1, 2, at=at)
    late = at + 2 * work.LEASE
    with elsewhere(lambda: hold_place(0, at)):
        assert deliver(late) == 1
        assert states() == ["DELIVERED", "IN_FLIGHT"]
    # It ended without an answer: its place is free, and the next one finishes for it.
    assert deliver(late) == 1
    assert len(erp.orders) == 2


def test_what_a_dead_worker_held_in_a_place_that_is_gone_comes_back(erp, mapped, at):
    queue(mapped, 1, at=at)
    claim(77, at)  # there were more places then
    assert deliver(at) == 0
    assert deliver(at + 2 * work.LEASE) == 1


def test_a_full_batch_wakes_the_next_worker(erp, mapped, at, monkeypatch):
    queue(mapped, 1, 2, 3, at=at)
    OrmQ.objects.all().delete()
    lanes.awake(task="sync.tasks.deliver_erp")
    monkeypatch.setattr(deliveries, "_batch_size", lambda lane: 2)
    deliver(at)
    assert [task.func() for task in OrmQ.objects.all()].count("sync.tasks.deliver_erp") == 1


def test_what_one_was_told_to_wait_for_holds_for_the_others(erp, mapped, at, monkeypatch):
    queue(mapped, 1, 2, 3, at=at)
    monkeypatch.setattr(deliveries, "_batch_size", lambda lane: 1)
    submit = erp.submit_orders

    def told_meanwhile(orders):
        slow = Throttled("slow down", retry_after=600)
        feeds.told(name="deliver_erp", failure=slow, at=at, counts={})
        return submit(orders)

    monkeypatch.setattr(erp, "submit_orders", told_meanwhile)
    assert deliver(at) == 1  # its own success does not call the others' wait off
    assert deliver(at + timedelta(minutes=9)) == 0
    assert states() == ["DELIVERED", "PENDING", "PENDING"]


@pytest.mark.parametrize(
    ("later", "again"),
    [
        (timedelta(seconds=20), False),
        (timedelta(seconds=40), True),
        (-timedelta(seconds=20), False),
        (-timedelta(minutes=20), True),  # it was woken by a host whose clock is ahead
    ],
)
def test_a_lane_is_woken_again_when_its_task_must_be_lost(at, later, again):
    assert lanes.wake(task="sync.tasks.deliver_erp", at=at)
    assert lanes.wake(task="sync.tasks.deliver_erp", at=at + later) is again
