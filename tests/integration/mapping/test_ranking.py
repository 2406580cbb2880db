"""Rankings computed ahead: what is stored, and when there is nothing to compute from yet."""

import pytest

from mapping.models import StoredSuggestion
from mapping.services import models, ranking
from tests.factories import make_item, make_listing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_catalogue_of_another_test():
    ranking.forget()
    yield
    ranking.forget()


def test_nothing_is_ranked_before_the_first_item_is_there(at):
    make_listing(title="Camp shirt", facts_at=at)

    assert ranking.rank_stale(clock=lambda: at) == {"ranked": 0}
    item = make_item(name="Camp shirt", facts_at=at)
    assert ranking.rank_stale(clock=lambda: at) == {"ranked": 1}

    assert StoredSuggestion.objects.get().item == item


def test_what_is_not_known_of_a_pair_is_stored_and_read_back(at, operations):
    """A listing without brand, barcode or size: most of what the model looks at is missing."""
    listing = make_listing(title="Camp shirt", sku="", facts_at=at)
    make_item(name="Camp shirt", facts_at=at)

    ranking.rank_stale(clock=lambda: at)

    kept = StoredSuggestion.objects.get(listing=listing).candidates[0]["features"]
    assert None in kept.values()
    read = models.as_seen(kept)
    assert {name for name, value in read.items() if value != value} == {
        name for name, value in kept.items() if value is None
    }


def test_an_item_master_that_only_loses_items_is_kept_current(at):
    staying, going = make_item(name="Camp shirt", facts_at=at), make_item(facts_at=at)
    make_listing(title="Camp shirt", facts_at=at)
    ranking.rank_stale(clock=lambda: at)
    going.active, going.facts_at = False, at.replace(hour=23, minute=59, second=59)
    going.save()

    built = ranking.catalogue(at=at)

    assert set(built.catalogue.index.position) == {str(staying.pk)}
