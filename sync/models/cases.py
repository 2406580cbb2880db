"""What waits for a person."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from mapping.models import Listing, Seller


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

    class Meta:
        permissions: ClassVar = [
            ("assign_exceptioncase", "Can take a case"),
            ("retry_exceptioncase", "Can retry what a case blocks"),
            ("dismiss_exceptioncase", "Can dismiss a case"),
        ]
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "key"], condition=Q(state="OPEN"), name="case_one_open_per_cause"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["state", "-opened_at", "-id"], name="case_state")]

    def __str__(self) -> str:
        return f"EX-{self.pk}"
