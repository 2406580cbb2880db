"""A catalogue nobody has seen: what the confidences of all its variants say about it.

How many variants have an item at all differs from one catalogue to the next, and with it what a
score means. The spread of the confidences over a whole catalogue shows it without any answer:
the expected share is found by the usual re-weighting, and how far it may move the confidences is
learnt from many invented catalogues, thinned to other shares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Fewer variants say too little about their catalogue.
ENOUGH = 100
PULL = 2.0
_THIN = ((1.0, 1.0), (1.0, 0.3), (0.3, 1.0), (1.0, 0.1), (0.6, 1.0), (0.15, 1.0))
_STATISTICS = 5


@dataclass(frozen=True, slots=True)
class Adaptation:
    """Shift and slope of a confidence's logit, as weights of a catalogue's statistics."""

    usual: float = 0.6
    shift: tuple[float, ...] = (0.0,) * _STATISTICS
    slope: tuple[float, ...] = (0.0,) * _STATISTICS

    def as_json(self) -> dict[str, Any]:
        return {"usual": self.usual, "shift": list(self.shift), "slope": list(self.slope)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Adaptation":
        return cls(float(data["usual"]), tuple(data["shift"]), tuple(data["slope"]))

    def correction(self, first: Floats) -> tuple[float, float]:
        """(slope, shift) for a catalogue, by the confidences of its variants' first items."""
        if len(first) < ENOUGH:
            return 1.0, 0.0
        trust = len(first) / (len(first) + ENOUGH)
        seen = statistics(first, self.usual)
        shift = float(np.dot(self.shift, seen)) * trust
        slope = 1.0 + float(np.dot(self.slope, seen)) * trust
        return max(slope, 0.3), shift


def logit(p: Floats) -> Floats:
    p = np.clip(p, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(p / (1 - p)), np.float64)


def statistics(first: Floats, usual: float) -> Floats:
    """What a catalogue looks like: expected share, doubt, and how many are nearly certain."""
    p = np.clip(first, 1e-4, 1 - 1e-4)
    doubt = float(np.mean(4 * p * (1 - p)))
    share = float(np.clip(_expected_share(p, usual), 0.02, 0.98))
    moved = float(logit(np.array([share]))[0] - logit(np.array([usual]))[0])
    return np.array(
        [1.0, moved, moved * (doubt - 0.4), doubt - 0.4, float(np.mean(p)) - usual], np.float64
    )


def _expected_share(p: Floats, usual: float) -> float:
    """The share of right first items under which the confidences explain themselves."""
    share = usual
    for _ in range(100):
        right = p * share / usual
        wrong = (1 - p) * (1 - share) / (1 - usual)
        new = float(np.mean(right / (right + wrong)))
        if abs(new - share) < 1e-6:
            break
        share = min(max(new, 1e-3), 1 - 1e-3)
    return share


def fit(worlds: Sequence[tuple[Floats, Floats]]) -> Adaptation:
    """Learn from (confidence, right or not) of the first items of many catalogues."""
    # Every web worker and command imports this module, and few of them train.
    from scipy.optimize import minimize  # noqa: PLC0415

    usual = round(float(np.mean([np.mean(y) for _, y in worlds])), 3)
    usual = min(max(usual, 0.3), 0.9)
    draws = np.random.default_rng(11)
    cases: list[tuple[Floats, Floats, Floats]] = []
    for p, y in worlds:
        for keep_right, keep_wrong in _THIN:
            kept = draws.random(len(y)) < np.where(y == 1, keep_right, keep_wrong)
            if kept.sum() >= ENOUGH:
                cases.append((logit(p[kept]), y[kept], statistics(p[kept], usual)))
    if not cases:
        return Adaptation(usual)

    def loss(weights: Floats) -> float:
        shift, slope = weights[:_STATISTICS], weights[_STATISTICS:]
        total = PULL * float(weights @ weights) / len(cases)
        for z, y, seen in cases:
            moved = max(1.0 + float(slope @ seen), 0.3) * z + float(shift @ seen)
            total += float(np.mean(np.logaddexp(0, moved) - y * moved)) / len(cases)
        return total

    found = minimize(loss, np.zeros(2 * _STATISTICS), method="L-BFGS-B").x
    weights = [round(float(w), 4) for w in found]
    return Adaptation(usual, tuple(weights[:_STATISTICS]), tuple(weights[_STATISTICS:]))
