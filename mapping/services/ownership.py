"""Whose stock it is: set with a reason, from a moment on, after a look at what it changes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from mapping import selectors
from mapping.domain.ownership import Field, Owner, Rules, Scope, StockRule, Verdict
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
from mapping.services import rules
from mapping.signals import mapping_changed
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User

EXAMPLES = 8


@dataclass(frozen=True)
class Example:
    listing: Listing
    before: Verdict
    after: Verdict


@dataclass
class Effect:
    """What a rule would change for stock: how many listings, and some of them."""

    listings: int = 0
    writable_before: int = 0
    writable_after: int = 0
    opened: int = 0  # become writable
    closed: int = 0  # stop being so
    examples: list[Example] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """A stock rule that somebody thinks of setting. `value` is the brand or the SKU prefix."""

    seller: Seller
    owner: str
    scope: str = Scope.SELLER
    value: str = ""
    listing: Listing | None = None


def preview(*, wanted: Wanted, at: datetime) -> Effect:
    """What would become writable, or stop being so, if the rule held from `at` on.

    Streams the seller's listings; changes nothing.
    """
    rules_now = selectors.rules_in_force(seller_ids=[wanted.seller.pk], at=at)[wanted.seller.pk]
    rules_then = Rules(_with(wanted, rules_now.stock), rules_now.dispatch)
    listings = Listing.objects.filter(seller=wanted.seller, deleted=False).order_by("pk")
    before = _decided(listings, rules_now, at)
    after = _decided(listings, rules_then, at)
    effect, shown = Effect(), dict[int, tuple[Verdict, Verdict]]()
    for (one, was), (_, becomes) in zip(before, after, strict=True):
        effect.listings += 1
        effect.writable_before += was.allowed
        effect.writable_after += becomes.allowed
        if was.allowed == becomes.allowed:
            continue
        effect.opened += becomes.allowed
        effect.closed += was.allowed
        if len(shown) < EXAMPLES:
            shown[one] = (was, becomes)
    found = Listing.objects.in_bulk(list(shown))
    effect.examples = [Example(found[pk], *verdicts) for pk, verdicts in shown.items()]
    return effect


def _decided(
    listings: QuerySet[Listing], rules_: Rules, at: datetime
) -> Iterator[tuple[int, Verdict]]:
    facts = selectors.facts_of(listings)
    for one, verdict in selectors.decide(field=Field.STOCK, facts=facts, rules=rules_, at=at):
        yield one.listing_id, verdict


def _with(wanted: Wanted, held: Iterable[StockRule]) -> list[StockRule]:
    """The rules as they would be: the new one in the place of the one it replaces."""
    listing = wanted.listing.pk if wanted.listing is not None else None
    new = StockRule(
        Scope(wanted.scope), Owner(wanted.owner), 0, wanted.seller.pk, listing, wanted.value
    )

    def same(rule: StockRule) -> bool:
        return (
            rule.scope == new.scope
            and rule.listing_id == new.listing_id
            and rule.value.casefold() == new.value.casefold()
        )

    return [*(rule for rule in held if not same(rule)), new]


@transaction.atomic
def set_for_listings(
    *, wanted: Wanted, by: User | None, at: datetime, reason: str, moment: datetime | None = None
) -> ListingOwnership:
    """From a moment (default now) these listings' stock is the operator's or the seller's.

    Setting what holds changes nothing; a rule about the same listings before it ends there.
    Refused without a reason, at a moment gone by, or when it is about nothing.
    """
    if not reason.strip():
        raise Refused("Say why.")
    moment = moment or at
    if moment < at:
        raise Refused("A rule about stock holds from now or later, never from before.")
    if wanted.scope == Scope.LISTING and wanted.listing is None:
        raise Refused("Choose the listing.")
    if wanted.listing is not None and wanted.listing.seller_id != wanted.seller.pk:
        raise Refused("That listing belongs to another seller.")
    value = wanted.value.strip()
    if wanted.scope != Scope.LISTING and not value:
        raise Refused("Name the brand, or how the SKUs begin.")
    Seller.objects.select_for_update(no_key=True, of=("self",)).get(pk=wanted.seller.pk)
    held = ListingOwnership.objects.filter(
        Q(valid_until=None) | Q(valid_until__gt=moment),
        seller=wanted.seller,
        scope=wanted.scope,
        listing=wanted.listing,
        value__iexact=value,
    )
    current = held.order_by("-pk").first()
    if current is not None and current.valid_until is None and current.owner == wanted.owner:
        return current
    if current is not None:
        _end(current, moment)
    try:
        with transaction.atomic():
            new = ListingOwnership.objects.create(
                seller=wanted.seller,
                scope=wanted.scope,
                listing=wanted.listing,
                value=value,
                owner=wanted.owner,
                valid_from=moment,
                reason=reason,
                set_by=by,
                set_at=at,
            )
    except IntegrityError as error:
        raise Refused("Another rule about the same listings begins later; end it first.") from error
    audit.record(
        action="listingownership.set",
        subject=new,
        by=by,
        at=at,
        before={"owner": current.owner} if current is not None else None,
        after={"seller": wanted.seller.business_name, "about": str(new), "owner": new.owner},
        reason=reason,
    )
    mapping_changed.send(sender=ListingOwnership, seller_ids={wanted.seller.pk})
    return new


def _end(rule: ListingOwnership, moment: datetime) -> None:
    if rule.valid_from is not None and rule.valid_from >= moment:
        # It never began, or begins this instant: an empty span holds at no time.
        rule.valid_until = rule.valid_from
    else:
        rule.valid_until = moment
    rule.save(update_fields=["valid_until"])


@transaction.atomic
def end_for_listings(
    *, rule: ListingOwnership, by: User, at: datetime, reason: str
) -> ListingOwnership:
    """The rule about these listings holds no more; the seller's rule decides again."""
    if not reason.strip():
        raise Refused("Say why.")
    locked = ListingOwnership.objects.select_for_update(no_key=True, of=("self",)).get(pk=rule.pk)
    if locked.valid_until is not None and locked.valid_until <= at:
        return locked
    _end(locked, at)
    audit.record(
        action="listingownership.end",
        subject=locked,
        by=by,
        at=at,
        before={"owner": locked.owner},
        after={"valid_until": at.isoformat()},
        reason=reason,
    )
    mapping_changed.send(sender=ListingOwnership, seller_ids={locked.seller_id})
    return locked


@transaction.atomic
def set_default(
    *, owner: str, by: User | None, at: datetime, reason: str
) -> OwnershipDefault | None:
    """From now on this holds for sellers without a rule of their own; "" takes the default away.

    Without a default what nobody has spoken of is not ours.
    """
    if not reason.strip():
        raise Refused("Say why.")
    current = (
        OwnershipDefault.objects.select_for_update(no_key=True)
        .filter(valid_until=None)
        .order_by("-pk")
        .first()
    )
    if current is not None and current.owner == owner:
        return current
    if current is None and not owner:
        return None
    if current is not None:
        current.valid_until = at
        current.save(update_fields=["valid_until"])
    new = None
    if owner:
        new = OwnershipDefault.objects.create(
            owner=owner, valid_from=at, reason=reason, set_by=by, set_at=at
        )
    subject = new or current
    if subject is not None:
        audit.record(
            action="ownershipdefault.set",
            subject=subject,
            by=by,
            at=at,
            before={"owner": current.owner} if current is not None else None,
            after={"owner": owner or None},
            reason=reason,
        )
    silent = Seller.objects.exclude(pk__in=OwnershipRule.objects.in_force(at).values("seller"))
    mapping_changed.send(
        sender=OwnershipDefault, seller_ids=set(silent.values_list("pk", flat=True))
    )
    return new


# The attribute that each rule of a seller sets, as the seller's form names it.
ATTRIBUTES: dict[str, type[SellerRule]] = {
    "stock_owner": OwnershipRule,
    "fulfilled_by": FulfilmentRule,
    "treatment": SellerTreatment,
}
# Whose sale it is, finance say; whose stock and dispatch it is, an administrator.
PERMISSIONS: dict[str, str] = {
    "stock_owner": "mapping.change_ownershiprule",
    "fulfilled_by": "mapping.change_fulfilmentrule",
    "treatment": "mapping.change_sellertreatment",
}


@transaction.atomic
def set_for_seller(
    *,
    seller: Seller,
    changes: dict[str, str],
    by: User,
    at: datetime,
    reason: str,
    moment: datetime | None = None,
) -> list[SellerRule]:
    """Set several attributes of a seller from one moment on (default now), for one reason.

    Refused where one of them is not for this person to say.
    """
    if not by.has_perms({PERMISSIONS[name] for name in changes}):
        raise Refused("Finance say whose sale it is, an administrator who keeps and sends it.")
    moment = moment or at
    if moment < at:
        raise Refused("A rule holds from now or later, never from before.")
    return [
        rules.set_rule(
            rule=ATTRIBUTES[name],
            seller=seller,
            value=value,
            by=by,
            at=at,
            reason=reason,
            moment=moment if moment > at else None,
        )
        for name, value in changes.items()
    ]
