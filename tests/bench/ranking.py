"""Suggestions: 1,000 variants against 100,000 items, as the screens and commands rank them.

Beside it, alternating, the character n-gram search alone: what a ranking cannot be cheaper than.
"""

import json
import statistics
import subprocess
import sys

from tests.bench.frame import Row
from tests.bench.ranking_worker import VARIANTS
from tests.bench.servers import ROOT

ROUNDS = 2
WARM, COLD, MEMORY = 5.0, 60.0, 2.0


def rows() -> list[Row]:
    """Warm and cold seconds, the peak of the memory, and how often the first item is right."""
    ways: dict[str, list[dict[str, float]]] = {"ours": [], "bare": []}
    for number in range(ROUNDS):
        for way in ways if number % 2 else reversed(ways):
            ways[way].append(_run(way))
    ours, bare = ways["ours"], ways["bare"]
    size = f"{VARIANTS:,} variants x {ours[0]['items']:,.0f} items"
    alone = f"the n-gram search alone, {size}"
    right, plain = ours[0]["right"] * 100, bare[0]["right"] * 100
    return [
        _row("suggestions: warm", "warm", ours, bare, "s", alone, WARM),
        _row("suggestions: cold", "cold", ours, bare, "s", f"{alone}, with its index", COLD),
        _row("suggestions: memory", "peak", ours, bare, "GiB", f"{alone}, peak", MEMORY),
        Row(
            "suggestions: first item right", right, alone, plain, "%", right / plain,
            "more often", right > plain,
        ),
    ]  # fmt: skip


def _row(
    name: str,
    what: str,
    ours: list[dict[str, float]],
    bare: list[dict[str, float]],
    unit: str,
    against: str,
    limit: float,
) -> Row:
    value = statistics.median(one[what] for one in ours)
    other = statistics.median(one[what] for one in bare)
    return Row(
        name, value, against, other, unit, value / other, f"under {limit:g} {unit}", value < limit
    )


def _run(way: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.ranking_worker", way],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
