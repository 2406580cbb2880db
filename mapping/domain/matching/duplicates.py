"""ERP items that are one article entered twice: the item master ranked against itself."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mapping.domain.matching import evidence, features, traits
from mapping.domain.matching.catalogue import BATCH, NOBODY, Catalogue
from mapping.domain.matching.index import Index, Side
from mapping.domain.matching.model import Model, prior, top
from mapping.domain.matching.parsed import Parsed
from mapping.domain.matching.records import (
    Agreement,
    DuplicateGroup,
    DuplicatePair,
    Record,
)

# Each item is compared with so many of its nearest.
NEAREST = 15
GROUP = 5
LIKELY = 0.5
_PARTS = re.compile(r"[-/_.]")


def duplicates(
    records: Iterable[Record] | Catalogue, *, model: Model | None = None, likely: float = LIKELY
) -> Iterator[DuplicateGroup]:
    """Groups of items that look like one article, the surest first; nothing is merged.

    The same valid barcode with the same pack always counts; otherwise the chance that two items
    are one must be `likely`, without any conflict. Groups hold five items at most: a larger
    cluster is cut at its weakest pairs.
    """
    catalogue = records if isinstance(records, Catalogue) else Catalogue(records)
    pairs = duplicate_pairs(catalogue, model=model, likely=likely)
    for ids, held in _groups(sorted(pairs, key=lambda p: (-p.certain, -p.score, p.left_id))):
        yield DuplicateGroup(ids, held)


def duplicate_pairs(
    catalogue: Catalogue,
    *,
    model: Model | None = None,
    likely: float = LIKELY,
    among: Sequence[str] | None = None,
) -> list[DuplicatePair]:
    """Pairs of items that look like one article; with `among` only those of some items (ids)."""
    index, model = catalogue.index, model or prior()
    items = index.right.items
    asked: Sequence[int] = range(len(items))
    if among is not None:
        asked = sorted({index.position[key] for key in among if key in index.position})
    chance: dict[tuple[int, int], float] = {}
    for start in range(0, len(asked), BATCH):
        for a, b, p in _nearest(index, model, np.asarray(asked[start : start + BATCH], np.int64)):
            pair = (a, b) if a < b else (b, a)
            # One of the two may have siblings that are as near to the other: the surer way counts.
            chance[pair] = max(p, chance.get(pair, 0.0))
    found: list[DuplicatePair] = []
    for (a, b), p in sorted(chance.items()):
        one, other = items[a], items[b]
        certain = same_barcode(one, other)
        if certain or (p >= likely and may_be_one(one, other)):
            left, right = sorted((one, other), key=lambda i: i.record.id)
            found.append(
                DuplicatePair(
                    left.record.id,
                    right.record.id,
                    0.99 if certain else round(min(p, 0.98), 6),
                    certain,
                    evidence.explain(left, right),
                )
            )
    return found


def _nearest(
    index: Index, model: Model, asked: NDArray[np.int64]
) -> Iterator[tuple[int, int, float]]:
    """(item, near item, chance) for some items of the master."""
    rights = index.right
    side = Side(
        [rights.items[n] for n in asked.tolist()],
        rights.grams[asked],
        rights.words[asked],
        rights.unknown[asked],
        rights.details[asked],
    )
    pairs = index.candidates(side, NOBODY, selves=asked)
    rows = features.table(index, side, pairs)
    scores = model.scores(rows)
    kept = top(scores, pairs.left, NEAREST)
    lefts = pairs.left[kept]
    chance = model.probabilities(rows[kept], scores[kept], lefts)
    yield from zip(asked[lefts].tolist(), pairs.right[kept].tolist(), chance.tolist(), strict=True)


def numbered_apart(one: Parsed, other: Parsed) -> bool:
    """Whether both have a number of one scheme, and not the same: 'HRW831-RED', 'HRW407-RED'.

    Plain running numbers are no scheme: an article entered twice has two of them.
    """
    first, second = one.record.sku, other.record.sku
    if not first or not second or first == second:
        return False
    scheme = shape(first)
    return scheme == shape(second) and any("a" in part for part in scheme)


def shape(sku: str) -> tuple[str, ...]:
    """What a numbering scheme looks like: letters, digits or both, in each of its parts."""
    return tuple(
        "".join(sorted({"a" if c.isalpha() else "9" for c in part if c.isalnum()}))
        for part in _PARTS.split(sku)[:2]
    )


def same_barcode(one: Parsed, other: Parsed) -> bool:
    return bool(one.codes & other.codes) and (one.pack or 1) == (other.pack or 1)


def may_be_one(one: Parsed, other: Parsed) -> bool:
    """No conflict in anything that makes two items two."""
    conflict = Agreement.CONFLICT
    return not (
        features.gtin_sign(one, other) in {-1.0, 0.5}
        or numbered_apart(one, other)
        or features.size_agreement(one, other) is conflict
        or features.colour_agreement(one, other) is conflict
        or (one.pack or 1) != (other.pack or 1)
        or features.gender_agreement(one, other) is conflict
        or features.brand_agreement(one, other) is conflict
        or traits.compare_versions(one.versions, other.versions) < 0
        or traits.compare_units(one.units, other.units)[1]
    )


def _groups(
    pairs: Sequence[DuplicatePair],
) -> list[tuple[tuple[str, ...], tuple[DuplicatePair, ...]]]:
    """Connected components, grown by the surest pairs first and never beyond GROUP items."""
    home: dict[str, str] = {}
    members: dict[str, list[str]] = defaultdict(list)
    held: dict[str, list[DuplicatePair]] = defaultdict(list)
    for pair in pairs:
        for key in (pair.left_id, pair.right_id):
            if key not in home:
                home[key] = key
                members[key] = [key]
        a, b = home[pair.left_id], home[pair.right_id]
        if a == b:
            held[a].append(pair)
            continue
        if len(members[a]) + len(members[b]) > GROUP:
            continue
        for key in members[b]:
            home[key] = a
        members[a] += members.pop(b)
        held[a] += [*held.pop(b, []), pair]
    found = [(tuple(sorted(members[key])), tuple(held[key])) for key in held if held[key]]
    return sorted(found, key=lambda g: (-max(p.score for p in g[1]), g[0]))
