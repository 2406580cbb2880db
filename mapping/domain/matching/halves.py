"""Which half of a known catalogue teaches and which one is only asked."""

import hashlib
import random
from collections.abc import Mapping, Sequence

from mapping.domain.matching.records import Record


def in_first_half(key: str) -> bool:
    """Whether a variant belongs to the half that may teach; fixed for ever by its id."""
    return hashlib.sha256(key.encode()).digest()[0] % 2 == 0


def without_some_items(
    rights: Sequence[Record],
    answers: Mapping[str, frozenset[str]],
    *,
    share: float,
    seed: int,
) -> tuple[list[Record], dict[str, frozenset[str]]]:
    """The item master without the items of this share of the variants, and what is then right."""
    rng = random.Random(f"hidden-{seed}")
    hidden: set[str] = set()
    for key in sorted(answers):
        if rng.random() < share:
            hidden |= answers[key]
    kept = [r for r in rights if r.id not in hidden]
    return kept, {key: good - hidden for key, good in answers.items() if good - hidden}
