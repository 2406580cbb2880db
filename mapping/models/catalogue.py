"""The mirrors of what is sold: Marketplacer's listings, the ERP's items."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models

from mapping.models.sellers import Seller


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
    # When something that tells products apart last changed: title, codes, brand, size, colour.
    facts_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["seller", "sku"], name="listing_seller_sku"),
            models.Index(fields=["sku"], name="listing_sku"),
            # Found by its beginning, whatever the database's collation.
            models.Index(OpClass("sku", "varchar_pattern_ops"), name="listing_sku_begins"),
            models.Index(fields=["barcode"], name="listing_barcode"),
            models.Index(fields=["seller", "barcode"], name="listing_seller_barcode"),
            models.Index(fields=["facts_at"], name="listing_facts_at"),
            models.Index(fields=["seen_at"], name="listing_seen_at"),
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
    # When something that tells products apart last changed: name, codes, options, being active.
    facts_at = models.DateTimeField(null=True, blank=True)
    # When it was last compared with all other items; None: not since its facts changed.
    compared_at = models.DateTimeField(null=True, blank=True)
    # Code, name and options in one lower-case text, so that one trigram index serves search and
    # suggestions alike. Written by the catalogue service.
    search_text = models.TextField(default="")

    class Meta:
        ordering: ClassVar = ["sku", "id"]
        indexes: ClassVar = [
            models.Index(fields=["sku"], name="erpitem_sku"),
            models.Index(OpClass("sku", "varchar_pattern_ops"), name="erpitem_sku_begins"),
            models.Index(fields=["facts_at"], name="erpitem_facts_at"),
            models.Index(
                fields=["id"],
                condition=models.Q(active=True)
                & (models.Q(compared_at=None) | models.Q(facts_at__gt=models.F("compared_at"))),
                name="erpitem_to_compare",
            ),
            GinIndex(fields=["barcodes"], name="erpitem_barcodes"),
            GinIndex(
                fields=["search_text"], opclasses=["gin_trgm_ops"], name="erpitem_search_trgm"
            ),
        ]

    def __str__(self) -> str:
        return self.sku
