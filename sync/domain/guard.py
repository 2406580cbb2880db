"""Whether a write to Marketplacer may leave: one decision, asked before queueing and in the claim.

Whose a field is says `mapping.domain.ownership`; here stands what a write needs besides: a stock
level only goes to a listing that is mapped, on sale and counted. What is allowed becomes a
`Permit`, and the client sends nothing that is not covered by one.
"""

from dataclasses import dataclass
from datetime import datetime

from mapping.domain.ownership import Field, ListingFacts, Rules, may_write

# Refusals of our own, beside the codes of `ownership`.
NOT_MAPPED = "not_mapped"
NOT_PUBLISHED = "not_published"
INFINITE = "infinite"

WORDS = {
    "no_rule": "nobody has said whose it is",
    "seller_managed": "the seller keeps it",
    "not_in_mix": "no rule gives this listing to us",
    "listing_gone": "gone from Marketplacer",
    "never": "never ours to write",
    "unknown_field": "nobody has said who owns this field",
    NOT_MAPPED: "not mapped to an ERP item",
    NOT_PUBLISHED: "not published",
    INFINITE: "sells without a count",
}


@dataclass(frozen=True)
class Facts:
    """What the decision about one listing looks at."""

    listing: ListingFacts
    mapped: bool = True
    published: bool = True
    infinite: bool = False


@dataclass(frozen=True)
class Verdict:
    """`code` is empty when the write may leave; else a key of WORDS, for counting."""

    code: str
    reason: str

    @property
    def allowed(self) -> bool:
        return not self.code


@dataclass(frozen=True)
class Permit:
    """The guard's yes: this field of this object of Marketplacer's, as decided at that moment."""

    field: Field
    subject: str  # Marketplacer's id
    at: datetime


def decide(field: str, facts: Facts, rules: Rules, at: datetime) -> Verdict:
    """The decision. A field that is nobody's known business is refused like one never ours."""
    owned = may_write(field, facts.listing, rules, at)
    if not owned.allowed:
        return Verdict(str(owned.code), owned.reason)
    if field == Field.STOCK:
        if not facts.mapped:
            return _no(NOT_MAPPED)
        if not facts.published:
            return _no(NOT_PUBLISHED)
        if facts.infinite:
            return _no(INFINITE)
    return Verdict("", owned.reason)


def _no(code: str) -> Verdict:
    return Verdict(
        code,
        f"the listing is {WORDS[code]}"
        if code != INFINITE
        else "the listing sells without a count; a level would change nothing",
    )


def permit(field: str, subject: str, facts: Facts, rules: Rules, at: datetime) -> Permit | Verdict:
    """A Permit when the write may leave, else the Verdict that says why not."""
    verdict = decide(field, facts, rules, at)
    return Permit(Field(field), subject, at) if verdict.allowed else verdict
