"""A caller's baskets: read exactly, and every fault named with row, field and remedy."""

import json
from decimal import Decimal

import pytest

from sync.domain import basket_form
from sync.domain.baskets import Basis, Rate
from sync.domain.tax import Level, Prices

GOOD = {
    "lines": [{"gross": 1999, "rate": "0.20", "tax": 333}, {"gross": 850, "rate": 0}],
    "shipping_gross": 495,
    "tax_total": 391,
}


def faults(*rows):
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    with pytest.raises(basket_form.FormError) as refused:
        basket_form.read(text)
    return list(refused.value.faults)


def test_reads_one_basket_a_line_and_fills_in_what_is_usual():
    second = {
        "id": "B-2",
        "currency": "jpy",
        "level": "document",
        "rounding": "half_up",
        "basis": "weight",
        "rule": "flat",
        "flat_rate": 0.1,
        "bound": 40,
        "lines": [{"net": -100, "rate": "0.08", "code": "JP-8", "quantity": 2, "weight": "1.5"}],
        "shipping_net": -20,
        "tax_total": -10,
        "shipping_tax": -2,
    }
    first, other = basket_form.read(f"{json.dumps(GOOD)}\n\n{json.dumps(second)}\n")

    assert (first.name, first.currency, first.exponent) == ("row 1", "GBP", 2)
    assert first.basket.prices is Prices.INCLUSIVE
    assert first.basket.goods[0].rate == Rate("0.2", Decimal("0.20"))
    assert (first.basket.shipping, first.basket.tax_total, first.basket.bound) == (495, 391, 25)
    assert (other.name, other.currency, other.exponent) == ("B-2", "JPY", 0)
    assert other.basket.arithmetic.level is Level.DOCUMENT
    assert (other.basket.basis, other.basket.flat) == (Basis.WEIGHT, Rate("0.1", Decimal("0.1")))
    assert other.basket.prices is Prices.EXCLUSIVE


def test_reads_a_list_too_and_minds_no_byte_order_mark():
    found = basket_form.read("\ufeff" + json.dumps([GOOD, GOOD], indent=1))

    assert [one.name for one in found] == ["row 1", "row 2"]


def test_a_net_beside_a_gross_is_the_erps_own():
    line = {"gross": 1999, "net": 1665, "rate": "0.20"}
    (found,) = basket_form.read(json.dumps({"lines": [line], "tax_total": 334}))

    assert (found.basket.goods[0].amount, found.basket.goods[0].net) == (1999, 1665)


def test_every_fault_of_every_row_is_named_at_once():
    first = {**GOOD, "tax_total": 3.91, "bound": -1, "colour": "red"}
    found = faults(first, "{oops", GOOD, 7)

    assert (
        found[0]
        == 'row 1: tax_total is "3.91": amounts are whole minor units; write 1999 for 19.99'
    )
    assert found[1].startswith("row 1: bound is -1: write a whole number from 0 to 1000")
    assert found[2].startswith("row 1: colour is not a field here; known are ")
    assert found[3].startswith("row 2: not JSON")
    assert found[4] == "row 4: a basket is an object, not 7"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tax_total": None}, "tax_total is missing"),
        ({"tax_total": True}, "whole minor units"),
        ({"tax_total": 10**13}, "amounts go up to"),
        ({"lines": []}, "at least one line"),
        ({"lines": [GOOD["lines"][1]] * 1_001}, "at most 1000 lines"),
        ({"lines": ["x"]}, "lines[0] is an object"),
        ({"lines": [{"rate": 0}]}, "lines[0].gross is missing, and so is net"),
        ({"lines": [{"gross": 5}]}, "lines[0].rate is missing"),
        ({"lines": [{"gross": 5, "rate": 20}]}, "write 0.20 for 20 %"),
        ({"lines": [{"gross": 5, "rate": "x"}]}, "write a number"),
        ({"lines": [{"gross": 5, "rate": []}]}, "write a number"),
        ({"lines": [{"gross": 5, "rate": "NaN"}]}, "at most 9 decimals"),
        ({"lines": [{"gross": 5, "rate": 0, "quantity": -1}]}, "only amounts go below zero"),
        ({"lines": [{"gross": 5, "rate": 0}, {"net": 5, "rate": 0}]}, "lines[1].gross is missing"),
        ({"lines": [{"gross": 5, "rate": 0, "code": " "}]}, "write some text"),
        (
            {"lines": [{"gross": 5, "rate": r, "code": "A"} for r in (0, "0.2")]},
            "a code of its own",
        ),
        ({"currency": "POUND"}, "ISO code"),
        ({"level": "page"}, "write one of line, document"),
        ({"rounding": "up"}, "write one of half_up"),
        ({"rule": "none"}, "follows_goods or flat"),
        ({"rule": "flat"}, "flat_rate is missing"),
        ({"flat_rate": 0}, 'needs "rule": "flat"'),
        ({"shipping_net": 5}, "write shipping_gross"),
        ({"level": "document", "goods_latitude": 1}, "works only with level line"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_remedy(changes, words):
    assert words in " ".join(faults({**GOOD, **changes}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file has no baskets"),
        ("[]", "the file has no baskets"),
        ('{"tax_total": 1, "tax_total": 2}', "tax_total is given twice"),
        ('{"tax_total": NaN}', "NaN is no number"),
        ("[1,\n2", "line 2"),
        ("[" * 100_000, "cannot be read|can be read"),
    ],
)
def test_a_file_that_is_none_is_refused(text, words):
    assert any(word in " ".join(faults(text)) for word in words.split("|"))
