"""A mapped pair is looked at again when a side changes; only a new conflict is news."""

from datetime import timedelta

import pytest

from mapping.models import Listing
from sync.models import ExceptionCase
from sync.services import agreement
from tests.factories import make_item, make_listing, make_mapping, make_seller

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def pair(at):
    listing = make_listing(
        seller=make_seller(), title="Linen camp shirt", label="Sage / M", facts_at=at
    )
    item = make_item(name="Linen camp shirt", options={"size": "M", "colour": "Sage"}, facts_at=at)
    return make_mapping(listing=listing, item=item)


def change(listing, label, at):
    Listing.objects.filter(pk=listing.pk).update(label=label, facts_at=at)


def open_case():
    return ExceptionCase.objects.filter(kind="MAPPING_CONFLICT", state="OPEN").first()


def test_a_pair_that_agrees_is_compared_once(pair, at):
    assert agreement.recheck_changed(clock=lambda: at)["compared"] == 1
    assert agreement.recheck_changed(clock=lambda: at)["compared"] == 0
    assert open_case() is None


def test_a_size_that_changed_after_confirmation_opens_a_case_that_says_so(pair, at):
    agreement.recheck_changed(clock=lambda: at)
    change(pair.listing, "Sage / XL", at + HOUR)

    agreement.recheck_changed(clock=lambda: at + 2 * HOUR)

    case = open_case()
    assert pair.item.sku in case.cause
    assert "differ since a change" in case.cause
    assert "size" in case.cause.lower()


def test_the_case_resolves_when_the_sides_agree_again(pair, at):
    agreement.recheck_changed(clock=lambda: at)
    change(pair.listing, "Sage / XL", at + HOUR)
    agreement.recheck_changed(clock=lambda: at + 2 * HOUR)
    change(pair.listing, "Sage / M", at + 3 * HOUR)

    agreement.recheck_changed(clock=lambda: at + 4 * HOUR)

    assert open_case() is None


def test_what_a_person_confirmed_with_open_eyes_is_no_news(pair, at):
    change(pair.listing, "Sage / XL", at)

    agreement.recheck_changed(clock=lambda: at + HOUR)

    assert open_case() is None


def test_a_person_may_say_that_it_is_still_right_and_is_not_asked_again(pair, operations, at):
    agreement.recheck_changed(clock=lambda: at)
    change(pair.listing, "Sage / XL", at + HOUR)
    agreement.recheck_changed(clock=lambda: at + 2 * HOUR)

    agreement.still_right(mapping=pair, by=operations, at=at + 3 * HOUR)
    change(pair.listing, "Sage / XL ", at + 4 * HOUR)
    agreement.recheck_changed(clock=lambda: at + 5 * HOUR)

    assert open_case() is None


def test_the_case_of_a_pair_that_is_mapped_no_more_resolves(pair, operations, at):
    agreement.recheck_changed(clock=lambda: at)
    change(pair.listing, "Sage / XL", at + HOUR)
    agreement.recheck_changed(clock=lambda: at + 2 * HOUR)
    pair.state = "RETIRED"
    pair.valid_until = at + 3 * HOUR
    pair.save()

    assert agreement.resolve_ended(at=at + 3 * HOUR) == 1
