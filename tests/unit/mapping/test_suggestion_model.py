"""Confidence, determinism, stored models, refits that are refused, duplicates."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from mapping.domain.matching import adaptation, metrics, training, trees
from mapping.domain.matching.metrics import calibration_error
from mapping.domain.matching.simulation import decide
from mapping.domain.matching.worlds.catalogue import world
from mapping.domain.suggestions import (
    Catalogue,
    Choice,
    Decision,
    Facts,
    Model,
    Record,
    UnreadableModel,
    Verdict,
    duplicates,
    prior,
    refit,
)


@pytest.fixture(scope="module")
def strange():
    """A catalogue the prior has not seen."""
    return world("apparel", 901, lefts=320, items=900, hidden=0.2)


@pytest.fixture(scope="module")
def catalogue(strange):
    return Catalogue(strange.rights)


@pytest.fixture(scope="module")
def decisions(catalogue, strange):
    ranked = catalogue.rank(strange.lefts)
    return [decide(r, strange.answers.get(r.left_id, frozenset())) for r in ranked]


def test_calibration_error_is_the_mean_distance_between_said_and_seen():
    error, bins = calibration_error([0.95] * 10 + [0.15] * 10, [1] * 9 + [0] + [1] * 4 + [0] * 6)
    assert error == pytest.approx(0.5 * 0.05 + 0.5 * 0.25)
    assert bins[9] == (10, pytest.approx(0.95), pytest.approx(0.9))


def test_the_report_counts_what_is_wrong(catalogue, strange):
    ranked = catalogue.rank(strange.lefts, explain=False)
    found = metrics.report(ranked, strange.answers)
    nothing = metrics.report(ranked, {})
    assert found.recall_1 > 0.5
    assert found.recall_1 <= found.recall_5 <= found.recall_10 <= 1
    assert found.auto_wrong == 0
    assert nothing.auto_wrong == nothing.auto
    assert (nothing.with_answer, nothing.none_true) == (0, len(strange.lefts))


def test_confidence_falls_with_the_rank_and_stays_between_0_and_1(catalogue, strange):
    for ranking in catalogue.rank(strange.lefts[:150], explain=False):
        said = [c.confidence for c in ranking.candidates]
        assert said == sorted(said, reverse=True)
        assert all(0 <= c <= 1 for c in said)
        assert [c.rank for c in ranking.candidates] == list(range(1, len(said) + 1))


def test_equal_input_gives_equal_output(strange):
    one = Catalogue(strange.rights).rank(strange.lefts[:120])
    other = Catalogue(strange.rights).rank(strange.lefts[:120])
    assert repr(one) == repr(other)  # unknown features are NaN, which equals nothing


def test_every_candidate_can_be_explained(catalogue, strange):
    for ranking in catalogue.rank(strange.lefts[:30]):
        for candidate in ranking.candidates:
            assert all(e.sentence.endswith(".") for e in candidate.evidence)
            assert candidate.features.keys() == set(training.features.NAMES)


def test_a_changed_item_is_found_by_its_new_face_and_a_removed_one_no_more(strange):
    catalogue = Catalogue(strange.rights[:200])
    fresh = Record("new", "Quillfeather Barometer ZX-90815", brand="Quillfeather")
    catalogue.update([fresh], removed=[strange.rights[0].id])
    again = replace(fresh, title="Quillfeather Barometer ZX-90815 brass")
    catalogue.update([again])
    found = catalogue.rank([Record("v", "barometer zx90815")])[0]
    assert found.candidates[0].right_id == "new"
    assert len(catalogue) == 200
    assert strange.rights[0].id not in catalogue.index.position


def test_a_variant_of_nothing_says_that_no_item_is_likely(catalogue):
    found = catalogue.rank([Record("v", "Zwergflöte aus Birnbaum, handgedrechselt")])[0]
    assert found.verdict is Verdict.NONE_LIKELY


def test_an_empty_title_is_ranked_without_a_fault(catalogue):
    assert catalogue.rank([Record("v", "")])[0].verdict is Verdict.NONE_LIKELY
    assert Catalogue([]).rank([Record("v", "thing")])[0].verdict is Verdict.NONE_LIKELY


def test_an_approved_sibling_brings_its_siblings_in(catalogue, strange):
    item = strange.rights[7]
    variant = Record("v", "???", parent="p")
    facts = Facts(approved_by_parent={"p": (item.id,)})
    shown = {c.right_id for c in catalogue.rank([variant], facts=facts)[0].candidates}
    assert item.id in shown


def test_a_stored_model_gives_the_same_ranking(catalogue, strange):
    body = prior().to_bytes()
    again = Model.from_bytes(body)
    assert again.to_bytes() == body
    assert again.version == prior().version
    lefts = strange.lefts[:50]
    assert repr(catalogue.rank(lefts, model=again)) == repr(catalogue.rank(lefts))


@pytest.mark.parametrize("change", [{"format": 99}, {"features": ["x"]}, {"feature_version": 0}])
def test_a_model_of_another_making_is_refused(change):
    data = json.loads(prior().to_bytes()) | change
    with pytest.raises(UnreadableModel):
        Model.from_bytes(json.dumps(data).encode())


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\x80\x04pickle"])
def test_what_is_no_model_is_refused(body):
    with pytest.raises(UnreadableModel):
        Model.from_bytes(body)


def test_the_same_worlds_train_the_same_bytes():
    def train():
        made = [world(kind, 902, lefts=40, items=120) for kind in ("retail", "software")]
        return training.fit([training.lesson(w) for w in made]).to_bytes()

    assert hashlib.sha256(train()).hexdigest() == hashlib.sha256(train()).hexdigest()


def test_the_views_of_a_real_catalogue_are_unseen_together(monkeypatch):
    class Blind:
        def logits(self, rows):
            return np.zeros(len(rows))

    taught = []
    monkeypatch.setattr(training, "_order", lambda part: taught.append(part) or Blind())
    names = ["apparel-0", "apparel-1", "real-0", "real-1", "real-2", "retail-0", "retail-1"]
    rows = np.zeros((1, 3), np.float32)
    lessons = [
        training.Lesson(n, n[:-2], rows, np.zeros(1, bool), np.zeros(1, np.int64), 1.0)
        for n in names
    ]
    assert len(training._unseen(lessons)) == len(lessons)
    views = [sum(x.kind == "real" for x in part) for part in taught]
    assert sorted(set(views)) == [0, 3]


def test_trees_kept_as_numbers_predict_as_those_that_were_grown():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(600, 4)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    labels = np.nan_to_num(rows[:, 0]) + np.nan_to_num(rows[:, 1]) > 0
    forest = trees.grow(rows, labels, np.ones(600), (1, 1, 0, -1), trees=30)
    shown = forest.logits(rows)
    assert np.mean((shown > 0) == labels) > 0.95
    more = np.where(np.isnan(rows), 0, rows)
    better = more.copy()
    better[:, 0] += 1
    assert (forest.logits(better) >= forest.logits(more) - 1e-9).all()
    assert (trees.Forest.from_json(forest.as_json()).logits(rows) == shown).all()


def test_a_catalogue_of_certainties_is_believed_more_than_one_of_doubts():
    model = prior().adaptation
    sure = model.correction(np.array([0.97] * 400 + [0.3] * 20))
    none = model.correction(np.array([0.97] * 20 + [0.3] * 400))
    half = adaptation.logit(np.array([0.5]))[0]
    assert sure[0] * half + sure[1] > none[0] * half + none[1]
    assert model.correction(np.array([0.9] * 20)) == (1.0, 0.0)


def test_two_hundred_sound_decisions_are_learnt_from(decisions):
    found = refit(decisions, prior())
    assert found.decisions >= 200
    assert found.swapped == (found.model is not prior())
    assert found.new.decisions == found.old.decisions > 0
    assert refit(decisions, prior()).model.to_bytes() == found.model.to_bytes()
    assert Model.from_bytes(found.model.to_bytes()).local == found.model.local


def test_fewer_decisions_change_nothing(decisions):
    found = refit(decisions[:199], prior())
    assert found.model is prior()
    assert not found.swapped
    assert "200 are needed" in found.reason


def test_a_refit_that_is_worse_on_the_latest_decisions_is_not_swapped_in(decisions):
    astray = [
        Decision(d.left_id, Choice.APPROVED, d.shown[-1][0], d.shown)
        for d in decisions[: int(len(decisions) * 0.7)]
    ]
    found = refit(astray + decisions[len(astray) :], prior())
    assert found.model is prior()
    assert not found.swapped
    assert "rose" in found.reason or "fell" in found.reason
    assert found.new.brier > found.old.brier


ITEM = Record(
    "I1", "Harbour Crew Neck T-Shirt Navy M", brand="Ostwind", sku="OW100-NVY-M",
    gtins=("4006381333931",), size="M", colour="Navy", pack="1",
)  # fmt: skip


def others(count=30):
    """Items that are nothing alike."""
    return list(world("retail", 903, lefts=1, items=count, doubled=0.0).rights)


def test_the_same_barcode_and_pack_are_a_duplicate_for_certain():
    twin = replace(ITEM, id="I2", title="OW TEE NVY", sku="77", brand="")
    found = [g for g in duplicates([ITEM, twin, *others()]) if "I1" in g.ids]
    assert [g.ids for g in found] == [("I1", "I2")]
    assert found[0].pairs[0].certain


def test_the_same_barcode_in_another_pack_is_none():
    case = replace(ITEM, id="I2", pack="6", title="Harbour Crew Neck T-Shirt Navy M 6 pack")
    assert not [g for g in duplicates([ITEM, case, *others()]) if "I1" in g.ids]


def test_siblings_are_no_duplicates():
    sibling = replace(ITEM, id="I2", gtins=(), size="L", sku="OW100-NVY-L",
                      title="Harbour Crew Neck T-Shirt Navy L")  # fmt: skip
    assert not [g for g in duplicates([ITEM, sibling, *others()]) if "I1" in g.ids]


def test_a_group_never_holds_more_than_five():
    many = [replace(ITEM, id=f"I{n}") for n in range(12)]
    groups = list(duplicates([*many, *others()]))
    assert max(len(g.ids) for g in groups) <= 5
    ids = [i for g in groups for i in g.ids]
    assert len(ids) == len(set(ids))
