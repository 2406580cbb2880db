"""What the other variants of a seller say about a candidate: whose item it probably is already.

A seller seldom lists one item twice, so an item that another of its variants claims is less likely
to be this one's. How seldom, the catalogue shows by itself: how often the item of a variant that is
nearly certain is claimed by another (`right`), against how often an item is that was considered and
not put first (`wrong`). The odds are multiplied by the ratio of the two, as Bayes' rule has it;
where items are shared by many, as in the file of a whole marketplace, it changes next to nothing.
"""

import numpy as np
from numpy.typing import NDArray

from mapping.domain.matching.features import runs

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
# Fewer variants say too little about how often items are shared.
ENOUGH = 100
CERTAIN = 0.9
CONSIDERED = 0.1
_MOST = 0.999


def weighed(lefts: Whole, rights: Whole, sellers: Whole, chance: Floats) -> Floats:
    """The chance of each candidate, the claims of its seller's other variants considered.

    `lefts` number the variants in ascending order, the candidates of each best first; `sellers`
    number the seller of each candidate's variant. Equal input gives equal output.
    """
    spans = runs(lefts)
    if len(spans) < ENOUGH:
        return chance
    claimed = _claimed(rights, sellers, chance)
    first = np.zeros(len(chance), bool)
    first[[start for start, _ in spans]] = True
    right = _share(claimed[first & (chance >= CERTAIN)])
    wrong = _share(claimed[~first & (chance >= CONSIDERED)])
    ratio = claimed * (right / wrong) + (1 - claimed) * ((1 - right) / (1 - wrong))
    odds = chance / np.maximum(1 - chance, 1e-9) * ratio
    return np.asarray(odds / (1 + odds), np.float64)


def _claimed(rights: Whole, sellers: Whole, chance: Floats) -> Floats:
    """How likely it is that another variant of the seller is the item of each candidate."""
    _, pair = np.unique(np.stack([sellers, rights]), axis=1, return_inverse=True)
    pair = pair.reshape(-1)
    free = np.log1p(-np.minimum(chance, _MOST))
    return np.asarray(1 - np.exp(np.bincount(pair, weights=free)[pair] - free), np.float64)


def _share(claimed: Floats) -> float:
    return float((claimed.sum() + 0.5) / (len(claimed) + 1))
