from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from mkterp.core.money import ROUNDINGS
from sync.domain import tax

STANDARD = Decimal("0.20")
ZERO = Decimal(0)

rates = st.sampled_from([STANDARD, ZERO, Decimal("0.05"), Decimal("0.10"), Decimal("0.0825")])
amounts = st.integers(0, 10**7)


@given(
    st.lists(st.tuples(amounts, rates), min_size=1, max_size=12), st.sampled_from(sorted(ROUNDINGS))
)
def test_net_lines_and_the_residue_are_always_what_the_customer_paid(grosses, rounding):
    lines, residue = tax.to_net(grosses, rounding)

    assert sum(line.gross for line in lines) + residue == sum(gross for gross, _ in grosses)
    assert abs(residue) <= len(grosses)
    for line, (gross, rate) in zip(lines, grosses, strict=True):
        assert line.tax == tax.tax_on(line.net, rate, rounding)
        assert abs(line.gross - gross) <= 3


def test_one_amount_in_six_has_no_net_at_twenty_per_cent_and_leaves_a_penny():
    lines, residue = tax.to_net([(3, STANDARD)], "half_even")

    assert (lines[0].net, lines[0].tax, residue) == (2, 0, 1)


def test_shipping_carries_the_penny_that_the_goods_cannot_reach():
    lines, residue = tax.to_net([(1_203, STANDARD), (495, STANDARD)], "half_even")

    assert residue == 0
    assert sum(line.gross for line in lines) == 1_203 + 495


def test_zero_rated_goods_keep_every_penny():
    assert tax.to_net([(1_999, ZERO)], "half_even") == ([tax.NetLine(1_999, 0)], 0)


@given(st.integers(100, 10**6), st.sampled_from([STANDARD, Decimal("0.05"), ZERO]))
def test_finds_the_rate_that_a_contained_tax_was_computed_with(gross, rate):
    known = [STANDARD, Decimal("0.05"), ZERO]

    assert tax.rate_of(gross, tax.contained_tax(gross, rate), known) == rate


def test_says_so_when_no_known_rate_fits():
    assert tax.rate_of(10_000, 909, [STANDARD, ZERO]) is None


def test_rounds_a_tie_as_the_erp_does():
    eighth = Decimal("0.125")

    assert [tax.tax_on(12, eighth, rounding) for rounding in ("half_up", "half_even")] == [2, 2]
    assert [tax.tax_on(4, eighth, rounding) for rounding in ("half_up", "half_even")] == [1, 0]
