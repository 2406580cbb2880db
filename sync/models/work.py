"""What a worker claims, and the lanes and feeds it works for."""

from typing import ClassVar

from django.db import models


class Work(models.Model):
    """A row that a worker claims: counted before the work, leased, recorded by the lease's holder.

    `unrecorded` counts claims that never came back with an answer. A unit that takes its worker
    down is parked after a few of them instead of being tried for ever.
    """

    attempts = models.PositiveIntegerField(default=0)
    unrecorded = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    lease = models.UUIDField(null=True, blank=True)  # the fencing token: a late recorder is refused

    class Meta:
        abstract = True


class Lane(models.Model):
    """Whether a lane has been woken: a burst of news enqueues one task, not one each."""

    name = models.CharField(max_length=60, unique=True)
    woken_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Feed(models.Model):
    """How far a feed has read, and how its last runs went: what health is computed from."""

    name = models.CharField(max_length=60, unique=True)
    cursor_at = models.DateTimeField(null=True, blank=True)  # read up to here, less an overlap
    page_cursor = models.TextField(blank=True)  # where an interrupted read goes on
    page_since = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    succeeded_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    error_kind = models.CharField(max_length=40, blank=True)  # a Failure's kind; empty = well
    not_before = models.DateTimeField(null=True, blank=True)  # told to wait, or refused
    counts = models.JSONField(default=dict)  # of the last run, by what happened to each row

    class Meta:
        permissions: ClassVar = [
            ("run_feed", "Can run a feed now"),
        ]
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class FeedHour(models.Model):
    """What one feed's runs of one hour amounted to: throughput and errors, kept for a season."""

    feed = models.CharField(max_length=60)
    hour = models.DateTimeField()  # its beginning
    runs = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    rows = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-hour", "feed"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["hour", "feed"], name="feedhour_once")
        ]

    def __str__(self) -> str:
        return f"{self.feed} at {self.hour:%Y-%m-%d %H}"


class TaskRun(models.Model):
    """How the runs of one scheduled task ended: the proof that it still runs, whatever it does."""

    task = models.CharField(max_length=120, unique=True)  # its dotted path, as in SCHEDULES
    succeeded_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)  # the first crash since its last good run
    error = models.CharField(max_length=200, blank=True)  # of the last crash: the exception's name

    class Meta:
        ordering: ClassVar = ["task"]

    def __str__(self) -> str:
        return self.task
