"""The settlement's journal entries on their way to the ERP."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from reconciliation.models.bank import BankLine
from sync.models import Amendment, Invoice, OutboxMessage, RemittanceAdvice


class EntryQuerySet(models.QuerySet["SettlementEntry"]):
    def standing(self) -> "EntryQuerySet":
        """Entries that count: neither taken back nor taking another one back."""
        return self.filter(reverses=None, reversed_by=None).exclude(
            posting__state__in=[OutboxMessage.State.SUPERSEDED, OutboxMessage.State.ABANDONED]
        )


class SettlementEntry(models.Model):
    """A balanced entry for one event of DECISIONS' table, under a key that makes it once.

    `lines` say it in roles and accounts: `[{"role", "account", "party", "amount"}]`, whole minor
    units, a debit positive; the account is empty for what the ERP's own document booked and the
    entry passes on. Whether it is posted is read from `posting`; a mistake is taken back by
    another entry.
    """

    class Event(models.TextChoices):
        SALE = "SALE", "sale booked"
        REFUND = "REFUND", "refund booked"
        ADVICE = "ADVICE", "advice issued"
        PAID = "PAID", "advice paid"
        MONEY = "MONEY", "customers' money arrived"

    key = models.CharField(max_length=200, unique=True)
    event = models.CharField(max_length=20, choices=Event.choices)
    posting_date = models.DateField()
    currency = models.CharField(max_length=3)
    memo = models.CharField(max_length=300)
    lines = models.JSONField()
    debit_minor = models.BigIntegerField()
    credit_minor = models.BigIntegerField()
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="entries")
    amendment = models.ForeignKey(Amendment, models.PROTECT, null=True, related_name="entries")
    advice = models.ForeignKey(RemittanceAdvice, models.PROTECT, null=True, related_name="entries")
    bank_line = models.ForeignKey(BankLine, models.PROTECT, null=True, related_name="entries")
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    posting = models.OneToOneField(OutboxMessage, models.PROTECT, related_name="+")
    prepared_at = models.DateTimeField()

    objects = EntryQuerySet.as_manager()

    class Meta:
        permissions: ClassVar = [
            ("book_settlemententry", "Can have an advice booked as it stands"),
            ("reverse_settlemententry", "Can take back a settlement entry"),
        ]
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="settlemententry_balances",
                condition=Q(debit_minor=F("credit_minor")) & Q(debit_minor__gte=0),
            )
        ]

    def __str__(self) -> str:
        return self.memo
