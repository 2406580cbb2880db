"""The mirror of Marketplacer's settlement: refunds, amendments, remittances and their advices.

Money is in whole minor units, with Marketplacer's own sign: positive on a refund, negative on an
amendment, and on a remittance what the seller is to receive.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from mapping.models import Seller
from sync.models.orders import Invoice
from sync.models.queues import InboxMessage


class Refund(models.Model):
    """A refund request. It counts from the day it was completed, in the company's time zone."""

    marketplacer_id = models.CharField(max_length=120, unique=True)
    legacy_id = models.BigIntegerField()
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="refunds")
    status = models.CharField(max_length=40)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()  # of its lines
    cash_minor = models.BigIntegerField(null=True)  # given back to the buyer
    recovered_minor = models.BigIntegerField(null=True)  # taken back from the seller
    commission_minor = models.BigIntegerField()  # returned to the seller, of its lines
    lines = models.JSONField(default=list)
    requested_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)
    completed_date = models.DateField(null=True, blank=True)
    source = models.ForeignKey(InboxMessage, models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["completed_date"], name="refund_completed")]

    def __str__(self) -> str:
        return f"RF-{self.legacy_id}"


class Amendment(models.Model):
    """A change of an invoice's money after the sale; each has a remittance of its own."""

    class Kind(models.TextChoices):
        REFUND = "REFUND", "refund"
        CANCELLATION = "CANCELLATION", "cancellation"
        OTHER = "OTHER", "amendment"  # made by hand, or one that only moves the settlement

    marketplacer_id = models.CharField(max_length=120, unique=True)
    legacy_id = models.BigIntegerField()
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="amendments")
    refund = models.OneToOneField(Refund, models.PROTECT, null=True, related_name="amendment")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    currency = models.CharField(max_length=3)
    gross_minor = models.BigIntegerField()
    commission_minor = models.BigIntegerField()
    commission_tax_minor = models.BigIntegerField()
    lines = models.JSONField(default=list)
    completed_at = models.DateTimeField()
    completed_date = models.DateField()
    touched_at = models.DateTimeField()  # when what we know of it last changed
    source = models.ForeignKey(InboxMessage, models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["touched_at"], name="amendment_touched")]

    def __str__(self) -> str:
        return f"amendment {self.legacy_id}"


class RemittanceAdvice(models.Model):
    """A payout document: what a seller is told that he will be paid."""

    marketplacer_id = models.CharField(max_length=120, unique=True)
    legacy_id = models.BigIntegerField()
    seller = models.ForeignKey(Seller, models.PROTECT, null=True, related_name="advices")
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()
    commission_minor = models.BigIntegerField(null=True)
    issued_at = models.DateTimeField()
    issued_date = models.DateField()  # company time zone
    paid_at = models.DateTimeField(null=True, blank=True)
    paid_minor = models.BigIntegerField(null=True, blank=True)
    payment_reference = models.CharField(max_length=200, blank=True)
    touched_at = models.DateTimeField()
    source = models.ForeignKey(InboxMessage, models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["seller", "-issued_date"], name="advice_seller"),
            models.Index(fields=["legacy_id"], name="advice_legacy"),
            models.Index(fields=["touched_at"], name="advice_touched"),
        ]

    def __str__(self) -> str:
        return f"RA-{self.legacy_id}"


class Remittance(models.Model):
    """What Marketplacer owes a seller for one invoice, or for one of its amendments.

    It has no change time and no webhook: unreleased ones are read in full (see the payouts
    service), and `touched_at` is when a reading last differed from the one before.
    """

    marketplacer_id = models.CharField(max_length=120, unique=True)
    # The invoice or amendment it settles, by their id: ours may not hold it (yet).
    origin = models.CharField(max_length=120, blank=True)
    seller = models.ForeignKey(Seller, models.PROTECT, null=True, related_name="remittances")
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    commission_minor = models.BigIntegerField()
    released = models.BooleanField()
    pending_reasons = ArrayField(models.CharField(max_length=200), default=list)
    created_at = models.DateTimeField()
    created_date = models.DateField()  # company time zone
    touched_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)  # Marketplacer no longer knows it
    source = models.ForeignKey(InboxMessage, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["origin"], name="remittance_origin"),
            models.Index(fields=["touched_at"], name="remittance_touched"),
            models.Index(
                fields=["seller"],
                name="remittance_unreleased",
                condition=models.Q(released=False, gone_at=None),
            ),
        ]

    def __str__(self) -> str:
        return self.marketplacer_id


class AdviceLine(models.Model):
    """A remittance stands on an advice. On two advices it is paid twice."""

    advice = models.ForeignKey(RemittanceAdvice, models.CASCADE, related_name="lines")
    remittance = models.ForeignKey(Remittance, models.PROTECT, related_name="advice_lines")

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["advice", "remittance"], name="adviceline_once")
        ]

    def __str__(self) -> str:
        return f"{self.remittance_id} on {self.advice_id}"
