"""The ERP items, ready to be asked: one path for screens, commands and benches."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mapping.domain.matching import auto, evidence, features, rivals
from mapping.domain.matching.index import Index, Pairs, Side
from mapping.domain.matching.model import Model, corrected, prior, top
from mapping.domain.matching.parsed import Parsed, Parser
from mapping.domain.matching.records import (
    Candidate,
    Facts,
    Ranking,
    Record,
    Synonyms,
    Verdict,
)

# Variants compared at once: bounds the memory of the pair table.
BATCH = 500
# So many variants are held at once, and so many tell what a catalogue is like.
SAMPLE = 2_000
# Below this chance that any of the shown is right, the item is probably missing.
EXPECT_NONE = 0.5
CLEAR = 0.8
RIVAL = 0.35
NOBODY = Facts()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Batch:
    """Candidates of some variants, best first: `groups` are the variants' places in the batch."""

    lefts: Sequence[Parsed]
    groups: NDArray[np.int64]
    rights: NDArray[np.int64]
    rows: features.Table
    chance: NDArray[np.float64]


class Catalogue:
    """An item master that variants are ranked against.

    Building reads every item once (about 25 s for 100,000); `update` takes single changes in.
    Nothing is kept of the variants.
    """

    def __init__(self, records: Iterable[Record], *, synonyms: Synonyms | None = None) -> None:
        self.index = Index(records, Parser(synonyms))

    def __len__(self) -> int:
        return len(self.index.right.items)

    def update(self, changed: Sequence[Record], removed: Iterable[str] = ()) -> None:
        """Replace or add changed items, drop removed ones. Running it twice changes nothing."""
        self.index.replace(changed, removed)

    def rank(
        self,
        lefts: Sequence[Record],
        *,
        limit: int = 10,
        model: Model | None = None,
        facts: Facts = NOBODY,
        explain: bool = True,
        base: tuple[float, float] | None = None,
        alone: bool = False,
    ) -> list[Ranking]:
        """Rank items for each variant, in the order given. Equal input gives equal output.

        A barcode carried by several of these variants of one seller bars automatic confirmation,
        so pass the variants of a seller together or count the others in `facts.claimed`. From a
        hundred variants on their confidences are corrected for what they show of the catalogue
        as a whole (for fewer give the `base` that `self.base(all_variants)` once returned), and an
        item that another variant of the seller claims is less likely (`rivals`); not so when each
        stands `alone`.
        """
        found = self.iterate(
            lefts, limit=limit, model=model, facts=facts, explain=explain, base=base, alone=alone
        )
        return list(found)

    def iterate(
        self,
        lefts: Sequence[Record],
        *,
        limit: int = 10,
        model: Model | None = None,
        facts: Facts = NOBODY,
        explain: bool = True,
        base: tuple[float, float] | None = None,
        alone: bool = False,
    ) -> Iterator[Ranking]:
        """The same, batch by batch, for files that are larger than memory should be."""
        model = model or prior()
        read = self.index.parser.parse
        few = [read(r) for r in lefts] if len(lefts) <= SAMPLE else []
        claimed = auto.claims(few or (read(r) for r in lefts if r.gtins))
        if not few:  # too many to hold: the sample speaks for all
            base = base or self.base(lefts, model=model)
        for held in _cut(lefts, SAMPLE):
            parsed = few or [read(r) for r in held]
            batches = [self._batch(p, max(limit, 2), model, facts) for p in _cut(parsed, BATCH)]
            base = base or model.base(_first(batches))
            for batch in _corrected(batches, base, alone):
                yield from self._rankings(batch, limit, facts, claimed, explain)

    def base(self, lefts: Sequence[Record], *, model: Model | None = None) -> tuple[float, float]:
        """The correction these variants as a whole ask for; keep it for ranking a single one."""
        model = model or prior()
        step = max(1, len(lefts) // SAMPLE)
        read = self.index.parser.parse
        sample = [read(r) for r in lefts[::step]]
        return model.base(_first([self._batch(p, 2, model, NOBODY) for p in _cut(sample, BATCH)]))

    def _rankings(
        self,
        batch: "_Batch",
        limit: int,
        facts: Facts,
        claimed: auto.Claims,
        explain: bool,
    ) -> Iterator[Ranking]:
        spans = {int(batch.groups[a]): (a, b) for a, b in features.runs(batch.groups)}
        for n, left in enumerate(batch.lefts):
            a, b = spans.get(n, (0, 0))
            items = [self.index.right.items[r] for r in batch.rights[a:b].tolist()]
            sure, rows = batch.chance[a:b], batch.rows[a:b]
            yield self._ranking(left, items, sure, rows, limit, facts, claimed, explain)

    def _batch(self, lefts: Sequence[Parsed], kept: int, model: Model, facts: Facts) -> "_Batch":
        """The best candidates of some variants with their raw confidence."""
        side = self.index.side(lefts)
        pairs = self.index.candidates(side, facts)
        rows = features.table(self.index, side, pairs)
        scores = model.scores(rows)
        if facts.rejected:
            scores = scores - 50.0 * self._rejected(side, pairs, facts)
        best = top(scores, pairs.left, kept)
        groups = pairs.left[best]
        chance = model.probabilities(rows[best], scores[best], groups)
        return _Batch(lefts, groups, pairs.right[best], rows[best], chance)

    def _rejected(self, side: Side, pairs: Pairs, facts: Facts) -> NDArray[np.float64]:
        """1 where a person said no: such a pair is never first again."""
        items = self.index.right.items
        return np.array(
            [
                (side.items[a].record.id, items[b].record.id) in facts.rejected
                for a, b in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)
            ],
            np.float64,
        )

    def _ranking(
        self,
        left: Parsed,
        items: list[Parsed],
        confidences: NDArray[np.float64],
        rows: features.Table,
        limit: int,
        facts: Facts,
        claimed: auto.Claims,
        explain: bool,
    ) -> Ranking:
        kind = auto.kind_of(left, items[: auto.NEAREST])
        found: list[Candidate] = []
        for n, item in enumerate(items[:limit]):
            confidence = round(float(confidences[n]), 6)
            reasons = auto.vetoes(
                left,
                item,
                confidence=confidence,
                kind=kind,
                index=self.index,
                claimed=claimed,
                facts=facts,
            )
            if n > 0:
                reasons = ("another item is likelier", *reasons)
            found.append(
                Candidate(
                    right_id=item.record.id,
                    rank=n + 1,
                    confidence=confidence,
                    auto=not reasons,
                    vetoes=reasons,
                    evidence=evidence.explain(left, item) if explain else (),
                    features=dict(zip(features.NAMES, rows[n].tolist(), strict=True))
                    if explain
                    else {},
                )
            )
        verdict = judge(confidences)
        decides = evidence.decides(items[0], items[1]) if len(items) > 1 else ""
        return Ranking(left.record.id, verdict, tuple(found), decides)


def judge(confidences: NDArray[np.float64]) -> Verdict:
    """suggest, ambiguous or none likely, by the chance of the first and of all together."""
    if not len(confidences):
        return Verdict.NONE_LIKELY
    if float(1 - np.prod(1 - confidences[:5])) < EXPECT_NONE:
        return Verdict.NONE_LIKELY
    first = float(confidences[0])
    second = float(confidences[1]) if len(confidences) > 1 else 0.0
    if first < CLEAR and second > RIVAL * first:
        return Verdict.AMBIGUOUS
    return Verdict.SUGGEST


def _first(batches: Sequence[_Batch]) -> NDArray[np.float64]:
    """The confidence of each variant's first item."""
    return np.array([b.chance[a] for b in batches for a, _ in features.runs(b.groups)])


def _corrected(
    batches: Sequence[_Batch], base: tuple[float, float], alone: bool
) -> Iterator[_Batch]:
    """The batches with corrected confidences, and each variant's candidates in their order."""
    chances = [_falling(corrected(b.chance, base), b.groups) for b in batches]
    if alone:
        yield from (replace(b, chance=c) for b, c in zip(batches, chances, strict=True))
        return
    starts = np.cumsum([0, *(len(b.lefts) for b in batches)])
    variants = [b.groups + start for b, start in zip(batches, starts, strict=False)]
    names: dict[str, int] = {}
    sellers = [
        np.array([names.setdefault(left.record.seller, len(names)) for left in b.lefts], np.int64)
        for b in batches
    ]
    weighed = rivals.weighed(
        np.concatenate(variants),
        np.concatenate([b.rights for b in batches]),
        np.concatenate([own[b.groups] for own, b in zip(sellers, batches, strict=True)]),
        np.concatenate(chances),
    )
    stops = np.cumsum([len(chance) for chance in chances])[:-1]
    for batch, chance in zip(batches, np.split(weighed, stops), strict=True):
        order = top(chance, batch.groups, len(chance))
        yield replace(
            batch, rights=batch.rights[order], rows=batch.rows[order], chance=chance[order]
        )


def _falling(chance: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """No candidate surer than the one before it: the order is the trees', which see more."""
    spans = [np.minimum.accumulate(chance[a:b]) for a, b in features.runs(groups)]
    return np.concatenate(spans) if spans else chance


def _cut(whole: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(whole), size):
        yield whole[start : start + size]
