"""What the bank and the payment gateway say, line by line, as their files said it."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from sync.models import Invoice


class BankFile(models.Model):
    """A file that was taken in. The same bytes are not taken twice."""

    class Kind(models.TextChoices):
        CSV = "CSV", "bank statement, CSV"
        CAMT = "CAMT", "bank statement, CAMT.053"
        GATEWAY = "GATEWAY", "gateway payouts, CSV"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    name = models.CharField(max_length=300)
    sha256 = models.CharField(max_length=64, unique=True)
    account = models.CharField(max_length=60)
    lines_read = models.PositiveIntegerField()
    lines_new = models.PositiveIntegerField()  # the others were there from an earlier file
    columns = models.JSONField(default=dict)  # of a CSV: our name of a column, and theirs
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True)
    taken_at = models.DateTimeField()

    class Meta:
        permissions: ClassVar = [("take_bankfile", "Can take in a bank or gateway file")]
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return self.name


class BankUpload(models.Model):
    """A file that somebody is looking at before it is taken in; forgotten then, or after a day."""

    name = models.CharField(max_length=300)
    body = models.BinaryField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    uploaded_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return self.name


class BankLine(models.Model):
    """A movement on our bank account. Negative is money that left."""

    file = models.ForeignKey(BankFile, models.PROTECT, related_name="bank_lines")
    account = models.CharField(max_length=60)
    identity = models.CharField(max_length=300)  # the bank's own, or made from what it says
    booked_date = models.DateField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=300, blank=True)
    counterparty = models.CharField(max_length=300, blank=True)
    text = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["-booked_date", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "identity"], name="bankline_once")
        ]
        indexes: ClassVar = [models.Index(fields=["-booked_date", "-id"], name="bankline_date")]

    def __str__(self) -> str:
        return self.reference or self.text[:60] or self.identity


class GatewayLine(models.Model):
    """A payment, refund, fee or chargeback that the payment gateway settled with us."""

    class Kind(models.TextChoices):
        PAYMENT = "PAYMENT", "payment"
        REFUND = "REFUND", "refund"
        FEE = "FEE", "fee"
        CHARGEBACK = "CHARGEBACK", "chargeback"

    file = models.ForeignKey(BankFile, models.PROTECT, related_name="gateway_lines")
    account = models.CharField(max_length=60)
    identity = models.CharField(max_length=300)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    invoice_number = models.CharField(max_length=60, blank=True)
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="gateway_lines")
    day = models.DateField()
    amount_minor = models.BigIntegerField()  # positive: money for us
    fee_minor = models.BigIntegerField(default=0)  # positive: kept by the gateway
    currency = models.CharField(max_length=3)
    payout = models.CharField(max_length=120, blank=True)  # the gateway's own payout reference
    # The entry that books it; empty while its order is not booked in the ERP.
    entry = models.ForeignKey(
        "reconciliation.SettlementEntry", models.PROTECT, null=True, related_name="gateway_lines"
    )

    class Meta:
        ordering: ClassVar = ["-day", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "identity"], name="gatewayline_once")
        ]
        indexes: ClassVar = [models.Index(fields=["payout"], name="gatewayline_payout")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.identity}"
