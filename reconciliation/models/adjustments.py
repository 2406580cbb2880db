"""What is booked on the Tax Adjustment account, and by whose word."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from mapping.models import Seller
from reconciliation.models.books import Discrepancy
from sync.models import Invoice, OutboxMessage


class Journal(models.Model):
    """A balanced entry of approved adjustments of one date, currency, account pair and approver.

    Whether it is posted is read from `posting`. Triggers of the database refuse lines that do not
    balance, and any change to what was approved; a mistake is taken back by another journal.
    """

    key = models.CharField(max_length=200, unique=True)
    day = models.DateField()  # of the documents it adjusts
    posting_date = models.DateField()  # that day, or the first open one after it
    currency = models.CharField(max_length=3)
    account = models.CharField(max_length=100)  # what is adjusted
    clearing_account = models.CharField(max_length=100)
    memo = models.CharField(max_length=300)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    approved_at = models.DateTimeField()
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    reason = models.TextField(blank=True)  # of a reversal, or why it is dated otherwise
    posting = models.OneToOneField(OutboxMessage, models.PROTECT, null=True, related_name="+")
    # Read back from the ERP, where it stands as it was sent: the day it has there.
    booked_date = models.DateField(null=True, blank=True)
    booked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions: ClassVar = [
            ("reverse_journal", "Can take a posted journal back"),
        ]
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["day"], name="journal_day")]

    def __str__(self) -> str:
        return f"TJ-{self.pk}"


class JournalLine(models.Model):
    """Insert only. The lines of a journal must balance when their transaction commits."""

    journal = models.ForeignKey(Journal, models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    account = models.CharField(max_length=100)
    party = models.CharField(max_length=120, blank=True)
    debit = models.DecimalField(max_digits=18, decimal_places=4)
    credit = models.DecimalField(max_digits=18, decimal_places=4)
    memo = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["journal", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["journal", "position"], name="journalline_once"),
            models.CheckConstraint(
                name="journalline_one_side",
                condition=Q(debit__gte=0, credit__gte=0) & (Q(debit=0) | Q(credit=0)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.debit - self.credit}"


class TaxAdjustment(models.Model):
    """Cents that would make the ERP's figures the marketplace's. PREPARED → APPROVED or REJECTED.

    SUPERSEDED when the documents changed before anybody decided. Positive is a debit on `account`;
    the clearing account takes the other side. What it amounts to never changes.
    """

    class State(models.TextChoices):
        PREPARED = "PREPARED", "prepared"
        APPROVED = "APPROVED", "approved"
        REJECTED = "REJECTED", "rejected"
        SUPERSEDED = "SUPERSEDED", "superseded"

    class Kind(models.TextChoices):
        GROSS = "GROSS", "the sum differs"
        TAX = "TAX", "the tax differs"
        WRITE_OFF = "WRITE_OFF", "write-off"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    state = models.CharField(max_length=20, choices=State.choices, default=State.PREPARED)
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="adjustments")
    seller = models.ForeignKey(Seller, models.PROTECT, null=True, related_name="+")
    document = models.CharField(max_length=120, blank=True)  # the ERP's number
    day = models.DateField()
    currency = models.CharField(max_length=3)
    account = models.CharField(max_length=100)
    clearing_account = models.CharField(max_length=100)
    party = models.CharField(max_length=120, blank=True)
    tax_code = models.CharField(max_length=100, blank=True)
    amount_minor = models.BigIntegerField()
    theirs_minor = models.BigIntegerField()  # the marketplace's figure
    ours_minor = models.BigIntegerField()  # the ERP's
    cause = models.CharField(max_length=20, choices=Discrepancy.Cause.choices, blank=True)
    rule = models.CharField(max_length=300)  # by which it may be booked, with its numbers
    lines = models.JSONField(default=list)  # [{"line", "theirs", "ours", "words"}]
    prepared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: the system
    prepared_at = models.DateTimeField()
    prepared_why = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_why = models.TextField(blank=True)
    journal = models.ForeignKey(Journal, models.PROTECT, null=True, related_name="adjustments")

    class Meta:
        permissions: ClassVar = [
            ("prepare_taxadjustment", "Can prepare a tax adjustment"),
            ("approve_taxadjustment", "Can approve or reject tax adjustments"),
        ]
        ordering: ClassVar = ["-day", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="taxadjustment_maker_is_not_checker",
                condition=Q(prepared_by=None)
                | Q(decided_by=None)
                | ~Q(decided_by=F("prepared_by")),
            ),
            models.CheckConstraint(
                name="taxadjustment_decided_by_someone",
                condition=~Q(state__in=["APPROVED", "REJECTED"])
                | Q(decided_by__isnull=False, decided_at__isnull=False),
            ),
            models.CheckConstraint(
                name="taxadjustment_approved_has_journal",
                condition=Q(state="APPROVED", journal__isnull=False)
                | (~Q(state="APPROVED") & Q(journal=None)),
            ),
            models.CheckConstraint(
                name="taxadjustment_rejected_says_why",
                condition=~Q(state="REJECTED") | ~Q(decided_why=""),
            ),
            models.CheckConstraint(
                name="taxadjustment_books_something", condition=~Q(amount_minor=0)
            ),
            models.UniqueConstraint(
                fields=["invoice", "kind", "tax_code", "account"],
                condition=Q(state="PREPARED"),
                name="taxadjustment_one_prepared",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "-day", "-id"], name="taxadjustment_state"),
            models.Index(fields=["-day", "-id"], name="taxadjustment_day"),
        ]

    def __str__(self) -> str:
        return f"TA-{self.pk}"
