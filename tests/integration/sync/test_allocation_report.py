"""`allocation_report`: the figures, and what a caller's file may be."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

BASKET = {
    "id": "A-7",
    "lines": [{"gross": 1995, "rate": "0.20"}, {"gross": 850, "rate": 0}],
    "shipping_gross": 495,
    "tax_total": 391,
}


def report(*arguments):
    out = StringIO()
    call_command("allocation_report", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("seed", [11, 12])
def test_only_the_provably_impossible_differ_by_a_cent(seed):
    found = json.loads(report("--seed", str(seed), "--orders", "400", "--json"))

    assert list(found) == [
        "orders",
        "cent_differences_pro_rata",
        "cent_differences_ours",
        "provably_impossible",
    ]
    assert found["orders"] == 400
    assert found["cent_differences_ours"] == found["provably_impossible"]
    assert found["cent_differences_ours"] < 8 < 100 < found["cent_differences_pro_rata"]


def test_the_same_seed_is_the_same_report():
    first, again = (report("--seed", "5", "--orders", "50", "--json", "--each") for _ in range(2))

    assert first == again


def test_a_callers_baskets_are_answered_one_by_one(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(BASKET))
    *rows, summary = report("--baskets", str(path), "--json", "--each").splitlines()
    (row,) = map(json.loads, rows)

    assert row["id"] == "A-7"
    assert (row["ours"]["tax"], row["ours"]["gross"]) == (391, 3340)
    assert json.loads(summary)["orders"] == 1


def test_a_report_for_people_says_why_what_is_left_is_left():
    text = report("--orders", "40", "--seed", "2")

    assert "provably impossible" in text
    assert "a wider bound would do" in text


def test_a_bad_file_computes_nothing_and_names_the_rows(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join([json.dumps(BASKET), *(["{}"] * 30)]))
    with pytest.raises(CommandError) as refused:
        report("--baskets", str(path))

    words = str(refused.value)
    assert words.startswith("Nothing was computed:\n  row 2: lines is missing")
    assert words.endswith("and 40 more")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--baskets", "/nowhere/at/all"], "cannot be read"),
        (["--orders", "0"], "above zero"),
        (["--mixed", "101"], "0 to 100"),
        (["--goods-latitude", "6"], "0 to 5"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments, words):
    with pytest.raises(CommandError, match=words):
        report(*arguments)
