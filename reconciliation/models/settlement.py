"""What a seller should be paid, by our own reckoning, and by which rules we call it agreed."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from mapping.models import Seller
from sync.models import Amendment, Invoice


class DateRange(Func):
    """A span of days; an empty bound is open."""

    function = "DATERANGE"


class Expectation(models.Model):
    """The payout that one invoice or amendment should lead to, component by component.

    Computed by `reconciliation.domain.payout` from the frozen invoice; whole minor units, positive
    what the seller is to receive.
    """

    class Kind(models.TextChoices):
        SALE = "SALE", "sale"
        REFUND = "REFUND", "refund"
        CANCELLATION = "CANCELLATION", "cancellation"
        OTHER = "OTHER", "amendment"

    origin = models.CharField(max_length=120, unique=True)  # Marketplacer's id of what it is for
    kind = models.CharField(max_length=20, choices=Kind.choices)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="expectations")
    amendment = models.OneToOneField(Amendment, models.PROTECT, null=True, related_name="+")
    seller = models.ForeignKey(Seller, models.PROTECT, null=True, related_name="+")
    treatment = models.CharField(max_length=20, blank=True)
    currency = models.CharField(max_length=3)
    due_date = models.DateField()  # the day it arose, company time zone
    amount_minor = models.BigIntegerField()
    commission_minor = models.BigIntegerField()  # as a remittance states it: positive on a sale
    components = models.JSONField()  # name: signed minor units; they add up to the amount
    # What it was computed from; another version is computed anew.
    version = models.CharField(max_length=200, default="")
    touched_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["touched_at"], name="expectation_touched"),
            models.Index(fields=["seller", "due_date"], name="expectation_seller_day"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.origin}"


class MatchingRule(models.Model):
    """What counts as agreed, for documents of a span of days. At most one a day."""

    valid_from = models.DateField(null=True, blank=True)  # null: since the beginning
    valid_until = models.DateField(null=True, blank=True)  # the first day it no longer holds
    # A difference up to this is called agreed and booked as rounding; 0 wants the cent.
    tolerance_minor = models.PositiveIntegerField(default=0)
    bank_tolerance_minor = models.PositiveIntegerField(default=0)
    # Days between an advice and its payment at the bank, either side of the issue date.
    bank_window_days = models.PositiveIntegerField(default=30)
    # Without a reference in the bank's text, may an equal amount alone pair them?
    match_by_amount = models.BooleanField(default=True)
    # Days until a sale, refund or advice that has no counterpart counts as missing.
    grace_days = models.PositiveIntegerField(default=3)
    reason = models.TextField()
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True)
    set_at = models.DateTimeField()

    class Meta:
        permissions: ClassVar = [("set_matchingrule", "Can set a matching rule")]
        ordering: ClassVar = [F("valid_from").desc(nulls_last=True)]
        constraints: ClassVar = [
            ExclusionConstraint(
                name="matchingrule_one_at_a_time",
                expressions=[
                    (DateRange("valid_from", "valid_until"), RangeOperators.OVERLAPS),
                ],
            ),
            models.CheckConstraint(
                name="matchingrule_ends_after_it_begins",
                condition=Q(valid_from=None)
                | Q(valid_until=None)
                | Q(valid_until__gt=F("valid_from")),
            ),
        ]

    def __str__(self) -> str:
        return f"rule from {self.valid_from or 'the beginning'}"
