"""Brands: 'North Fell', 'NORTHFELL Inc.' and 'Northfell Sport' may be one, 'Canon' is not."""

from collections.abc import Mapping
from functools import lru_cache

from rapidfuzz.distance import JaroWinkler

from mapping.domain.matching.records import Agreement
from mapping.domain.matching.words import PART, clean

_LEGAL_WORDS = (
    "inc incorporated ltd limited llc plc gmbh ag sa sas srl spa bv nv ab oy kg co corp "
    "corporation company group holdings the of international intl usa america europe uk"
)
_LEGAL = frozenset(_LEGAL_WORDS.split())


@lru_cache(maxsize=50_000)
def parse(text: str, aliases: tuple[tuple[str, str], ...] = ()) -> tuple[str, ...]:
    """The words of a brand without legal forms."""
    cleaned = clean(text).replace("'", "")
    cleaned = dict(aliases).get(cleaned, cleaned)
    words = PART.findall(cleaned)
    return tuple(w for w in words if w not in _LEGAL) or tuple(words)


@lru_cache(maxsize=100_000)
def compare(left: tuple[str, ...], right: tuple[str, ...]) -> Agreement:
    """Whether two brands are one; a part of a name is enough, two unlike names are a conflict."""
    if not left or not right:
        return Agreement.UNKNOWN
    a, b = "".join(left), "".join(right)
    if a == b or a.startswith(b) or b.startswith(a):
        return Agreement.AGREE
    if (set(left) & set(right)) and (left[0] == right[0] or set(left) <= set(right)
                                     or set(right) <= set(left)):  # fmt: skip
        return Agreement.AGREE
    initials = "".join(w[0] for w in left), "".join(w[0] for w in right)
    if (len(a) > 1 and a == initials[1]) or (len(b) > 1 and b == initials[0]):
        return Agreement.AGREE
    if min(len(a), len(b)) >= 4 and JaroWinkler.similarity(a, b) >= 0.9:
        return Agreement.AGREE
    if set(left) & set(right):
        return Agreement.UNKNOWN
    return Agreement.CONFLICT


def aliases(table: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((clean(k), clean(v)) for k, v in table.items()))
