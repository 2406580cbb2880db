"""Learning from what people decided: taken only when it helps, recorded either way, undone."""

import json
import math
import random

import pytest

from mapping.domain import suggestions
from mapping.domain.matching.simulation import decide
from mapping.domain.matching.worlds.catalogue import world
from mapping.domain.suggestions import Catalogue
from mapping.models import Decision, ErpItem, Listing, SuggestionModel
from mapping.services import models
from mkterp.core.errors import Refused
from mkterp.core.models import AuditEntry
from tests.factories import make_item, make_listing, make_seller

pytestmark = pytest.mark.django_db

State = SuggestionModel.State


@pytest.fixture(scope="module")
def said():
    """Three hundred decisions of people who know, on a catalogue nobody has seen."""
    strange = world("retail", 931, lefts=300, items=700, hidden=0.25)
    rankings = Catalogue(strange.rights).rank(strange.lefts)
    return [decide(r, strange.answers.get(r.left_id, frozenset())) for r in rankings]


def seen_as_kept(seen, unseen):
    return {n: None if math.isnan(v) else v for n, v in seen.items() if n not in unseen}


@pytest.fixture
def decided(said, at):
    """Keeps the first so many, or what chance would have said instead."""

    def keep(many, *, chance=False, unseen=frozenset()):
        seller, rng = make_seller(), random.Random("chance")
        first = Decision.objects.count()
        ids = {right for one in said for right, _ in one.shown} | {d.right_id for d in said}
        if not first:
            for name in sorted(filter(None, ids)):
                make_item(sku=name)
        items = {item.sku: item for item in ErpItem.objects.all()}
        rows = []
        for one in said[first : first + many]:
            right = rng.choice(one.shown)[0] if chance and one.shown else one.right_id
            choice = Decision.Choice.APPROVED if chance else Decision.Choice(one.choice.name)
            rows.append(
                Decision(
                    listing=make_listing(seller=seller),
                    choice=choice,
                    item=items.get(right),
                    variant={},
                    shown=[
                        {"item": items[name].pk, "features": seen_as_kept(seen, unseen)}
                        for name, seen in one.shown
                    ],
                    at=at,
                )
            )  # fmt: skip
        Decision.objects.bulk_create(rows)

    return keep


def test_fewer_than_two_hundred_decisions_teach_nothing(decided, at):
    decided(199)
    assert models.learn(at=at) is None
    assert models.in_force() is None


def test_sound_decisions_are_learnt_from_once_and_can_be_taken_back(decided, administrator, at):
    decided(220)
    learnt = models.learn(at=at)
    assert learnt.decisions == 220
    assert learnt.metrics["new"]["brier"] <= learnt.metrics["old"]["brier"] + 0.001
    assert learnt.state == State.IN_FORCE
    assert models.load(learnt).local.decisions == 220
    assert AuditEntry.objects.filter(action="suggestionmodel.learn").count() == 1

    assert models.learn(at=at) is None  # nothing was decided since
    decided(60)
    assert models.learn(at=at) is None  # too little

    with pytest.raises(Refused, match="Say why"):
        models.roll_back(by=administrator, at=at, reason=" ")
    assert models.roll_back(by=administrator, at=at, reason="it ranks worse") is None
    learnt.refresh_from_db()
    assert (learnt.state, models.in_force()) == (State.ROLLED_BACK, None)


def test_what_would_be_worse_is_recorded_and_never_ranks(decided, at):
    decided(150, chance=True)
    decided(80)
    kept = models.learn(at=at)
    assert (kept.state, models.in_force()) == (State.WORSE, None)
    assert kept.reason
    assert Listing.objects.count() == 230


def test_a_ranking_learnt_before_other_features_is_learnt_anew(decided, at):
    decided(220, unseen={"code_start_lead", "mark"})
    old = models.learn(at=at)
    known = json.loads(bytes(old.body))
    old.version = f"earlier-{old.version}"
    old.body = json.dumps(known | {"feature_version": known["feature_version"] - 1}).encode()
    old.save()
    assert models.load(models.in_force()) == suggestions.prior()

    new = models.learn(at=at)
    old.refresh_from_db()
    assert (old.state, new.decisions) == (State.REPLACED, 220)
    assert new.state in {State.IN_FORCE, State.WORSE}
    assert models.learn(at=at) is None
