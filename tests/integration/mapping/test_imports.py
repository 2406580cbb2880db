"""Files as people have them: each bad row is named with its fix, and nothing is half applied."""

import io
import tracemalloc
from datetime import timedelta

import pytest
from openpyxl import Workbook

from mapping.models import DuplicatePair, ImportedFile, OwnershipRule, SkuMapping, TaxCodeMapping
from mapping.services import exports, imports, tables
from mkterp.core.errors import Refused
from mkterp.core.models import AuditEntry
from tests.factories import make_item, make_listing, make_mapping, make_seller

pytestmark = pytest.mark.django_db

HEADING = "seller_id,variant_id,sku,erp_sku,pack_quantity,valid_from,valid_until\n"


@pytest.fixture
def seller():
    return make_seller(legacy_id=71)


@pytest.fixture
def listing(seller):
    return make_listing(seller=seller, legacy_id=501, sku="TEE-M")


@pytest.fixture
def item():
    return make_item(sku="007042")


def judged(content, at, kind="mappings"):
    """{row: words} of the bad rows, and the whole report."""
    body = content if isinstance(content, bytes) else content.encode()
    report = imports.check(kind=kind, content=body, at=at)
    return {verdict.row: verdict.words for verdict in report.wrong}, report


def bring(content, at, by=None, kind="mappings", **more):
    body = content if isinstance(content, bytes) else content.encode()
    return imports.apply(kind=kind, content=body, by=by, at=at, reason="the old list", **more)


def test_each_bad_row_is_named_with_its_fix_and_the_good_ones_wait_with_it(seller, item, at):
    make_listing(seller=seller, legacy_id=501, sku="TEE-M")
    make_listing(seller=seller, legacy_id=502, sku="TWICE")
    make_listing(seller=seller, legacy_id=503, sku="TWICE")
    rows = [
        "71,501,,007042,,,",
        "72,501,,007042,,,",
        "71,999,,007042,,,",
        "71,,TWICE,007042,,,",
        "71,,,007042,,,",
        "71,1.23E+12,,007042,,,",
        "71,502,,7042,,,",
        "71,502,,NOT-THERE,,,",
        "71,502,,007042,0,,",
        "71,502,,007042,,31.01.2026,",
        "71,502,,007042,,2026-05-01,2026-04-01",
        "71,502,,007042,,,,beyond",
    ]
    wrong, report = judged(HEADING + "\n".join(rows), at)
    assert (report.rows, report.new, report.errors) == (12, 1, 11)
    for row, words in {
        3: "seller_id 72 is not a seller we have read.",
        4: "variant_id 999 is not a listing of seller_id 71.",
        5: "sku TWICE is 2 listings of seller_id 71; give the variant_id.",
        6: "Neither variant_id nor sku says which listing it is.",
        7: "variant_id 1.23E+12 was mangled by a spreadsheet",
        8: "007042 is: a spreadsheet may have dropped the zeros",
        9: "erp_sku NOT-THERE is not an active ERP item.",
        10: "pack_quantity is '0'; it must be a whole number above zero.",
        11: "valid_from is '31.01.2026'; write a day as 2026-01-31.",
        12: "valid_until is not after valid_from.",
        13: "more cells than the heading: 'beyond'",
    }.items():
        assert words in wrong[row]

    with pytest.raises(Refused, match=r"11 of 12 rows cannot be imported; the first is row 3"):
        bring(HEADING + "\n".join(rows), at)
    assert SkuMapping.objects.count() == 0

    bring(HEADING + "\n".join(rows), at, leave_bad=True)
    assert SkuMapping.objects.get().item == item


def test_the_same_sku_at_two_sellers_is_two_listings(seller, listing, item, at):
    other = make_listing(seller=make_seller(legacy_id=72), sku="TEE-M")
    bring(HEADING + "71,,TEE-M,007042,,,\n", at)
    assert SkuMapping.objects.filter(listing=listing).exists()
    assert not SkuMapping.objects.filter(listing=other).exists()


def test_times_that_overlap_are_refused_within_a_file_and_with_what_is_there(
    seller, listing, item, at
):
    inside = (
        HEADING + "71,501,,007042,,2026-01-01,2026-03-01\n71,501,,007042,2,2026-02-01,2026-04-01\n"
    )
    wrong, _ = judged(inside, at)
    assert "stands in row 2 already, for the same time" in wrong[3]

    make_mapping(listing=listing, item=make_item(sku="OTHER"))
    wrong, _ = judged(HEADING + "71,501,,007042,,,\n", at)
    assert "is mapped to OTHER at that time; remap it on its page" in wrong[2]


def test_the_same_file_twice_changes_nothing_the_second_time(listing, item, operations, at):
    content = (HEADING + "71,501,,007042,3,,\n").encode()
    first = imports.take(kind="mappings", name="a.csv", content=content, by=operations, at=at)
    again = imports.take(kind="mappings", name="b.csv", content=content, by=operations, at=at)
    assert again.pk == first.pk
    imports.decide(file=first, by=operations, at=at, reason="the old list")
    audited = AuditEntry.objects.count()

    third = imports.take(kind="mappings", name="a.csv", content=content, by=operations, at=at)
    assert third.pk != first.pk
    assert third.counts == {"new": 0, "unchanged": 1, "errors": 0}
    imports.decide(file=third, by=operations, at=at, reason="once more")
    assert SkuMapping.objects.get().pack_quantity == 3
    assert AuditEntry.objects.count() == audited + 1  # that the file was applied


def test_a_row_that_went_bad_since_the_check_brings_the_file_back_unapplied(
    seller, listing, item, operations, at
):
    other = make_listing(seller=seller, legacy_id=502)
    content = (HEADING + "71,501,,007042,,,\n71,502,,007042,,,\n").encode()
    file = imports.take(kind="mappings", name="a.csv", content=content, by=operations, at=at)
    make_mapping(listing=other, item=make_item(sku="OTHER"))

    back = imports.decide(file=file, by=operations, at=at, reason="the old list")

    assert (back.state, back.counts["errors"]) == (ImportedFile.State.CHECKED, 1)
    assert "row 3" in back.problem
    assert not SkuMapping.objects.filter(listing=listing).exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty"),
        (b"\n \n,,\n", "no heading"),
        (b"seller_id,sku\n71,TEE-M\n", "no column erp_sku"),
        (b"erp_sku,erp_sku,seller_id\n", "names erp_sku twice"),
        (HEADING.encode() + b"71,501,Sch\xfcrze,007042,,,\n", "Line 2 is not UTF-8"),
        (b"PK\x03\x04 no workbook", "no XLSX workbook"),
        (b"seller_id,erp_sku\n71,\x00\n", "NUL bytes"),
        (b"\xff\xfes\x00e\x00l", "UTF-16"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_whole(content, words, at):
    with pytest.raises(Refused, match=words):
        judged(content, at)


def test_a_workbook_and_utf16_are_read_like_text(listing, item, at):
    book = Workbook()
    book.active.append(["seller_id", "variant_id", "erp_sku"])
    book.active.append([71, 501, "007042"])
    target = io.BytesIO()
    book.save(target)
    assert judged(target.getvalue(), at)[1].new == 1
    tabbed = "seller_id\tvariant_id\terp_sku\n71\t501\t007042\n".encode("utf-16")
    assert judged(tabbed, at)[1].new == 1


def test_duplicates_that_go_round_in_a_circle_are_refused(at):
    for sku in ("A1", "B2", "C3"):
        make_item(sku=sku)
    content = "erp_sku,duplicate_of\nA1,B2\nB2,C3\nC3,A1\nA1,A1\n"
    wrong, _ = judged(content, at, kind="duplicates")
    assert "closes a circle" in wrong[4]
    assert "cannot be a duplicate of itself" in wrong[5]
    with pytest.raises(Refused):
        bring(content, at, kind="duplicates")
    assert not DuplicatePair.objects.exists()
    bring("erp_sku,duplicate_of\nA1,B2\nB2,C3\n", at, kind="duplicates")
    wrong, _ = judged("erp_sku,duplicate_of\nC3,A1\n", at, kind="duplicates")
    assert "closes a circle" in wrong[2]


def test_ownership_and_tax_codes_come_from_files_too(seller, administrator, at):
    heading = "seller_id,stock_owner,fulfilled_by,treatment\n"
    wrong, _ = judged(heading + "71,mine,,\n99,operator,,\n", at, kind="sellers")
    assert "stock_owner is 'mine'; it must be" in wrong[2]
    assert "seller_id 99 is not a seller we have read" in wrong[3]
    bring(heading + "71,operator,,\n", at, by=administrator, kind="sellers")
    assert OwnershipRule.objects.in_force(at + timedelta(seconds=1)).get(seller=seller).owner == (
        "operator"
    )

    heading = "country,marketplace_rate,erp_code,erp_rate\n"
    wrong, _ = judged(heading + "Britain,0.2,STD,0.2\nGB,2,STD,0.2\n", at, kind="tax-codes")
    assert "country is 'BRITAIN'; it must be two letters" in wrong[2]
    assert "marketplace_rate is '2'; it must be a rate between 0 and 1" in wrong[3]
    assert not TaxCodeMapping.objects.exists()


def test_what_is_exported_can_be_imported_and_never_runs_as_a_formula(seller, item, at):
    listing = make_listing(seller=seller, legacy_id=501, sku="=HYPERLINK(1)")
    make_mapping(listing=listing, item=item, reason="@cmd")
    heading, rows = exports.mappings(at)
    text = "".join(tables.csv_lines(heading, rows))
    assert "'=HYPERLINK(1)" in text
    assert ",=" not in text
    assert ",@" not in text
    assert judged(text, at)[1].counts == {"new": 0, "unchanged": 1, "errors": 0}


def test_ten_times_the_rows_take_no_more_memory_than_their_text(listing, item, at):
    def peak(rows):
        body = HEADING + "".join(f"71,{10**6 + n},,007042,,,\n" for n in range(rows - 1))
        content = (body + "71,501,,007042,,,\n").encode()
        del body
        tracemalloc.start()
        report = imports.check(kind="mappings", content=content, at=at)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (report.rows, report.errors, report.new) == (rows, rows - 1, 1)
        return most, len(content)

    few, small = peak(4_000)
    many, large = peak(40_000)
    # The text itself is held while it is read: some copies of the file, nothing for each row.
    assert many - few < 6 * (large - small)
