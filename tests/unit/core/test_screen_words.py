"""How values read on a screen and in a file."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from mkterp.core.screens import words

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # the night the clocks change


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1284.5", "GBP", "£1,284.50"),
        ("-20", "GBP", "−£20.00"),
        ("0", "EUR", "€0.00"),
        ("1500", "JPY", "¥1,500"),
        ("1.234", "KWD", "KWD 1.234"),
        ("1284.5000", "GBP", "£1,284.50"),
        ("0.005", "GBP", "£0.005"),
    ],
)
def test_money_shows_sign_currency_and_every_digit_it_has(amount, currency, text):
    assert words.money_text(Decimal(amount), currency) == text


def test_a_difference_carries_a_sign_and_a_word():
    assert words.difference_text(Decimal("0.02"), "GBP") == ("+£0.02", "over")
    assert words.difference_text(Decimal("-0.02"), "GBP") == ("−£0.02", "short")
    assert words.difference_text(Decimal("0.00"), "GBP") == ("£0.00", "equal")


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=41), "41 s"),
        (timedelta(minutes=38), "38 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=2), "2 d"),
        (timedelta(hours=-3), "in 3 h"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(ago, text):
    assert words.age_text(NOW - ago, NOW) == text


def test_a_count_stops_at_ten_thousand():
    assert words.count_text(9_412) == "9,412"
    assert words.count_text(10_001) == "10,000+"
    assert words.count_text(1_000, 1_000) == "1,000"
    assert words.count_text(1_001, 1_000) == "1,000+"
    assert words.things(1, "order", "orders") == "1 order"
    assert words.things(10_001, "order", "orders") == "10,000+ orders"


@pytest.mark.parametrize(
    "text", ["=1+1", "+44 20", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1+1", "＝1"]
)
def test_a_text_that_a_spreadsheet_would_run_is_led_by_an_apostrophe(text):
    assert words.csv_cell(text) == f"'{text}"


def test_numbers_and_times_stay_what_they_are_in_a_file():
    assert words.csv_cell(Decimal("-20.50")) == "-20.50"
    assert words.csv_cell(-3) == "-3"
    assert words.csv_cell(None) == ""
    assert words.csv_cell(True) == "yes"
    assert words.csv_cell(NOW) == "2026-03-29T01:30:00+00:00"
