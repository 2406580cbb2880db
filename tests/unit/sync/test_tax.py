"""The ERP's tax arithmetic, in whole minor units."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mkterp.core.money import ROUNDINGS
from sync.domain import tax
from sync.domain.tax import Arithmetic, Level, TaxedLine, predict

STANDARD = Decimal("0.20")
ZERO = Decimal(0)

ties = st.sampled_from(sorted(ROUNDINGS))
rates = st.sampled_from([STANDARD, ZERO, Decimal("0.05"), Decimal("0.10"), Decimal("0.0825")])


@given(st.integers(-(10**9), 10**9), st.integers(0, 6), ties)
def test_rounds_as_the_decimal_module_does(amount, places, name):
    exact = Decimal(amount).scaleb(-places)

    assert tax.round_exact(exact, name) == int(exact.quantize(Decimal(1), ROUNDINGS[name]))


@pytest.mark.parametrize(
    ("amount", "up", "even", "down"),
    [
        ("0.5", 1, 0, 0),
        ("1.5", 2, 2, 1),
        ("-0.5", -1, 0, 0),
        ("-1.5", -2, -2, -1),
        ("2.51", 3, 3, 3),
    ],
)
def test_a_tie_goes_where_its_name_says(amount, up, even, down):
    exact = Decimal(amount)

    assert tax.round_exact(exact, "half_up") == up
    assert tax.round_exact(exact, "half_even") == even
    assert tax.round_exact(exact, "half_down") == down


def test_a_third_is_not_rounded_twice():
    assert tax.round_exact(Fraction(1, 3) + Fraction(1, 6) - Fraction(1, 10**40), "half_up") == 0


@given(st.integers(0, 10**7), rates)
def test_a_gross_amount_is_reached_to_a_unit(gross, rate):
    net = tax.net_of(gross, rate)

    assert abs(net + tax.tax_on(net, rate, "half_up") - gross) <= 1


def test_at_twenty_per_cent_one_gross_amount_in_six_has_no_net():
    reached = {net + tax.tax_on(net, STANDARD, "half_even") for net in range(10_000)}

    assert sum(gross not in reached for gross in range(6_000)) == 1_000


def test_a_line_and_a_document_are_rounded_differently():
    lines = [TaxedLine(3, "STD", (STANDARD,))] * 4  # 0.6 each, 2.4 together

    assert predict(lines, Arithmetic(Level.LINE)).tax == 4
    assert predict(lines, Arithmetic(Level.DOCUMENT)).tax == 2


def test_what_is_given_back_is_rounded_apart_from_what_is_sold():
    lines = [TaxedLine(12, "STD", (STANDARD,)), TaxedLine(-7, "STD", (STANDARD,))]

    prediction = predict(lines, Arithmetic(Level.DOCUMENT))
    assert prediction.tax == 2 - 1  # 2.4 and -1.4: together they would be 1.0
    assert prediction.by_code == {"STD": 1}
    assert prediction.line_taxes is None


def test_components_of_a_code_are_rounded_apart_and_their_gain_given_back():
    half = (Decimal("0.05"), Decimal("0.05"))

    # Half a unit each, to the even neighbour: nothing, where the sum would be one unit. Tryton
    # leaves that: only more than half a unit is given back.
    assert predict([TaxedLine(10, "TWO", half)], Arithmetic(Level.LINE)).tax == 0
    # 1.7 and 1.7 would be 4; the sum is 3.4.
    assert predict([TaxedLine(34, "TWO", half)], Arithmetic(Level.LINE)).tax == 3


@given(
    st.lists(st.tuples(st.integers(-(10**6), 10**6), rates), min_size=1, max_size=8),
    st.sampled_from(Level),
    ties,
)
def test_the_codes_taxes_are_the_documents(rows, level, name):
    lines = [TaxedLine(base, str(rate), (rate,)) for base, rate in rows]
    prediction = predict(lines, Arithmetic(level, name))

    assert sum(prediction.by_code.values()) == prediction.tax
    assert prediction.gross == sum(base for base, _ in rows) + prediction.tax
    exact = sum((Fraction(base) * Fraction(rate) for base, rate in rows), Fraction())
    roundings = len(rows) if level is Level.LINE else 2 * len({rate for _, rate in rows})
    assert abs(prediction.tax - exact) <= Fraction(roundings, 2)


@given(st.lists(st.tuples(st.integers(1, 10**6), rates), min_size=1, max_size=8), ties)
def test_a_refund_of_everything_is_the_same_below_zero(rows, name):
    for level in Level:
        sold = predict([TaxedLine(b, str(r), (r,)) for b, r in rows], Arithmetic(level, name))
        back = predict([TaxedLine(-b, str(r), (r,)) for b, r in rows], Arithmetic(level, name))
        assert (back.net, back.tax) == (-sold.net, -sold.tax)


def test_a_code_without_components_has_no_tax():
    assert predict([TaxedLine(1_000, "NONE", ())], Arithmetic()).gross == 1_000


def test_a_code_with_two_rates_is_refused():
    lines = [TaxedLine(1, "STD", (STANDARD,)), TaxedLine(1, "STD", (ZERO,))]
    with pytest.raises(ValueError, match="two rates"):
        predict(lines, Arithmetic())


def test_a_rounding_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="half_odd"):
        Arithmetic(ties="half_odd")


@given(st.integers(100, 10**6), st.sampled_from([STANDARD, Decimal("0.05"), ZERO]))
def test_finds_the_rate_that_a_contained_tax_was_computed_with(gross, rate):
    known = [STANDARD, Decimal("0.05"), ZERO]

    assert tax.rate_of(gross, tax.contained_tax(gross, rate), known) == rate


def test_says_so_when_no_known_rate_fits():
    assert tax.rate_of(10_000, 909, [STANDARD, ZERO]) is None
