"""The strict rule: what must hold before an item is confirmed without a person."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mapping.domain.matching import colours, features, sizes, traits
from mapping.domain.matching.index import Index
from mapping.domain.matching.parsed import Parsed
from mapping.domain.matching.records import Agreement, Facts

CONFIDENT = 0.9
PRICE_BOUNDS = (0.7, 1.43)
_DIGITS = re.compile(r"\d")
# So many of the nearest items are asked whether this kind of thing has sizes or colours.
NEAREST = 10


@dataclass(frozen=True, slots=True)
class Kind:
    """Which dimensions items of this kind have, by what the nearest items state."""

    size: bool
    colour: bool
    packs: bool


def kind_of(left: Parsed, nearest: Sequence[Parsed]) -> Kind:
    """Worn things have sizes and colours, stated or not; others when a near item states them."""
    worn = left.worn or any(item.worn for item in nearest[:3])
    return Kind(
        size=worn or bool(left.size) or any(item.size for item in nearest),
        colour=worn or bool(left.colours) or any(item.colours for item in nearest),
        packs=left.pack > 1 or any(item.pack > 1 for item in nearest),
    )


# What tells two variants of one seller apart.
Look = tuple[sizes.Size, colours.Colours, int, str, traits.Versions]
Claims = Mapping[tuple[str, str], Mapping[Look, int]]


def look(item: Parsed) -> Look:
    """Size, colour, pack, gender and version as stated."""
    return item.size, item.colours, item.pack or 1, item.gender, item.versions


def claims(lefts: Iterable[Parsed]) -> Claims:
    """By seller and barcode: how many variants carry it, by what they say they are."""
    found: dict[tuple[str, str], dict[Look, int]] = {}
    for item in lefts:
        for code in item.codes:
            looks = found.setdefault((item.record.seller, code), {})
            looks[look(item)] = looks.get(look(item), 0) + 1
    return found


def others(left: Parsed, code: str, claimed: Claims) -> int:
    """How many variants of the seller that need not be the same one carry the barcode too.

    Two listings that state the same size, colour, pack and version are one variant listed twice.
    """
    mine = look(left)
    return sum(
        count
        for theirs, count in claimed.get((left.record.seller, code), {}).items()
        if not _same(mine, theirs)
    )


def _same(one: Look, other: Look) -> bool:
    size = one[0] == other[0] or sizes.compare(one[0], other[0], one[3]) is Agreement.AGREE
    gender = one[3] == other[3] or not one[3] or not other[3]
    same_version = traits.compare_versions(one[4], other[4]) >= 0
    return size and one[1:3] == other[1:3] and gender and same_version


def vetoes(
    left: Parsed,
    right: Parsed,
    *,
    confidence: float,
    kind: Kind,
    index: Index,
    claimed: Claims,
    facts: Facts,
) -> tuple[str, ...]:
    """Every reason, in words, against confirming this pair without a person; () when none."""
    found: list[str] = []
    say = found.append
    _barcode(left, right, index, claimed, facts, say)
    _dimensions(left, right, kind, say)
    _conflicts(left, right, say)
    if confidence < CONFIDENT:
        say(f"the confidence is {confidence:.0%}, less than {CONFIDENT:.0%}")
    pair = (left.record.id, right.record.id)
    if pair in facts.rejected:
        say("a person has rejected this item for this listing")
    if right.record.id in facts.flagged:
        say("the item is under suspicion of being a duplicate")
    if left.record.seller in facts.auto_off_sellers:
        say("automatic confirmation is off for this seller")
    return tuple(found)


def _barcode(
    left: Parsed,
    right: Parsed,
    index: Index,
    claimed: Claims,
    facts: Facts,
    say: Callable[[str], None],
) -> None:
    both = left.codes & right.codes
    if not left.codes:
        say("the listing has no valid barcode")
        return
    if not right.codes:
        say("the item has no valid barcode")
        return
    if not both:
        say("the barcodes differ")
        return
    for code in sorted(left.codes):
        holders = [n for n in index.by_gtin.get(code, ()) if code in index.right.items[n].codes]
        if len(holders) > 1:
            say(f"{len(holders)} items carry this barcode")
        elif holders and index.right.items[holders[0]].record.id != right.record.id:
            say("another barcode of the listing belongs to another item")
        count = others(left, code, claimed) + facts.claimed.get(code, 0)
        if count > 0:
            say(f"{count} other variant{'s carry' if count > 1 else ' carries'} this barcode")


def _dimensions(left: Parsed, right: Parsed, kind: Kind, say: Callable[[str], None]) -> None:
    size = features.size_agreement(left, right)
    _dimension("size", size, bool(left.size), bool(right.size), kind.size, say)
    colour = colours.compare(left.colours, right.colours)
    _dimension("colour", colour, bool(left.colours), bool(right.colours), kind.colour, say)
    if (left.pack or 1) != (right.pack or 1):
        say(f"the pack differs: {left.pack or 1} here, {right.pack or 1} in the item")
    elif kind.packs and not left.pack and not right.pack:
        say("neither side states the pack, and near items come in packs")


def _dimension(
    name: str,
    verdict: Agreement,
    here: bool,
    there: bool,
    exists: bool,
    say: Callable[[str], None],
) -> None:
    if verdict is Agreement.AGREE or (not exists and not here and not there):
        return
    if verdict is Agreement.CONFLICT:
        say(f"the {name} differs")
    elif here and there:
        say(f"the {name} is stated in two ways that need not be one")
    elif here or there:
        say(f"the {name} is unknown {'in the item' if here else 'in the listing'}")
    else:
        say(f"the {name} is unknown on both sides")


def _conflicts(left: Parsed, right: Parsed, say: Callable[[str], None]) -> None:
    if features.brand_agreement(left, right) is Agreement.CONFLICT:
        say("the brand differs")
    if features.gender_agreement(left, right) is Agreement.CONFLICT:
        say("the gender differs")
    if traits.compare_versions(left.versions, right.versions) < 0:
        say("the version or generation differs or is stated on one side only")
    if traits.compare_units(left.units, right.units)[1]:
        say("a measured quantity differs")
    if _numbered_apart(left.record.sku, right.record.sku):
        say(f"{left.record.sku} and {right.record.sku} are two numbers of one kind")
    ratio = features.price_ratio(left, right)
    if ratio is not None and not PRICE_BOUNDS[0] <= ratio <= PRICE_BOUNDS[1]:
        say(f"the price is {ratio:.2g} times the item's")


def _numbered_apart(here: str, there: str) -> bool:
    """Whether two SKUs are written alike, letters and all, and differ in their digits: who made
    both numbers meant two things."""
    here, there = here.strip().upper(), there.strip().upper()
    if here == there or _DIGITS.sub("0", here) != _DIGITS.sub("0", there):
        return False
    return sum(c.isalpha() for c in here) >= 2 and sum(c.isdigit() for c in here) >= 3
