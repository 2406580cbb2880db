"""Boosted trees: grown by scikit-learn, kept and read as plain numbers.

A model file holds no code. Prediction is numpy alone, so a stored model gives the same numbers
whatever version of the library grew it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

# Rows walked at once: what they need stays in the processor's cache.
CHUNK = 4_000


@dataclass(frozen=True, slots=True)
class Forest:
    """All trees in flat arrays. A leaf points to itself, so that every row walks `depth` steps."""

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    low: NDArray[np.int32]
    high: NDArray[np.int32]
    missing_low: NDArray[np.bool_]
    value: NDArray[np.float64]
    base: float
    depth: int

    def logits(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """The sum of all trees for each row."""
        # Every value twice: as it is, and with what is missing below everything. An unknown value
        # is never <= a threshold, so the choice between the two says where a node sends it.
        column = self.feature.astype(np.int64) * 2 + self.missing_low
        child = np.stack([self.high, self.low], axis=1).ravel().astype(np.int64)
        parts = [self._sums(rows[n : n + CHUNK], column, child) for n in range(0, len(rows), CHUNK)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _sums(
        self, rows: NDArray[np.float32], column: NDArray[np.int64], child: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        twice = np.stack([rows, np.where(np.isnan(rows), -np.inf, rows)], axis=2)
        flat = twice.astype(np.float64).ravel()
        offset = np.arange(len(rows), dtype=np.int64) * (2 * rows.shape[1])
        total = np.full(len(rows), self.base)
        for root in self.roots:
            node = np.full(len(rows), root, np.int64)
            for _ in range(self.depth):
                lower = flat.take(offset + column.take(node)) <= self.threshold.take(node)
                node = child.take(2 * node + lower)
            total += self.value.take(node)
        return total

    def as_json(self) -> dict[str, Any]:
        return {
            "roots": self.roots.tolist(),
            "feature": self.feature.tolist(),
            "threshold": [_short(x) for x in self.threshold.tolist()],
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "missing_low": self.missing_low.astype(int).tolist(),
            "value": [_short(x) for x in self.value.tolist()],
            "base": _short(self.base),
            "depth": self.depth,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Forest":
        return cls(
            np.asarray(data["roots"], np.int32),
            np.asarray(data["feature"], np.int32),
            np.asarray([np.inf if x is None else x for x in data["threshold"]], np.float64),
            np.asarray(data["low"], np.int32),
            np.asarray(data["high"], np.int32),
            np.asarray(data["missing_low"], bool),
            np.asarray(data["value"], np.float64),
            float(data["base"]),
            int(data["depth"]),
        )


def _short(value: float) -> float | None:
    """Six significant digits: a smaller file, and no last-bit noise. None stands for infinity."""
    return None if np.isinf(value) else float(f"{value:.6g}")


def grow(
    rows: NDArray[np.float32],
    labels: NDArray[Any],
    weights: NDArray[Any],
    directions: Sequence[int],
    *,
    trees: int = 150,
    leaves: int = 16,
    rate: float = 0.08,
    smallest: int = 40,
) -> Forest:
    """Grow trees in which a feature may only push in its direction.

    The same data give the same trees, on one core or on many.
    """
    # Every web worker and command imports this module, and few of them train.
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415

    empty = np.isnan(rows).all(axis=0)
    if empty.any():  # the library cannot bin a column without a value
        rows = np.where(empty, np.float32(0), rows)
    model = HistGradientBoostingClassifier(
        learning_rate=rate,
        max_iter=trees,
        max_leaf_nodes=leaves,
        max_depth=7,
        min_samples_leaf=smallest,
        l2_regularization=2.0,
        monotonic_cst=list(directions),
        early_stopping=False,
        max_features=0.5,
        random_state=7,
    )
    with threadpool_limits(limits=2):
        model.fit(rows, labels, sample_weight=weights)
    return _flatten(model)


def _flatten(model: "HistGradientBoostingClassifier") -> Forest:
    """scikit-learn's nodes laid end to end."""
    parts = [stage[0].nodes for stage in model._predictors]
    starts = np.cumsum([0, *(len(p) for p in parts)])[:-1]
    nodes = np.concatenate(parts)
    shift = np.repeat(starts, [len(p) for p in parts])
    own = np.arange(len(nodes))
    leaf = nodes["is_leaf"].astype(bool)
    return Forest.from_json(
        Forest(
            roots=starts.astype(np.int32),
            feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int32),
            threshold=np.where(leaf, np.inf, nodes["num_threshold"]),
            low=np.where(leaf, own, nodes["left"] + shift).astype(np.int32),
            high=np.where(leaf, own, nodes["right"] + shift).astype(np.int32),
            missing_low=(leaf | nodes["missing_go_to_left"].astype(bool)),
            value=np.where(leaf, nodes["value"], 0.0),
            base=float(np.ravel(model._baseline_prediction)[0]),
            depth=int(nodes["depth"].max()),
        ).as_json()
    )
