"""The simulation: the same demand for all, no call beyond the budget, and fewer units oversold."""

import json
from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.domain.demand import Demand, Kind, generate
from sync.domain.demand_file import BadDemand, read
from sync.domain.risk_shop import RiskShop
from sync.domain.shop import FixedShop, Purse
from sync.domain.simulation import compare

HEAD = "at,sku,quantity,kind"


def file_of(*rows: str) -> list[str]:
    return [HEAD, *rows]


def test_the_same_seed_gives_the_same_demand_and_the_same_figures():
    first, second = (generate(seed=7, skus=30, hours=12) for _ in range(2))

    assert first == second
    assert first != generate(seed=8, skus=30, hours=12)
    assert compare(first, calls_per_hour=3, minutes=[15]) == compare(
        second, calls_per_hour=3, minutes=[15]
    )


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    skus=st.integers(1, 40),
    hours=st.floats(0.5, 30),
    budget=st.floats(0, 200),
    batch=st.sampled_from([1, 5, 20]),
)
def test_no_policy_calls_beyond_the_budget_nor_ours_beyond_whom_it_is_paced_by(
    seed, skus, hours, budget, batch
):
    demand = generate(seed=seed, skus=skus, hours=hours)

    found = compare(demand, calls_per_hour=budget, minutes=[15, 60], batch=batch, starts=2)

    for outcome in (found.ours, *found.fixed):
        assert outcome.calls <= budget * hours + 1e-6
        assert outcome.levels <= outcome.calls * batch
    for fixed, paced in zip(found.fixed, found.paced, strict=True):
        assert paced.calls <= fixed.calls


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), skus=st.integers(1, 40), hours=st.floats(1, 24))
def test_a_budget_bigger_than_needed_oversells_nothing_worth_naming(seed, skus, hours):
    demand = generate(seed=seed, skus=skus, hours=hours)

    found = compare(demand, calls_per_hour=100_000, minutes=[5, 60], starts=1, paced=False)

    assert found.ours.oversold_units == 0


def test_without_a_budget_all_policies_are_the_same():
    found = compare(generate(seed=3, skus=40, hours=24), calls_per_hour=0, minutes=[5, 60])

    assert {each.oversold_units for each in (found.ours, *found.fixed)} == {
        found.ours.oversold_units
    }
    assert found.ours.oversold_units > 0
    assert found.ours.calls == 0


@pytest.mark.parametrize(
    ("skus", "hours", "budget", "batch"), [(40, 24, 2, 1), (40, 24, 2, 20), (15, 12, 3, 1)]
)
def test_over_twenty_seeds_ours_oversells_strictly_less_than_every_interval(
    skus, hours, budget, batch
):
    ours = 0.0
    fixed = [0.0] * 3
    paced = [0.0] * 3
    for seed in range(20):
        found = compare(
            generate(seed=seed, skus=skus, hours=hours),
            calls_per_hour=budget,
            minutes=[5, 30, 240],
            batch=batch,
            starts=1,
        )
        ours += found.ours.oversold_units
        for number in range(3):
            fixed[number] += found.fixed[number].oversold_units
            paced[number] += found.paced[number].oversold_units

    assert all(ours < each for each in fixed)
    assert all(own < theirs for own, theirs in zip(paced, fixed, strict=True))


class Recorded(RiskShop):
    """Remembers what it told when."""

    def __init__(self, demand):
        super().__init__(demand, calls_per_hour=3, batch=5)
        self.log = []

    def tell(self, places):
        self.log.append((self.now, sorted(places)))
        super().tell(places)


def test_nothing_is_told_for_the_sake_of_what_is_yet_to_come():
    whole = generate(seed=5, skus=30, hours=24)
    past = [event for event in whole.events if event[0] <= 12]
    other = [*past, *((13 + n / 10, n % 30, Kind.ORDER, 50) for n in range(90))]

    def told(events):
        shop = Recorded(replace(whole, events=events))
        for event in events:
            shop.happen(event)
        shop.outcome("ours")
        return [entry for entry in shop.log if entry[0] <= 12]

    assert told(whole.events) == told(other)
    assert len(told(other)) > 10


def test_what_is_oversold_is_what_is_shown_and_not_there():
    demand = Demand(
        skus=["A"],
        opening=[5],
        events=[(0.1, 0, Kind.SALE, 4), (0.2, 0, Kind.ORDER, 3)],
        hours=1,
    )
    shop = FixedShop(demand, calls_per_hour=100, batch=1, interval=0.5, start=0.5)
    for event in demand.events:
        shop.happen(event)

    found = shop.outcome("every 30 min")

    assert found.oversold_units == 2
    # Wrong from 0.1 until the round at 0.5.
    assert found.stale_minutes == pytest.approx(24)
    assert found.calls == 1


def test_calls_accrue_and_only_so_many_are_kept():
    purse = Purse(per_hour=10)

    assert purse.held(0) == 0
    assert purse.when(0, 1) == pytest.approx(0.1)
    assert purse.held(5) == 10
    purse.spend(5)
    assert purse.held(5) == pytest.approx(9)


def test_a_file_is_read_in_any_order_with_its_openings():
    demand = read(
        file_of(
            "2026-03-01T10:00:00Z,B,2,",
            "2026-03-01T09:00:00Z,A,1,order",
            "2026-03-01T09:00:00Z,A,7,opening",
            "2026-03-01T11:30:00+01:00,A,3,sale",
        ),
        seed=1,
    )

    assert demand.skus == ["B", "A"]
    assert demand.opening == [2, 7]
    assert demand.events == [
        (0.0, 1, Kind.ORDER, 1),
        (1.0, 0, Kind.ORDER, 2),
        (1.5, 1, Kind.SALE, 3),
    ]
    assert demand.hours == 1.5


def test_orders_alone_get_other_channels_and_deliveries_from_the_seed():
    rows = file_of(*(f"2026-03-0{day}T10:00:00Z,A,5," for day in range(1, 9)))

    first, again, other = (read(rows, seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert {event[2] for event in first.events} == set(Kind)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("soon,A,1,", "row 2, at: 'soon' is no moment"),
        ("2026-03-01T09:00:00Z,,1,", "row 2, sku: is empty"),
        ("2026-03-01T09:00:00Z,A,0,", "row 2, quantity: '0': write a whole number from 1"),
        ("2026-03-01T09:00:00Z,A,1.5,", "row 2, quantity: '1.5'"),
        ("2026-03-01T09:00:00Z,A,²,", "row 2, quantity: '²'"),
        ("2026-03-01T09:00:00Z,A,1,gift", "use order, sale, restock or opening"),
        ("2026-03-01T09:00:00Z", "row 2, sku: is empty"),
    ],
)
def test_a_fault_in_the_file_names_row_field_and_fix(row, says):
    with pytest.raises(BadDemand) as caught:
        read(file_of(row), seed=1)

    assert says in str(caught.value)


def test_a_file_without_its_columns_or_without_an_order_is_refused():
    with pytest.raises(BadDemand, match="no column at, quantity"):
        read(["sku,amount", "A,1"], seed=1)
    with pytest.raises(BadDemand, match="no column at, sku, quantity"):
        read([], seed=1)
    with pytest.raises(BadDemand, match="holds no order"):
        read(file_of("2026-03-01T09:00:00Z,A,1,sale"), seed=1)


def test_the_command_prints_one_line_of_json_for_the_callers_file(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("\n".join(file_of(*(f"2026-03-01T{h:02}:00:00Z,A,2," for h in range(24)))))
    out = StringIO()

    call_command(
        "simulate_cadence", orders=str(path), budget=2.0, intervals=[15.0, 60.0], json=True,
        stdout=out,
    )  # fmt: skip

    (line,) = out.getvalue().splitlines()
    found = json.loads(line)
    assert found["budget"] == 2
    assert [each["name"] for each in found["policies"]] == ["ours", "every 15 min", "every 60 min"]
    assert {"oversold_units", "stale_minutes", "calls"} <= set(found["policies"][0])


def test_the_command_says_what_is_wrong_with_a_file(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("at,sku,quantity\nsoon,A,1\n")

    with pytest.raises(CommandError, match="row 2, at"):
        call_command("simulate_cadence", orders=str(path))
    with pytest.raises(CommandError, match="name a CSV file"):
        call_command("simulate_cadence", orders=str(tmp_path / "none.csv"))


def test_over_several_seeds_the_command_prints_sums():
    def run(**options):
        out = StringIO()
        call_command("simulate_cadence", skus=8, hours=6.0, budget=2.0, intervals=[60.0], starts=1,
                     json=True, stdout=out, **options)  # fmt: skip
        return json.loads(out.getvalue())["policies"]

    alone = [run(seed=seed) for seed in (4, 5, 6)]
    together = run(seed=4, seeds=3)

    for place, policy in enumerate(together):
        for figure in ("calls", "oversold_units"):
            assert policy[figure] == sum(each[place][figure] for each in alone)
    with pytest.raises(CommandError, match="name a file"):
        call_command("simulate_cadence", orders="-", seeds=2)


def test_the_command_prints_a_table():
    out = StringIO()

    call_command("simulate_cadence", skus=5, hours=3.0, intervals=[15.0], stdout=out)

    assert "every 15 min" in out.getvalue()
    assert "oversold" in out.getvalue()
