"""The ERP items, indexed: which of them a variant could be, up to about seventy a variant."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sparse_dot_topn import sp_matmul_topn

from mapping.domain.matching import gtins
from mapping.domain.matching.parsed import Parsed, Parser, canonical_words, description_words
from mapping.domain.matching.records import Facts, Record
from mapping.domain.matching.vocabulary import (
    Floats,
    Matrix,
    Vocabulary,
    bm25,
    inverse_frequency,
    row_sums,
    scaled,
    widen,
)

Ints = NDArray[np.int64]
TOP = 30
# So many candidates of a variant are compared in full.
KEEP = 32
# What an equal barcode or code counts for in that choice; the best of an index counts 1.
EXACT = 2.0
# A code that stands in more items than this finds nothing by itself.
COMMON_CODE = 40
THREADS = 2


@dataclass(slots=True)
class Side:
    """Parsed records with their rows: character n-grams, words, description words."""

    items: list[Parsed]
    grams: Matrix
    words: Matrix
    unknown: Floats  # per row: words the item master does not know
    details: Matrix


@dataclass(slots=True)
class Pairs:
    """Candidate pairs, sorted by left: positions in both sides and what retrieval said."""

    left: Ints
    right: Ints


class Index:
    """The item master. Built once; `replace` takes changed items in without a rebuild."""

    def __init__(self, records: Iterable[Record], parser: Parser) -> None:
        # Every web worker and command imports this module, and few of them build an index.
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415

        self.parser = parser
        items = [parser.parse(r) for r in records]
        if not items:
            items = [parser.parse(Record(id="", title=""))]
        self._grams = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 4), sublinear_tf=True, dtype=np.float32, min_df=1
        )
        texts = [gram_text(i) for i in items]
        try:
            self._grams.fit(texts)
        except ValueError:  # titles of nothing but signs: no n-gram at all
            self._grams.fit([*texts, "unknown"])
        self.vocabulary = Vocabulary()
        self._adopt(self._side(items, grow=True))

    def _side(self, items: list[Parsed], *, grow: bool) -> Side:
        words, unknown = self.vocabulary.rows((canonical_words(i) for i in items), grow=grow)
        details, _ = self.vocabulary.rows((description_words(i.record) for i in items), grow=grow)
        width = len(self.vocabulary) or 1
        texts = [gram_text(i) for i in items]
        if texts:
            grams = self._grams.transform(texts)
        else:  # the library takes no empty list
            grams = sparse.csr_matrix((0, len(self._grams.vocabulary_)), dtype=np.float32)
        return Side(items, grams, widen(words, width), unknown, widen(details, width))

    def _adopt(self, side: Side) -> None:
        self.right = side
        self.idf = inverse_frequency(side.words)
        self.top_idf = float(np.log1p(len(side.items) + 0.5))
        self._words_by_column = bm25(side.words, self.idf).T.tocsr()
        self._grams_by_column = side.grams.T.tocsr()
        self.weight = row_sums(scaled(side.words, self.idf))
        self.by_gtin: dict[str, list[int]] = defaultdict(list)
        self.by_code: dict[str, list[int]] = defaultdict(list)
        self.position = {item.record.id: n for n, item in enumerate(side.items)}
        for n, item in enumerate(side.items):
            for code in item.codes | item.cases:
                self.by_gtin[code].append(n)
            for code in item.loose:
                self.by_gtin[code].append(n)
            for code in {*item.models, *item.skus, *item.detail_models}:
                self.by_code[code].append(n)

    def replace(self, changed: Sequence[Record], removed: Iterable[str]) -> None:
        """Take changed and new items in and drop removed ones; n-gram weights stay as built."""
        gone = {r.id for r in changed} | set(removed)
        keep = [n for n, item in enumerate(self.right.items) if item.record.id not in gone]
        fresh = self._side([self.parser.parse(r) for r in changed], grow=True)
        width = len(self.vocabulary)
        old = self.right
        items = [old.items[n] for n in keep] + fresh.items
        if not items:
            raise ValueError("an item master cannot be emptied; build a new catalogue")
        self._adopt(
            Side(
                items,
                sparse.vstack([old.grams[keep], fresh.grams], format="csr"),
                sparse.vstack([widen(old.words[keep], width), fresh.words], format="csr"),
                np.concatenate([old.unknown[keep], fresh.unknown]),
                sparse.vstack([widen(old.details[keep], width), fresh.details], format="csr"),
            )
        )

    def lefts(self, records: Sequence[Record]) -> Side:
        """Variants in the same terms; words the master does not know are only counted."""
        return self.side([self.parser.parse(r) for r in records])

    def side(self, parsed: Sequence[Parsed]) -> Side:
        """The same for variants that are parsed already."""
        return self._side(list(parsed), grow=False)

    def candidates(self, lefts: Side, facts: Facts, *, selves: Ints | None = None) -> Pairs:
        """Every pair worth comparing, sorted by left and right.

        `selves` says which items the lefts are themselves, when they are: none is its own pair.
        """
        grams = self._top(lefts.grams, self._grams_by_column)
        words = self._top(scaled(lefts.words, self.idf), self._words_by_column)
        exact = self._exact(lefts, facts)
        size = len(self.right.items)
        keys, place = np.unique(
            np.concatenate([left * size + right for left, right, _ in (grams, words, exact)]),
            return_inverse=True,
        )
        weight = np.concatenate([weight for _, _, weight in (grams, words, exact)])
        total = np.bincount(place.ravel(), weights=weight, minlength=len(keys))
        left, right = keys // size, keys % size
        if selves is not None:
            different = selves[left] != right
            left, right, total = left[different], right[different], total[different]
        kept = np.lexsort((right, -total, left))
        first = np.searchsorted(left[kept], left[kept], side="left")
        kept = kept[np.arange(len(kept)) - first < KEEP]
        kept.sort()
        return Pairs(left[kept], right[kept])

    @staticmethod
    def _top(queries: Matrix, by_column: Matrix) -> tuple[Ints, Ints, Floats]:
        """(row, item, score as a share of the row's best)."""
        best = sp_matmul_topn(
            queries, by_column, top_n=TOP, threshold=0.01, n_threads=THREADS, sort=True
        )
        counts = np.diff(best.indptr)
        rows = np.repeat(np.arange(queries.shape[0]), counts)
        highest = np.repeat(best.data[best.indptr[:-1][counts > 0]], counts[counts > 0])
        return rows.astype(np.int64), best.indices.astype(np.int64), best.data / highest

    def _exact(self, lefts: Side, facts: Facts) -> tuple[Ints, Ints, Floats]:
        """Barcodes, codes, and the neighbours of a sibling's approved item."""
        rows: list[int] = []
        columns: list[int] = []
        for n, item in enumerate(lefts.items):
            hits: set[int] = set()
            for code in item.codes | item.cases | item.loose:
                hits.update(self.by_gtin.get(code, ())[:COMMON_CODE])
            for code in {*item.models, *item.skus, *item.detail_models}:
                same = self.by_code.get(code, ())
                if len(same) <= COMMON_CODE:
                    hits.update(same)
            if item.record.parent:
                for right_id in facts.approved_by_parent.get(item.record.parent, ()):
                    hits.update(self._siblings(right_id))
            rows.extend([n] * len(hits))
            columns.extend(sorted(hits))
        weight = np.full(len(rows), EXACT, np.float32)
        return np.asarray(rows, np.int64), np.asarray(columns, np.int64), weight

    def _siblings(self, right_id: str) -> set[int]:
        """The item and those that share a style code with it."""
        at = self.position.get(right_id)
        if at is None:
            return set()
        found = {at}
        item = self.right.items[at]
        for code in (*item.models, *item.skus[1:]):
            same = self.by_code[code]
            if len(same) <= COMMON_CODE:
                found.update(same)
        return found


def gram_text(item: Parsed) -> str:
    """What the character n-grams see: the title in canonical words, with the typed facts."""
    return " ".join(canonical_words(item))


def readable_gtins(item: Parsed) -> bool:
    """Whether any barcode could be read."""
    return any(g.state in {gtins.State.VALID, gtins.State.CASE} for g in item.gtins)
