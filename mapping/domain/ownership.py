"""Who may write which field of a listing, at a moment, and why.

Nothing is ours unless a rule says so. Marketplacer and the seller own content, price, publication
and the dispatch address, whatever rule anybody sets. Stock is ours only while a rule in force
gives it to the operator:

    marketplace    the default for sellers without a rule of their own
    seller         operator, seller, or mixed: then it takes a narrower rule
    brand, SKU prefix, listing    inside a seller, from the wider to the narrower

A narrower rule can always take a listing away from us. It can give one to us only inside a seller
that is mixed or ours: no forgotten rule opens a seller that has been closed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Field(StrEnum):
    """What a write would change."""

    STOCK = "stock"
    SHIPMENT = "shipment"
    EXTERNAL_ID = "external_id"
    PRICE = "price"
    CONTENT = "content"
    PUBLICATION = "publication"
    SHIP_FROM = "ship_from"


class Owner(StrEnum):
    OPERATOR = "operator"
    SELLER = "seller"
    MIXED = "mixed"


class Scope(StrEnum):
    """How wide a stock rule is, from the widest to the narrowest."""

    MARKETPLACE = "marketplace"
    SELLER = "seller"
    BRAND = "brand"
    SKU_PREFIX = "sku_prefix"
    LISTING = "listing"


class Code(StrEnum):
    """Why a write is allowed or not, for counting."""

    OURS = "ours"
    NO_RULE = "no_rule"  # nobody has said whose it is
    SELLER_MANAGED = "seller_managed"
    NOT_IN_MIX = "not_in_mix"  # the seller is mixed and no narrower rule names this listing
    LISTING_GONE = "listing_gone"
    NEVER = "never"  # a field that is not ours by any rule
    UNKNOWN_FIELD = "unknown_field"


NEVER_OURS = {
    Field.PRICE: "the price belongs to the seller at Marketplacer",
    Field.CONTENT: "the content belongs to the seller at Marketplacer",
    Field.PUBLICATION: "publication belongs to the seller at Marketplacer",
    Field.SHIP_FROM: "the dispatch address is the seller's, kept in the Marketplacer portal",
}


@dataclass(frozen=True)
class ListingFacts:
    seller_id: int
    listing_id: int
    sku: str = ""
    brand: str = ""
    deleted: bool = False


@dataclass(frozen=True)
class StockRule:
    """A rule about stock, of the marketplace, a seller or listings of a seller.

    `value` is the brand or the SKU prefix. The span [valid_from, valid_until) is half open; None
    is no bound.
    """

    scope: Scope
    owner: Owner
    rule_id: int = 0
    seller_id: int | None = None
    listing_id: int | None = None
    value: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def in_force(self, at: datetime) -> bool:
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_until is None or at < self.valid_until
        )

    def names(self, listing: ListingFacts) -> bool:
        """Whether the rule is about this listing."""
        if self.scope == Scope.MARKETPLACE:
            return True
        if self.seller_id != listing.seller_id:
            return False
        if self.scope == Scope.BRAND:
            return bool(self.value) and self.value.casefold() == listing.brand.strip().casefold()
        if self.scope == Scope.SKU_PREFIX:
            return bool(self.value) and listing.sku.casefold().startswith(self.value.casefold())
        return self.scope == Scope.SELLER or self.listing_id == listing.listing_id


@dataclass(frozen=True)
class DispatchRule:
    """Who dispatches a seller's orders, for a span of time."""

    by: Owner
    seller_id: int
    rule_id: int = 0
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def in_force(self, at: datetime) -> bool:
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_until is None or at < self.valid_until
        )


@dataclass(frozen=True)
class Rules:
    stock: Sequence[StockRule] = ()
    dispatch: Sequence[DispatchRule] = ()


@dataclass(frozen=True)
class Verdict:
    """Whether a write may go, and the sentence that says why. `rule_id` decided; 0: no rule did."""

    allowed: bool
    reason: str
    code: Code
    scope: Scope | None = None
    rule_id: int = 0


# The narrowest first; inside a seller.
NARROWER = (Scope.LISTING, Scope.SKU_PREFIX, Scope.BRAND)


def may_write(field: str, listing: ListingFacts, rules: Rules, at: datetime) -> Verdict:
    """Whether we may write this field of this listing at this moment.

    A field that nobody has listed is refused like one that is never ours.
    """
    try:
        known = Field(field)
    except ValueError:
        return Verdict(False, f"nobody has said who owns {field!r}", Code.UNKNOWN_FIELD)
    if known in NEVER_OURS:
        return Verdict(False, NEVER_OURS[known], Code.NEVER)
    if listing.deleted:
        return Verdict(False, "the listing is gone from Marketplacer", Code.LISTING_GONE)
    if known == Field.EXTERNAL_ID:
        return Verdict(True, "external ids are ours to write", Code.OURS)
    if known == Field.SHIPMENT:
        return _dispatch(listing, rules.dispatch, at)
    return _stock(listing, [rule for rule in rules.stock if rule.in_force(at)])


def _dispatch(listing: ListingFacts, rules: Sequence[DispatchRule], at: datetime) -> Verdict:
    for rule in rules:
        if rule.seller_id == listing.seller_id and rule.in_force(at):
            if rule.by == Owner.OPERATOR:
                return Verdict(
                    True, "we dispatch this seller's orders", Code.OURS, Scope.SELLER, rule.rule_id
                )
            return Verdict(
                False,
                "the seller dispatches its own orders",
                Code.SELLER_MANAGED,
                Scope.SELLER,
                rule.rule_id,
            )
    return Verdict(False, "nobody has said who dispatches this seller's orders", Code.NO_RULE)


def _stock(listing: ListingFacts, rules: Sequence[StockRule]) -> Verdict:
    """Of rules in force the wide one opens, the narrowest inside the seller decides."""
    about = {rule.scope: rule for rule in _longest_prefix_last(rules) if rule.names(listing)}
    wide = about.get(Scope.SELLER) or about.get(Scope.MARKETPLACE)
    if wide is None:
        return Verdict(False, "nobody has said who keeps this seller's stock", Code.NO_RULE)
    whose = "the marketplace" if wide.scope == Scope.MARKETPLACE else "the seller"
    if wide.owner == Owner.SELLER:
        return Verdict(
            False,
            f"seller-managed, by the rule of {whose}",
            Code.SELLER_MANAGED,
            wide.scope,
            wide.rule_id,
        )
    narrow = next((about[scope] for scope in NARROWER if scope in about), None)
    if narrow is not None:
        words = _words(narrow)
        if narrow.owner == Owner.OPERATOR:
            return Verdict(
                True, f"operator-managed, {words}", Code.OURS, narrow.scope, narrow.rule_id
            )
        return Verdict(
            False, f"seller-managed, {words}", Code.SELLER_MANAGED, narrow.scope, narrow.rule_id
        )
    if wide.owner == Owner.MIXED:
        return Verdict(
            False,
            f"{whose} is mixed and no rule gives this listing to us",
            Code.NOT_IN_MIX,
            wide.scope,
            wide.rule_id,
        )
    return Verdict(
        True, f"operator-managed, by the rule of {whose}", Code.OURS, wide.scope, wide.rule_id
    )


def _longest_prefix_last(rules: Sequence[StockRule]) -> list[StockRule]:
    """Of several prefixes that fit the longest decides; equal ones by age, the newest."""
    return sorted(rules, key=lambda rule: (len(rule.value), rule.rule_id))


def _words(rule: StockRule) -> str:
    if rule.scope == Scope.BRAND:
        return f"by a rule for the brand {rule.value}"
    if rule.scope == Scope.SKU_PREFIX:
        return f"by a rule for SKUs that begin with {rule.value}"
    return "by a rule for this listing"
