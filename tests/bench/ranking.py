"""Suggestions: 1,000 variants against 100,000 items, as the screens and commands rank them.

Built cold in a process of its own, then asked twice: the second time is warm. The items are
invented catalogues of every kind, half of them clothes with many siblings, the hard case.
"""

import json
import subprocess
import sys

from tests.bench.frame import Row

VARIANTS, ITEMS = 1_000, 100_000
WARM, COLD, MEMORY = 5.0, 60.0, 2.0
_RUN = """
import json, random, resource, sys, time
began = time.perf_counter()
from mapping.domain.suggestions import Catalogue, prior
imported = time.perf_counter() - began
from dataclasses import replace
from mapping.domain.matching.worlds.catalogue import world
shares = {"apparel": 0.5, "electronics": 0.2, "retail": 0.2, "software": 0.1}
lefts, rights = [], []
for kind, share in shares.items():
    made = world(kind, 5, lefts=int(1000 * share), items=int(100_000 * share), hidden=0.1,
                 sellers=1, doubled=0.0)
    lefts += [replace(r, id=kind + r.id) for r in made.lefts]
    rights += [replace(r, id=kind + r.id) for r in made.rights]
    del made
began = time.perf_counter()
prior()
catalogue = Catalogue(rights)
built = time.perf_counter() - began
seconds = []
for _ in range(2):
    began = time.perf_counter()
    rankings = catalogue.rank(lefts)
    seconds.append(time.perf_counter() - began)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps({"cold": imported + built + seconds[0], "warm": seconds[1], "peak": peak,
                  "variants": len(lefts), "items": len(rights), "ranked": len(rankings)}))
"""


def rows() -> list[Row]:
    """Warm and cold seconds and the peak memory of one process."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN], check=True, capture_output=True, text=True, timeout=600
    )
    found = json.loads(done.stdout)
    size = f"{found['variants']:,} variants x {found['items']:,} items"
    return [
        _row("suggestions, warm", found["warm"], "s", WARM, size),
        _row("suggestions, cold", found["cold"], "s", COLD, f"{size}, index built first"),
        _row("suggestions, memory", found["peak"], "GiB", MEMORY, f"{size}, peak of the process"),
    ]


def _row(name: str, value: float, unit: str, limit: float, against: str) -> Row:
    return Row(
        name=name,
        ours=value,
        against=against,
        other=None,
        unit=unit,
        ratio=None,
        target=f"under {limit:g} {unit}",
        holds=value < limit,
    )
