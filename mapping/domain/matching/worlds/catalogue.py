"""The worlds the shipped prior learns from, and one of another hand to test it on."""

import random
from collections.abc import Callable, Iterator

from mapping.domain.matching.training import World
from mapping.domain.matching.worlds import gadgets, shelves
from mapping.domain.matching.worlds.article import Article, write
from mapping.domain.matching.worlds.style import draw

KINDS: dict[str, Callable[[random.Random, int], list[Article]]] = {
    "electronics": gadgets.electronics,
    "software": gadgets.software,
    "retail": shelves.retail,
    "apparel": shelves.apparel,
}


def world(kind: str, seed: int, *, lefts: int = 400, items: int = 1500, **fixed: float) -> World:
    """One invented catalogue; the same arguments give the same world."""
    rng = random.Random(f"{kind}-{seed}")
    style = draw(rng, **fixed)
    articles = KINDS[kind](rng, items)
    return write(rng, f"{kind}-{seed}", kind, style, articles, lefts)


def training_worlds(*, each: int = 6, lefts: int = 400) -> Iterator[World]:
    """`each` worlds of every kind."""
    for kind in sorted(KINDS):
        for seed in range(each):
            yield world(kind, seed, lefts=lefts)


def fresh_worlds(*, each: int = 4, lefts: int = 300) -> Iterator[World]:
    """Worlds that no tree learns from: they show what its confidence is worth elsewhere."""
    for kind in sorted(KINDS):
        for seed in range(each):
            yield world(kind, 100 + seed, lefts=lefts, items=3 * lefts)
