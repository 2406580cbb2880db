"""Sellers, and what people say of each: whose stock, whose dispatch, whose sale. All dated."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Upper

from mapping.models.dated import IN_FORCE, DatedQuerySet


class Seller(models.Model):
    marketplacer_id = models.CharField(max_length=120, unique=True)
    legacy_id = models.BigIntegerField(null=True, blank=True)
    business_name = models.CharField(max_length=300)
    deleted = models.BooleanField(default=False)
    seen_at = models.DateTimeField()
    # Where its goods leave from, for tax at order time; Marketplacer tells only at dispatch.
    dispatch_country = models.CharField(max_length=2, blank=True)

    class Meta:
        ordering: ClassVar = ["business_name", "id"]

    def __str__(self) -> str:
        return self.business_name


class SellerRule(models.Model):
    """One effective-dated attribute of a seller. Of one kind, only one is in force at a time."""

    seller = models.ForeignKey(Seller, models.PROTECT)
    valid_from = models.DateTimeField(null=True, blank=True)  # null: since the beginning
    valid_until = models.DateTimeField(null=True, blank=True)
    reason = models.TextField()
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True)
    set_at = models.DateTimeField()

    objects = DatedQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints: ClassVar = [
            ExclusionConstraint(
                name="%(class)s_one_at_a_time",
                expressions=[("seller", RangeOperators.EQUAL), (IN_FORCE, RangeOperators.OVERLAPS)],
            )
        ]

    def __str__(self) -> str:
        return f"{type(self).__name__} of seller {self.seller_id}"


class OwnershipRule(SellerRule):
    """Who keeps the stock of the seller's listings. No rule: not ours, never written.

    Mixed: a `ListingOwnership` inside the seller says so, listing by listing.
    """

    class Owner(models.TextChoices):
        OPERATOR = "operator", "operator"
        SELLER = "seller", "seller"
        MIXED = "mixed", "mixed, by rule"

    owner = models.CharField(max_length=20, choices=Owner.choices)


class OwnershipDefault(models.Model):
    """Whose stock it is at sellers without a rule of their own. None in force: not ours."""

    owner = models.CharField(max_length=20, choices=OwnershipRule.Owner.choices)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    reason = models.TextField()
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    set_at = models.DateTimeField()

    objects = DatedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            ExclusionConstraint(
                name="ownershipdefault_one_at_a_time",
                expressions=[(IN_FORCE, RangeOperators.OVERLAPS)],
            )
        ]

    def __str__(self) -> str:
        return f"by default {self.get_owner_display()}"


class ListingOwnership(models.Model):
    """Whose stock some listings of a seller are: one listing, a brand, or SKUs that begin alike."""

    class Scope(models.TextChoices):
        LISTING = "listing", "a listing"
        BRAND = "brand", "a brand"
        SKU_PREFIX = "sku_prefix", "SKUs that begin with"

    class Owner(models.TextChoices):
        OPERATOR = "operator", "operator"
        SELLER = "seller", "seller"

    seller = models.ForeignKey(Seller, models.PROTECT, related_name="listing_ownerships")
    scope = models.CharField(max_length=20, choices=Scope.choices)
    listing = models.ForeignKey(
        "mapping.Listing", models.PROTECT, null=True, blank=True, related_name="ownerships"
    )
    value = models.CharField(max_length=200, blank=True)  # the brand or the prefix
    owner = models.CharField(max_length=20, choices=Owner.choices)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    reason = models.TextField()
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    set_at = models.DateTimeField()

    objects = DatedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            ExclusionConstraint(
                name="listingownership_one_at_a_time",
                expressions=[
                    ("seller", RangeOperators.EQUAL),
                    ("scope", RangeOperators.EQUAL),
                    (Coalesce(F("listing"), 0), RangeOperators.EQUAL),
                    (Upper(F("value")), RangeOperators.EQUAL),
                    (IN_FORCE, RangeOperators.OVERLAPS),
                ],
            ),
            models.CheckConstraint(
                name="listingownership_names_its_scope",
                condition=(
                    Q(scope="listing", listing__isnull=False, value="")
                    | (Q(scope__in=["brand", "sku_prefix"], listing=None) & ~Q(value=""))
                ),
            ),
        ]

    def __str__(self) -> str:
        about = self.value or f"listing {self.listing_id}"
        return f"{self.get_scope_display()} {about}"


class FulfilmentRule(SellerRule):
    """Who dispatches the seller's orders. No rule: its orders park."""

    class By(models.TextChoices):
        OPERATOR = "operator", "operator"
        SELLER = "seller", "seller"

    fulfilled_by = models.CharField(max_length=20, choices=By.choices)


class SellerTreatment(SellerRule):
    """Whose sale it is in the books. No treatment: its orders park, never booked by guess."""

    class Treatment(models.TextChoices):
        PRINCIPAL = "principal", "principal"
        AGENT = "agent", "agent"

    treatment = models.CharField(max_length=20, choices=Treatment.choices)


class SellerSettings(models.Model):
    """Whether sure suggestions of a seller's listings are confirmed without a person."""

    seller = models.OneToOneField(Seller, models.PROTECT, related_name="settings")
    auto_map = models.BooleanField(default=False)
    reason = models.TextField(blank=True)  # why it stands as it does
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    changed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["seller"]
        permissions: ClassVar = [("switch_auto_map", "Can switch automatic mapping on and off")]

    def __str__(self) -> str:
        return f"settings of seller {self.seller_id}"
