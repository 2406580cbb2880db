"""The campaign's verdict sees each kind of broken promise; one that cannot see proves nothing."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from sync.domain.documents import OrderPhase, WriteStatus
from tests.contract.erp.orders import draft, line
from tests.faults import verdict
from tests.faults.double import KeylessErp, RemoteErp
from tests.faults.house import House

AT = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)


class QuietHouse:
    """A house whose storm is over: what Marketplacer, the ERP and our tables hold."""

    erp, go_live = "double", AT

    def __init__(self, order):
        self.ledger = KeylessErp(knows_every_sku=True)
        self.order = order
        self.state, self.cases, self.waiting = "POSTED", 0, [[]]
        self.invoice = {
            "id": order.key,
            "legacy_id": 40_001,
            "status_flags": ["PAID"],
            "paid_at": "2026-11-30T23:59:00Z",
            "total_cents": int(order.gross * 100),
            "external_ids": {"erp_order": "SO00001"},
        }

    def ask_double(self):
        return self.ledger.witness()

    def witness(self, method, path):
        return [self.invoice]

    def sql(self, text):
        if text == verdict.UNDONE:
            return self.waiting.pop(0) if len(self.waiting) > 1 else self.waiting[0]
        return [(self.order.key, self.state, self.cases)]

    def judged(self, *, seller=(), address=()):
        writes = Writes(list(seller), list(address))
        figures, told = verdict.judge(self, writes)
        assert sum(figures[name] for name in verdict.PROMISES) == len(told)
        return {name: figures[name] for name in verdict.PROMISES if figures[name]}


class Writes:
    def __init__(self, sellers, address):
        self.sellers, self.address, self.kinds = sellers, address, Counter()


@pytest.fixture
def house():
    return QuietHouse(draft([line("TEE-M", "2", "12.5000")], key="invoice-1"))


def test_an_order_that_arrived_once_breaks_nothing(house):
    house.ledger.create_orders([house.order])

    assert house.judged() == {}


def test_the_double_takes_an_order_twice_and_the_verdict_counts_it(house):
    house.ledger.create_orders([house.order])
    house.ledger.create_orders([house.order])
    house.invoice["external_ids"] = {"erp_order": "SO00002"}

    assert house.judged() == {"duplicated": 1}


def test_whoever_looks_first_leaves_one(house, monkeypatch):
    adapter = RemoteErp("http://nowhere")
    monkeypatch.setattr(
        adapter, "_call", lambda name, *given: getattr(house.ledger, name)(*given), raising=True
    )

    first, second = (adapter.submit_orders([house.order])[0] for _ in range(2))

    assert (first.status, second.status) == (WriteStatus.CREATED, WriteStatus.EXISTED)
    assert first.ref == second.ref
    assert house.judged() == {}


def test_what_nobody_sold_or_nobody_posted_is_counted(house, monkeypatch):
    assert house.judged() == {"lost": 1}
    house.state = "QUEUED"
    assert house.judged() == {"stuck": 1}
    house.state = "PARKED"
    assert house.judged() == {"invisible": 1}
    house.cases = 1
    assert house.judged() == {}
    monkeypatch.setattr(verdict, "UNDONE_SECONDS", 0.1)
    house.waiting = [[("inbox 1",), ("outbox 7",)]]
    assert house.judged() == {"stuck": 2}


def test_a_message_that_came_in_just_now_and_is_done_soon_is_not_stuck(house):
    house.ledger.create_orders([house.order])
    house.waiting = [[("inbox 1",)], [("inbox 2",)]]
    assert house.judged() == {}


def test_a_draft_a_missing_number_and_another_sum_are_counted(house):
    house.ledger.strand(house.order, OrderPhase.DRAFT)
    assert house.judged() == {"lost": 1, "stuck": 1}

    house.ledger.create_orders([house.order])
    house.ledger._sales.pop(next(key for key in house.ledger._sales if "earlier" in key))
    house.invoice["external_ids"] = {}
    assert house.judged() == {"stuck": 1}

    house.invoice["external_ids"] = {"erp_order": house.ledger.orders[0].number}
    house.invoice["total_cents"] += 1
    assert house.judged() == {"lost": 1}


def test_an_order_that_was_cancelled_there_and_lives_on_in_the_erp_is_counted(house):
    house.invoice["status_flags"] = ["CANCELLED"]
    assert house.judged() == {}

    (made,) = house.ledger.create_orders([house.order])
    assert house.judged() == {"stuck": 1}

    house.ledger.cancel_order(made.ref, "The customer changed their mind.")
    assert house.judged() == {}


def test_each_write_of_what_is_not_ours_is_counted(house):
    house.ledger.create_orders([house.order])

    assert house.judged(seller=[{"variantId": "v"}], address=[{"city": "Leeds"}]) == {
        "seller_managed_writes": 1,
        "address_writes": 1,
    }


def test_a_request_that_a_deadlock_sent_away_is_counted(tmp_path):
    house = House(tmp_path, seed=7, erp="double")
    (tmp_path / "web-0.log").write_text("psycopg.errors.DeadlockDetected: deadlock detected\n")
    (tmp_path / "web-1.log").write_text("INFO all is well\n")
    assert house.deadlocks() == 1
