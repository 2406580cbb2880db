"""Everything that crosses the wire, and everything that could not.

The mirrors (Order, Invoice, InvoiceLine, ErpDocument) say what each side holds; the inbox and the
outbox say what travelled; the cases say what waits for a person.
"""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from mapping.models import ErpItem, Listing, Seller


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
    # Webhook: its idempotency key. Node: id and updatedAt. The same news twice is one row.
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
        ]

    def __str__(self) -> str:
        return self.identity


class Order(models.Model):
    """The marketplace's envelope around the invoices of one checkout."""

    marketplacer_id = models.CharField(max_length=120, unique=True)
    legacy_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"order {self.legacy_id}"


class Invoice(models.Model):
    """One seller's slice of an order: what becomes one ERP document.

    On screen it is "an order", because that is what people call it.
    """

    class State(models.TextChoices):
        WAITING = "WAITING", "unpaid"  # not paid yet; nothing to post
        PARKED = "PARKED", "parked"  # a person must do something first; `cases` say what
        QUEUED = "QUEUED", "queued"  # on its way to the ERP
        POSTED = "POSTED", "posted"  # ACCEPTED by the ERP
        FAILED = "FAILED", "refused"  # the ERP refused it; a case says why
        CANCELLED = "CANCELLED", "cancelled"  # cancelled at Marketplacer before it was posted
        HISTORIC = "HISTORIC", "before go-live"  # mirrored, never posted

    marketplacer_id = models.CharField(max_length=120, unique=True)
    legacy_id = models.BigIntegerField()
    order = models.ForeignKey(Order, models.PROTECT, related_name="invoices")
    seller = models.ForeignKey(Seller, models.PROTECT, null=True, related_name="invoices")
    seller_name = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=20, choices=State.choices)
    delivery_type = models.CharField(max_length=40)
    status_flags = ArrayField(models.CharField(max_length=40), default=list)
    placed_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField()  # Marketplacer's updatedAt: an older read changes nothing
    currency = models.CharField(max_length=3)
    gross = models.DecimalField(max_digits=18, decimal_places=4)
    tax = models.DecimalField(max_digits=18, decimal_places=4)  # as Marketplacer charged it
    ship_to_country = models.CharField(max_length=2, blank=True)
    # What the document looked like when it was decided on; a change after that is a new fact.
    content_hash = models.CharField(max_length=64)
    # Frozen when it is translated (who ships, whose sale it is), from the rules of that moment.
    treatment = models.CharField(max_length=20, blank=True)
    fulfilled_by = models.CharField(max_length=20, blank=True)
    source = models.ForeignKey(InboxMessage, models.PROTECT, related_name="+")
    posting = models.OneToOneField("OutboxMessage", models.PROTECT, null=True, related_name="+")
    cases: "models.ManyToManyField[ExceptionCase, Any]" = models.ManyToManyField(
        "ExceptionCase", related_name="invoices"
    )

    class Meta:
        ordering: ClassVar = ["-placed_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["-placed_at", "-id"], name="invoice_placed"),
            models.Index(fields=["state", "-placed_at", "-id"], name="invoice_state"),
            models.Index(fields=["seller", "-placed_at", "-id"], name="invoice_seller"),
            models.Index(fields=["legacy_id"], name="invoice_legacy"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"INV-{self.legacy_id}"


class InvoiceLine(models.Model):
    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines")
    marketplacer_id = models.CharField(max_length=120)
    position = models.PositiveIntegerField()
    variant_id = models.CharField(max_length=120, blank=True)
    listing = models.ForeignKey(Listing, models.PROTECT, null=True, related_name="lines")
    item = models.ForeignKey(ErpItem, models.PROTECT, null=True)  # frozen at translation
    sku = models.CharField(max_length=200, blank=True)
    title = models.TextField(blank=True)
    quantity = models.DecimalField(max_digits=14, decimal_places=4)
    total = models.DecimalField(max_digits=18, decimal_places=4)
    tax = models.DecimalField(max_digits=18, decimal_places=4)
    tax_rate = models.DecimalField(max_digits=7, decimal_places=4, null=True)
    postage = models.DecimalField(max_digits=18, decimal_places=4)
    postage_tax = models.DecimalField(max_digits=18, decimal_places=4)
    commission = models.DecimalField(max_digits=18, decimal_places=4)

    class Meta:
        ordering: ClassVar = ["invoice", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "marketplacer_id"], name="invoiceline_once")
        ]

    def __str__(self) -> str:
        return f"line {self.position} of {self.invoice_id}"


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
            models.Index(
                fields=["stream", "id"],
                name="outbox_stream",
                condition=Q(state__in=["PENDING", "IN_FLIGHT", "FAILED"]),
            ),
            models.Index(fields=["state", "-id"], name="outbox_state"),
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


class ErpDocument(models.Model):
    """What the ERP holds for an invoice, read back. Rewritten at each reading."""

    invoice = models.OneToOneField(Invoice, models.PROTECT, related_name="erp_document")
    erp_ref = models.CharField(max_length=120, unique=True)
    number = models.CharField(max_length=120, blank=True)
    erp_state = models.CharField(max_length=60)
    net = models.DecimalField(max_digits=18, decimal_places=4)
    tax = models.DecimalField(max_digits=18, decimal_places=4)
    gross = models.DecimalField(max_digits=18, decimal_places=4)
    currency = models.CharField(max_length=3)
    accepted_at = models.DateTimeField()
    read_at = models.DateTimeField()
    # BOOKED: its invoice is posted in the ledger. Empty until then.
    invoice_number = models.CharField(max_length=120, blank=True)
    booked_date = models.DateField(null=True, blank=True)
    booked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["read_at"], name="erpdocument_unbooked", condition=Q(booked_at=None)
            )
        ]

    def __str__(self) -> str:
        return self.number or self.erp_ref


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


class Lane(models.Model):
    """Whether a lane has been woken: a burst of news enqueues one task, not one each."""

    name = models.CharField(max_length=60, unique=True)
    woken_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
