"""The commands on files as people have them: what is wrong is named, nothing is half written."""

import csv
import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

LEFT = "id,title,brand,sku,gtin,category,size,colour,pack,price,currency,description\n"
ROWS = 'v1,Ostwind Tee,Ostwind,,4006381333931,,M,Navy,1,"1,234.50",EUR,\nv2,,,,,,,,,,,\n'
ITEMS = (
    "id,title,brand,gtin,size,colour,pack\n"
    "i1,Ostwind TEE NVY M,Ostwind,4006381333931,M,NVY,1\ni2,Velta lamp,Velta,,,,\n"
)
MATCHES = "left_id,right_id\nv1,i1\n"


@pytest.fixture
def files(tmp_path):
    """Paths of a left, a right and a matches file, to be overwritten by a test."""
    for name, text in (("left", LEFT + ROWS), ("right", ITEMS), ("matches", MATCHES)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def rank(files, **options):
    """The ranked rows."""
    out = files / "ranked.csv"
    call_command("rank_suggestions", left=files / "left.csv", right=files / "right.csv", out=out,
                 stdout=io.StringIO(), **options)  # fmt: skip
    with out.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_ranks_are_written_in_order(files):
    rows = rank(files)
    assert list(rows[0]) == ["left_id", "right_id", "rank", "confidence", "auto"]
    assert (rows[0]["left_id"], rows[0]["right_id"], rows[0]["rank"]) == ("v1", "i1", "1")
    assert {r["auto"] for r in rows} <= {"0", "1"}


def test_the_same_files_give_the_same_bytes(files):
    rank(files)
    first = (files / "ranked.csv").read_bytes()
    rank(files)
    assert (files / "ranked.csv").read_bytes() == first


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_files_are_read_in_the_encodings_spreadsheets_write(files, encoding):
    text = LEFT + "v1,Schürze für Köche,Ostwind,,,,M,Navy,1,10,EUR,\n"
    (files / "left.csv").write_bytes(text.encode(encoding))
    assert rank(files)[0]["left_id"] == "v1"


def test_semicolons_and_american_spelling_are_understood(files):
    (files / "left.csv").write_text("ID;Title;Color;EAN\nv1;Ostwind Tee M;Navy;4006381333931\n")
    assert rank(files)[0]["right_id"] == "i1"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("left", "title\nx\n", 'column "id" is missing'),
        ("right", "id,name of it\n1,x\n", 'column "title" is missing'),
        ("left", "", "the file is empty"),
        ("left", "id,title\nv1,a\n\nv2,b\nv1,c\n", 'line 5: the id "v1" stands in line 2 too'),
        ("left", "id,title\n,a\n", "line 2: the id is empty"),
        ("left", "id,title\nv1,a,b,c\n", "line 2: 4 cells"),
        ("left", "id,title,title\nv1,a,b\n", '"title" stands there twice'),
    ],
)
def test_a_fault_is_named_and_nothing_is_written(files, name, text, message):
    (files / f"{name}.csv").write_text(text)
    with pytest.raises(CommandError, match=message):
        rank(files)
    assert not list(files.glob("ranked*"))


def test_a_file_that_is_not_there_is_named(files):
    (files / "left.csv").unlink()
    with pytest.raises(CommandError, match=r"left\.csv: cannot be read"):
        rank(files)


def test_a_limit_out_of_bounds_is_refused(files):
    with pytest.raises(CommandError, match="between 1 and 10"):
        rank(files, limit=11)


def test_a_file_that_is_no_model_is_refused(files):
    with pytest.raises(CommandError, match="no stored model"):
        rank(files, model=files / "left.csv")


def evaluate(files, **options):
    """What the evaluation prints."""
    out = io.StringIO()
    call_command("evaluate_suggestions", left=files / "left.csv", right=files / "right.csv",
                 matches=files / "matches.csv", stdout=out, **options)  # fmt: skip
    return out.getvalue()


def test_the_evaluation_prints_every_figure(files):
    shown = evaluate(files)
    for figure in ("recall@1 ", "recall@5 ", "recall@10 ", "MRR ", "auto precision ",
                   "auto coverage ", "calibration error "):  # fmt: skip
        assert figure in shown
    assert "2 variants, 2 items; 1 variants have an item" in shown


def test_an_answer_that_names_nobody_is_refused(files):
    (files / "matches.csv").write_text("left_id,right_id\nv9,i1\n")
    with pytest.raises(CommandError, match='line 2: no row has the left_id "v9"'):
        evaluate(files)


def test_figures_can_be_kept(files):
    evaluate(files, json=files / "figures.json")
    assert '"recall_1": 1.0' in (files / "figures.json").read_text()
