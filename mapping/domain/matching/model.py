"""A trained ranking: trees for the order, trees for the confidence, what was learnt on site.

A model is plain JSON: numbers and names, no code. Equal training data give equal bytes.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.domain.matching import features
from mapping.domain.matching.adaptation import Adaptation, logit
from mapping.domain.matching.trees import Forest

FORMAT = 1
PRIOR_FILE = Path(__file__).with_name("prior.json")
# What the second stage sees besides the score and its lead over the best rival.
SECOND = (
    "gtin", "conflicts", "agreements", "gram_cosine", "word_cover_left", "word_cover_right",
    "detail_cover_left", "heaviest_unshared_left", "model", "version", "crowd", "missing_left",
    "code_start_lead", "mark",
)  # fmt: skip
SECOND_NAMES = ("score", "lead", *SECOND)
SECOND_DIRECTIONS = (1, 1, *(features.DIRECTIONS[n] for n in SECOND))
_COLUMNS = [features.NAMES.index(n) for n in SECOND]


class UnreadableModel(ValueError):
    """A model file of another format or for other features."""


@dataclass(frozen=True, slots=True)
class Local:
    """What an installation learnt from its own decisions, on top of the prior.

    `weights` are added to the score (features centred, unknown counts nothing); `slope` and
    `shift` straighten the confidence.
    """

    weights: tuple[float, ...] = ()
    centre: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    slope: float = 1.0
    shift: float = 0.0
    decisions: int = 0


@dataclass(frozen=True)
class Model:
    """Scores and confidences for rows of `features.table`."""

    order: Forest
    confidence: Forest
    data_hash: str
    notes: Mapping[str, Any] = field(default_factory=dict)
    local: Local = Local()
    adaptation: Adaptation = field(default_factory=Adaptation)

    @property
    def version(self) -> str:
        """A short name that differs whenever a number differs."""
        return hashlib.sha256(self.to_bytes()).hexdigest()[:12]

    def scores(self, rows: features.Table) -> NDArray[np.float64]:
        """The likelier the pair, the higher; no probability."""
        score = self.order.logits(rows)
        if self.local.weights:
            score = score + standardised(rows, self.local) @ np.asarray(self.local.weights)
        return score

    def probabilities(
        self, rows: features.Table, scores: NDArray[Any], groups: NDArray[Any]
    ) -> NDArray[np.float64]:
        """P(right) of each row, given all rows of its variant."""
        logits = self.confidence.logits(second_rows(rows, scores, groups))
        return sigmoid(self.local.slope * logits + self.local.shift)

    def base(self, first: NDArray[Any]) -> tuple[float, float]:
        """What the first items' confidences over a whole catalogue say about it: (slope, shift).

        Nothing is corrected once an installation's own decisions have straightened the
        confidence.
        """
        return (1.0, 0.0) if self.local.decisions else self.adaptation.correction(first)

    def with_local(self, local: Local) -> "Model":
        return replace(self, local=local)

    def to_bytes(self) -> bytes:
        """The same model gives the same bytes."""
        data = {
            "format": FORMAT,
            "feature_version": features.VERSION,
            "features": list(features.NAMES),
            "second_features": list(SECOND_NAMES),
            "data_hash": self.data_hash,
            "notes": dict(self.notes),
            "adaptation": self.adaptation.as_json(),
            "order": self.order.as_json(),
            "confidence": self.confidence.as_json(),
            "local": {
                "weights": list(self.local.weights),
                "centre": list(self.local.centre),
                "scale": list(self.local.scale),
                "slope": self.local.slope,
                "shift": self.local.shift,
                "decisions": self.local.decisions,
            },
        }
        return json.dumps(data, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_bytes(cls, body: bytes) -> "Model":
        """Read a stored model. Raises UnreadableModel when it is none or of another making."""
        try:
            data = json.loads(body)
            if data["format"] != FORMAT or data["feature_version"] != features.VERSION:
                raise UnreadableModel("the model is of another format; train it again")
            if data["features"] != list(features.NAMES):
                raise UnreadableModel("the model knows other features; train it again")
            if data["second_features"] != list(SECOND_NAMES):
                raise UnreadableModel("the model knows other features; train it again")
            local = data["local"]
            return cls(
                Forest.from_json(data["order"]),
                Forest.from_json(data["confidence"]),
                data["data_hash"],
                data["notes"],
                Local(
                    tuple(local["weights"]),
                    tuple(local["centre"]),
                    tuple(local["scale"]),
                    local["slope"],
                    local["shift"],
                    local["decisions"],
                ),
                Adaptation.from_json(data["adaptation"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, UnreadableModel):
                raise
            raise UnreadableModel(f"this is no stored model: {error}") from error


@cache
def prior() -> Model:
    """The model as shipped."""
    return Model.from_bytes(PRIOR_FILE.read_bytes())


def standardised(rows: features.Table, local: Local) -> NDArray[np.float64]:
    """Features around zero in comparable steps; unknown is zero."""
    centred = (rows - np.asarray(local.centre)) / np.asarray(local.scale)
    steps: NDArray[np.float64] = np.clip(np.nan_to_num(centred, nan=0.0), -4, 4)
    return steps


def second_rows(
    rows: features.Table, scores: NDArray[Any], groups: NDArray[Any]
) -> NDArray[np.float32]:
    """What the confidence is read from."""
    leads = features.lead(scores, groups)
    return np.column_stack([scores, leads, rows[:, _COLUMNS]]).astype(np.float32)


def sigmoid(logits: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -30, 30))), np.float64)


def corrected(chance: NDArray[Any], base: tuple[float, float]) -> NDArray[np.float64]:
    """Confidences with a catalogue's correction."""
    return sigmoid(base[0] * logit(np.asarray(chance, np.float64)) + base[1])


def top(scores: NDArray[Any], groups: NDArray[Any], limit: int) -> NDArray[np.int64]:
    """Positions of the best `limit` rows of each group, best first; ties by position."""
    kept: list[NDArray[Any]] = []
    for start, stop in features.runs(groups):
        order = np.argsort(-scores[start:stop], kind="stable")[:limit]
        kept.append(start + order)
    return np.concatenate(kept) if kept else np.empty(0, np.int64)


def hash_of(parts: Sequence[bytes]) -> str:
    """One hash over all training data, in order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()
