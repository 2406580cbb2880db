"""The seeded catalogue keeps its promises, so that every other test may rely on them."""

import csv
import time
from collections import Counter
from decimal import Decimal

from tests.sandbox.catalogue import (
    POPULAR_UNMAPPED_RANKS,
    build,
    ean13,
    write_mappings,
    write_sellers,
)


def test_the_same_arguments_give_an_equal_catalogue(catalogue):
    assert build(7) == catalogue
    assert build(8) != catalogue
    assert len(build(7, variants=200).variants) == 200


def test_it_is_built_within_a_second():
    started = time.perf_counter()
    build(9)
    assert time.perf_counter() - started < 1


def test_there_are_own_sellers_agents_and_one_without_treatment(catalogue):
    kinds = Counter((seller.own, seller.treatment) for seller in catalogue.sellers)
    assert kinds == {(True, "principal"): 3, (False, "agent"): 10, (False, None): 1}


def test_children_pay_no_vat_and_everybody_else_the_standard_rate(catalogue):
    assert len(catalogue.variants) == 3000
    for variant in catalogue.variants:
        child = variant.category == "Children"
        assert variant.tax_rate == (Decimal("0.00") if child else Decimal("0.20"))
        assert variant.tax_code == ("GB-ZERO" if child else "GB-STD")
        assert (variant.gender == "children") is child


def test_the_shares_of_gaps_mappings_and_equal_skus_are_as_promised(catalogue):
    truth = catalogue.truth
    with_item = [v for v in catalogue.variants if truth[v.legacy_id]]
    assert 0.03 < 1 - len(with_item) / len(catalogue.variants) < 0.055
    equal = sum(v.sku == truth[v.legacy_id] for v in with_item) / len(with_item)
    assert 0.55 < equal < 0.68
    assert 0.91 < len(catalogue.opening_mappings) / len(with_item) < 0.95
    missing = sum(v.barcode is None for v in catalogue.variants) / len(catalogue.variants)
    assert 0.25 < missing < 0.35


def test_every_kind_of_mistake_occurs(catalogue):
    found = Counter(mistake for v in catalogue.variants for mistake in v.mistakes)
    assert set(found) == {
        "barcode_missing",
        "barcode_mistyped",
        "barcode_of_sibling",
        "barcode_upc_a",
        "sku_elsewhere",
        "sku_missing",
        "sku_odd",
        "sku_shared",
    }


def test_items_are_unique_and_the_truth_names_active_ones(catalogue):
    skus = [item.sku for item in catalogue.erp_items]
    assert len(set(skus)) == len(skus)
    active = {item.sku for item in catalogue.erp_items if item.active}
    assert {sku for sku in catalogue.truth.values() if sku} <= active
    duplicates = [item for item in catalogue.erp_items if item.duplicate_of]
    assert 15 <= len(duplicates) <= 45
    assert all(item.duplicate_of in active for item in duplicates)


def test_barcodes_of_items_carry_a_right_check_digit_and_no_in_store_prefix(catalogue):
    for item in catalogue.erp_items:
        if item.barcode is not None:
            assert ean13(item.barcode[:12]) == item.barcode
            assert not item.barcode.startswith(("02", "04", "2"))


def test_opening_mappings_are_true_and_leave_some_best_sellers_to_people(catalogue):
    mapped = {row.variant_legacy_id: row.erp_sku for row in catalogue.opening_mappings}
    assert all(catalogue.truth[variant] == sku for variant, sku in mapped.items())
    by_rank = {variant.popularity: variant for variant in catalogue.variants}
    for rank in POPULAR_UNMAPPED_RANKS:
        variant = by_rank[rank]
        assert variant.legacy_id not in mapped
        assert variant.published
        assert catalogue.truth[variant.legacy_id] is not None


def test_the_csv_files_hold_one_row_for_each_mapping_and_seller(catalogue, tmp_path):
    write_mappings(catalogue, tmp_path / "mappings.csv")
    write_sellers(catalogue, tmp_path / "sellers.csv")
    with (tmp_path / "mappings.csv").open(encoding="utf-8", newline="") as file:
        mappings = list(csv.DictReader(file))
    with (tmp_path / "sellers.csv").open(encoding="utf-8", newline="") as file:
        sellers = list(csv.DictReader(file))
    assert len(mappings) == len(catalogue.opening_mappings)
    names = ["seller_id", "variant_id", "variant_sku", "erp_sku", "pack_quantity"]
    assert list(mappings[0]) == names
    assert {row["stock_owner"] for row in sellers} == {"operator", "seller"}
    assert [row["treatment"] for row in sellers].count("") == 1
