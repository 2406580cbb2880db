"""Levels, holds, batches and what a reading back means: pure."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.domain.stock import (
    BATCH,
    HoldKind,
    Limits,
    Seen,
    Tally,
    available_to_sell,
    covers,
    seen,
    strange,
)

AT = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
UNITS = st.decimals(-1000, 1000, places=2)
LIMITS = Limits(zero_count=50, zero_share=0.05, fall_units=500, fall_share=0.3)


def sell(on_hand=None, reserved=None, available=None, promised=0, safety=0, pack=1):
    return available_to_sell(
        on_hand=on_hand, reserved=reserved, available=available,
        promised=Decimal(promised), safety=Decimal(safety), pack=pack,
    )  # fmt: skip


def test_a_level_is_what_the_erp_can_promise_less_what_it_does_not_know():
    assert sell(available=Decimal(120), promised=3, safety=5) == 112
    assert sell(on_hand=Decimal(120), reserved=Decimal(8), promised=3, safety=5) == 104
    assert sell(on_hand=Decimal(120)) == 120
    assert sell() is None


@given(UNITS, st.decimals(0, 100, places=2), st.decimals(0, 100, places=2), st.integers(1, 24))
def test_a_level_never_promises_more_than_there_is(available, promised, safety, pack):
    level = sell(available=available, promised=promised, safety=safety, pack=pack)

    assert level >= 0
    assert level == 0 or level * pack <= available - promised - safety
    assert (level + 1) * pack > available - promised - safety


def test_a_snapshot_covers_only_what_was_accepted_before_it():
    assert covers(as_of=AT, accepted_at=AT - timedelta(seconds=1))
    assert not covers(as_of=AT, accepted_at=AT)
    assert not covers(as_of=AT, accepted_at=None)


@pytest.mark.parametrize(
    ("tally", "kinds"),
    [
        (Tally(listings=1000, units=10_000, zeros=49, fallen=100), set()),
        (Tally(listings=1000, units=10_000, zeros=50, fallen=100), {HoldKind.ZEROS}),
        (Tally(listings=2000, units=10_000, zeros=99, fallen=100), set()),
        (Tally(listings=1000, units=10_000, zeros=0, fallen=3000), {HoldKind.FALL}),
        (Tally(listings=10, units=100, zeros=3, fallen=100), set()),
        (Tally(listings=0, units=0, zeros=0, fallen=0), set()),
    ],
)
def test_a_run_is_strange_from_a_number_and_a_share_on(tally, kinds):
    always = {HoldKind.NEGATIVE, HoldKind.MISSING}

    assert strange(tally, LIMITS) == always | kinds


def test_a_document_grows_with_each_full_success_and_is_halved_at_trouble():
    size = 8
    for _ in range(3):
        size = BATCH.after(size, sent=size, seconds=0.2, failed=False)
    assert size == 14
    assert BATCH.after(size, sent=3, seconds=0.2, failed=False) == 14
    assert BATCH.after(size, sent=14, seconds=0.2, failed=True) == 7
    assert BATCH.after(size, sent=14, seconds=30, failed=False) == 7


@given(st.lists(st.tuples(st.integers(1, 60), st.floats(0, 40), st.booleans()), max_size=80))
def test_a_document_never_leaves_its_bounds(calls):
    size = 8
    for sent, seconds, failed in calls:
        size = BATCH.after(size, sent=min(sent, size), seconds=seconds, failed=failed)
        assert BATCH.least <= size <= BATCH.most


@pytest.mark.parametrize(
    ("told", "shown", "sold", "maybe", "looks", "meaning"),
    [
        (10, 10, 0, 0, 0, Seen.RIGHT),
        (10, 7, 3, 0, 0, Seen.SOLD),
        (10, 8, 0, 2, 0, Seen.SOLD),
        (10, 7, 0, 0, 0, Seen.LATER),
        (10, 7, 0, 0, 3, Seen.DRIFT),
        (10, 11, 0, 0, 0, Seen.DRIFT),
        (10, 10, 3, 0, 0, Seen.LATER),
        (10, 10, 3, 0, 3, Seen.DRIFT),
    ],
)
def test_what_is_shown_is_right_sold_or_drift(told, shown, sold, maybe, looks, meaning):
    found = seen(told=told, shown=shown, sold=sold, maybe_sold=maybe, looks=looks, patience=3)

    assert found is meaning
