"""What goes into a ranking and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Record:
    """A marketplace variant or an ERP item: free text as found; an empty text is "unknown".

    `parent` groups the variants of one advert, `seller` says whose listing it is; both may be
    empty and mean nothing on ERP items.
    """

    id: str
    title: str
    brand: str = ""
    sku: str = ""
    gtins: tuple[str, ...] = ()
    model: str = ""
    size: str = ""
    colour: str = ""
    pack: str = ""
    gender: str = ""
    category: str = ""
    description: str = ""
    price: Decimal | None = None
    currency: str = ""
    parent: str = ""
    seller: str = ""


class Agreement(StrEnum):
    """How two sides stand in one respect. Unknown is not conflict."""

    AGREE = "agree"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    SUGGEST = "suggest"
    AMBIGUOUS = "ambiguous"
    NONE_LIKELY = "none_likely"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One respect in which the two sides were compared, for a person to read."""

    name: str
    verdict: Agreement
    left: str
    right: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item offered for a variant. `confidence` is the calibrated P(it is the right one), 0..1.

    `vetoes` says in words why it would not be confirmed by itself; `auto` is true when there is
    none. `features` are what the model saw, by name.
    """

    right_id: str
    rank: int
    confidence: float
    auto: bool
    vetoes: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    features: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ranking:
    left_id: str
    verdict: Verdict
    candidates: tuple[Candidate, ...]
    # The attribute in which rank 1 and rank 2 differ, for "ambiguous"; empty when none does.
    decides: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What only the installation knows about the auto rule. The defaults switch nothing off.

    `auto_off_sellers`: sellers whose automatic confirmation is off. `rejected`: (left id, right
    id) a person said no to. `flagged`: right ids with an open duplicate. `claimed`: per GTIN as
    found, how many variants outside this call carry it.
    """

    auto_off_sellers: frozenset[str] = frozenset()
    rejected: frozenset[tuple[str, str]] = frozenset()
    flagged: frozenset[str] = frozenset()
    claimed: Mapping[str, int] = field(default_factory=dict)
    # Approved items of variants, by parent: an approved sibling brings its own siblings in.
    approved_by_parent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Synonyms:
    """The installation's own words: {"nvy 2": "navy"}; brand alias to brand."""

    colours: Mapping[str, str] = field(default_factory=dict)
    brands: Mapping[str, str] = field(default_factory=dict)


class Choice(StrEnum):
    APPROVED = "approved"
    OTHER = "other"  # right, but found by a search of their own
    REJECTED = "rejected"
    NONE = "none"  # no such item in the ERP


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided on what was shown, the oldest first in any sequence.

    `shown` are the features of the candidates as shown (Candidate.features), best first, by right
    id; `right_id` the item approved or rejected, empty for NONE.
    """

    left_id: str
    choice: Choice
    right_id: str
    shown: tuple[tuple[str, Mapping[str, float]], ...]


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    left_id: str
    right_id: str
    score: float
    certain: bool  # the same valid barcode with the same pack
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """ERP items that look like one article: ids in order, the pairs that hold them together."""

    ids: tuple[str, ...]
    pairs: tuple[DuplicatePair, ...]
