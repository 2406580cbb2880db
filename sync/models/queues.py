"""What travelled: the inbox, the outbox, and every try."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from sync.models.work import Work


class InboxMessage(Work):
    """What Marketplacer told us, as it came, before anything was decided.

    A webhook is a HINT (something about this node changed); a NODE is the thing itself, read by a
    poll or fetched because of a hint. Only nodes are translated.
    """

    class Source(models.TextChoices):
        HINT = "HINT", "webhook"
        NODE = "NODE", "read"

    class State(models.TextChoices):
        NEW = "NEW", "waiting"
        DONE = "DONE", "done"
        IGNORED = "IGNORED", "not needed"
        UNREADABLE = "UNREADABLE", "unreadable"

    source = models.CharField(max_length=10, choices=Source.choices)
    # Webhook: its idempotency key. Node: id, updatedAt, content. The same news twice is one row.
    identity = models.CharField(max_length=300)
    typename = models.CharField(max_length=60, blank=True)
    node_id = models.CharField(max_length=120, blank=True)
    sequence = models.BigIntegerField(null=True, blank=True)
    event_name = models.CharField(max_length=30, blank=True)
    body = models.JSONField()
    received_at = models.DateTimeField()
    state = models.CharField(max_length=20, choices=State.choices, default=State.NEW)
    note = models.TextField(blank=True)
    processed_at = models.DateTimeField(null=True, blank=True)
    redacted_at = models.DateTimeField(null=True)  # the buyer was taken out of `body`

    class Meta:
        permissions: ClassVar = [
            ("retry_inboxmessage", "Can retry an inbox message"),
            ("view_rawpayload", "Can see raw payloads"),
        ]
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "identity"], name="inbox_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["source", "id"], name="inbox_new", condition=Q(state="NEW")),
            models.Index(fields=["node_id", "id"], name="inbox_node"),
            models.Index(fields=["-received_at", "-id"], name="inbox_received"),
            models.Index(
                fields=["received_at"], name="inbox_personal", condition=Q(redacted_at=None)
            ),
        ]

    def __str__(self) -> str:
        return self.identity


class OutboxMessage(Work):
    """A value on its way to the far side, frozen when it was queued.

    PENDING → IN_FLIGHT → DELIVERED; IN_FLIGHT → PENDING (wait) or FAILED (a case opens);
    FAILED → PENDING (retry) or ABANDONED (with a reason); PENDING → SUPERSEDED.
    """

    class State(models.TextChoices):
        PENDING = "PENDING", "waiting"
        IN_FLIGHT = "IN_FLIGHT", "on its way"
        DELIVERED = "DELIVERED", "delivered"
        FAILED = "FAILED", "refused"
        ABANDONED = "ABANDONED", "given up"
        SUPERSEDED = "SUPERSEDED", "superseded"

    class Lane(models.TextChoices):
        ERP = "ERP", "to the ERP"
        MARKETPLACER = "MARKETPLACER", "to Marketplacer"
        STOCK = "STOCK", "stock to Marketplacer"
        NOTICES = "NOTICES", "to people"

    lane = models.CharField(max_length=20, choices=Lane.choices)
    operation = models.CharField(max_length=40)
    key = models.CharField(max_length=200)  # one living message per operation and key
    stream = models.CharField(max_length=200)  # in order within it
    reference = models.CharField(max_length=200)  # what people call the document
    payload = models.JSONField()
    state = models.CharField(max_length=20, choices=State.choices, default=State.PENDING)
    queued_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)
    answer = models.JSONField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    case = models.ForeignKey("ExceptionCase", models.PROTECT, null=True, related_name="messages")
    # Queued in a dry run: shown, never claimed, decided anew when the dry run ends.
    dry = models.BooleanField(default=False, db_default=False)
    redacted_at = models.DateTimeField(null=True)  # the buyer was taken out of `payload`
    # Which of its lane's workers claimed it last; only whoever has that place may claim it again.
    slot = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        permissions: ClassVar = [
            ("retry_outboxmessage", "Can retry an outbox message"),
            ("abandon_outboxmessage", "Can give up an outbox message"),
        ]
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["operation", "key"],
                condition=~Q(state__in=["SUPERSEDED", "ABANDONED"]),
                name="outbox_one_living",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["lane", "id"],
                name="outbox_due",
                condition=Q(state__in=["PENDING", "IN_FLIGHT"]),
            ),
            models.Index(  # the oldest that is due: how long a lane stands still
                fields=["lane", "not_before"],
                name="outbox_oldest",
                condition=Q(dry=False, state__in=["PENDING", "IN_FLIGHT"]),
            ),
            models.Index(
                fields=["stream", "id"],
                name="outbox_stream",
                condition=Q(state__in=["PENDING", "IN_FLIGHT", "FAILED"]),
            ),
            models.Index(fields=["state", "-id"], name="outbox_state"),
            models.Index(fields=["operation"], name="outbox_refused", condition=Q(state="FAILED")),
            models.Index(fields=["id"], name="outbox_dry", condition=Q(dry=True, state="PENDING")),
            models.Index(
                fields=["queued_at"],
                name="outbox_personal",
                condition=Q(operation="post_order", redacted_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.reference}"


class OutboxAttempt(models.Model):
    """One try to deliver a message, and what the far side said. Only ever inserted."""

    message = models.ForeignKey(OutboxMessage, models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=40)  # "delivered", or the failure's kind
    detail = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.at:%H:%M:%S}"
