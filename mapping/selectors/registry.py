"""Mappings, sellers and their rules, as of a moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, CharField, F, OuterRef, Q, QuerySet, Subquery, Value, When

from mapping.models import (
    FulfilmentRule,
    OwnershipRule,
    Seller,
    SellerRule,
    SellerTreatment,
    ShippingTaxPolicy,
    SkuMapping,
    TaxCodeMapping,
)


def mappings_of(*, variant_ids: Iterable[str]) -> dict[str, list[SkuMapping]]:
    """The mappings that ever were in force for these variants, by Marketplacer's variant id."""
    rows = (
        SkuMapping.objects.filter(
            listing__marketplacer_id__in=set(variant_ids),
            state__in=[SkuMapping.State.CONFIRMED, SkuMapping.State.RETIRED],
        )
        .annotate(variant_id=F("listing__marketplacer_id"))
        .select_related("item")
        .order_by("pk")
    )
    found: dict[str, list[SkuMapping]] = {}
    for row in rows:
        found.setdefault(row.variant_id, []).append(row)
    return found


def covers(row: SkuMapping | TaxCodeMapping | SellerRule | ShippingTaxPolicy, at: datetime) -> bool:
    """Whether a dated row is in force at the moment; its span is half open."""
    return (row.valid_from is None or row.valid_from <= at) and (
        row.valid_until is None or at < row.valid_until
    )


@dataclass(frozen=True)
class SellerRules:
    """A seller with every rule that ever held for it."""

    seller: Seller
    treatments: list[SellerTreatment]
    fulfilments: list[FulfilmentRule]

    def treatment(self, at: datetime) -> str | None:
        return next((r.treatment for r in self.treatments if covers(r, at)), None)

    def fulfilled_by(self, at: datetime) -> str | None:
        return next((r.fulfilled_by for r in self.fulfilments if covers(r, at)), None)


def rules_of(*, marketplacer_ids: Iterable[str]) -> dict[str, SellerRules]:
    """Sellers and their rules by Marketplacer's id, in three queries however many they are."""
    sellers = Seller.objects.filter(marketplacer_id__in=set(marketplacer_ids)).order_by("pk")
    found = {seller.pk: SellerRules(seller, [], []) for seller in sellers}
    for treatment in SellerTreatment.objects.filter(seller__in=found).order_by("pk"):
        found[treatment.seller_id].treatments.append(treatment)
    for fulfilment in FulfilmentRule.objects.filter(seller__in=found).order_by("pk"):
        found[fulfilment.seller_id].fulfilments.append(fulfilment)
    return {rules.seller.marketplacer_id: rules for rules in found.values()}


def with_rules(*, at: datetime) -> QuerySet[Seller]:
    """Sellers annotated with `treatment`, `fulfilled_by` and `stock_owner` (None: no rule).

    Of the rule about stock also `stock_since`, `stock_set_by` (a name) and `stock_reason`.
    """

    def in_force(model: type, field: str) -> Subquery:
        rules = model.objects.filter(seller=OuterRef("pk")).in_force(at)  # type: ignore[attr-defined]
        return Subquery(rules.order_by("pk").values(field)[:1])

    return Seller.objects.annotate(
        treatment=in_force(SellerTreatment, "treatment"),
        fulfilled_by=in_force(FulfilmentRule, "fulfilled_by"),
        stock_owner=in_force(OwnershipRule, "owner"),
        stock_since=in_force(OwnershipRule, "valid_from"),
        stock_set_by=in_force(OwnershipRule, "set_by__username"),
        stock_reason=in_force(OwnershipRule, "reason"),
    ).order_by("business_name", "pk")


def mappings() -> QuerySet[SkuMapping]:
    """Confirmed and retired mappings with what a list shows of them; `maker` is a name."""
    return (
        SkuMapping.objects.exclude(state=SkuMapping.State.PROPOSED)
        .select_related("listing__seller", "item", "made_by")
        .annotate(
            maker=Case(
                When(made_by__isnull=False, then=F("made_by__username")),
                default=Value("import"),
                output_field=CharField(),
            )
        )
    )


def with_readiness(*, at: datetime) -> QuerySet[Seller]:
    """`with_rules`, and `ready`: whether the seller's orders can be booked by them."""
    missing = Q(treatment=None) | Q(fulfilled_by=None)
    return with_rules(at=at).annotate(
        ready=Case(When(missing, then=Value(False)), default=Value(True))
    )
