from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mkterp.core.money import Money, digits, from_minor, round_to_unit, split, to_minor


@pytest.mark.parametrize(("currency", "expected"), [("GBP", 2), ("JPY", 0), ("KWD", 3)])
def test_knows_how_many_digits_a_currency_has(currency, expected):
    assert digits(currency) == expected


@given(st.integers(-(10**12), 10**12), st.sampled_from(["GBP", "JPY", "KWD"]))
def test_minor_units_come_back_as_they_went(minor, currency):
    assert to_minor(from_minor(minor, currency), currency) == minor


def test_refuses_a_fraction_of_the_smallest_unit():
    with pytest.raises(ValueError, match="smallest unit"):
        to_minor(Decimal("0.001"), "GBP")


def test_money_refuses_a_float():
    with pytest.raises(TypeError, match="Decimal"):
        Money(1.5, "GBP")


def test_money_of_two_currencies_does_not_add_up():
    with pytest.raises(ValueError, match="USD"):
        Money(Decimal(1), "GBP") + Money(Decimal(1), "USD")


def test_money_adds_and_reads_well():
    assert str(Money(Decimal("1234.5"), "GBP") + Money(Decimal("0.25"), "GBP")) == "1,234.75 GBP"


@pytest.mark.parametrize(
    ("rounding", "expected"), [("half_up", "0.03"), ("half_even", "0.02"), ("half_down", "0.02")]
)
def test_rounds_by_name(rounding, expected):
    assert round_to_unit(Decimal("0.025"), "GBP", rounding) == Decimal(expected)


@given(
    st.integers(-(10**9), 10**9),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=30),
)
def test_a_split_always_sums_and_stays_within_a_unit_of_its_share(total, weights):
    parts = split(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    if whole:
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part - Decimal(total) * weight / whole) < 1


def test_a_split_over_nothing_is_refused():
    with pytest.raises(ValueError, match="nothing"):
        split(1, [])


def test_a_split_refuses_a_negative_weight():
    with pytest.raises(ValueError, match="negative"):
        split(1, [1, -1])
