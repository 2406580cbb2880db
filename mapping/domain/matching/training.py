"""How a prior is made: worlds with known answers in, a Model out. Same worlds, same bytes.

The confidence is trained on scores that trees grown on *other* worlds gave, for that is the
situation of every installation: a catalogue the prior has not seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.domain.matching import adaptation, features
from mapping.domain.matching.catalogue import Catalogue
from mapping.domain.matching.index import Index
from mapping.domain.matching.model import (
    SECOND_DIRECTIONS,
    Model,
    hash_of,
    second_rows,
    top,
)
from mapping.domain.matching.parsed import Parser
from mapping.domain.matching.records import Facts, Record
from mapping.domain.matching.trees import Forest, grow

# How many candidates of each variant teach the confidence.
SHOWN = 5


@dataclass(frozen=True)
class World:
    """Variants, items and every acceptable answer. `kind` groups worlds that are alike."""

    name: str
    kind: str
    lefts: Sequence[Record]
    rights: Sequence[Record]
    answers: Mapping[str, frozenset[str]]
    weight: float = 1.0


@dataclass(frozen=True)
class Lesson:
    """A world as numbers."""

    name: str
    kind: str
    rows: features.Table
    labels: NDArray[np.bool_]
    groups: NDArray[np.int64]
    weight: float


def lesson(world: World) -> Lesson:
    """Every candidate pair of a world with its label."""
    index = Index(world.rights, Parser())
    tables: list[features.Table] = []
    labels: list[NDArray[np.bool_]] = []
    groups: list[NDArray[np.int64]] = []
    for start in range(0, len(world.lefts), 500):
        side = index.lefts(world.lefts[start : start + 500])
        pairs = index.candidates(side, Facts())
        tables.append(features.table(index, side, pairs))
        good = [
            index.right.items[b].record.id in world.answers.get(side.items[a].record.id, ())
            for a, b in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)
        ]
        labels.append(np.array(good, bool))
        groups.append(pairs.left + start)
    return Lesson(
        world.name,
        world.kind,
        np.concatenate(tables),
        np.concatenate(labels),
        np.concatenate(groups),
        world.weight,
    )


def fit(lessons: Sequence[Lesson], *, notes: Mapping[str, Any] | None = None) -> Model:
    """Train both stages; `settle` does the rest. Every variant weighs the same in its world."""
    order = _order(lessons)
    rows: list[NDArray[np.float32]] = []
    labels: list[NDArray[Any]] = []
    weights: list[NDArray[Any]] = []
    for learnt, scores in _unseen(lessons):
        kept = top(scores, learnt.groups, SHOWN)
        rows.append(second_rows(learnt.rows[kept], scores[kept], learnt.groups[kept]))
        labels.append(learnt.labels[kept])
        weights.append(np.full(len(kept), learnt.weight))
    confidence = grow(
        np.concatenate(rows),
        np.concatenate(labels),
        np.concatenate(weights),
        SECOND_DIRECTIONS,
        trees=80,
        leaves=8,
        rate=0.08,
        smallest=60,
    )
    data_hash = hash_of(
        [part for x in lessons for part in (x.name.encode(), x.rows.tobytes(), x.labels.tobytes())]
    )
    return Model(order, confidence, data_hash, notes or {})


def settle(model: Model, worlds: Sequence[World]) -> Model:
    """Learn what the confidences of a whole catalogue say about it, from worlds the trees have not
    seen; the trees stay as they are.
    """
    seen = []
    for world in worlds:
        ranked = Catalogue(world.rights).rank(
            world.lefts, limit=1, model=model, explain=False, base=(1.0, 0.0), alone=True
        )
        firsts = [(r.left_id, r.candidates[0]) for r in ranked if r.candidates]
        chance = np.array([first.confidence for _, first in firsts])
        good = [first.right_id in world.answers.get(key, ()) for key, first in firsts]
        seen.append((chance, np.array(good, np.float64)))
    return replace(model, adaptation=adaptation.fit(seen))


def _order(lessons: Sequence[Lesson]) -> Forest:
    return grow(
        np.concatenate([x.rows for x in lessons]),
        np.concatenate([x.labels for x in lessons]),
        np.concatenate([_weights(x) for x in lessons]),
        [features.DIRECTIONS[n] for n in features.NAMES],
        trees=180,
        leaves=16,
    )


def _weights(learnt: Lesson) -> NDArray[np.float64]:
    """A variant with many candidates weighs no more than one with few."""
    count = np.bincount(learnt.groups, minlength=int(learnt.groups.max(initial=0)) + 1)
    return learnt.weight * 20.0 / count[learnt.groups]


def _unseen(lessons: Sequence[Lesson]) -> list[tuple[Lesson, NDArray[np.float64]]]:
    """Scores of each world by trees that have not seen it: nor its variants, and, half the time,
    nor its kind.
    """
    found: list[tuple[Lesson, NDArray[np.float64]]] = []
    names = sorted({_unseen_together(x) for x in lessons})
    folds = [names[n::4] for n in range(4)] if len(names) > 3 else [[n] for n in names]
    for held in folds:
        forest = _order([x for x in lessons if _unseen_together(x) not in held] or lessons)
        found.extend((x, forest.logits(x.rows)) for x in lessons if _unseen_together(x) in held)
    return found


def _unseen_together(learnt: Lesson) -> str:
    """The worlds of one real catalogue hold the same variants: who has seen one has seen all."""
    return learnt.kind if learnt.kind == "real" else learnt.name
