"""The close: what each day amounts to, who signed which fact, and what was packed as evidence."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from mapping.models import Seller
from mkterp.core.models import AccountingPeriod


class CompletenessStatement(models.Model):
    """One day of one seller: every order at Marketplacer is booked, on its way, or named.

    Counts, and money in whole minor units. Written anew each time both sides are asked.
    """

    day = models.DateField()  # the orders were placed on, company time zone
    seller = models.ForeignKey(Seller, models.PROTECT, null=True, related_name="+")
    seller_key = models.CharField(max_length=120, blank=True)
    currency = models.CharField(max_length=3)
    # All that either side knows; the others say where these are.
    orders = models.PositiveIntegerField(default=0)
    orders_minor = models.BigIntegerField(default=0)
    booked = models.PositiveIntegerField(default=0)
    booked_minor = models.BigIntegerField(default=0)
    accepted = models.PositiveIntegerField(default=0)  # in the ERP, not in its ledger yet
    accepted_minor = models.BigIntegerField(default=0)
    moving = models.PositiveIntegerField(default=0)  # queued for the ERP
    moving_minor = models.BigIntegerField(default=0)
    parked = models.PositiveIntegerField(default=0)  # refused ones too
    parked_minor = models.BigIntegerField(default=0)
    unpaid = models.PositiveIntegerField(default=0)
    unpaid_minor = models.BigIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    cancelled_minor = models.BigIntegerField(default=0)
    historic = models.PositiveIntegerField(default=0)  # before go-live: never posted
    historic_minor = models.BigIntegerField(default=0)
    gaps = models.PositiveIntegerField(default=0)  # unaccounted for; each has a case
    gaps_minor = models.BigIntegerField(default=0)
    asked_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-day", "seller_key"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["day", "seller_key", "currency"], name="completeness_once"
            ),
            # "With zero unexplained": the orders are the sum of where they went.
            models.CheckConstraint(
                name="completeness_adds_up",
                condition=Q(
                    orders=models.F("booked")
                    + models.F("accepted")
                    + models.F("moving")
                    + models.F("parked")
                    + models.F("unpaid")
                    + models.F("cancelled")
                    + models.F("historic")
                    + models.F("gaps")
                ),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["-day", "-id"], name="completeness_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.seller_key}"


class CloseStep(models.Model):
    """Who answers for a fact of the close, and on which day after the period's end it is due."""

    fact = models.CharField(max_length=40, unique=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    due_after_days = models.PositiveIntegerField(default=5)

    class Meta:
        permissions: ClassVar = [("assign_closestep", "Can say who answers for a step")]
        ordering: ClassVar = ["fact"]

    def __str__(self) -> str:
        return self.fact


class CloseSignOff(models.Model):
    """Somebody signed a fact of a period. It suspends itself when the fact no longer holds."""

    period = models.ForeignKey(AccountingPeriod, models.PROTECT, related_name="sign_offs")
    fact = models.CharField(max_length=40)
    said = models.TextField()  # the fact in words, as it was signed
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    signed_at = models.DateTimeField()
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_because = models.TextField(blank=True)

    class Meta:
        permissions: ClassVar = [("sign_closesignoff", "Can sign a step of the close")]
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["period", "fact"],
                condition=Q(suspended_at=None),
                name="signoff_one_in_force",
            ),
            models.CheckConstraint(
                name="signoff_suspended_says_why",
                condition=Q(suspended_at=None) | ~Q(suspended_because=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fact} of {self.period_id}"


class EvidencePack(models.Model):
    """A pack that was downloaded, by the hash of its manifest."""

    period = models.ForeignKey(AccountingPeriod, models.PROTECT, related_name="packs")
    manifest_sha256 = models.CharField(max_length=64)
    files = models.PositiveIntegerField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        permissions: ClassVar = [("make_evidencepack", "Can download the evidence of a period")]
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"evidence of {self.period_id}"
