"""The mirror of Marketplacer's orders, and what the ERP holds for each."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from mapping.models import ErpItem, Listing, Seller
from sync.models.cases import ExceptionCase
from sync.models.queues import InboxMessage, OutboxMessage


class Order(models.Model):
    """The marketplace's envelope around the invoices of one checkout."""

    marketplacer_id = models.CharField(max_length=120, unique=True)
    legacy_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["legacy_id"], name="order_legacy")]

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
    seller = models.ForeignKey(  # `invoice_seller` begins with it
        Seller, models.PROTECT, null=True, db_index=False, related_name="invoices"
    )
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
    posting = models.OneToOneField(OutboxMessage, models.PROTECT, null=True, related_name="+")
    cases: "models.ManyToManyField[ExceptionCase, Any]" = models.ManyToManyField(
        ExceptionCase, related_name="invoices"
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
    invoice = models.ForeignKey(  # `invoiceline_once` begins with it
        Invoice, models.CASCADE, db_index=False, related_name="lines"
    )
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
        indexes: ClassVar = [models.Index(fields=["sku"], name="invoiceline_sku")]

    def __str__(self) -> str:
        return f"line {self.position} of {self.invoice_id}"


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
            ),
            models.Index(fields=["number"], name="erpdocument_number"),
            models.Index(fields=["invoice_number"], name="erpdocument_invoice_number"),
        ]

    def __str__(self) -> str:
        return self.number or self.erp_ref
