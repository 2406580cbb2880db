"""What a sale's cancellation, refund or amendment becomes in the ERP.

The marketplace's side (Refund, Amendment) stands in `payouts`. Goods that come back and money that
goes back are two facts: a refund can have either without the other.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from sync.models.cases import ExceptionCase
from sync.models.orders import Invoice
from sync.models.payouts import Amendment, Refund
from sync.models.queues import OutboxMessage


class Correction(models.Model):
    """One change of a posted sale that the ERP must follow: once under its key, or not at all."""

    class Kind(models.TextChoices):
        CANCELLATION = "CANCELLATION", "cancellation"
        REFUND = "REFUND", "refund"
        AMENDMENT = "AMENDMENT", "amendment"

    class State(models.TextChoices):
        ASKED = "ASKED", "asked for"  # no money has gone back at Marketplacer yet
        WAITING = "WAITING", "waiting"  # for something that happens by itself; `why` says what
        QUEUED = "QUEUED", "queued"  # on its way to the ERP
        DONE = "DONE", "done"
        PARKED = "PARKED", "parked"  # a person must do something first; its case says what
        NOT_NEEDED = "NOT_NEEDED", "not needed"  # nothing in the ERP to correct; `why` says why

    key = models.CharField(max_length=200, unique=True)  # Marketplacer's id of what it follows
    kind = models.CharField(max_length=20, choices=Kind.choices)
    reference = models.CharField(max_length=120)  # what people call it: RF-1203
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="corrections")
    refund = models.OneToOneField(
        Refund, models.PROTECT, null=True, blank=True, related_name="correction"
    )
    amendment = models.OneToOneField(
        Amendment, models.PROTECT, null=True, blank=True, related_name="correction"
    )
    state = models.CharField(max_length=20, choices=State.choices, default=State.WAITING)
    why = models.TextField(blank=True)  # one sentence for a person
    case = models.ForeignKey(
        ExceptionCase, models.PROTECT, null=True, blank=True, related_name="corrections"
    )
    # What goes back to the buyer, whole minor units, positive.
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    completed_date = models.DateField(null=True, blank=True)  # company time zone
    heard_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True, blank=True)  # when the ERP was last asked
    # What was taken out of the order before it was invoiced: gross, minor units.
    withdrawn_minor = models.BigIntegerField(default=0)
    # What no document could carry (a penny of rounding), for the tax adjustment to find.
    residue_minor = models.BigIntegerField(default=0)
    closing = models.OneToOneField(  # the cancel or amend message
        OutboxMessage, models.PROTECT, null=True, blank=True, related_name="+"
    )
    crediting = models.OneToOneField(
        OutboxMessage, models.PROTECT, null=True, blank=True, related_name="+"
    )
    credit_ref = models.CharField(max_length=120, blank=True)
    credit_number = models.CharField(max_length=120, blank=True)
    credit_date = models.DateField(null=True, blank=True)
    credit_net = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    credit_tax = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    credit_gross = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions: ClassVar = [
            ("retry_correction", "Can have a correction decided again"),
        ]
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["looked_at", "id"], name="correction_waiting", condition=Q(state="WAITING")
            ),
            models.Index(fields=["-heard_at", "-id"], name="correction_heard"),
            models.Index(fields=["id"], name="correction_parked", condition=Q(state="PARKED")),
        ]

    def __str__(self) -> str:
        return self.reference


class GoodsReturn(models.Model):
    """Goods of a refund that come back to our warehouse, as the ERP expects and receives them."""

    class Phase(models.TextChoices):
        ANNOUNCED = "announced", "on its way to the ERP"
        EXPECTED = "expected", "expected"
        RECEIVED = "received", "received"
        RESTOCKED = "restocked", "back on the shelf"
        CANCELLED = "cancelled", "cancelled"

    key = models.CharField(max_length=200, unique=True)
    refund = models.OneToOneField(Refund, models.PROTECT, related_name="goods_return")
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="goods_returns")
    posting = models.OneToOneField(
        OutboxMessage, models.PROTECT, null=True, blank=True, related_name="+"
    )
    phase = models.CharField(max_length=20, choices=Phase.choices, default=Phase.ANNOUNCED)
    erp_ref = models.CharField(max_length=120, blank=True)
    number = models.CharField(max_length=120, blank=True)
    erp_state = models.CharField(max_length=60, blank=True)
    lines = models.JSONField(default=list)  # [{"line", "sku", "quantity"}], the ERP's units
    received_date = models.DateField(null=True, blank=True)
    announced_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return self.number or f"return of {self.refund}"
