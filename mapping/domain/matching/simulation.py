"""A rehearsal of learning: people decide, the model learns, variants nobody decided are asked."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mapping.domain.matching.catalogue import Catalogue
from mapping.domain.matching.learning import refit
from mapping.domain.matching.metrics import report
from mapping.domain.matching.model import Model
from mapping.domain.matching.records import Choice, Decision, Ranking, Record

LAPS = (200, 500)


@dataclass(frozen=True, slots=True)
class Lap:
    """Figures on the variants nobody decided, after so many decisions."""

    decisions: int
    recall_1: float
    calibration_error: float
    brier: float
    swapped: bool
    reason: str
    random: bool = False


def decide(ranking: Ranking, good: frozenset[str]) -> Decision:
    """What a person who knows the answer does with what is shown."""
    shown = tuple((c.right_id, c.features) for c in ranking.candidates)
    if not good:
        return Decision(ranking.left_id, Choice.NONE, "", shown)
    for right_id, _ in shown:
        if right_id in good:
            return Decision(ranking.left_id, Choice.APPROVED, right_id, shown)
    return Decision(ranking.left_id, Choice.OTHER, min(good), shown)


def rehearse(
    catalogue: Catalogue,
    lefts: Sequence[Record],
    answers: Mapping[str, frozenset[str]],
    model: Model,
) -> list[Lap]:
    """Before, after 200 and 500 decisions, and after decisions made at random.

    At most half of the variants are decided; the others are the judges and stay the same.
    """
    order = sorted(lefts, key=lambda r: hashlib.sha256(f"lap {r.id}".encode()).digest())
    pool, judges = order[: len(order) // 2], order[len(order) // 2 :]
    ranked = catalogue.rank(pool, model=model)
    decisions = [decide(r, answers.get(r.left_id, frozenset())) for r in ranked]
    laps = [_lap(catalogue, judges, answers, model, 0, True, "")]
    for count in LAPS:
        if count > len(decisions):
            continue
        found = refit(decisions[:count], model)
        laps.append(
            _lap(catalogue, judges, answers, found.model, count, found.swapped, found.reason)
        )
    rng = random.Random("random decisions")
    noise = [
        Decision(r.left_id, Choice.APPROVED, rng.choice(r.candidates).right_id,
                 tuple((c.right_id, c.features) for c in r.candidates))
        for r in ranked
        if r.candidates
    ]  # fmt: skip
    # The people who judge later are not those who erred: their decisions are sound.
    mixed = noise[: int(len(noise) * 0.7)] + decisions[int(len(decisions) * 0.7) :]
    found = refit(mixed, model)
    lap = _lap(catalogue, judges, answers, found.model, len(mixed), found.swapped, found.reason)
    laps.append(
        Lap(lap.decisions, lap.recall_1, lap.calibration_error, lap.brier, lap.swapped, lap.reason,
            random=True)
    )  # fmt: skip
    return laps


def _lap(
    catalogue: Catalogue,
    judges: Sequence[Record],
    answers: Mapping[str, frozenset[str]],
    model: Model,
    count: int,
    swapped: bool,
    reason: str,
) -> Lap:
    found = report(catalogue.rank(judges, model=model, explain=False), answers)
    return Lap(count, found.recall_1, found.calibration_error, found.brier, swapped, reason)
