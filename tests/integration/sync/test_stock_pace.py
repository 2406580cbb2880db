"""One governor for everybody, one budget for stock, and levels that agree with the domain."""

import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.domain.delivery import Throttled
from sync.domain.stock import available_to_sell
from sync.models import CallPace, ErpStock, ListingStock, StockPolicy
from sync.pace import SharedGovernor
from sync.services import stock, stock_cadence, stock_orders, stock_pace
from tests.factories import make_item, make_listing, make_mapping, make_seller

pytestmark = pytest.mark.django_db(transaction=True)


def test_calls_are_spread_over_everybody_who_shares_the_name():
    slept, began = [], time.monotonic()
    first = SharedGovernor("far", 50, 10, sleep=slept.append)
    second = SharedGovernor("far", 50, 10, sleep=slept.append)

    for _ in range(10):
        first.before_call()
        second.before_call()

    # 5 at once, then one each 10 / 45 s, whoever asks; nobody really slept, so the waits add up
    # and only the time that has really passed is off them.
    turn, passed = 10 / 45, time.monotonic() - began
    assert 14 * turn - passed - 0.1 <= slept[-1] <= 15 * turn


def test_two_workers_at_the_same_instant_get_different_turns():
    slept, lock = [], threading.Lock()

    def work():
        try:
            governor = SharedGovernor("far", 10, 1, sleep=note)
            for _ in range(5):
                governor.before_call()
        finally:
            connection.close()

    def note(seconds):
        with lock:
            slept.append(round(seconds, 3))

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(slept) >= 7
    assert len(set(slept)) == len(slept)


def test_silence_that_one_was_asked_for_is_kept_by_all_and_grows():
    first, second = SharedGovernor("far", 50, 10), SharedGovernor("far", 50, 10)
    first.told_to_wait(60)

    with pytest.raises(Throttled) as refused:
        second.before_call()

    assert 55 < refused.value.retry_after <= 60
    first.told_to_wait(60)
    with pytest.raises(Throttled) as again:
        second.before_call()
    assert 115 < again.value.retry_after <= 120
    CallPace.objects.update(blocked_until=datetime(2020, 1, 1, tzinfo=UTC))
    second.before_call()


def test_the_hourly_budget_is_spent_call_by_call():
    taken = [stock_pace.take_call(calls_per_hour=4) for _ in range(6)]

    assert taken == [True, True, True, True, False, False]
    assert stock_pace.saved_calls(calls_per_hour=4) < 1
    assert not stock_pace.take_call(calls_per_hour=0)


def test_what_was_learned_of_documents_survives():
    grown = stock_pace.learn(sent=8, seconds=0.1, failed=False)

    assert stock_pace.batch_size() == grown > 8
    assert stock_pace.learn(sent=grown, seconds=0.1, failed=True) == grown // 2


def listing_with(seller, *, level, shown, sold=0.0, told_at=None):
    listing = make_listing(seller=seller, count_on_hand=shown)
    item = make_item()
    make_mapping(listing=listing, item=item)
    at = datetime.now(UTC)
    ErpStock.objects.create(
        item=item, location="WH", on_hand=level, reserved=0, available=level, as_of=at, read_at=at
    )
    stock_orders.touch_items(item_ids=[item.pk], at=at)
    return listing


def test_with_few_calls_the_most_urgent_levels_go_first():
    seller = make_seller(stock_owner="operator")
    at = datetime.now(UTC)
    CallPace.objects.create(name=stock_pace.NAME, batch=1, saved=1.5, saved_at=at)
    StockPolicy.objects.create(pk=1, calls_per_hour=4)
    slow = listing_with(seller, level=5, shown=9)
    fast = listing_with(seller, level=0, shown=9)
    stock.tell_changes(clock=lambda: at)
    assert not ListingStock.objects.filter(queued_version__gt=0).exists()
    ListingStock.objects.filter(pk=fast.pk).update(per_hour=5.0)

    chosen = stock_cadence.choose(at=at)

    assert chosen == [fast.pk]
    assert ListingStock.objects.get(pk=slow.pk).due_at > at


def test_nothing_waits_longer_than_the_longest_wait():
    seller = make_seller(stock_owner="operator")
    at = datetime.now(UTC)
    CallPace.objects.create(name=stock_pace.NAME, batch=1, saved=1.5, saved_at=at)
    StockPolicy.objects.create(pk=1, calls_per_hour=4, longest_wait_hours=2)
    listing = listing_with(seller, level=5, shown=4)
    stock.tell_changes(clock=lambda: at)
    assert stock_cadence.choose(at=at) == []

    assert stock_cadence.choose(at=at + timedelta(hours=2, minutes=1)) == [listing.pk]


def test_planning_an_empty_catalogue_draws_a_flat_curve():
    policy = stock_cadence.plan(clock=lambda: datetime.now(UTC))

    assert {point["oversold"] for point in policy.curve["points"]} == {0.0}


AMOUNTS = st.decimals(-50, 500, places=2)


@given(
    on_hand=AMOUNTS,
    reserved=st.none() | st.decimals(0, 50, places=2),
    available=st.none() | AMOUNTS,
    pack=st.integers(1, 12),
)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_database_computes_the_level_that_the_domain_means(on_hand, reserved, available, pack):
    at = datetime.now(UTC)
    listing = make_listing(seller=make_seller(stock_owner="operator"), count_on_hand=3)
    item = make_item()
    make_mapping(listing=listing, item=item, pack_quantity=pack)
    ErpStock.objects.create(
        item=item, on_hand=on_hand, reserved=reserved, available=available, as_of=at, read_at=at
    )
    stock_orders.touch_items(item_ids=[item.pk], at=at)

    stock.tell_changes(clock=lambda: at)

    assert ListingStock.objects.get(pk=listing.pk).level == available_to_sell(
        on_hand=on_hand,
        reserved=reserved,
        available=available,
        promised=Decimal(0),
        safety=Decimal(0),
        pack=pack,
    )
