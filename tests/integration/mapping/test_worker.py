"""Suggestions as the worker stores them: what is new, changed or rejected; what confirms itself."""

from datetime import timedelta

import pytest

from mapping.models import DuplicatePair, RejectedPair, SkuMapping, StoredSuggestion
from mapping.services import automatic, ranking, twice
from tests.factories import make_item, make_listing, make_seller

pytestmark = pytest.mark.django_db

CODE = "5012345678900"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def nothing_built():
    ranking.forget()
    yield
    ranking.forget()


@pytest.fixture
def items(at):
    """A tee in two sizes, and things beside it."""
    made = [
        make_item(sku=f"KES-{size}", name=f"Kestrel Crew Tee Navy {size}", price=None, facts_at=at,
                  barcodes=[code], options={"size": size, "colour": "Navy"})
        for size, code in (("M", CODE), ("L", "5012345678917"))
    ]  # fmt: skip
    for n in range(6):
        make_item(name=f"Heron lamp {n}", facts_at=at)
    return made


@pytest.fixture
def tee(at):
    return make_listing(
        title="Kestrel Crew Tee", label="Navy / M", brand="Kestrel", barcode=CODE, facts_at=at,
        seller=make_seller(business_name="Saltbush"),
    )  # fmt: skip


def ranked(at):
    return ranking.rank_stale(clock=lambda: at)["ranked"]


def test_what_is_new_is_ranked_once_with_what_the_model_saw(items, tee, at):
    assert ranked(at) == 1
    stored = StoredSuggestion.objects.get(listing=tee)
    assert stored.item == items[0]
    first = stored.candidates[0]
    assert first["features"]["gtin"] == 1
    assert ("Same barcode.") in [one["sentence"] for one in first["evidence"]]
    assert ranked(at) == 0


def test_a_changed_listing_and_a_new_item_are_taken_in(items, tee, at):
    ranked(at)
    later = at + 2 * HOUR
    other = make_item(sku="HER-9", name="Heron anglepoise lamp HX900 brass", facts_at=later)
    type(tee).objects.filter(pk=tee.pk).update(
        title="Heron HX900 lamp", label="", brand="Heron", barcode="", facts_at=later
    )
    assert ranked(later + HOUR) == 1
    assert StoredSuggestion.objects.get(listing=tee).item == other


def test_what_a_person_rejected_is_never_first_again(items, tee, at):
    RejectedPair.objects.create(listing=tee, item=items[0], at=at)
    ranked(at)
    stored = StoredSuggestion.objects.get(listing=tee)
    assert stored.item != items[0]
    assert not stored.auto


def test_a_barcode_that_another_listing_of_the_seller_carries_in_any_form_bars_the_rule(
    items, tee, at
):
    make_listing(seller=tee.seller, title="Kestrel Crew Tee", barcode="0" + CODE, facts_at=at)
    ranking.rank(listing_ids=[tee.pk], at=at)
    stored = StoredSuggestion.objects.get(listing=tee)
    assert not stored.auto
    assert any("other variant" in veto for veto in stored.candidates[0]["vetoes"])


def test_titles_in_other_scripts_and_empty_ones_are_ranked_or_said_to_have_none(items, at):
    titles = ["", "   ", "футболка синяя", "ネイビー T シャツ", "קולר", "💡💡", "a" * 5000]
    made = [make_listing(title=title, facts_at=at, price=None) for title in titles]
    assert ranked(at) == len(made)
    assert set(StoredSuggestion.objects.values_list("verdict", flat=True)) == {"none_likely"}


def test_the_rule_confirms_only_where_it_was_switched_on(items, tee, administrator, at):
    ranked(at)
    assert StoredSuggestion.objects.get(listing=tee).auto
    assert list(automatic.confirm_sure(at=at).mappings) == []
    automatic.switch(seller=tee.seller, on=True, by=administrator, at=at, reason="tidy barcodes")
    automatic.confirm_sure(at=at)
    mapping = SkuMapping.objects.get(listing=tee)
    assert (mapping.item, mapping.source, mapping.state) == (items[0], "AUTO", "CONFIRMED")


def test_an_open_duplicate_bars_the_rule(items, tee, administrator, at):
    automatic.switch(seller=tee.seller, on=True, by=administrator, at=at, reason="tidy barcodes")
    ranked(at)
    left, right = sorted((items[0], make_item()), key=lambda one: one.pk)
    DuplicatePair.objects.create(left=left, right=right, found_at=at)
    assert list(automatic.confirm_sure(at=at).mappings) == []


def test_items_entered_twice_are_found_once_and_a_judgement_stands(items, at):
    twin = make_item(sku="991122", name="Kestrel Crew Tee Navy M", barcodes=[CODE], facts_at=at,
                     options={"size": "M", "colour": "Navy"})  # fmt: skip
    assert twice.find(clock=lambda: at)["open"] == 1
    pair = DuplicatePair.objects.get()
    assert {pair.left, pair.right} == {items[0], twin}
    assert "Same barcode." in [one["sentence"] for one in pair.evidence]
    assert twice.find(clock=lambda: at) == {"compared": 0, "open": 0, "gone": 0}

    DuplicatePair.objects.update(state=DuplicatePair.State.DIFFERENT)
    type(twin).objects.filter(pk=twin.pk).update(facts_at=at + HOUR)
    twice.find(clock=lambda: at + HOUR)
    assert DuplicatePair.objects.get().state == DuplicatePair.State.DIFFERENT


def test_a_pair_that_is_no_longer_alike_needs_nobody(items, at):
    twin = make_item(sku="991122", name="Kestrel Crew Tee Navy M", barcodes=[CODE], facts_at=at)
    twice.find(clock=lambda: at)
    later = at + HOUR
    type(twin).objects.filter(pk=twin.pk).update(
        name="Copper kettle 2 litres", barcodes=[], facts_at=later
    )
    twice.find(clock=lambda: later)
    assert DuplicatePair.objects.get().state == DuplicatePair.State.GONE
