"""Do the ERP's documents hold what was sold: the comparison, its rules, its findings."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, RangeOperators
from django.db import models
from django.db.models import F, Q

from mapping.models import Seller
from reconciliation.models.settlement import DateRange
from sync.models import ExceptionCase, Invoice


class DifferenceRule(models.Model):
    """What may differ, set by finance for a span of document days. Whole minor units.

    ROUNDING: without a rule the standard of `domain.adjusting` holds. BASIS (postage taxed flat at
    the marketplace, by its goods in the ERP): decided per destination; without a rule it is beyond.
    CLEARING: up to which balance the clearing account counts as clean; without a rule, zero.
    """

    class About(models.TextChoices):
        ROUNDING = "ROUNDING", "rounding"
        BASIS = "BASIS", "tax basis of postage"
        CLEARING = "CLEARING", "clearing balance"

    about = models.CharField(max_length=20, choices=About.choices)
    currency = models.CharField(max_length=3)
    country = models.CharField(max_length=2, blank=True)  # destination; empty: every other
    base_minor = models.PositiveIntegerField()
    per_line_minor = models.PositiveIntegerField(default=0)
    # Whether another split of the same sum is booked, or only recorded.
    books_tax = models.BooleanField(default=True)
    valid_from = models.DateField(null=True, blank=True)  # null: since the beginning
    valid_until = models.DateField(null=True, blank=True)  # the first day it no longer holds
    reason = models.TextField()
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    set_at = models.DateTimeField()

    class Meta:
        permissions: ClassVar = [("set_differencerule", "Can set a tolerance")]
        ordering: ClassVar = ["about", "currency", "country", "-id"]
        constraints: ClassVar = [
            ExclusionConstraint(
                name="differencerule_one_at_a_time",
                expressions=[
                    ("about", RangeOperators.EQUAL),
                    ("currency", RangeOperators.EQUAL),
                    ("country", RangeOperators.EQUAL),
                    (DateRange("valid_from", "valid_until"), RangeOperators.OVERLAPS),
                ],
            ),
            models.CheckConstraint(
                name="differencerule_ends_after_it_begins",
                condition=Q(valid_from=None)
                | Q(valid_until=None)
                | Q(valid_until__gt=F("valid_from")),
            ),
        ]

    def __str__(self) -> str:
        place = f" for {self.country}" if self.country else ""
        return f"{self.get_about_display()} in {self.currency}{place}"


class DocumentRun(models.Model):
    """One run of the comparison, and what it found. Only ever inserted."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    counts = models.JSONField(default=dict)

    class Meta:
        permissions: ClassVar = [("run_documentrun", "Can compare the documents now")]
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"comparison of {self.started_at:%Y-%m-%d %H:%M}"


class DocumentMatch(models.Model):
    """An order against all its documents in the ledger, as last compared. Whole minor units."""

    class State(models.TextChoices):
        EQUAL = "EQUAL", "equal"
        WITHIN = "WITHIN", "within tolerance"
        BEYOND = "BEYOND", "beyond tolerance"

    invoice = models.OneToOneField(
        Invoice, models.DO_NOTHING, primary_key=True, related_name="match", db_constraint=False
    )
    # What it was compared from: another version is compared anew.
    version = models.CharField(max_length=64)
    state = models.CharField(max_length=20, choices=State.choices)
    day = models.DateField()  # of the last document: the day its differences fall on
    currency = models.CharField(max_length=3)
    theirs_gross_minor = models.BigIntegerField()
    theirs_tax_minor = models.BigIntegerField()
    ours_gross_minor = models.BigIntegerField()
    ours_tax_minor = models.BigIntegerField()
    compared_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["invoice"]
        indexes: ClassVar = [
            models.Index(fields=["day"], name="documentmatch_day"),
            models.Index(
                fields=["day", "invoice"], name="documentmatch_beyond", condition=Q(state="BEYOND")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice_id} is {self.get_state_display()}"


class Discrepancy(models.Model):
    """One named difference, of a line or of the document. The ERP's figure less the marketplace's.

    Unique by order, line and cause while it stands; cleared when a comparison no longer finds it,
    never deleted.
    """

    class Cause(models.TextChoices):
        ROUNDING = "ROUNDING", "rounding"
        BASIS = "BASIS", "tax basis"
        RATE = "RATE", "tax rate"
        MISSING_CODE = "MISSING_CODE", "missing tax code"
        MISSING_LINE = "MISSING_LINE", "missing line"
        EXTRA_LINE = "EXTRA_LINE", "line too many"
        DUPLICATE = "DUPLICATE", "invoiced twice"
        AMOUNT = "AMOUNT", "amount"
        TAX_BY_HAND = "TAX_BY_HAND", "tax written by hand"
        CURRENCY = "CURRENCY", "currency"
        CREDIT = "CREDIT", "credited otherwise"

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="discrepancies")
    seller = models.ForeignKey(Seller, models.PROTECT, null=True, related_name="+")
    line_key = models.CharField(max_length=200, blank=True)  # empty: the document as a whole
    cause = models.CharField(max_length=20, choices=Cause.choices)
    sentence = models.TextField()
    tax_code = models.CharField(max_length=300, blank=True)  # the ERP's, on that line
    fits = ArrayField(models.CharField(max_length=100), default=list)  # codes that would fit
    day = models.DateField()
    currency = models.CharField(max_length=3)
    gross_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    theirs_gross_minor = models.BigIntegerField()
    theirs_tax_minor = models.BigIntegerField()
    ours_gross_minor = models.BigIntegerField()
    ours_tax_minor = models.BigIntegerField()
    # Whether a rule allows it: then it is in an adjustment, or carried by its document.
    allowed = models.BooleanField()
    found_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True, blank=True)
    case = models.ForeignKey(ExceptionCase, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-day", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["invoice", "line_key", "cause"],
                condition=Q(cleared_at=None),
                name="discrepancy_one_standing",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["-day", "-id"], name="discrepancy_day"),
            models.Index(
                fields=["day", "id"],
                name="discrepancy_beyond",
                condition=Q(cleared_at=None, allowed=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_cause_display()} of {self.invoice_id} {self.line_key}".strip()
