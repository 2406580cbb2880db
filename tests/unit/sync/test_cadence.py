"""When a level must be told: what waiting costs, and what the budget allows."""

import math
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.domain.cadence import (
    WORTH_A_CALL,
    Plan,
    SkuState,
    Survey,
    Velocity,
    most_at_risk,
    most_saved,
    next_tell,
    plan,
    sold_of,
    survey,
    trade_off,
    urgency,
    worth,
)

PLAN = Plan(price=WORTH_A_CALL, levels_per_hour=100)

states = st.builds(
    SkuState,
    sku=st.just("A"),
    level=st.integers(-5, 200),
    shown=st.integers(0, 200),
    per_hour=st.floats(0, 50),
    elsewhere_per_hour=st.floats(0, 50),
    lot=st.floats(1, 5),
    wrong_hours=st.floats(0, 30),
)


def state(**given: object) -> SkuState:
    return replace(SkuState(sku="A", level=0, shown=3, per_hour=1.0), **given)  # type: ignore[arg-type]


def test_the_expected_sale_of_single_orders_is_the_poisson_mean_cut_at_the_stock():
    expected = sum(
        min(number, 3) * math.exp(-2) * 2**number / math.factorial(number) for number in range(60)
    )

    assert sold_of(3, per_hour=2, lot=1, hours=1) == pytest.approx(expected)


@given(states, st.floats(0.01, 48))
def test_waiting_never_costs_less_than_nothing_nor_more_than_is_shown_too_much(state, hours):
    cost = worth(state, hours)

    assert 0 <= cost <= abs(max(0, state.shown) - max(0, state.level)) + 1e-6


@given(states, st.floats(0.01, 24), st.floats(0.01, 24))
def test_waiting_longer_never_costs_less(state, hours, more):
    assert worth(state, hours + more) >= worth(state, hours) - 1e-6


def test_a_faster_a_nearer_and_a_wider_wrong_level_is_told_sooner():
    slow = state(level=2, shown=4, per_hour=0.2)

    assert worth(replace(slow, per_hour=2.0), 1) > worth(slow, 1)
    assert worth(replace(slow, level=0, shown=2), 1) > worth(slow, 1)
    assert worth(replace(slow, shown=6), 1) > worth(slow, 1)
    assert next_tell(replace(slow, per_hour=0.4), PLAN) < next_tell(slow, PLAN)


def test_what_sells_and_is_gone_is_told_at_once():
    assert next_tell(state(level=0, shown=5, per_hour=3), PLAN) == 0


def test_a_level_that_is_shown_rightly_waits_the_longest():
    assert next_tell(state(level=3, shown=3), PLAN) == 24 * 3600


def test_however_small_its_risk_a_level_is_told_when_it_was_wrong_for_the_longest_wait():
    harmless = state(level=900, shown=901, per_hour=0.001)

    assert next_tell(harmless, PLAN) == 24 * 3600
    assert next_tell(replace(harmless, wrong_hours=23), PLAN) == 3600
    assert next_tell(replace(harmless, wrong_hours=24), PLAN) == 0


@given(states, st.floats(0, 5), st.floats(0, 5))
def test_a_dearer_price_never_tells_sooner(state, price, more):
    cheap, dear = (Plan(price=each, levels_per_hour=1) for each in (price, price + more))

    # The search stops within a fiftieth of the moment, or a minute.
    soon, late = next_tell(state, cheap), next_tell(state, dear)
    assert soon <= late * 1.03 + 61


def test_the_last_call_is_kept_for_danger_and_a_full_purse_tells_everything():
    asks = [PLAN.asks(held=held, most=10) for held in (0.5, 1, 2, 3, 5, 9)]

    assert asks[0] == math.inf
    assert asks[1] == PLAN.price
    assert asks == sorted(asks, reverse=True)
    assert asks[-1] == 0


def test_what_one_big_order_could_oversell_is_worth_a_spare_call_however_slowly_it_sells():
    slow = state(level=3, shown=4, per_hour=0.0001)

    assert urgency(slow, PLAN, biggest_order=3) == 0
    assert urgency(slow, PLAN, biggest_order=4) >= PLAN.asks(held=6, most=10)


def test_a_velocity_follows_the_orders_and_forgets_the_old_ones():
    busy = Velocity()
    for _ in range(200):
        busy = busy.after(0.5, 1)

    assert busy.per_hour(0.1) == pytest.approx(2, rel=0.3)
    assert busy.after(240).per_hour(0.1) < 0.1
    assert Velocity().per_hour(0.7) == pytest.approx(0.7)


def test_a_typical_unit_is_bought_in_the_company_of_its_lot():
    single = Velocity().after(1, 1).after(1, 1)
    dozens = Velocity().after(1, 12).after(1, 12)

    assert single.lot == pytest.approx(1)
    assert dozens.lot > 10


def test_an_order_of_yesterday_cannot_be_counted_tomorrow():
    with pytest.raises(ValueError, match="forward"):
        Velocity().after(-1, 1)


def test_the_price_fits_the_budget_and_more_calls_never_make_it_dearer():
    found = survey(
        state(level=number % 7, shown=number % 7 + number % 3, per_hour=number / 50)
        for number in range(1, 400)
    )
    prices = [found.price(levels) for levels in (0, 1, 5, 20, 100, 10_000)]

    assert prices == sorted(prices, reverse=True)
    assert prices[-1] == 0
    assert plan(found, calls_per_hour=10_000).price == WORTH_A_CALL


def test_the_curve_falls_with_the_budget_to_nothing():
    found = survey(
        state(level=2, shown=2, per_hour=number / 20, elsewhere_per_hour=0.5)
        for number in range(1, 100)
    )
    points = trade_off(found, [0, 0.5, 1, 2, 1000], levels_per_call=20)

    losses = [point.oversold_per_hour for point in points]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > 0
    assert losses[-1] == pytest.approx(0)


def test_the_dearest_come_first_among_those_most_at_risk():
    ranked = most_at_risk((state(sku=str(n), per_hour=n / 10) for n in range(50)), count=3)

    assert [each.sku for _, each in ranked] == ["49", "48", "47"]


def test_a_survey_holds_nothing_of_what_it_has_seen():
    found = Survey()
    for number in range(100):
        found.add(state(level=number % 5, per_hour=0.1 + number % 9, elsewhere_per_hour=0.2))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(5000):
        found.add(state(level=number % 5, per_hour=0.1 + number % 9, elsewhere_per_hour=0.2))
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()

    assert found.skus == 5100
    assert grown < 20_000


def test_a_budget_below_nothing_is_refused():
    with pytest.raises(ValueError, match="budget"):
        plan(Survey(), calls_per_hour=-1)


def test_a_few_calls_are_saved_even_where_an_hour_has_hardly_any():
    assert most_saved(0.5) == 4
    assert most_saved(60) == 60
