"""An item that another variant of the seller claims is less likely to be this one's."""

from dataclasses import replace

import numpy as np
import pytest

from mapping.domain.matching import rivals
from mapping.domain.matching.worlds.catalogue import world
from mapping.domain.suggestions import Catalogue, Facts

MANY = 120  # variants that are certain of an item, and considered one that another is certain of


def candidates(*more, sharing=1):
    """Rows of (variant, item, seller, chance): MANY clear ones, then `more` of new variants.

    `sharing` variants each are certain of one item.
    """
    rows = []
    for variant in range(MANY):
        own = variant // sharing
        rows += [(variant, own, 0, 0.98), (variant, (own + 1) % (MANY // sharing), 0, 0.15)]
    rows += [(MANY + variant, item, seller, chance) for variant, item, seller, chance in more]
    return rows


def weighed(rows):
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return rivals.weighed(*columns).tolist()


def test_who_is_less_sure_gives_way_to_who_is_surer():
    rows = candidates((0, 900, 0, 0.95), (1, 900, 0, 0.6), (1, 901, 0, 0.35))

    surer, contested, free = weighed(rows)[-3:]

    assert surer > 0.85
    assert free > contested


def test_two_sellers_may_list_one_item():
    rows = candidates((0, 900, 0, 0.95), (1, 900, 1, 0.6), (1, 901, 1, 0.35))

    _, first, second = weighed(rows)[-3:]

    assert first > second


def test_where_items_are_shared_it_says_little_that_one_is_claimed():
    rows = candidates((0, 900, 0, 0.95), (1, 900, 0, 0.6), (1, 901, 0, 0.35), sharing=2)

    _, first, second = weighed(rows)[-3:]

    assert first > second


def test_few_variants_say_nothing_of_how_often_items_are_shared():
    rows = [(0, 900, 0, 0.95), (1, 900, 0, 0.6), (1, 901, 0, 0.35)]

    assert weighed(rows) == [0.95, 0.6, 0.35]


def test_no_candidates_at_all():
    assert rivals.weighed(*(np.array([], int),) * 3, np.array([])).tolist() == []


@pytest.fixture(scope="module")
def strange():
    return world("electronics", 90003)


def test_on_a_catalogue_that_was_never_seen_it_finds_more(strange):
    catalogue = Catalogue(strange.rights)

    def right(**how):
        ranked = catalogue.rank(strange.lefts, explain=False, **how)
        return sum(
            r.candidates[0].right_id in strange.answers.get(r.left_id, ())
            for r in ranked
            if r.candidates
        )

    assert right() > right(alone=True)


def test_what_a_person_rejected_is_not_first_again_whoever_claims_the_others(strange):
    catalogue = Catalogue(strange.rights)
    shown = catalogue.rank(strange.lefts, explain=False)
    said_no = frozenset((r.left_id, r.candidates[0].right_id) for r in shown if r.candidates)

    again = catalogue.rank(strange.lefts, explain=False, facts=replace(Facts(), rejected=said_no))

    firsts = {(r.left_id, r.candidates[0].right_id) for r in again if len(r.candidates) > 1}
    assert not firsts & said_no
