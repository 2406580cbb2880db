"""What people say of stock: safety stock by rule, the limits of a hold, the budget of calls."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from mapping.models import ErpItem, Listing, Seller
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from sync.models import SafetyRule, StockPolicy
from sync.services import stock_orders, stock_pace

Scope = SafetyRule.Scope


@transaction.atomic
def keep_back(
    *,
    quantity: Decimal,
    by: User,
    at: datetime,
    reason: str,
    seller: Seller | None = None,
    brand: str = "",
    item: ErpItem | None = None,
) -> SafetyRule:
    """From `at` on so many units of each item are kept back: of everything, or of what is named.

    Of the rules in force the most specific wins: item, brand, seller, everything. Zero is a rule,
    too. Setting what holds already changes nothing. Refused without a reason, for a negative or
    broken number of units, and when more than one scope is named.
    """
    if not reason.strip():
        raise Refused("Say why.")
    if not quantity.is_finite() or quantity < 0 or quantity != quantity.to_integral_value():
        raise Refused("Safety stock is a whole number of units, zero or more.")
    named = [bool(seller), bool(brand.strip()), bool(item)]
    if sum(named) > 1:
        raise Refused("A rule is about a seller, a brand or an item, not several.")
    scope = Scope.SELLER if seller else Scope.BRAND if brand.strip() else Scope.GLOBAL
    scope = Scope.ITEM if item else scope
    brand = brand.strip()
    same = SafetyRule.objects.select_for_update(no_key=True, of=("self",)).filter(
        scope=scope, seller=seller, brand__iexact=brand, item=item, valid_until=None
    )
    current = same.order_by("-pk").first()
    if current is not None and current.quantity == quantity:
        return current
    if current is not None:
        current.valid_until = at
        current.save(update_fields=["valid_until"])
    rule = SafetyRule.objects.create(
        scope=scope,
        seller=seller,
        brand=current.brand if current is not None else brand,
        item=item,
        quantity=quantity,
        valid_from=at,
        reason=reason,
        set_by=by,
        set_at=at,
    )
    audit.record(
        action="safetyrule.set",
        subject=rule,
        by=by,
        at=at,
        before={"quantity": str(current.quantity)} if current is not None else None,
        after={"scope": str(scope), "quantity": str(quantity)},
        reason=reason,
    )
    _touch(rule, at)
    return rule


def _touch(rule: SafetyRule, at: datetime) -> None:
    if rule.item_id is not None:
        stock_orders.touch_items(item_ids=[rule.item_id], at=at)
        return
    sellers = Seller.objects.order_by("pk")
    if rule.seller_id is not None:
        sellers = sellers.filter(pk=rule.seller_id)
    elif rule.brand:
        about = Listing.objects.filter(brand__iexact=rule.brand).values("seller")
        sellers = sellers.filter(pk__in=about)
    stock_orders.touch_sellers(seller_ids=list(sellers.values_list("pk", flat=True)), at=at)


# What an administrator may choose, and from where to where.
CHOICES: dict[str, tuple[float, float]] = {
    "calls_per_hour": (0, 180_000),
    "longest_wait_hours": (1, 168),
    "read_back_seconds": (5, 86_400),
    "zero_count": (1, 1_000_000),
    "zero_share": (0, 1),
    "fall_units": (1, 1_000_000_000),
    "fall_share": (0, 1),
}


@transaction.atomic
def choose(*, by: User, at: datetime, reason: str, **chosen: float) -> StockPolicy:
    """Change how stock is told; what is not named stays. Refused without a reason."""
    if not reason.strip():
        raise Refused("Say why.")
    stock_pace.policy()
    policy = StockPolicy.objects.select_for_update(no_key=True).get(pk=1)
    before: dict[str, Any] = {}
    for name, value in chosen.items():
        least, most = CHOICES[name]
        if not least <= value <= most:
            raise Refused(f"{name.replace('_', ' ')} lies between {least:g} and {most:g}.")
        if getattr(policy, name) != value:
            before[name] = getattr(policy, name)
            setattr(policy, name, value)
    if before:
        policy.save(update_fields=list(before))
        audit.record(
            action="stockpolicy.choose",
            subject=policy,
            by=by,
            at=at,
            before=before,
            after={name: chosen[name] for name in before},
            reason=reason,
        )
    return policy
