"""Files that were read into a registry: checked first, applied when a person says so."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class ImportedFile(models.Model):
    """One uploaded file with a verdict for each of its rows. Applying it twice changes nothing.

    WAITING → CHECKED → APPLYING → APPLIED, or CHECKED → DROPPED, or UNREADABLE as a whole.
    `verdicts` holds what would become of the rows, those that cannot be imported first, up to a
    limit; `counts` is of all of them.
    """

    class State(models.TextChoices):
        WAITING = "WAITING", "being checked"
        CHECKED = "CHECKED", "checked"
        APPLYING = "APPLYING", "being applied"
        APPLIED = "APPLIED", "applied"
        DROPPED = "DROPPED", "dropped"
        UNREADABLE = "UNREADABLE", "cannot be read"

    kind = models.CharField(max_length=20)  # a registry of mapping.services.imports
    name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)  # SHA-256 of the file
    state = models.CharField(max_length=20, choices=State.choices, default=State.WAITING)
    content = models.BinaryField()  # as it was uploaded, until it is decided on
    rows = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)  # rows by what would happen, or happened, to them
    verdicts = models.JSONField(default=list)
    problem = models.TextField(blank=True)  # why the file as a whole cannot be read or applied
    reason = models.TextField(blank=True)
    leave_bad = models.BooleanField(default=False)  # apply what is right, leave the rest
    checked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    checked_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["kind", "digest"], name="importedfile_digest")]

    def __str__(self) -> str:
        return self.name
