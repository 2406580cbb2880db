"""Learning from people's decisions: small corrections to the prior, taken only when they help.

The prior stays; a decision moves a correction to its score (one weight a feature, pulled towards
zero) and straightens its confidence (slope and shift, pulled towards 1 and 0). With few decisions
next to nothing moves, with many their catalogue speaks. What a decision of an earlier VERSION of
the features did not see is unknown.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.domain.matching import features
from mapping.domain.matching.metrics import calibration_error
from mapping.domain.matching.model import Local, Model, hash_of, standardised
from mapping.domain.matching.records import Choice, Decision

ENOUGH = 200
# The latest decisions judge; they are not learnt from before they have judged.
JUDGES = 0.3
WORKING = 0.9
PULL = 12.0
PULL_CONFIDENCE = 3.0
# Noise of a share measured on few decisions: a difference below it is none.
SLACK_BRIER = 0.001
SLACK_PRECISION = 0.005


@dataclass(frozen=True, slots=True)
class Standing:
    """How a model did on decisions it had not seen. Shares are 0..1."""

    decisions: int
    recall_1: float
    brier: float
    calibration_error: float
    precision: float  # of those at the working threshold
    at_threshold: int


@dataclass(frozen=True, slots=True)
class Refit:
    """What came of a refit: `model` is the one to use from now on.

    `reason` says why nothing was swapped, empty when it was.
    """

    model: Model
    swapped: bool
    reason: str
    old: Standing
    new: Standing
    decisions: int
    data_hash: str


@dataclass(frozen=True)
class _Shown:
    """All shown candidates as rows, with labels; rejected-only decisions teach one row."""

    rows: features.Table
    groups: NDArray[np.int64]
    labels: NDArray[np.float64]
    counts: NDArray[np.bool_]  # whether the row may be learnt from

    def of(self, chosen: NDArray[np.bool_]) -> "_Shown":
        """The rows of the chosen decisions."""
        mask = chosen[self.groups]
        return _Shown(self.rows[mask], self.groups[mask], self.labels[mask], self.counts[mask])


def refit(decisions: Sequence[Decision], prior: Model) -> Refit:
    """Learn from all decisions, the oldest first, and keep the result only if it is no worse.

    Below ENOUGH decisions, or when the latest decisions come out worse, the model given is
    returned unchanged with the reason. The same decisions give the same model.
    """
    useful = [d for d in decisions if d.shown]
    data_hash = _hash(useful, prior)
    empty = Standing(0, 0.0, 0.0, 0.0, 0.0, 0)
    if len(useful) < ENOUGH:
        reason = f"{len(useful)} decisions, {ENOUGH} are needed"
        return Refit(prior, False, reason, empty, empty, len(useful), data_hash)
    shown = _shown(useful)
    number = np.arange(len(useful))
    judging = number >= int(len(useful) * (1 - JUDGES))
    trial = prior.with_local(_learn(shown.of(~judging), prior))
    judges = shown.of(judging)
    old, new = standing(prior, judges), standing(trial, judges)
    if reason := _worse(old, new):
        return Refit(prior, False, reason, old, new, len(useful), data_hash)
    final = prior.with_local(_learn(shown, prior))
    return Refit(final, True, "", old, new, len(useful), data_hash)


def standing(model: Model, shown: "_Shown") -> Standing:
    """Score a model on shown candidates, ordering them its own way."""
    scores = model.scores(shown.rows)
    chance = model.probabilities(shown.rows, scores, shown.groups)
    confidence: list[float] = []
    right: list[float] = []
    for start, stop in features.runs(shown.groups):
        if not shown.counts[start:stop].all():  # one rejection says nothing of the others
            continue
        best = start + int(np.argmax(scores[start:stop]))
        confidence.append(float(chance[best]))
        right.append(float(shown.labels[best]))
    c, y = np.array(confidence), np.array(right)
    sure = c >= WORKING
    return Standing(
        decisions=len(c),
        recall_1=float(y.mean()) if len(y) else 0.0,
        brier=float(np.mean((c - y) ** 2)) if len(y) else 0.0,
        calibration_error=calibration_error(confidence, right)[0],
        precision=float(y[sure].mean()) if sure.any() else 1.0,
        at_threshold=int(sure.sum()),
    )


def _worse(old: Standing, new: Standing) -> str:
    """Why the new one is not taken; empty when it is."""
    if not new.decisions:
        return "none of the latest decisions says which item was right"
    if new.brier > old.brier + SLACK_BRIER:
        return f"the Brier score rose from {old.brier:.4f} to {new.brier:.4f}"
    if new.precision < old.precision - SLACK_PRECISION:
        return (
            f"precision at {WORKING:.0%} confidence fell from {old.precision:.1%} "
            f"to {new.precision:.1%}"
        )
    return ""


def _shown(decisions: Sequence[Decision]) -> _Shown:
    rows: list[list[float]] = []
    groups: list[int] = []
    labels: list[float] = []
    counts: list[bool] = []
    for n, decision in enumerate(decisions):
        for right_id, seen in decision.shown:
            hit = right_id == decision.right_id
            rows.append([seen.get(name, math.nan) for name in features.NAMES])
            groups.append(n)
            labels.append(float(hit and decision.choice in {Choice.APPROVED, Choice.OTHER}))
            counts.append(decision.choice is not Choice.REJECTED or hit)
    return _Shown(
        np.array(rows, np.float32),
        np.array(groups, np.int64),
        np.array(labels, np.float64),
        np.array(counts, bool),
    )


def _learn(shown: _Shown, prior: Model) -> Local:
    """Weights from half of the decisions straighten the confidence on the other half."""
    centre = np.nan_to_num(np.nanmean(_with_values(shown.rows), axis=0), nan=0.0)
    scale = np.nan_to_num(np.nanstd(_with_values(shown.rows), axis=0), nan=1.0)
    scale = np.where(scale < 1e-3, 1.0, scale)
    base = Local(centre=tuple(centre.tolist()), scale=tuple(scale.tolist()))
    plain = prior.with_local(Local())
    odd = (shown.groups % 2).astype(bool)
    logits = np.zeros(len(shown.rows))
    for half in (odd, ~odd):
        weights = _weights(_part(shown, ~half), plain, base)
        local = Local((*weights,), base.centre, base.scale)
        part = _part(shown, half)
        logits[half] = _logits(plain.with_local(local), part)
    slope, shift = _straighten(logits[shown.counts], shown.labels[shown.counts])
    weights = _weights(shown, plain, base)
    decisions = len(np.unique(shown.groups))
    return Local(tuple(weights), base.centre, base.scale, slope, shift, decisions)


def _with_values(rows: features.Table) -> NDArray[np.float64]:
    """A column nobody filled gets zeros: its mean would be no number."""
    empty = np.isnan(rows).all(axis=0)
    return np.where(empty, 0.0, rows).astype(np.float64)


def _part(shown: _Shown, mask: NDArray[np.bool_]) -> _Shown:
    return _Shown(shown.rows[mask], shown.groups[mask], shown.labels[mask], shown.counts[mask])


def _logits(model: Model, shown: _Shown) -> NDArray[np.float64]:
    chance = model.probabilities(shown.rows, model.scores(shown.rows), shown.groups)
    chance = np.clip(chance, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(chance / (1 - chance)), np.float64)


def _weights(shown: _Shown, prior: Model, base: Local) -> list[float]:
    """Weights that make the chosen item the likeliest of those shown, pulled towards zero."""
    offset = prior.scores(shown.rows)
    values = standardised(shown.rows, base)
    spans = [
        (a, b, a + int(np.argmax(shown.labels[a:b])))
        for a, b in features.runs(shown.groups)
        if shown.labels[a:b].any() and b - a > 1
    ]

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        score = offset + values @ weights
        total = 0.5 * PULL * float(weights @ weights)
        slope = PULL * weights
        for start, stop, chosen in spans:
            part = score[start:stop] - score[start:stop].max()
            share = np.exp(part)
            share /= share.sum()
            total -= float(np.log(max(share[chosen - start], 1e-12)))
            slope = slope + share @ values[start:stop] - values[chosen]
        return total, slope

    found = _lowest(loss, np.zeros(values.shape[1]), jac=True, method="L-BFGS-B",
                    options={"maxiter": 60})  # fmt: skip
    return [round(float(w), 6) for w in found]


def _straighten(logits: NDArray[np.float64], labels: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and shift of the confidence, pulled towards 1 and 0."""

    def loss(pair: NDArray[np.float64]) -> float:
        z = pair[0] * logits + pair[1]
        cost = np.logaddexp(0, z) - labels * z
        return float(cost.sum() + PULL_CONFIDENCE * ((pair[0] - 1) ** 2 + pair[1] ** 2))

    found = _lowest(loss, np.array([1.0, 0.0]), method="Nelder-Mead",
                    options={"xatol": 1e-5, "fatol": 1e-7})  # fmt: skip
    return max(round(float(found[0]), 6), 0.05), round(float(found[1]), 6)


def _lowest(
    loss: Callable[..., Any], start: NDArray[np.float64], **how: Any
) -> NDArray[np.float64]:
    """Where the loss is lowest, by scipy's `minimize`."""
    # Every web worker and command imports this module, and few of them learn.
    from scipy.optimize import minimize  # noqa: PLC0415

    return np.asarray(minimize(loss, start, **how).x, np.float64)


def _hash(decisions: Sequence[Decision], prior: Model) -> str:
    parts = [prior.version.encode()]
    for d in decisions:
        shown = [
            [key, *(float(seen.get(n, math.nan)) for n in features.NAMES)] for key, seen in d.shown
        ]
        parts.append(json.dumps([d.left_id, d.choice, d.right_id, shown]).encode())
    return hash_of(parts)


def as_plain(standing_: Standing) -> dict[str, float]:
    """For a JSON column."""
    return asdict(standing_)
