"""What waits for a person."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from mapping.models import Listing, Seller
from mkterp.core.money import Money, from_minor


class ExceptionCase(models.Model):
    """Something that waits for a person: one cause, however many documents it blocks.

    OPEN → RESOLVED (its cause is gone) or DISMISSED (with a reason). A returning cause is a new
    case. Nothing is ever closed by age.
    """

    class State(models.TextChoices):
        OPEN = "OPEN", "open"
        RESOLVED = "RESOLVED", "resolved"
        DISMISSED = "DISMISSED", "dismissed"

    kind = models.CharField(max_length=40)  # a CaseKind of sync.domain.cases
    key = models.CharField(max_length=200)  # the cause: "sku:<variant id>"
    state = models.CharField(max_length=20, choices=State.choices, default=State.OPEN)
    cause = models.TextField()  # one sentence
    quote = models.TextField(blank=True)  # the far side's own words
    occurrences = models.PositiveIntegerField(default=1)
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    resolution = models.TextField(blank=True)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="cases"
    )
    previous = models.ForeignKey("self", models.PROTECT, null=True, blank=True)
    listing = models.ForeignKey(Listing, models.PROTECT, null=True, blank=True)
    seller = models.ForeignKey(Seller, models.PROTECT, null=True, blank=True)
    # By how much the two sides differ, without a sign, in its own currency: what its opener knows.
    # It is no order's money. 0 where the cause is about no sum.
    at_stake_minor = models.PositiveBigIntegerField(default=0)
    at_stake_currency = models.CharField(max_length=3, blank=True, default="")
    # What the system itself saw when it closed the case; empty when a person did.
    proof = models.JSONField(default=dict, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)  # by the service level of its kind
    escalated_at = models.DateTimeField(null=True, blank=True)  # it was still open then
    snoozed_until = models.DateTimeField(null=True, blank=True)
    # As last weighed (sync.services.weighing): what it holds up, in company currency, and the
    # points of sync.domain.priority. A closed case keeps those it was closed with.
    held_orders = models.PositiveIntegerField(default=0)
    held_money = models.DecimalField(max_digits=18, decimal_places=4, default=0)
    points_catalogue = models.PositiveSmallIntegerField(default=0)
    points_close = models.PositiveSmallIntegerField(default=0)
    points_money = models.PositiveSmallIntegerField(default=0)
    points_stock = models.PositiveSmallIntegerField(default=0)
    points_days = models.PositiveSmallIntegerField(default=0)
    priority = models.PositiveSmallIntegerField(default=0)  # their sum, for the index

    class Meta:
        permissions: ClassVar = [
            ("assign_exceptioncase", "Can take, assign, snooze and comment on a case"),
            ("retry_exceptioncase", "Can retry what a case blocks"),
            ("dismiss_exceptioncase", "Can dismiss a case"),
        ]
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "key"], condition=Q(state="OPEN"), name="case_one_open_per_cause"
            ),
            models.CheckConstraint(
                condition=Q(at_stake_minor=0) | ~Q(at_stake_currency=""),
                name="case_at_stake_in_a_currency",
            ),
            models.CheckConstraint(
                condition=Q(
                    priority=F("points_catalogue")
                    + F("points_close")
                    + F("points_money")
                    + F("points_stock")
                    + F("points_days")
                ),
                name="case_priority_adds_up",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "-opened_at", "-id"], name="case_state"),
            models.Index(fields=["state", "-priority", "-id"], name="case_priority"),
            models.Index(fields=["state", "-held_money", "-id"], name="case_money"),
            models.Index(fields=["state", "-at_stake_minor", "-id"], name="case_at_stake"),
            models.Index(fields=["kind", "key"], name="case_cause"),
            models.Index(fields=["-closed_at", "-id"], name="case_closed"),
            models.Index(fields=["-opened_at", "-id"], name="case_opened"),
            models.Index(
                fields=["due_at"],
                name="case_to_escalate",
                condition=Q(state="OPEN", escalated_at=None),
            ),
            models.Index(fields=["assigned_to", "state"], name="case_assigned"),
            # The numbers on the tabs of open exceptions: late, awake, holding orders up.
            models.Index(
                fields=["due_at", "snoozed_until", "held_orders"],
                name="case_open_due",
                condition=Q(state="OPEN"),
            ),
        ]

    def __str__(self) -> str:
        return f"EX-{self.pk}"

    @property
    def at_stake(self) -> Money | None:
        """By how much the two sides differ now; None where that is unknown, or not any more."""
        if self.state != self.State.OPEN or not self.at_stake_minor:
            return None
        currency = self.at_stake_currency
        return Money(from_minor(self.at_stake_minor, currency), currency)
