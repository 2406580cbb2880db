"""What the model sees of a pair: names are stable; a change of meaning is a new VERSION."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from rapidfuzz.process import cpdist

from mapping.domain.matching import brands, codes, colours, sizes, traits
from mapping.domain.matching.index import THREADS, Index, Pairs, Side
from mapping.domain.matching.parsed import Parsed
from mapping.domain.matching.records import Agreement
from mapping.domain.matching.vocabulary import row_max, row_sums, scaled

VERSION = 2
NAN = math.nan
# name -> direction: +1 more is likelier, -1 more is less likely, 0 either.
DIRECTIONS: dict[str, int] = {
    "gram_cosine": 1,
    "word_cover_left": 1,  # share of the variant's words, by rarity, that the item has
    "word_cover_right": 1,
    "word_jaccard": 1,
    "detail_cover_left": 1,  # the same, with the other side's description to look in
    "detail_cover_right": 1,
    "detail_jaccard": 1,
    "heaviest_unshared_left": -1,
    "heaviest_unshared_right": -1,
    "heaviest_shared": 1,
    "token_sort": 1,
    "token_set": 1,
    "partial": 1,
    # 1 same; 0.5 a case of the article, a digit mistyped, a shop's own number; -1 both valid and
    # different
    "gtin": 1,
    "gtin_shared": -1,  # how many other items carry the barcode
    "sku": 1,
    "model": 1,
    "model_written_apart": 1,
    "model_conflict": -1,
    "brand": 1,
    "size": 1,
    "colour": 1,
    "pack": 1,
    "gender": 1,
    "version": 1,
    "units_agree": 1,
    "units_conflict": -1,
    "conflicts": -1,
    "agreements": 1,
    "price_gap": -1,  # |log2| of the ratio
    "title_words_left": 0,
    "title_words_right": 0,
    "missing_left": 0,
    # against the best other candidate of the same variant
    "gram_lead": 1,
    "word_lead": 1,
    "detail_lead": 1,
    "model_lead": 1,
    "typed_lead": 1,
    "price_lead": 0,
    "gram_rank": -1,
    "crowd": 0,  # how many candidates are about as alike as the best
    # how much of one side's code, from its start, stands in the other's title, model and SKU
    "code_start_left": 1,
    "code_start_right": 1,
    "mark": 1,  # short names such as G10: 1 shared, in descriptions too; -1 each has others
    "code_start_lead": 1,
}
NAMES = tuple(DIRECTIONS)
Table = NDArray[np.float32]
_SIGN = {Agreement.AGREE: 1.0, Agreement.CONFLICT: -1.0, Agreement.UNKNOWN: NAN}


def sign(verdict: Agreement) -> float:
    return _SIGN[verdict]


def gtin_sign(left: Parsed, right: Parsed) -> float:
    if left.codes & right.codes:
        return 1.0
    if (left.codes & right.cases) or (left.cases & right.codes) or (left.cases & right.cases):
        return 0.5
    if (left.loose or right.loose) and alike(left, right):
        return 0.5
    if (left.codes or left.cases) and (right.codes or right.cases):
        return -1.0
    return NAN


def alike(left: Parsed, right: Parsed) -> bool:
    """Whether barcodes that prove nothing are the same, or one digit away from a valid one."""
    if left.loose & right.loose:
        return True
    for wrong, valid in ((left.loose, right.codes), (right.loose, left.codes)):
        for one in wrong:
            if any(sum(a != b for a, b in zip(one, other, strict=True)) == 1 for other in valid):
                return True
    return False


def brand_agreement(left: Parsed, right: Parsed) -> Agreement:
    """Brands as stated; where one side is silent, its title may name the other's."""
    verdict = brands.compare(left.brand, right.brand)
    if verdict is Agreement.AGREE:
        return verdict
    for said, other in ((right, left), (left, right)):
        name = "".join(said.brand)
        if len(name) >= 2 and (
            name in other.glued if len(name) > 3 else name in other.text.split()
        ):
            return Agreement.AGREE
        if said.brand and len(said.brand[0]) > 3 and said.brand[0] in other.text.split():
            return Agreement.AGREE
    return verdict


def shoe_gender(left: Parsed, right: Parsed) -> str:
    """The gender whose shoe table applies; unknown unless somebody said it."""
    for gender in (right.gender, left.gender):
        if gender in {"m", "w", "k"}:
            return gender
    return ""


def size_agreement(left: Parsed, right: Parsed) -> Agreement:
    return sizes.compare(left.size, right.size, shoe_gender(left, right))


def colour_agreement(left: Parsed, right: Parsed) -> Agreement:
    return colours.compare(left.colours, right.colours)


def gender_agreement(left: Parsed, right: Parsed) -> Agreement:
    if not left.gender or not right.gender:
        return Agreement.UNKNOWN
    if left.gender == right.gender:
        return Agreement.AGREE
    if "u" in (left.gender, right.gender):
        return Agreement.UNKNOWN
    return Agreement.CONFLICT


def pack_sign(left: Parsed, right: Parsed) -> float:
    """A pack nobody mentions is one piece; both silent says nothing."""
    if not left.pack and not right.pack:
        return NAN
    return 1.0 if (left.pack or 1) == (right.pack or 1) else -1.0


def price_ratio(left: Parsed, right: Parsed) -> float | None:
    """Ours over theirs; None without both, or in two currencies."""
    ours, theirs = left.record.price, right.record.price
    if not ours or not theirs or ours <= 0 or theirs <= 0:
        return None
    a, b = left.record.currency.strip().upper(), right.record.currency.strip().upper()
    if a and b and a != b:
        return None
    return float(ours / theirs)


def _typed(left: Parsed, right: Parsed, index: Index) -> tuple[float, ...]:
    """The features of one pair that need its values, in the order of _TYPED."""
    gtin = gtin_sign(left, right)
    shared = 0.0
    if gtin > 0:
        both = (left.codes | left.cases) & (right.codes | right.cases)
        shared = float(max((len(index.by_gtin.get(c, ())) for c in both), default=1) - 1)
    sku = codes.best(left.skus, right.skus) if left.skus and right.skus else NAN
    every_left, every_right = left.models + left.skus, right.models + right.skus
    model = codes.best(every_left, every_right) if every_left and every_right else NAN
    apart = NAN
    if left.models or right.models:
        inside = [m for m in left.models if m in right.glued]
        inside += [
            m for m in (*right.models, *right.skus) if len(m) >= codes.MIN and m in left.glued
        ]
        apart = float(max((len(m) for m in inside), default=0))
    conflict = 0.0
    if left.models and right.models:
        conflict = 1.0 - codes.best(left.models, right.models)
    start_left = codes.start_inside(left.models + left.skus, right.glued)
    start_right = codes.start_inside(right.models + right.skus, left.glued)
    mark = NAN
    if left.marks & right.detail_marks or right.marks & left.detail_marks:
        mark = 1.0
    elif left.marks and right.marks:
        mark = -1.0
    brand = sign(brand_agreement(left, right))
    size = sign(size_agreement(left, right))
    colour = sign(colour_agreement(left, right))
    if colour != colour and colours.near(left.colours, right.colours):
        colour = 0.0
    pack = pack_sign(left, right)
    gender = sign(gender_agreement(left, right))
    version = traits.compare_versions(left.versions, right.versions)
    agree, differ = traits.compare_units(left.units, right.units)
    typed = (gtin, brand, size, colour, pack, gender)
    conflicts = sum(t == -1 for t in typed) + (version == -1) + differ
    agreements = sum(t == 1 for t in typed) + (version == 1) + agree
    ratio = price_ratio(left, right)
    gap = abs(math.log2(ratio)) if ratio else NAN
    return (gtin, shared, sku, model, apart, conflict, start_left, start_right,
            mark, brand, size, colour, pack, gender, version, float(agree), float(differ),
            float(conflicts), float(agreements), gap)  # fmt: skip


_TYPED = (
    "gtin", "gtin_shared", "sku", "model", "model_written_apart", "model_conflict",
    "code_start_left", "code_start_right", "mark", "brand", "size", "colour", "pack", "gender",
    "version", "units_agree", "units_conflict", "conflicts", "agreements", "price_gap",
)  # fmt: skip


def table(index: Index, lefts: Side, pairs: Pairs) -> Table:
    """One row a pair, one column a feature in the order of NAMES; unknown is NaN."""
    left, right = pairs.left, pairs.right
    columns: dict[str, Any] = {}
    _texts(columns, index, lefts, pairs)
    typed = np.array(
        [
            _typed(lefts.items[a], index.right.items[b], index)
            for a, b in zip(left.tolist(), right.tolist(), strict=True)
        ],
        np.float32,
    ).reshape(len(left), len(_TYPED))
    columns.update({name: typed[:, n] for n, name in enumerate(_TYPED)})
    columns["title_words_left"] = np.diff(lefts.words.indptr)[left] + lefts.unknown[left]
    columns["title_words_right"] = np.diff(index.right.words.indptr)[right]
    columns["missing_left"] = _missing(lefts.items)[left]
    _against_rivals(columns, left)
    return np.column_stack([columns[n] for n in NAMES]).astype(np.float32)


def _texts(columns: dict[str, Any], index: Index, lefts: Side, pairs: Pairs) -> None:
    left, right, rights = pairs.left, pairs.right, index.right
    columns["gram_cosine"] = row_sums(lefts.grams[left].multiply(rights.grams[right]).tocsr())
    ours, theirs = lefts.words[left], rights.words[right]
    both = ours.multiply(theirs).tocsr()
    shared = row_sums(scaled(both, index.idf))
    left_weight = row_sums(scaled(lefts.words, index.idf)) + lefts.unknown * index.top_idf
    total_left, total_right = left_weight[left], index.weight[right]
    columns["word_cover_left"] = shared / np.maximum(total_left, 1e-6)
    columns["word_cover_right"] = shared / np.maximum(total_right, 1e-6)
    columns["word_jaccard"] = shared / np.maximum(total_left + total_right - shared, 1e-6)
    # Words of one side that stand in the other's title or description.
    in_theirs = ours.multiply(rights.details[right]).tocsr().maximum(both)
    in_ours = theirs.multiply(lefts.details[left]).tocsr().maximum(both)
    found_left = row_sums(scaled(in_theirs, index.idf))
    found_right = row_sums(scaled(in_ours, index.idf))
    columns["detail_cover_left"] = found_left / np.maximum(total_left, 1e-6)
    columns["detail_cover_right"] = found_right / np.maximum(total_right, 1e-6)
    columns["detail_jaccard"] = (found_left + found_right) / np.maximum(
        total_left + total_right, 1e-6
    )
    columns["heaviest_shared"] = row_max(scaled(both, index.idf)) / index.top_idf
    alone = row_max(scaled((ours - in_theirs).tocsr(), index.idf)) / index.top_idf
    columns["heaviest_unshared_left"] = np.where(lefts.unknown[left] > 0, 1.0, alone)
    columns["heaviest_unshared_right"] = (
        row_max(scaled((theirs - in_ours).tocsr(), index.idf)) / index.top_idf
    )
    our_text = [lefts.items[n].text for n in left.tolist()]
    their_text = [rights.items[n].text for n in right.tolist()]
    for name, scorer in (
        ("token_sort", fuzz.token_sort_ratio),
        ("token_set", fuzz.token_set_ratio),
        ("partial", fuzz.partial_ratio),
    ):
        columns[name] = cpdist(our_text, their_text, scorer=scorer, workers=THREADS) / 100


def _missing(items: Sequence[Parsed]) -> NDArray[np.float32]:
    """How many of barcode, brand, size, colour, model and price a variant does not state."""
    return np.array(
        [
            sum(
                not fact for fact in (i.codes, i.brand, i.size, i.colours, i.models, i.record.price)
            )
            for i in items
        ],
        np.float32,
    )


def lead(values: NDArray[Any], groups: NDArray[Any]) -> NDArray[np.float32]:
    """Each value less the best other value of its group; groups are runs of equal numbers."""
    out = np.empty(len(values), np.float32)
    for start, stop in runs(groups):
        part = values[start:stop]
        if stop - start == 1:
            out[start] = part[0]
            continue
        order = np.argsort(-part, kind="stable")
        best, second = part[order[0]], part[order[1]]
        out[start:stop] = part - best
        out[start + order[0]] = best - second
    return out


def runs(groups: NDArray[Any]) -> list[tuple[int, int]]:
    """(start, stop) of each run of equal numbers."""
    if not len(groups):
        return []
    edges = np.flatnonzero(np.diff(groups)) + 1
    starts = np.concatenate([[0], edges]).tolist()
    return list(zip(starts, [*starts[1:], len(groups)], strict=True))


def _against_rivals(columns: dict[str, Any], left: NDArray[Any]) -> None:
    columns["gram_lead"] = lead(columns["gram_cosine"], left)
    columns["word_lead"] = lead(columns["word_jaccard"], left)
    columns["detail_lead"] = lead(columns["detail_jaccard"], left)
    columns["model_lead"] = lead(np.nan_to_num(columns["model"], nan=0.0), left)
    start = np.fmax(columns["code_start_left"], columns["code_start_right"])
    columns["code_start_lead"] = lead(np.nan_to_num(start, nan=0.0), left)
    columns["typed_lead"] = lead(columns["agreements"] - columns["conflicts"], left)
    columns["price_lead"] = lead(-np.nan_to_num(columns["price_gap"], nan=1.0), left)
    rank = np.empty(len(left), np.float32)
    crowd = np.empty(len(left), np.float32)
    cosine = columns["gram_cosine"]
    for start, stop in runs(left):
        part = cosine[start:stop]
        rank[start + np.argsort(-part, kind="stable")] = np.arange(stop - start)
        crowd[start:stop] = np.sum(part >= 0.9 * part.max())
    columns["gram_rank"] = rank
    columns["crowd"] = crowd
