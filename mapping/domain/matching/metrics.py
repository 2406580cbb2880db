"""How good a ranking is, measured on pairs that are known to be right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mapping.domain.matching.records import Ranking, Verdict

BINS = 10


@dataclass(frozen=True, slots=True)
class Report:
    """All shares are 0..1. Recall and MRR count the variants that have an answer."""

    lefts: int
    with_answer: int
    recall_1: float
    recall_5: float
    recall_10: float
    mrr: float
    f1_first: float  # of first candidates at 50 % or more; an item may be many variants'
    f1_one_to_one: float
    auto: int
    auto_wrong: int
    calibration_error: float
    brier: float
    none_said: int
    none_right: int
    none_true: int
    bins: tuple[tuple[int, float, float], ...]  # (how many, mean confidence, share right)

    @property
    def auto_coverage(self) -> float:
        return self.auto / self.lefts if self.lefts else 0.0

    @property
    def auto_precision(self) -> float:
        return 1 - self.auto_wrong / self.auto if self.auto else 1.0


def report(rankings: Sequence[Ranking], answers: Mapping[str, frozenset[str]]) -> Report:
    """Score rankings against every acceptable answer; a variant without any has no item."""
    ranks: list[int] = []
    confidence: list[float] = []
    right: list[float] = []
    auto = auto_wrong = said = said_right = 0
    for ranking in rankings:
        good = answers.get(ranking.left_id, frozenset())
        if good:
            hits = [c.rank for c in ranking.candidates if c.right_id in good]
            ranks.append(min(hits, default=0))
        if ranking.candidates:
            first = ranking.candidates[0]
            confidence.append(first.confidence)
            right.append(float(first.right_id in good))
            if first.auto:
                auto += 1
                auto_wrong += first.right_id not in good
        if ranking.verdict is Verdict.NONE_LIKELY:
            said += 1
            said_right += not good
    total = max(len(ranks), 1)
    error, bins = calibration_error(confidence, right)
    return Report(
        lefts=len(rankings),
        with_answer=len(ranks),
        recall_1=sum(r == 1 for r in ranks) / total,
        recall_5=sum(0 < r <= 5 for r in ranks) / total,
        recall_10=sum(0 < r <= 10 for r in ranks) / total,
        mrr=sum(1 / r for r in ranks if r) / total,
        f1_first=_f1(confidence, right, len(ranks)),
        f1_one_to_one=one_to_one(rankings, answers),
        auto=auto,
        auto_wrong=auto_wrong,
        calibration_error=error,
        brier=float(np.mean((np.array(confidence) - np.array(right)) ** 2)) if right else 0.0,
        none_said=said,
        none_right=said_right,
        none_true=sum(not answers.get(r.left_id) for r in rankings),
        bins=bins,
    )


def _f1(confidence: Sequence[float], right: Sequence[float], wanted: int) -> float:
    said = [hit for chance, hit in zip(confidence, right, strict=True) if chance >= 0.5]
    return 2 * sum(said) / max(len(said) + wanted, 1)


def calibration_error(
    confidence: Sequence[float], right: Sequence[float]
) -> tuple[float, tuple[tuple[int, float, float], ...]]:
    """Expected calibration error over ten equal bins of the first candidate's confidence."""
    c, y = np.array(confidence), np.array(right)
    if not len(c):
        return 0.0, ()
    place = np.minimum((c * BINS).astype(int), BINS - 1)
    error, bins = 0.0, []
    for n in range(BINS):
        inside = place == n
        if not inside.any():
            bins.append((0, 0.0, 0.0))
            continue
        mean, share = float(c[inside].mean()), float(y[inside].mean())
        error += abs(mean - share) * float(inside.mean())
        bins.append((int(inside.sum()), mean, share))
    return error, tuple(bins)


def one_to_one(rankings: Sequence[Ranking], answers: Mapping[str, frozenset[str]]) -> float:
    """F1 when each item is given to one variant at most: surest pairs first, at 50 % or more."""
    pairs = sorted(
        (-c.confidence, c.rank, r.left_id, c.right_id)
        for r in rankings
        for c in r.candidates
        if c.confidence >= 0.5
    )
    lefts: set[str] = set()
    rights: set[str] = set()
    hits = 0
    for _, _, left, right in pairs:
        if left in lefts or right in rights:
            continue
        lefts.add(left)
        rights.add(right)
        hits += right in answers.get(left, frozenset())
    wanted = sum(bool(answers.get(r.left_id)) for r in rankings)
    return 2 * hits / max(len(lefts) + wanted, 1)
