"""The proof of a month, small: what is planted is found, nothing else is, and the books agree."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.month import drift, proof

DOCS = Path(__file__).parents[3] / "docs" / "planted-drift.md"


def prove(plants, *, seed=11):
    return proof.prove(seed=seed, orders=40, plants=plants, say=lambda text: None, days=3)


@pytest.mark.django_db
def test_twelve_kinds_are_planted_and_each_is_found_with_its_cause():
    found = prove(drift.wanted(""))

    assert list(found.table())[1:2] == ["planted 12, found 12, wrong cause 0"], "\n".join(
        found.table()
    )
    assert found.proved, "\n".join(found.table())
    assert found.summary() == {
        "planted": 12,
        "found": 12,
        "wrong_cause": 0,
        "false_alarms": 0,
        "clearing_unexplained": 0,
        "board": "green",
    }


@pytest.mark.parametrize(
    "found",
    [
        {"unmoved": ("commission_wrong",)},
        {"blocking": {"read": "Not up to date."}},
        {"refused": "October is still open."},
    ],
)
def test_a_board_that_held_before_or_does_not_hold_after_is_red_and_proves_nothing(found):
    fine = proof.Found(
        orders=1, invoices=1, refunds=0, verdict=drift.Verdict(), left=(), cases={},
        apart_by_seller={}, taxed=1, apart_by_code={},
        clearing_unexplained=0, unmoved=(), blocking={}, refused="",
    )  # fmt: skip
    assert (fine.board, fine.proved) == ("green", True)

    red = replace(fine, **found)

    assert (red.board, red.proved) == ("red", False)
    assert not replace(fine, apart_by_code={(51, 40001, "GB-STD"): 1}).proved


@pytest.mark.django_db
def test_where_nothing_is_planted_nothing_is_found():
    found = prove(drift.wanted("none"), seed=12)

    assert (found.verdict.planted, found.verdict.false_alarms) == (0, [])
    assert found.proved, "\n".join(found.table())


def test_the_handbook_lists_the_kinds_and_what_they_must_be_called():
    table = dict(re.findall(r"^\| `(\w+)` \|.*\| `(\w+)` \|$", DOCS.read_text(), re.MULTILINE))

    assert table == {kind: drift.CAUSES[kind] for kind in drift.TWELVE}
    assert len(drift.TWELVE) == len(set(drift.TWELVE)) == 12
    assert drift.DOCUMENTS.items() <= table.items()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read as JSON"),
        ("{}", "is no list"),
        ('[{"kind": "commission_wrong"}, {"kind": "gremlin"}]', "row 2: .* names no kind"),
        ('["commission_wrong"]', "row 1: .* names no kind"),
    ],
)
def test_a_list_that_cannot_be_planted_is_refused_with_its_row(tmp_path, text, words):
    path = tmp_path / "plants.json"
    path.write_text(text)
    with pytest.raises(drift.BadList, match=words):
        drift.wanted(str(path))


def test_a_callers_list_is_taken_as_it_is(tmp_path):
    path = tmp_path / "plants.json"
    path.write_text(json.dumps([{"kind": "tax_withheld", "invoice": 40012}]))

    assert drift.wanted(str(path)) == [{"kind": "tax_withheld", "invoice": 40012}]
