"""The ERP items, ready to be asked: one path for screens, commands and benches."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.domain.matching import auto, evidence, features
from mapping.domain.matching.index import Index, Pairs, Side
from mapping.domain.matching.model import Model, prior, top
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
# Below this chance that any of the shown is right, the item is probably missing.
EXPECT_NONE = 0.5
CLEAR = 0.8
RIVAL = 0.35
NOBODY = Facts()


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
    ) -> list[Ranking]:
        """Rank items for each variant, in the order given. Equal input gives equal output.

        A barcode carried by several of these variants of one seller bars automatic confirmation,
        so pass the variants of a seller together or count the others in `facts.claimed`.
        """
        return list(self.iterate(lefts, limit=limit, model=model, facts=facts, explain=explain))

    def iterate(
        self,
        lefts: Sequence[Record],
        *,
        limit: int = 10,
        model: Model | None = None,
        facts: Facts = NOBODY,
        explain: bool = True,
    ) -> Iterator[Ranking]:
        """The same, batch by batch, for files that are larger than memory should be."""
        model = model or prior()
        claimed = _claimed(lefts, self.index.parser)
        for start in range(0, len(lefts), BATCH):
            side = self.index.lefts(lefts[start : start + BATCH])
            pairs = self.index.candidates(side, facts)
            rows = features.table(self.index, side, pairs)
            yield from self._rank(side, pairs, rows, limit, model, facts, claimed, explain)

    def _rank(
        self,
        side: Side,
        pairs: Pairs,
        rows: features.Table,
        limit: int,
        model: Model,
        facts: Facts,
        claimed: Any,
        explain: bool,
    ) -> Iterator[Ranking]:
        scores = model.scores(rows)
        if facts.rejected:
            scores = scores - 50.0 * self._rejected(side, pairs, facts)
        kept = top(scores, pairs.left, max(limit, 2))
        groups, rights = pairs.left[kept], pairs.right[kept]
        chance = model.probabilities(rows[kept], scores[kept], groups)
        spans = {int(groups[a]): (a, b) for a, b in features.runs(groups)}
        for n, left in enumerate(side.items):
            start, stop = spans.get(n, (0, 0))
            items = [self.index.right.items[r] for r in rights[start:stop].tolist()]
            confidences = np.minimum.accumulate(chance[start:stop]) if items else chance[:0]
            yield self._ranking(
                left, items, confidences, rows[kept[start:stop]], limit, facts, claimed, explain
            )

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
        claimed: Any,
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


def _claimed(lefts: Sequence[Record], parser: Parser) -> Any:
    """Barcodes over all variants of the call, not only those of a batch."""
    return auto.claims([parser.parse(r) for r in lefts if r.gtins])
