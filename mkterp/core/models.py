"""The foundation's records: people, the audit trail, heartbeats."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person who signs in. Ours from the first migration, so that it can grow later."""

    time_zone = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class AuditEntry(models.Model):
    """Who did what to which row, with the values before and after. Only ever inserted.

    A trigger refuses update and delete (see migration 0002).
    """

    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, blank=True)  # null: the system
    action = models.CharField(max_length=80)
    subject = models.CharField(max_length=80)  # "mapping.skumapping:17"
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["subject", "-id"], name="audit_subject")]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"


class AuditSeal(models.Model):
    """One link of the chain over the audit trail (see `mkterp.core.seals`). Only ever inserted."""

    position = models.BigIntegerField(primary_key=True)  # 1, 2, 3 … without a gap
    entry = models.OneToOneField(AuditEntry, models.PROTECT, related_name="seal")
    hash = models.CharField(max_length=64)  # hex SHA-256 over the seal before and the entry

    class Meta:
        ordering: ClassVar = ["position"]

    def __str__(self) -> str:
        return f"{self.position}: {self.hash[:12]}"


class Heartbeat(models.Model):
    """The proof that a worker executed something, written by a task that it executed."""

    name = models.CharField(max_length=120, unique=True)
    beat_at = models.DateTimeField()
    detail = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name


class CheckDone(models.Model):
    """A check of the handbook that a person ticked, for one day, week or month."""

    rhythm = models.CharField(max_length=20)  # daily, weekly, month-end
    begins = models.DateField()  # the first day of its span
    key = models.CharField(max_length=16)  # of page and text (see mkterp.core.checks)
    page = models.CharField(max_length=120)
    text = models.TextField()  # as it stood in the handbook then
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        permissions: ClassVar = [("tick_check", "Can tick the checks of the handbook")]
        ordering: ClassVar = ["-begins", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rhythm", "begins", "key"], name="check_once_a_span")
        ]

    def __str__(self) -> str:
        return f"{self.rhythm} {self.begins}: {self.text}"
