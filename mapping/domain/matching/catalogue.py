"""The ERP items, ready to be asked: one path for screens, commands and benches."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mapping.domain.matching import auto, evidence, features
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
    ) -> list[Ranking]:
        """Rank items for each variant, in the order given. Equal input gives equal output.

        A barcode carried by several of these variants of one seller bars automatic confirmation,
        so pass the variants of a seller together or count the others in `facts.claimed`. From a
        hundred variants on their confidences are corrected for what they show of the catalogue
        as a whole; for fewer give the `base` that `self.base(all_variants)` once returned.
        """
        return list(
            self.iterate(lefts, limit=limit, model=model, facts=facts, explain=explain, base=base)
        )

    def iterate(
        self,
        lefts: Sequence[Record],
        *,
        limit: int = 10,
        model: Model | None = None,
        facts: Facts = NOBODY,
        explain: bool = True,
        base: tuple[float, float] | None = None,
    ) -> Iterator[Ranking]:
        """The same, batch by batch, for files that are larger than memory should be."""
        model = model or prior()
        read = self.index.parser.parse
        parsed: Sequence[Parsed] | None = None
        if len(lefts) <= SAMPLE:
            parsed = [read(r) for r in lefts]
        claimed = auto.claims(parsed if parsed is not None else (read(r) for r in lefts if r.gtins))
        batches: Iterable[_Batch]
        if parsed is not None:
            held = [self._batch(p, max(limit, 2), model, facts) for p in _cut(parsed)]
            base = base or model.base(_first(held))
            batches = held
        else:  # too many to hold: the sample speaks for all, and each batch is read as it comes
            base = base or self.base(lefts, model=model)
            batches = (
                self._batch([read(r) for r in part], max(limit, 2), model, facts)
                for part in _cut(lefts)
            )
        for batch in batches:
            yield from self._rankings(
                batch, corrected(batch.chance, base), limit, facts, claimed, explain
            )

    def base(self, lefts: Sequence[Record], *, model: Model | None = None) -> tuple[float, float]:
        """The correction these variants as a whole ask for; keep it for ranking a single one."""
        model = model or prior()
        step = max(1, len(lefts) // SAMPLE)
        read = self.index.parser.parse
        sample = [read(r) for r in lefts[::step]]
        return model.base(_first([self._batch(p, 2, model, NOBODY) for p in _cut(sample)]))

    def _rankings(
        self,
        batch: "_Batch",
        chance: NDArray[np.float64],
        limit: int,
        facts: Facts,
        claimed: auto.Claims,
        explain: bool,
    ) -> Iterator[Ranking]:
        spans = {int(batch.groups[a]): (a, b) for a, b in features.runs(batch.groups)}
        for n, left in enumerate(batch.lefts):
            a, b = spans.get(n, (0, 0))
            items = [self.index.right.items[r] for r in batch.rights[a:b].tolist()]
            sure = np.minimum.accumulate(chance[a:b]) if items else chance[:0]
            yield self._ranking(left, items, sure, batch.rows[a:b], limit, facts, claimed, explain)

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


def _cut(whole: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(whole), BATCH):
        yield whole[start : start + BATCH]
