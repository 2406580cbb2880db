"""Which listing is which item."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import Q

from mapping.models.catalogue import ErpItem, Listing
from mapping.models.dated import IN_FORCE, DatedQuerySet


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
        AUTO = "AUTO", "the strict rule"
        CARRIED = "CARRIED", "carried over"  # from a listing that got a new variant id

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
    # Facts of both sides that agreed or differed when it was confirmed or last looked at: what
    # conflicts now and did not then is news for a person.
    compared = models.JSONField(default=dict)
    compared_at = models.DateTimeField(null=True, blank=True)
    # Drawn for a second look, because no person confirmed it.
    review_due = models.BooleanField(default=False)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    retired_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    retire_reason = models.TextField(blank=True)

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
        indexes: ClassVar = [
            models.Index(fields=["-made_at", "-id"], name="skumapping_made"),
            models.Index(
                fields=["-made_at", "-id"],
                name="skumapping_review",
                condition=Q(review_due=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.listing_id} is {self.pack_quantity} x {self.item_id}"
