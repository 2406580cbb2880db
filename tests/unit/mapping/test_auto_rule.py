"""Nothing is confirmed without a person unless all of the rule holds; each veto by itself."""

from dataclasses import replace
from decimal import Decimal

import pytest

from mapping.domain.suggestions import Catalogue, Facts, Record

ITEM = Record(
    "I1", "Harbour Crew Neck T-Shirt", brand="Ostwind", sku="OW100-NVY-M",
    gtins=("4006381333931",), size="M", colour="Navy", pack="1", gender="men",
    price=Decimal("20.00"), currency="EUR",
)  # fmt: skip
SIBLING = replace(
    ITEM, id="I2", sku="OW100-NVY-L", gtins=("4006381333948",), size="L", price=Decimal("20.00")
)
OTHER = Record("I3", "Meadow Rain Jacket", brand="Velta", size="S", colour="Red", pack="1")
LISTING = replace(ITEM, id="V1", sku="X-1", title="Ostwind Harbour Crew Neck T-Shirt Mens")


def first(listing=LISTING, items=(ITEM, SIBLING, OTHER), others=(), facts=None):
    """The first candidate of a listing."""
    ranked = Catalogue(items).rank([listing, *others], facts=facts or Facts())
    return ranked[0].candidates[0]


def test_a_pair_that_agrees_in_everything_is_confirmed():
    found = first()
    assert (found.right_id, found.auto, found.vetoes) == ("I1", True, ())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gtins": ()}, "the listing has no valid barcode"),
        ({"gtins": ("4006381333932",)}, "the listing has no valid barcode"),
        ({"gtins": ("4.00638E+12",)}, "the listing has no valid barcode"),
        ({"gtins": ("5000050024310",)}, "the barcodes differ"),
        ({"gtins": ("4006381333931", "4006381333948")}, "another barcode of the listing"),
        ({"size": "L", "gtins": ("4006381333931",)}, "the size differs"),
        ({"size": ""}, "the size is unknown in the listing"),
        ({"colour": "Red"}, "the colour differs"),
        ({"colour": "Blue"}, "the colour is stated in two ways"),
        ({"colour": ""}, "the colour is unknown in the listing"),
        ({"pack": "3"}, "the pack differs: 3 here, 1 in the item"),
        ({"brand": "Canon", "title": "Harbour Crew Neck T-Shirt Mens"}, "the brand differs"),
        ({"gender": "women"}, "the gender differs"),
        ({"title": "Ostwind Harbour v2 Crew Neck T-Shirt Mens"}, "the version or generation"),
        ({"price": Decimal("70.00")}, "the price is 3.5 times"),
        ({"price": Decimal("5.00")}, "the price is 0.25 times"),
        ({"price": Decimal("29.00")}, "the price is 1.4 times"),
        ({"sku": "OW200-NVY-M"}, "OW200-NVY-M and OW100-NVY-M are two numbers of one kind"),
    ],
)
def test_each_doubt_bars_confirmation_and_is_named(change, words):
    ranked = Catalogue([ITEM, SIBLING, OTHER]).rank([replace(LISTING, **change)])
    found = next(c for c in ranked[0].candidates if c.right_id == "I1")
    assert not found.auto
    assert any(words in veto for veto in found.vetoes), found.vetoes


def test_a_barcode_of_two_items_confirms_neither():
    found = first(items=(ITEM, replace(SIBLING, gtins=ITEM.gtins), OTHER))
    assert "2 items carry this barcode" in found.vetoes


def test_a_barcode_on_two_different_variants_confirms_neither():
    found = first(others=[replace(LISTING, id="V2", size="L")])
    assert "1 other variant carries this barcode" in found.vetoes


def test_the_same_variant_listed_twice_is_no_other_variant():
    assert first(others=[replace(LISTING, id="V2")]).auto


def test_variants_of_another_seller_do_not_count():
    assert first(
        replace(LISTING, seller="a"), others=[replace(LISTING, id="V2", size="L", seller="b")]
    ).auto


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (Facts(rejected=frozenset({("V1", "I1")})), "a person has rejected"),
        (Facts(flagged=frozenset({"I1"})), "suspicion of being a duplicate"),
        (Facts(auto_off_sellers=frozenset({""})), "off for this seller"),
        (Facts(claimed={"04006381333931": 1}), "1 other variant carries this barcode"),
    ],
)
def test_what_the_installation_knows_bars_confirmation(facts, words):
    ranked = Catalogue([ITEM, SIBLING, OTHER]).rank([LISTING], facts=facts)
    found = next(c for c in ranked[0].candidates if c.right_id == "I1")
    assert not found.auto
    assert any(words in veto for veto in found.vetoes), found.vetoes


def test_a_rejected_item_is_never_first_again():
    assert first(facts=Facts(rejected=frozenset({("V1", "I1")}))).right_id != "I1"


def test_a_thing_without_size_and_colour_needs_none():
    cable = Record("I1", "Tessla KX2204 HDMI Cable", brand="Tessla", gtins=("4006381333931",))
    lamp = Record("I2", "Velta Desk Lamp QL881", brand="Velta")
    listing = replace(cable, id="V1", title="Tessla HDMI Cable KX2204")
    found = first(listing, (cable, lamp))
    assert not [v for v in found.vetoes if "size" in v or "colour" in v]


def test_a_shirt_whose_size_nobody_states_is_not_confirmed():
    item, listing = replace(ITEM, size=""), replace(LISTING, size="")
    assert "the size is unknown on both sides" in first(listing, (item, OTHER)).vetoes


def test_only_the_first_candidate_can_be_confirmed():
    ranked = Catalogue([ITEM, SIBLING, OTHER]).rank([LISTING])[0]
    assert [c.auto for c in ranked.candidates[1:]] == [False] * (len(ranked.candidates) - 1)
    assert "another item is likelier" in ranked.candidates[1].vetoes
