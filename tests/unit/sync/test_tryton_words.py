"""What the Tryton adapter writes into free texts, and finds again in them."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from sync.domain.documents import LineKind, OrderLine
from sync.erp.tryton.keyed import among, key_of, keyed, words_of
from sync.erp.tryton.sales import line_note, noted

one_line = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40)


@given(one_line, one_line)
def test_a_reference_gives_both_its_parts_back(words: str, key: str) -> None:
    assert key_of(keyed(words, key)) == key
    assert words_of(keyed(words, key)) == words


def test_a_reference_of_somebody_elses_has_words_and_no_key() -> None:
    assert (key_of("PO 4711"), words_of("PO 4711")) == ("", "PO 4711")
    assert (key_of(None), words_of(None)) == ("", "")


def test_a_key_is_searched_for_as_it_is_and_not_as_a_pattern() -> None:
    assert among(["a_b%c\\"]) == ["OR", ["reference", "like", "% | a\\_b\\%c\\\\"]]


@given(one_line, one_line)
def test_a_line_is_known_again_by_its_note(key: str, sku: str) -> None:
    line = OrderLine(
        key, LineKind.GOODS, sku, "", Decimal(1), Decimal(1), Decimal(1), Decimal(0), None
    )
    assert noted(line_note(line)) == (key, sku)
    assert noted(f"People wrote this.\n{line_note(line)}\nAnd that.") == (key, sku)


def test_a_note_of_somebody_elses_names_nothing() -> None:
    assert noted(None) == noted("Call before delivery") == ("", "")
