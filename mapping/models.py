"""Which Marketplacer thing is which ERP thing, and whose it is.

Identity of a listing is Marketplacer's variant, never the SKU alone: two sellers may use one SKU
for two products.
"""

from datetime import datetime
from typing import ClassVar, Self, TypeVar

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q


class TstzRange(Func):
    """The half-open span of time a dated row is in force; an open end is no bound."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


IN_FORCE = TstzRange(F("valid_from"), F("valid_until"))


Dated = TypeVar("Dated", bound=models.Model, covariant=True)


class DatedQuerySet(models.QuerySet[Dated]):
    def in_force(self, at: datetime) -> Self:
        """Rows whose span [valid_from, valid_until) holds the moment."""
        return self.filter(
            Q(valid_from__isnull=True) | Q(valid_from__lte=at),
            Q(valid_until__isnull=True) | Q(valid_until__gt=at),
        )


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
    """Who keeps the stock of the seller's listings. No rule: not ours, never written."""

    class Owner(models.TextChoices):
        OPERATOR = "operator", "operator"
        SELLER = "seller", "seller"

    owner = models.CharField(max_length=20, choices=Owner.choices)


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


class Listing(models.Model):
    """A Marketplacer variant, mirrored."""

    marketplacer_id = models.CharField(max_length=120, unique=True)
    legacy_id = models.BigIntegerField(null=True, blank=True)
    seller = models.ForeignKey(Seller, models.PROTECT, related_name="listings")
    advert_id = models.CharField(max_length=120, blank=True)
    sku = models.CharField(max_length=200, blank=True)
    barcode = models.CharField(max_length=100, blank=True)
    title = models.TextField(blank=True)
    brand = models.CharField(max_length=200, blank=True)
    label = models.CharField(max_length=300, blank=True)  # size and colour as Marketplacer words it
    price = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    count_on_hand = models.IntegerField(null=True, blank=True)
    published = models.BooleanField(default=True)
    deleted = models.BooleanField(default=False)
    changed_at = models.DateTimeField(null=True, blank=True)  # Marketplacer's updatedAt
    seen_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["seller", "sku"], name="listing_seller_sku"),
            models.Index(fields=["sku"], name="listing_sku"),
        ]

    def __str__(self) -> str:
        return self.sku or f"variant {self.legacy_id}"


class ErpItem(models.Model):
    """An item of the ERP, mirrored. Only the ERP makes or changes items."""

    erp_ref = models.CharField(max_length=120, unique=True)
    sku = models.CharField(max_length=200)
    name = models.TextField()
    parent_ref = models.CharField(max_length=120, blank=True)
    barcodes = ArrayField(models.CharField(max_length=100), default=list)
    price = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    options = models.JSONField(default=dict)
    active = models.BooleanField(default=True)
    changed_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField()
    # Code, name and options in one lower-case text, so that one trigram index serves search and
    # suggestions alike. Written by the catalogue service.
    search_text = models.TextField(default="")

    class Meta:
        ordering: ClassVar = ["sku", "id"]
        indexes: ClassVar = [
            models.Index(fields=["sku"], name="erpitem_sku"),
            GinIndex(fields=["barcodes"], name="erpitem_barcodes"),
            GinIndex(
                fields=["search_text"], opclasses=["gin_trgm_ops"], name="erpitem_search_trgm"
            ),
        ]

    def __str__(self) -> str:
        return self.sku


class SkuMapping(models.Model):
    """A listing is `pack_quantity` of an item, for a span of time.

    PROPOSED → CONFIRMED → RETIRED. A first confirmation is in force from the beginning of time
    (valid_from null), so that it releases yesterday's orders. A retired mapping still answers for
    the time it was in force: a refund uses the mapping its order used.
    """

    class State(models.TextChoices):
        PROPOSED = "PROPOSED", "proposed"
        CONFIRMED = "CONFIRMED", "confirmed"
        RETIRED = "RETIRED", "retired"

    class Source(models.TextChoices):
        PERSON = "PERSON", "a person"
        IMPORT = "IMPORT", "an import"

    listing = models.ForeignKey(Listing, models.PROTECT, related_name="mappings")
    item = models.ForeignKey(ErpItem, models.PROTECT, related_name="mappings")
    state = models.CharField(max_length=20, choices=State.choices)
    source = models.CharField(max_length=20, choices=Source.choices)
    pack_quantity = models.PositiveIntegerField(default=1)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    made_at = models.DateTimeField()

    objects = DatedQuerySet.as_manager()

    class Meta:
        permissions: ClassVar = [
            ("confirm_skumapping", "Can confirm a mapping"),
            ("retire_skumapping", "Can retire a mapping"),
        ]
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            ExclusionConstraint(
                name="skumapping_one_item_at_a_time",
                expressions=[
                    ("listing", RangeOperators.EQUAL),
                    (IN_FORCE, RangeOperators.OVERLAPS),
                ],
                condition=Q(state__in=["CONFIRMED", "RETIRED"]),
            ),
            models.CheckConstraint(
                name="skumapping_pack_is_positive", condition=Q(pack_quantity__gte=1)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.listing_id} is {self.pack_quantity} x {self.item_id}"


class TaxCodeMapping(models.Model):
    """Which ERP tax a marketplace rate means in a destination, for a span of time.

    The ERP's rate stands here too, because the tax is predicted before anything is posted.
    """

    country = models.CharField(max_length=2)  # destination, ISO 3166-1 alpha-2
    marketplace_rate = models.DecimalField(max_digits=7, decimal_places=4)  # 0.2000
    erp_code = models.CharField(max_length=100)
    erp_rate = models.DecimalField(max_digits=7, decimal_places=4)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True)
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True)
    set_at = models.DateTimeField()

    objects = DatedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["country", "marketplace_rate", "id"]
        constraints: ClassVar = [
            ExclusionConstraint(
                name="taxcodemapping_one_at_a_time",
                expressions=[
                    ("country", RangeOperators.EQUAL),
                    ("marketplace_rate", RangeOperators.EQUAL),
                    (IN_FORCE, RangeOperators.OVERLAPS),
                ],
            )
        ]

    def __str__(self) -> str:
        return f"{self.country} {self.marketplace_rate:%} is {self.erp_code}"
