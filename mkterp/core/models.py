"""The foundation's records: people, the audit trail, heartbeats."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Upper


class User(AbstractUser):
    """A person who signs in. Ours from the first migration, so that it can grow later."""

    time_zone = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class KindOf(Func):
    """The kind of row a subject names: of "mapping.skumapping:17" what stands before the colon."""

    function = "SPLIT_PART"
    template = "%(function)s(%(expressions)s, ':', 1)"
    output_field = models.CharField(max_length=80)


class AuditEntry(models.Model):
    """Who did what to which row, with the values before and after. Only ever inserted.

    A trigger refuses update and delete (APPEND_ONLY in the migration).
    """

    at = models.DateTimeField()
    by = models.ForeignKey(  # null: the system; `audit_by` begins with it
        User, models.PROTECT, null=True, blank=True, db_index=False
    )
    action = models.CharField(max_length=80)
    subject = models.CharField(max_length=80)  # "mapping.skumapping:17"
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["subject", "-id"], name="audit_subject"),
            # The list of the whole trail, and each of its filters, from the newest on.
            models.Index(fields=["-at", "-id"], name="audit_at"),
            models.Index(fields=["by", "-at", "-id"], name="audit_by"),
            models.Index(fields=["action", "-at", "-id"], name="audit_action"),
            models.Index(KindOf("subject"), F("at").desc(), F("id").desc(), name="audit_kind"),
            GinIndex(
                OpClass(Upper("reason"), "gin_trgm_ops"),
                name="audit_reason",
                condition=~Q(reason=""),
            ),
        ]

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


class PracticeBegun(models.Model):
    """When a person began an exercise of practice mode. How far it is follows from facts."""

    person = models.ForeignKey(User, models.CASCADE, related_name="+")
    exercise = models.CharField(max_length=40)  # a key of mkterp.overview.practice
    begun_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["person", "exercise"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "exercise"], name="practice_once")
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.exercise}"


class ClosedDateRange(Func):
    """A span of days, both ends included."""

    function = "DATERANGE"


class AccountingPeriod(models.Model):
    """A month of our close calendar. OPEN → CLOSING → CLOSED; reopening needs a reason.

    A lock of our own beside the ERP's: what is dated into a CLOSED period waits for a decision.
    """

    class State(models.TextChoices):
        OPEN = "OPEN", "open"
        CLOSING = "CLOSING", "being closed"
        CLOSED = "CLOSED", "closed"

    name = models.CharField(max_length=60, unique=True)
    start = models.DateField(unique=True)
    end = models.DateField()
    state = models.CharField(max_length=20, choices=State.choices, default=State.OPEN)
    due_date = models.DateField()  # by when it is to be closed
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="periods_closed"
    )
    reopened_at = models.DateTimeField(null=True, blank=True)
    reopened_why = models.TextField(blank=True)

    class Meta:
        permissions: ClassVar = [
            ("close_accountingperiod", "Can close a period"),
            ("reopen_accountingperiod", "Can reopen a closed period"),
        ]
        ordering: ClassVar = ["-start"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="period_ends_after_it_begins", condition=Q(end__gte=F("start"))
            ),
            ExclusionConstraint(
                name="period_no_overlap",
                expressions=[
                    (ClosedDateRange("start", "end", Value("[]")), RangeOperators.OVERLAPS)
                ],
            ),
            models.CheckConstraint(
                name="period_closed_by_someone",
                condition=~Q(state="CLOSED") | Q(closed_at__isnull=False, closed_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ApiToken(models.Model):
    """A program's way in, for the person who made it. Its secret is stored as a digest only."""

    person = models.ForeignKey(User, models.PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=100)  # what uses it: "data warehouse"
    digest = models.CharField(max_length=64, unique=True)  # hex SHA-256
    may_act = models.BooleanField(default=False)  # else it only reads
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"token {self.pk} ({self.name})"


class KeptView(models.Model):
    """A list as one person likes to see it: filters, search, order and columns under a name."""

    person = models.ForeignKey(User, models.CASCADE, related_name="kept_views")
    list = models.CharField(max_length=80)  # the list's URL name: "sync:orders"
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=2000)
    kept_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["list", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "list", "name"], name="keptview_once")
        ]

    def __str__(self) -> str:
        return self.name
