"""The frame for every figure we claim: ours beside what it is compared with, in one run.

A row never compares with a number from another day: both sides are measured alternately, on the
same machine, in the same minutes, and the median of each side counts.
"""

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One claim. `ratio` is ours / other; None where nothing natural stands beside it."""

    name: str
    ours: float
    against: str  # what it is compared with, in words
    other: float | None
    unit: str
    ratio: float | None
    target: str
    holds: bool


def alternate(
    ours: Callable[[], float], other: Callable[[], float], rounds: int
) -> tuple[float, float]:
    """Run both in turn, swapping who goes first, and return the median of each."""
    mine: list[float] = []
    theirs: list[float] = []
    for number in range(rounds):
        pairs = [(ours, mine), (other, theirs)]
        for measure, results in pairs if number % 2 else reversed(pairs):
            results.append(measure())
    return statistics.median(mine), statistics.median(theirs)


def report(rows: Sequence[Row], path: Path) -> bool:
    """Write bench.json, print the table, and say whether every row holds."""
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    for row in rows:
        other = f"{row.other:,.1f}" if row.other is not None else "-"
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else "-"
        verdict = "holds" if row.holds else "DOES NOT HOLD"
        print(f"{row.name:<34}{row.ours:>10,.1f} {row.unit:<10} ratio {ratio:<6} {verdict}")
        print(f"{'':<34}{other:>10} {row.unit:<10} {row.against}; target: {row.target}")
    return all(row.holds for row in rows)
