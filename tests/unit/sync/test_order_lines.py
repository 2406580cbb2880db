"""An invoice's lines in the ERP: paid to the penny, taxed to the penny, and BASIS never hidden."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mkterp.core.money import round_to_unit, to_minor
from sync.domain.cases import CaseKind
from sync.domain.documents import LineKind, OrderDraft, Treatment
from sync.domain.orders import TaxRule, translate
from sync.domain.shipping import ShippingPolicy, ShippingRule, Spread, charged_shipping
from sync.domain.tax import Arithmetic, Level, contained_tax
from tests.unit.sync.test_orders import MAPPED, SELLER, STANDARD, TAXES, ZERO, a_line, an_invoice

FLAT = ShippingPolicy(rule=ShippingRule.FLAT, flat_rate=STANDARD)
FOLLOWS = ShippingPolicy(rule=ShippingRule.FOLLOWS_GOODS)


REDUCED = Decimal("0.05")
THREE_RATES = [*TAXES, TaxRule(REDUCED, "GB-RED", REDUCED)]
OUR_OWN = replace(SELLER, treatment=Treatment.PRINCIPAL)


EVEN = Arithmetic(Level.LINE, "half_even")
# Business Central's: once for all lines of one code, on their rounded nets.
ONCE = Arithmetic(Level.DOCUMENT, "half_up", of_nets=True)


def translated(invoice, *, policy=None, taxes=TAXES, seller=SELLER, arithmetic=EVEN):
    given = {} if policy is None else {"shipping": policy}
    return translate(
        invoice,
        currency="GBP",
        seller=seller,
        items=MAPPED,
        taxes=taxes,
        arithmetic=arithmetic,
        **given,
    )


def follows(line):
    """The line with its postage taxed as its goods are."""
    return replace(line, postage_tax_minor=contained_tax(line.postage_minor, line.tax_rate))


def tax_of(invoice):
    return sum(line.tax_minor + line.postage_tax_minor for line in invoice.lines)


def shipping(draft):
    return {line.tax_code: line for line in draft.lines if line.kind is LineKind.SHIPPING}


def mixed(standard=500, zero=500, **changes):
    return an_invoice(
        follows(a_line(1, gross=4_799, postage=standard)),
        follows(a_line(2, gross=1_250, rate=ZERO, postage=zero)),
        **changes,
    )


@st.composite
def mixed_invoices(draw):
    # A gross without a net takes its penny from the untaxed postage: six bear one for each line.
    untaxed = draw(st.integers(6, 900))
    lines = [
        a_line(1, gross=draw(st.integers(100, 30_000)), postage=draw(st.integers(1, 900))),
        a_line(2, gross=draw(st.integers(1, 9_000)), rate=ZERO, postage=untaxed),
    ]
    for number in range(3, 3 + draw(st.integers(0, 3))):
        quantity = draw(st.integers(1, 12))
        gross = quantity * draw(st.integers(50, 9_000))
        rate = draw(st.sampled_from([STANDARD, ZERO]))
        lines.append(a_line(number, gross=gross, quantity=quantity, rate=rate))
    return an_invoice(*[follows(line) for line in lines])


@settings(max_examples=150, deadline=None)
@given(mixed_invoices())
def test_shipping_over_two_rates_makes_the_tax_the_marketplaces_to_the_penny(invoice):
    draft = translated(invoice)

    assert to_minor(draft.gross, "GBP") == invoice.total_minor
    assert to_minor(draft.tax, "GBP") == tax_of(invoice)
    assert not [line for line in draft.lines if line.kind is LineKind.ROUNDING]


@settings(max_examples=100, deadline=None)
@given(mixed_invoices(), st.sampled_from([SELLER, OUR_OWN]))
def test_an_erp_that_rounds_once_for_the_document_takes_what_was_paid(invoice, seller):
    draft = translated(invoice, seller=seller, arithmetic=ONCE)

    assert to_minor(draft.gross, "GBP") == invoice.total_minor
    # Goods keep their nets here, and shipping cannot always make up for what each was rounded by.
    assert abs(to_minor(draft.tax, "GBP") - tax_of(invoice)) <= len(invoice.lines)
    standard = [line for line in draft.lines if line.tax_code == "GB-STD"]
    net = sum(line.net for line in standard)
    assert draft.tax == round_to_unit(net * STANDARD, "GBP", "half_up")


def test_a_line_shows_what_its_codes_tax_grows_by():
    # Two pence net are 0.4 of tax: nothing by themselves, 3.2 for eight such lines.
    draft = translated(an_invoice(*[a_line(n, gross=2) for n in range(1, 9)]), arithmetic=ONCE)

    taxes = [to_minor(line.tax, "GBP") for line in draft.lines if line.kind is LineKind.GOODS]
    assert taxes == [0, 1, 0, 1, 0, 0, 1, 0]
    assert to_minor(draft.gross, "GBP") == 16  # a line of its own takes the three off again


def test_a_penny_that_no_line_can_bear_is_on_a_line_of_its_own():
    # Twice 1.95 at 20 % with 0.33 of tax are 1.96 for any net, and one penny has none to give.
    taxed = follows(a_line(1, gross=195, postage=195))
    untaxed = follows(a_line(2, gross=1, rate=ZERO, postage=1))
    draft = translated(an_invoice(taxed, untaxed))

    assert to_minor(draft.gross, "GBP") == 392
    assert to_minor(draft.tax, "GBP") == 66
    assert [
        to_minor(line.net, "GBP") for line in draft.lines if line.kind is LineKind.ROUNDING
    ] == [-1]


@st.composite
def odd_invoices(draw):
    """Of three rates, postage at one rate or by its goods: many a tax that no nets reach."""
    by_goods = draw(st.booleans())
    lines = []
    for number in range(1, 1 + draw(st.integers(1, 5))):
        quantity = draw(st.integers(1, 12))
        gross = quantity * draw(st.integers(1, 9_000))
        rate = draw(st.sampled_from([STANDARD, REDUCED, ZERO]))
        postage = draw(st.sampled_from([0, 0, 1, 395, 501]))
        line = a_line(number, gross=gross, quantity=quantity, rate=rate, postage=postage)
        lines.append(follows(line) if by_goods else line)
    return an_invoice(*lines)


def taxes_of(invoice):
    """The marketplace's tax by the ERP's code; postage at one rate is at the standard one."""
    names = {rule.marketplace_rate: rule.erp_code for rule in THREE_RATES}
    rule = charged_shipping(invoice, list(names))
    flat = rule.flat_rate if rule else None
    found = dict.fromkeys(names.values(), 0)
    for line in invoice.lines:
        found[names[line.tax_rate]] += line.tax_minor
        found[names[line.tax_rate if flat is None else flat]] += line.postage_tax_minor
    return found


@settings(max_examples=300, deadline=None)
@given(odd_invoices())
def test_what_goes_on_to_its_seller_has_the_marketplaces_tax_for_each_code(invoice):
    draft = translated(invoice, taxes=THREE_RATES)
    ours = dict.fromkeys(taxes_of(invoice), 0)
    for line in draft.lines:
        if line.tax_code is not None:
            ours[line.tax_code] += to_minor(line.tax, "GBP")

    assert ours == taxes_of(invoice)
    assert to_minor(draft.gross, "GBP") == invoice.total_minor
    sold = {line.marketplacer_id: line.total_minor for line in invoice.lines}
    for line in draft.lines:
        if line.kind is LineKind.GOODS:
            assert abs(to_minor(line.net + line.tax, "GBP") - sold[line.key]) <= 3
    postage = sum(line.postage_minor for line in invoice.lines)
    charged = sum(to_minor(line.net + line.tax, "GBP") for line in shipping(draft).values())
    parts = sum(line.postage_minor > 0 for line in invoice.lines)
    assert abs(charged - postage) <= 3 * max(parts, len(shipping(draft)))


def test_two_half_pennies_of_a_sale_of_our_own_are_left_for_finance_to_approve():
    invoice = an_invoice(a_line(1, gross=6_003), a_line(2, gross=6_003))
    ours, theirs = translated(invoice, seller=OUR_OWN), translated(invoice)

    assert to_minor(ours.tax, "GBP") == tax_of(invoice) - 1
    assert not [line for line in ours.lines if line.kind is LineKind.ROUNDING]
    assert to_minor(theirs.tax, "GBP") == tax_of(invoice)
    (pennies,) = [line for line in theirs.lines if line.kind is LineKind.ROUNDING]
    assert (pennies.net, pennies.tax) == (Decimal("-0.02"), 0)


def test_shipping_is_one_line_for_each_tax_code_as_it_was_charged():
    draft = translated(mixed(standard=480, zero=120))
    lines = shipping(draft)

    assert {line.key for line in lines.values()} == {"shipping:GB-STD", "shipping:GB-ZERO"}
    assert abs(lines["GB-STD"].net - Decimal("4.00")) <= Decimal("0.02")
    assert abs(lines["GB-ZERO"].net - Decimal("1.20")) <= Decimal("0.02")


def test_one_rate_for_all_postage_is_one_line_whatever_the_goods_are():
    invoice = an_invoice(a_line(1, postage=300), a_line(2, gross=1_250, rate=ZERO, postage=300))

    assert list(shipping(translated(invoice))) == ["GB-STD"]


def test_how_the_marketplace_taxed_postage_is_read_from_its_figures():
    rates = [STANDARD, ZERO]
    by_goods, flat = mixed(), an_invoice(a_line(1, postage=300), a_line(2, rate=ZERO, postage=300))
    neither = an_invoice(replace(a_line(1, postage=1_000), postage_tax_minor=91))

    assert charged_shipping(by_goods, rates).rule is ShippingRule.FOLLOWS_GOODS
    assert charged_shipping(flat, rates).flat_rate == STANDARD
    assert charged_shipping(neither, rates) is None


def test_a_flat_policy_beside_goods_rates_is_left_visible():
    invoice = mixed()
    draft = translated(invoice, policy=FLAT)

    assert draft.gross == Decimal("70.49")
    assert list(shipping(draft)) == ["GB-STD"]
    # All 10.00 at 20 % holds 1.67; the marketplace charged it on half of them.
    assert to_minor(draft.tax, "GBP") - tax_of(invoice) in (83, 84)


def test_a_follows_goods_policy_beside_a_flat_rate_is_left_visible():
    invoice = an_invoice(
        a_line(1, gross=5_000, postage=500), a_line(2, gross=5_000, rate=ZERO, postage=500)
    )
    draft = translated(invoice, policy=FOLLOWS)

    assert to_minor(draft.gross, "GBP") == invoice.total_minor
    assert set(shipping(draft)) == {"GB-STD", "GB-ZERO"}
    assert to_minor(draft.tax, "GBP") - tax_of(invoice) in (-83, -84)


def test_a_policy_the_marketplace_keeps_to_changes_nothing():
    invoice = mixed()

    assert translated(invoice, policy=FOLLOWS) == translated(invoice)


def test_shipping_can_be_spread_by_value_or_by_quantity():
    invoice = an_invoice(
        follows(a_line(1, gross=9_000, quantity=1, postage=500)),
        follows(a_line(2, gross=1_000, quantity=3, rate=ZERO, postage=500)),
    )

    def standard(spread):
        policy = ShippingPolicy(rule=ShippingRule.FOLLOWS_GOODS, spread=spread)
        return shipping(translated(invoice, policy=policy))["GB-STD"].net

    assert standard(Spread.VALUE) == Decimal("7.50")  # 9.00 with its tax
    assert standard(Spread.QUANTITY) == Decimal("2.08")  # 2.50
    assert standard(Spread.AS_CHARGED) in (Decimal("4.16"), Decimal("4.17"))


def test_a_rate_that_means_another_in_the_erp_is_not_made_up_for_by_shipping():
    wrong = [TaxRule(STANDARD, "GB-RED", Decimal("0.05")), TaxRule(ZERO, "GB-ZERO", ZERO)]
    draft = translated(mixed(), taxes=wrong)

    assert draft.gross == Decimal("70.49")
    assert draft.lines[0].tax == Decimal("2.28")  # of 45.70 at 5 %
    assert abs(shipping(draft)["GB-RED"].net - Decimal("4.76")) <= Decimal("0.01")


def test_a_tax_no_rounding_explains_is_not_made_up_for_by_shipping():
    honest = mixed()
    first, *others = honest.lines
    wrong = replace(honest, lines=(replace(first, tax_minor=first.tax_minor - 100), *others))

    assert translated(wrong).lines == translated(honest).lines


def test_a_flat_rate_of_finance_that_nobody_mapped_parks():
    policy = ShippingPolicy(rule=ShippingRule.FLAT, flat_rate=Decimal("0.05"))
    result = translated(mixed(), policy=policy)

    assert not isinstance(result, OrderDraft)
    assert [(one.kind, one.key) for one in result] == [(CaseKind.UNMAPPED_TAX_CODE, "tax:GB:0.05")]


def test_many_pieces_are_priced_as_the_erp_multiplies():
    draft = translated(an_invoice(a_line(gross=99_999, quantity=365)))
    (line,) = [line for line in draft.lines if line.kind is LineKind.GOODS]

    assert (line.quantity * line.unit_price).quantize(
        Decimal("0.01"), "ROUND_HALF_EVEN"
    ) == line.net
    assert draft.gross == Decimal("999.99")


@pytest.mark.parametrize("values", [{"rule": ShippingRule.FLAT}, {"flat_rate": STANDARD}])
def test_a_flat_rate_goes_with_the_flat_rule_alone(values):
    with pytest.raises(ValueError, match="flat"):
        ShippingPolicy(**values)
