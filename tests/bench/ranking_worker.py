"""One way of ranking 1,000 variants against 100,000 items, in a process of its own.

`ours` is the product's: the road of screens and commands. `bare` is the character n-gram search
alone, by the same libraries: nothing is read of a barcode, a size or a colour, no confidence, no
reasons. The items are invented catalogues of every kind, half of them clothes with many siblings,
the hard case. Prints seconds (cold: the index and the first answer; warm: asked again), the peak
of the memory and how often the first item is right.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mapping.domain.matching.records import Record
from mapping.domain.matching.worlds.catalogue import world

VARIANTS, ITEMS = 1_000, 100_000
SHARES = {"apparel": 0.5, "electronics": 0.2, "retail": 0.2, "software": 0.1}
Firsts = Mapping[str, str]


def ours(items: Sequence[Record]) -> Callable[[Sequence[Record]], Firsts]:
    # Each way imports what it alone needs, so that its memory is its own.
    from mapping.domain.suggestions import Catalogue, prior  # noqa: PLC0415

    prior()
    catalogue = Catalogue(items)

    def ask(variants: Sequence[Record]) -> Firsts:
        ranked = catalogue.rank(variants)
        return {r.left_id: r.candidates[0].right_id for r in ranked if r.candidates}

    return ask


def bare(items: Sequence[Record]) -> Callable[[Sequence[Record]], Firsts]:
    # Only this way needs them; in the other they would count as its memory.
    import numpy as np  # noqa: PLC0415
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
    from sparse_dot_topn import sp_matmul_topn  # noqa: PLC0415

    grams = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 4), sublinear_tf=True, dtype=np.float32
    )
    by_column = grams.fit_transform([f"{r.brand} {r.title}" for r in items]).T.tocsr()

    def ask(variants: Sequence[Record]) -> Firsts:
        asked = grams.transform([f"{r.brand} {r.title}" for r in variants])
        best = sp_matmul_topn(asked, by_column, top_n=10, n_threads=2, sort=True)
        firsts = zip(variants, best.indptr, best.indptr[1:], strict=False)
        return {r.id: items[best.indices[a]].id for r, a, b in firsts if b > a}

    return ask


def catalogues() -> tuple[list[Record], list[Record], dict[str, frozenset[str]]]:
    """(variants, items, right answers) of all kinds; seeds that no prior has learnt from."""
    variants: list[Record] = []
    items: list[Record] = []
    answers: dict[str, frozenset[str]] = {}
    for kind, share in SHARES.items():
        made = world(kind, 905, lefts=int(VARIANTS * share), items=int(ITEMS * share), hidden=0.1,
                     sellers=1, doubled=0.0)  # fmt: skip
        variants += [replace(r, id=kind + r.id) for r in made.lefts]
        items += [replace(r, id=kind + r.id) for r in made.rights]
        answers |= {kind + k: frozenset(kind + r for r in v) for k, v in made.answers.items()}
    return variants, items, answers


def main() -> None:
    variants, items, answers = catalogues()
    began = time.perf_counter()
    ask = {"ours": ours, "bare": bare}[sys.argv[1]](items)
    firsts = ask(variants)
    cold = time.perf_counter() - began
    began = time.perf_counter()
    ask(variants)
    warm = time.perf_counter() - began
    right = sum(firsts.get(key, "") in good for key, good in answers.items())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"cold": cold, "warm": warm, "peak": peak, "right": right / len(answers),
                      "items": len(items)}))  # fmt: skip


if __name__ == "__main__":
    main()
