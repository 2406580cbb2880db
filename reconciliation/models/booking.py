"""The settlement's journal entries on their way to the ERP."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from reconciliation.models.bank import BankLine, GatewayLine
from sync.models import Amendment, Invoice, OutboxMessage, RemittanceAdvice


class SettlementEntry(models.Model):
    """A balanced entry for one event of DECISIONS' table, under a key that makes it once.

    Whether it is posted is read from `posting`; a mistake is taken back by another entry.
    """

    class Event(models.TextChoices):
        SALE = "SALE", "sale booked"
        REFUND = "REFUND", "refund booked"
        ADVICE = "ADVICE", "advice issued"
        PAID = "PAID", "advice paid"
        MONEY = "MONEY", "customer's money arrived"

    key = models.CharField(max_length=200, unique=True)
    event = models.CharField(max_length=20, choices=Event.choices)
    posting_date = models.DateField()
    currency = models.CharField(max_length=3)
    memo = models.CharField(max_length=300)
    lines = models.JSONField()  # account role and code, debit, credit, party; decimals as text
    debit = models.DecimalField(max_digits=18, decimal_places=4)
    credit = models.DecimalField(max_digits=18, decimal_places=4)
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="entries")
    amendment = models.ForeignKey(Amendment, models.PROTECT, null=True, related_name="entries")
    advice = models.ForeignKey(RemittanceAdvice, models.PROTECT, null=True, related_name="entries")
    bank_line = models.ForeignKey(BankLine, models.PROTECT, null=True, related_name="entries")
    gateway_line = models.ForeignKey(GatewayLine, models.PROTECT, null=True, related_name="entries")
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    posting = models.OneToOneField(OutboxMessage, models.PROTECT, related_name="+")
    prepared_at = models.DateTimeField()

    class Meta:
        permissions: ClassVar = [("reverse_settlemententry", "Can reverse a settlement entry")]
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="settlemententry_balances", condition=Q(debit=F("credit")) & Q(debit__gt=0)
            )
        ]

    def __str__(self) -> str:
        return self.memo
