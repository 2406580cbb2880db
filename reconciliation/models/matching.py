"""What matching found: the pairs, what is left over of each, and every run.

Results are rows of their own; the mirrors are never changed by matching. Pairs point at their
sides without a foreign key in the database: a million of them are written in one statement, and
what they point at is never deleted.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from mapping.models import Seller
from reconciliation.models.bank import BankLine
from reconciliation.models.settlement import Expectation
from sync.models import ExceptionCase, Remittance, RemittanceAdvice


class MatchRun(models.Model):
    """One run of matching, and what it changed. Only ever inserted."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    # Rows that changed since then were looked at; empty: all of them.
    since = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict)

    class Meta:
        permissions: ClassVar = [("run_matchrun", "Can run the matching now")]
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"matching of {self.started_at:%Y-%m-%d %H:%M}"


class PayoutMatch(models.Model):
    """An expected payout and a remittance for the same invoice or amendment."""

    class State(models.IntegerChoices):
        EQUAL = 0, "equal"
        TOLERATED = 1, "within tolerance"
        DIFFERENT = 2, "different"
        SURPLUS = 3, "one too many"  # a further remittance for the same thing

    expectation = models.ForeignKey(
        Expectation, models.DO_NOTHING, related_name="matches", db_constraint=False, db_index=False
    )
    remittance = models.OneToOneField(
        Remittance,
        models.DO_NOTHING,
        primary_key=True,
        related_name="match",
        db_constraint=False,
    )
    state = models.SmallIntegerField(choices=State.choices)
    residue_minor = models.BigIntegerField()  # told less expected

    class Meta:
        ordering: ClassVar = ["remittance"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["expectation"],
                name="payoutmatch_one_partner",
                condition=~Q(state=3),  # all others for the same thing are one too many
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state"], name="payoutmatch_unequal", condition=~Q(state=0)),
        ]

    def __str__(self) -> str:
        return f"{self.expectation_id} is {self.remittance_id}"


class CashMatch(models.Model):
    """A bank line pays an advice, or a part of it. `group` holds what was matched together."""

    class How(models.TextChoices):
        REFERENCE = "REFERENCE", "by reference"
        AMOUNT = "AMOUNT", "by amount and date"
        TOGETHER = "TOGETHER", "several together"
        PERSON = "PERSON", "by a person"

    advice = models.ForeignKey(RemittanceAdvice, models.PROTECT, related_name="payments")
    bank_line = models.ForeignKey(BankLine, models.PROTECT, related_name="pays")
    amount_minor = models.BigIntegerField()  # of the bank line that falls on this advice, as paid
    how = models.CharField(max_length=20, choices=How.choices)
    reason = models.TextField(blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True)
    made_at = models.DateTimeField()

    class Meta:
        permissions: ClassVar = [
            ("make_cashmatch", "Can match a payment by hand"),
        ]
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["advice", "bank_line"], name="cashmatch_once")
        ]

    def __str__(self) -> str:
        return f"{self.bank_line_id} pays {self.advice_id}"


class Residue(models.Model):
    """What does not agree: a signed amount with its cause, on a seller and a day.

    Positive: the seller was told or paid too much. Unique by key while it stands; cleared when a
    later run no longer finds it, never deleted.
    """

    class Level(models.TextChoices):
        PAYOUT = "PAYOUT", "expected against remitted"
        ADVICE = "ADVICE", "remitted against advised"
        BANK = "BANK", "advised against paid"
        MONEY = "MONEY", "customers' money against what they paid"

    key = models.CharField(max_length=300)
    level = models.CharField(max_length=20, choices=Level.choices)
    cause = models.CharField(max_length=40)
    component = models.CharField(max_length=40, blank=True)
    seller = models.ForeignKey(Seller, models.PROTECT, null=True, related_name="+")
    day = models.DateField()
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    expected_minor = models.BigIntegerField(null=True)
    found_minor = models.BigIntegerField(null=True)
    sentence = models.TextField()
    expectation = models.ForeignKey(Expectation, models.PROTECT, null=True, related_name="residues")
    remittance = models.ForeignKey(Remittance, models.PROTECT, null=True, related_name="residues")
    advice = models.ForeignKey(RemittanceAdvice, models.PROTECT, null=True, related_name="residues")
    bank_line = models.ForeignKey(BankLine, models.PROTECT, null=True, related_name="residues")
    found_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True, blank=True)
    case = models.ForeignKey(ExceptionCase, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["key"], condition=Q(cleared_at=None), name="residue_one_standing"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["seller", "day"], name="residue_seller_day"),
            models.Index(fields=["day"], name="residue_open", condition=Q(cleared_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.cause} {self.key}"
