"""Every difference has a name, and only what rules allow is ever booked."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.domain.adjusting import (
    Entry,
    Kind,
    Outcome,
    Tolerance,
    covered,
    decide,
    journal_lines,
    needed,
    opposite,
)
from reconciliation.domain.differences import (
    Booked,
    BookedLine,
    BookedTax,
    Cause,
    Given,
    Sold,
    SoldLine,
    compare,
)
from reconciliation.models import Discrepancy
from sync.domain.tax import contained_tax, tax_on

CODES = {"STD": Decimal("0.20"), "RED": Decimal("0.05"), "ZERO": Decimal(0)}
ACCOUNT = {"STD": "2.2.3", "RED": "2.2.5", "ZERO": "2.2.9"}


def sold(*lines, postage=0, postage_tax=0, **changes) -> Sold:
    facts = {"number": "INV-1", "currency": "GBP", "country": "GB"}
    return Sold(**{**facts, **changes}, lines=lines, postage=postage, postage_tax=postage_tax)


def line(key="a", gross=1200, tax=200, **changes) -> SoldLine:
    return SoldLine(key, f"thing {key}", gross, tax, **changes)


def held(key="a", net=1000, tax=200, code="STD", document="SI-1") -> BookedLine:
    return BookedLine(document, key, f"thing {key}", net, tax, code)


def booked(*lines, currencies=("GBP",), by_hand=0) -> Booked:
    sums: dict[str, int] = {}
    for one in lines:
        if one.code:
            sums[one.code] = sums.get(one.code, 0) + one.tax
    taxes = [BookedTax(code, amount, ACCOUNT.get(code, "")) for code, amount in sums.items()]
    if by_hand:
        taxes[0] = BookedTax(taxes[0].code, taxes[0].amount + by_hand, taxes[0].account, True)
    return Booked(frozenset(currencies), lines, tuple(taxes))


def named(sale, documents):
    return [(one.line, one.cause) for one in compare(sale, documents, CODES)]


PENNIES = Tolerance(1, 1)


def verdict(sale, documents, *, rounding=PENNIES, basis=None, liable=True):
    found = compare(sale, documents, CODES)
    return decide(
        sale, documents, found, rounding=rounding, basis=basis, liable=liable,
        receivable="1.2.1", tax_account="2.2.3",
    )  # fmt: skip


def test_causes_are_the_same_words_in_the_domain_and_in_the_records():
    assert {cause.value for cause in Cause} == set(Discrepancy.Cause.values)


def test_equal_documents_have_no_difference():
    assert named(sold(line()), booked(held())) == []
    assert verdict(sold(line()), booked(held())).outcome is Outcome.EQUAL


@pytest.mark.parametrize(
    ("sale", "documents", "expected"),
    [
        (sold(line(tax=199)), booked(held()), ("a", Cause.ROUNDING)),
        (sold(line(gross=1201)), booked(held()), ("a", Cause.ROUNDING)),
        (sold(line(tax=57)), booked(held()), ("a", Cause.RATE)),
        (sold(line()), booked(held(net=1200, tax=0, code="")), ("a", Cause.MISSING_CODE)),
        (sold(line(tax=201)), booked(held(code="GONE")), ("a", Cause.MISSING_CODE)),
        (sold(line(), line("b")), booked(held()), ("b", Cause.MISSING_LINE)),
        (sold(line()), booked(held(), held("x")), ("x", Cause.EXTRA_LINE)),
        (sold(line()), booked(held(), held(document="SI-2")), ("a", Cause.DUPLICATE)),
        (sold(line()), booked(held(net=1500, tax=300)), ("a", Cause.AMOUNT)),
        (sold(line()), booked(held(), by_hand=5), ("", Cause.TAX_BY_HAND)),
        (sold(line()), booked(held(), currencies=("EUR",)), ("", Cause.CURRENCY)),
        (
            sold(line(), given=(Given("r", "RF-1", 600, 300),)),
            booked(held()),
            ("r", Cause.CREDIT),
        ),
        (
            sold(line(gross=1050, tax=50), postage=399, postage_tax=67),
            booked(held(tax=50, code="RED"), held("shipping:RED", 380, 19, "RED")),
            ("shipping", Cause.BASIS),
        ),
        (
            sold(line(), postage=399, postage_tax=67),
            booked(held(), held("shipping:RED", 380, 19, "RED")),
            ("shipping", Cause.RATE),
        ),
    ],
)
def test_each_difference_has_its_cause(sale, documents, expected):
    assert named(sale, documents) == [expected]


def test_a_wrong_rate_names_the_code_that_fits():
    (one,) = compare(sold(line(gross=1200, tax=57)), booked(held()), CODES)

    assert one.fits == ("RED",)
    assert "RED" in one.sentence


def test_the_documents_own_penny_is_no_line_too_many():
    sale = sold(line(gross=299, tax=50))
    documents = booked(held(net=249, tax=50), held("rounding", 0, 0, ""))

    assert named(sale, documents) == []


def test_a_different_sum_is_booked_on_the_receivable_and_a_different_split_on_its_tax():
    shorter = verdict(sold(line(gross=1201)), booked(held()))
    assert [(w.kind, w.account, w.amount) for w in shorter.wanted] == [(Kind.GROSS, "1.2.1", 1)]

    split = verdict(sold(line(tax=199)), booked(held()))
    assert [(w.kind, w.account, w.amount) for w in split.wanted] == [(Kind.TAX, "2.2.3", 1)]


def test_an_agents_split_is_recorded_and_never_booked():
    found = verdict(sold(line(tax=199)), booked(held()), liable=False)

    assert (found.outcome, found.wanted) == (Outcome.WITHIN, ())


def test_nothing_is_within_tolerance_without_a_rule():
    assert verdict(sold(line(tax=199)), booked(held()), rounding=Tolerance(0)).outcome is (
        Outcome.BEYOND
    )


def test_the_tolerance_grows_with_the_lines():
    pennies = [line(str(n), tax=201) for n in range(3)]
    documents = booked(*[held(str(n)) for n in range(3)])

    assert verdict(sold(*pennies), documents, rounding=Tolerance(0, 1)).outcome is Outcome.WITHIN
    assert verdict(sold(*pennies), documents, rounding=Tolerance(2)).outcome is Outcome.BEYOND


def test_another_tax_basis_waits_for_a_policy_and_follows_it():
    sale = sold(line(gross=1050, tax=50), postage=399, postage_tax=67)
    documents = booked(held(tax=50, code="RED"), held("shipping:RED", 380, 19, "RED"))

    assert verdict(sale, documents).outcome is Outcome.BEYOND
    recorded = verdict(sale, documents, basis=Tolerance(100, books_tax=False))
    assert (recorded.outcome, recorded.wanted) == (Outcome.WITHIN, ())
    (one,) = verdict(sale, documents, basis=Tolerance(100)).wanted
    assert (one.cause, one.amount, one.account) == (Cause.BASIS, -48, "2.2.5")
    assert verdict(sale, documents, basis=Tolerance(47)).outcome is Outcome.BEYOND


def test_rounding_and_basis_on_one_code_are_one_adjustment():
    sale = sold(line(gross=1050, tax=49), postage=399, postage_tax=67)
    documents = booked(held(tax=50, code="RED"), held("shipping:RED", 380, 19, "RED"))

    (one,) = verdict(sale, documents, basis=Tolerance(100)).wanted

    assert (one.code, one.amount, one.ours - one.theirs) == ("RED", -47, -47)
    assert "; " in one.rule


def test_what_a_person_had_approved_covers_the_difference_to_the_cent():
    sale, documents = sold(line(tax=57)), booked(held())
    found = compare(sale, documents, CODES)
    (wanted,) = needed(sale, documents, found, receivable="r", tax_account="t", rule="")
    key = (wanted.kind, wanted.code, "2.2.3")

    assert covered(sale, documents, found, {key: wanted.amount}) is not None
    assert covered(sale, documents, found, {key: wanted.amount - 1}) is None
    assert covered(sale, documents, found, {}) is None


@given(
    st.lists(
        st.tuples(st.integers(1, 100_000), st.sampled_from(sorted(CODES)), st.integers(-1, 1)),
        min_size=1,
        max_size=12,
    )
)
def test_pennies_of_rounding_are_never_called_a_wrong_rate(rows):
    lines, documents = [], []
    for number, (gross, code, penny) in enumerate(rows):
        tax = contained_tax(gross, CODES[code])
        lines.append(line(str(number), gross, tax))
        net = gross - tax + penny
        documents.append(held(str(number), net, tax_on(net, CODES[code], "half_even"), code))

    causes = {cause for _, cause in named(sold(*lines), booked(*documents))}

    assert causes <= {Cause.ROUNDING}


@given(st.lists(st.integers(-500, 500), min_size=1, max_size=40))
def test_a_journal_balances_names_each_adjustment_and_its_opposite_undoes_it(amounts):
    entries = [Entry("2.2.3", "", amount, f"INV-{n}") for n, amount in enumerate(amounts)]
    if not any(amounts):
        with pytest.raises(ValueError, match="nothing"):
            journal_lines(entries, "4.1.9", "GBP")
        return
    lines = journal_lines(entries, "4.1.9", "GBP")

    assert sum(one.debit - one.credit for one in lines) == 0
    assert [one.memo for one in lines if one.account == "4.1.9"] == [
        entry.memo for entry in entries if entry.amount
    ]
    both = [*lines, *opposite(lines, "")]
    for account in ("2.2.3", "4.1.9"):
        assert sum(one.debit - one.credit for one in both if one.account == account) == 0
