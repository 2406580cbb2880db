"""The page of a seller: its rules, what a change would make writable, automatic mapping."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Count
from django.http import HttpRequest

from mapping import selectors
from mapping.forms import AutoMapForm, DefaultForm, ListingRuleForm, SellerRulesForm
from mapping.models import (
    Listing,
    ListingOwnership,
    OwnershipDefault,
    OwnershipRule,
    Seller,
    SellerSettings,
    SkuMapping,
)
from mapping.services.ownership import PERMISSIONS, Effect
from mapping.services.rules import FIELDS

ATTRIBUTE_WORDS = {
    "owner": "Keeps the stock",
    "fulfilled_by": "Dispatches",
    "treatment": "Whose sale",
}


@dataclass
class SellerPage:
    request: HttpRequest
    seller: Seller
    at: datetime
    refused: str = ""
    effect: Effect | None = None
    rules: SellerRulesForm = field(init=False)
    listing_rule: ListingRuleForm = field(default_factory=ListingRuleForm)
    auto: AutoMapForm = field(default_factory=AutoMapForm)
    asked: str = ""  # which form is shown with its effect: "rules" or "listing"

    def __post_init__(self) -> None:
        self.rules = SellerRulesForm(self.request.user)

    @cached_property
    def now(self) -> Any:
        """The seller with what holds of it now."""
        return selectors.with_readiness(at=self.at).get(pk=self.seller.pk)

    @cached_property
    def default(self) -> str:
        return selectors.ownership_default(at=self.at)

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        """What was ever said, the newest first."""
        rows = []
        for rule in selectors.history_of(seller=self.seller):
            name = FIELDS[type(rule)]
            rows.append(
                {
                    "what": ATTRIBUTE_WORDS[name],
                    "value": getattr(rule, name),
                    "rule": rule,
                    "in_force": selectors.covers(rule, self.at),
                    "never": rule.valid_from is not None and rule.valid_from == rule.valid_until,
                }
            )
        return rows

    @cached_property
    def listing_rules(self) -> list[ListingOwnership]:
        rows = selectors.listing_rules().filter(seller=self.seller)
        return [row for row in rows[:50] if row.valid_until is None or row.valid_until > self.at]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many listings, and how many of them are mapped."""
        living = Listing.objects.filter(seller=self.seller, deleted=False)
        mapped = SkuMapping.objects.filter(
            listing__seller=self.seller,
            listing__deleted=False,
            state=SkuMapping.State.CONFIRMED,
            valid_until=None,
        )
        by_rule = mapped.filter(source=SkuMapping.Source.AUTO).count()
        return {"listings": living.count(), "mapped": mapped.count(), "by_rule": by_rule}

    @cached_property
    def settings(self) -> SellerSettings | None:
        return (
            SellerSettings.objects.filter(seller=self.seller).select_related("changed_by").first()
        )

    @property
    def may_change(self) -> bool:
        return bool(self.request.user.has_perm("mapping.change_ownershiprule"))

    @property
    def may_say(self) -> bool:
        """Whether there is an attribute of the seller that this person may set."""
        return bool(self.rules.fields.keys() & PERMISSIONS.keys())


@dataclass
class DefaultPage:
    """Whose stock it is at sellers without a rule of their own."""

    request: HttpRequest
    at: datetime
    form: DefaultForm = field(default_factory=DefaultForm)
    refused: str = ""
    asked: bool = False

    @cached_property
    def now(self) -> OwnershipDefault | None:
        rows = OwnershipDefault.objects.in_force(self.at).select_related("set_by")
        return rows.first()  # one at a time, by constraint

    @cached_property
    def silent(self) -> list[Any]:
        """Sellers of whom nobody has said whose stock it is, with how many listings they have."""
        said = OwnershipRule.objects.in_force(self.at).values("seller")
        rows = Seller.objects.filter(deleted=False).exclude(pk__in=said)
        return list(rows.annotate(many=Count("listings")).order_by("-many", "pk"))

    @property
    def listings(self) -> int:
        return sum(seller.many for seller in self.silent)

    @property
    def may_change(self) -> bool:
        return bool(self.request.user.has_perm("mapping.change_ownershiprule"))
