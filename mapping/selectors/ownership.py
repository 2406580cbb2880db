"""Who may write what, for many listings at once."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from mapping.domain import ownership
from mapping.domain.ownership import (
    DispatchRule,
    ListingFacts,
    Owner,
    Rules,
    Scope,
    StockRule,
    Verdict,
)
from mapping.models import (
    FulfilmentRule,
    Listing,
    ListingOwnership,
    OwnershipDefault,
    OwnershipRule,
    Seller,
    SellerRule,
    SellerTreatment,
)


def writable(*, listing_ids: Iterable[int], field: str, at: datetime) -> dict[int, Verdict]:
    """May this field of these listings be written at the moment, and why; by listing key.

    Four queries however many listings there are; ask for a few thousand at a time. A listing that
    does not exist is not in the answer: whoever asks must not write it.
    """
    facts = list(facts_of(Listing.objects.filter(pk__in=list(listing_ids))))
    rules = rules_in_force(seller_ids={f.seller_id for f in facts}, at=at)
    of_seller: dict[int, list[ListingFacts]] = {}
    for one in facts:
        of_seller.setdefault(one.seller_id, []).append(one)
    return {
        one.listing_id: verdict
        for seller, listings in of_seller.items()
        for one, verdict in decide(field=field, facts=listings, rules=rules[seller], at=at)
    }


def rules_in_force(*, seller_ids: Iterable[int], at: datetime) -> dict[int, Rules]:
    """The rules of each seller at the moment, with the marketplace's default among them."""
    wanted = set(seller_ids)
    default = [
        StockRule(Scope.MARKETPLACE, Owner(row.owner), row.pk, None, None, "", *_span(row))
        for row in OwnershipDefault.objects.in_force(at).order_by("pk")
    ]
    stock: dict[int, list[StockRule]] = {seller: [*default] for seller in wanted}
    dispatch: dict[int, list[DispatchRule]] = {seller: [] for seller in wanted}
    for rule in OwnershipRule.objects.in_force(at).filter(seller__in=wanted).order_by("pk"):
        stock[rule.seller_id].append(
            StockRule(
                Scope.SELLER, Owner(rule.owner), rule.pk, rule.seller_id, None, "", *_span(rule)
            )
        )
    narrow = ListingOwnership.objects.in_force(at).filter(seller__in=wanted).order_by("pk")
    for row in narrow.iterator(chunk_size=2000):
        stock[row.seller_id].append(as_rule(row))
    for by in FulfilmentRule.objects.in_force(at).filter(seller__in=wanted).order_by("pk"):
        dispatch[by.seller_id].append(
            DispatchRule(Owner(by.fulfilled_by), by.seller_id, by.pk, *_span(by))
        )
    return {seller: Rules(stock[seller], dispatch[seller]) for seller in wanted}


def as_rule(row: ListingOwnership) -> StockRule:
    """A stored rule about some listings of a seller, as the pure decision reads it."""
    return StockRule(
        Scope(row.scope),
        Owner(row.owner),
        row.pk or 0,
        row.seller_id,
        row.listing_id,
        row.value,
        *_span(row),
    )


def decide(
    *, field: str, facts: Iterable[ListingFacts], rules: Rules, at: datetime
) -> Iterator[tuple[ListingFacts, Verdict]]:
    """Decide for many listings of one seller; rules about one listing are found by its key."""
    wide = [rule for rule in rules.stock if rule.scope != Scope.LISTING]
    single: dict[int | None, list[StockRule]] = {}
    for rule in rules.stock:
        if rule.scope == Scope.LISTING:
            single.setdefault(rule.listing_id, []).append(rule)
    for one in facts:
        few = Rules([*wide, *single.get(one.listing_id, ())], rules.dispatch)
        yield one, ownership.may_write(field, one, few, at)


def facts_of(listings: QuerySet[Listing]) -> Iterator[ListingFacts]:
    """What the decision needs of these listings, streamed."""
    rows = listings.values_list("seller_id", "pk", "sku", "brand", "deleted")
    for row in rows.iterator(chunk_size=5000):
        yield ListingFacts(*row)


def _span(row: Any) -> tuple[datetime | None, datetime | None]:
    return row.valid_from, row.valid_until


def listing_rules() -> QuerySet[ListingOwnership]:
    """Rules about listings of a seller, the newest first, with who set them."""
    return ListingOwnership.objects.select_related("seller", "listing", "set_by").order_by("-pk")


def ownership_default(*, at: datetime) -> str:
    """Whose stock it is at sellers without a rule of their own; "" when nobody has said."""
    row = OwnershipDefault.objects.in_force(at).first()  # one at a time, by constraint
    return row.owner if row is not None else ""


def history_of(*, seller: Seller) -> list[SellerRule]:
    """Every rule that ever was set for a seller, the newest word first."""
    rules: list[SellerRule] = []
    for model in (OwnershipRule, FulfilmentRule, SellerTreatment):
        rules.extend(model.objects.filter(seller=seller).select_related("set_by").order_by("pk"))
    return sorted(rules, key=lambda rule: rule.set_at, reverse=True)
