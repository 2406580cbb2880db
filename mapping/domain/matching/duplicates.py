"""ERP items that are one article entered twice: the item master ranked against itself."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from mapping.domain.matching import colours, evidence, features, traits
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


def duplicates(
    records: Iterable[Record] | Catalogue, *, model: Model | None = None, likely: float = LIKELY
) -> Iterator[DuplicateGroup]:
    """Groups of items that look like one article, the surest first; nothing is merged.

    The same valid barcode with the same pack always counts; otherwise both items must be each
    other's likeliest, without any conflict. Groups hold five items at most: a larger cluster is
    cut at its weakest pairs.
    """
    catalogue = records if isinstance(records, Catalogue) else Catalogue(records)
    pairs = _pairs(catalogue.index, model or prior(), likely)
    for ids, held in _groups(sorted(pairs, key=lambda p: (-p.certain, -p.score, p.left_id))):
        yield DuplicateGroup(ids, held)


def _pairs(index: Index, model: Model, likely: float) -> list[DuplicatePair]:
    chance: dict[tuple[int, int], float] = {}
    items = index.right.items
    for start in range(0, len(items), BATCH):
        for a, b, p in _nearest(index, model, start):
            chance[a, b] = p
    found: list[DuplicatePair] = []
    for (a, b), p in chance.items():
        if a > b and (b, a) in chance:
            continue
        one, other = items[min(a, b)], items[max(a, b)]
        certain = same_barcode(one, other)
        score = 0.99 if certain else min(p, chance.get((b, a), 0.0))
        if certain or (score >= likely and may_be_one(one, other)):
            left, right = sorted((one, other), key=lambda i: i.record.id)
            found.append(
                DuplicatePair(
                    left.record.id,
                    right.record.id,
                    round(score, 6),
                    certain,
                    evidence.explain(left, right),
                )
            )
    return found


def _nearest(index: Index, model: Model, start: int) -> Iterator[tuple[int, int, float]]:
    """(item, near item, chance) for one batch of the item master."""
    rights = index.right
    stop = min(start + BATCH, len(rights.items))
    side = Side(
        rights.items[start:stop],
        rights.grams[start:stop],
        rights.words[start:stop],
        rights.unknown[start:stop],
        rights.details[start:stop],
    )
    pairs = index.candidates(side, NOBODY, skip_self=True, offset=start)
    rows = features.table(index, side, pairs)
    scores = model.scores(rows)
    kept = top(scores, pairs.left, NEAREST)
    lefts = pairs.left[kept]
    chance = model.probabilities(rows[kept], scores[kept], lefts)
    for a, b, p in zip(lefts.tolist(), pairs.right[kept].tolist(), chance.tolist(), strict=True):
        yield a + start, b, p


def same_barcode(one: Parsed, other: Parsed) -> bool:
    return bool(one.codes & other.codes) and (one.pack or 1) == (other.pack or 1)


def may_be_one(one: Parsed, other: Parsed) -> bool:
    """No conflict anywhere, and what one side states the other states too."""
    if features.gtin_sign(one, other) in {-1.0, 0.5}:
        return False
    if features.size_agreement(one, other) is Agreement.CONFLICT:
        return False
    if colours.compare(one.colours, other.colours) is not Agreement.AGREE and (
        one.colours or other.colours
    ):
        return False
    if (one.pack or 1) != (other.pack or 1):
        return False
    if features.gender_agreement(one, other) is Agreement.CONFLICT:
        return False
    if features.brand_agreement(one, other) is Agreement.CONFLICT:
        return False
    if traits.compare_versions(one.versions, other.versions) < 0:
        return False
    return traits.compare_units(one.units, other.units)[1] == 0


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
