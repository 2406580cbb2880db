"""Goods on their way: what the ERP has sent, and what Marketplacer has been told of it."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from sync.models.cases import ExceptionCase
from sync.models.orders import Invoice
from sync.models.queues import OutboxMessage


class Carrier(models.Model):
    """A carrier that Marketplacer's shipments may name."""

    marketplacer_id = models.CharField(max_length=120, unique=True)
    name = models.CharField(max_length=200)
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class CarrierMapping(models.Model):
    """What the ERP calls a carrier, and which of Marketplacer's it is; none yet: it waits.

    The row without a name stands for shipments that name no carrier at all.
    """

    key = models.CharField(max_length=200, unique=True)  # the name as it is compared
    erp_name = models.CharField(max_length=200, blank=True)
    carrier = models.ForeignKey(Carrier, models.PROTECT, null=True, blank=True, related_name="+")
    seen_at = models.DateTimeField()
    set_at = models.DateTimeField(null=True, blank=True)
    # Empty with a carrier set: the two names are the same.
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        permissions: ClassVar = [("map_carrier", "Can say which carrier is which")]
        ordering: ClassVar = ["key"]

    def __str__(self) -> str:
        return self.erp_name or "no carrier named"


class ErpShipment(models.Model):
    """A shipment to a customer as the ERP holds it. Rewritten at each reading."""

    class Phase(models.TextChoices):
        OPEN = "open", "in the house"
        SHIPPED = "shipped", "has left"
        CANCELLED = "cancelled", "cancelled"

    erp_ref = models.CharField(max_length=120, unique=True)
    number = models.CharField(max_length=120, blank=True)
    order_key = models.CharField(max_length=120, blank=True)  # ours; empty: not of a marketplace
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, null=True, blank=True, related_name="erp_shipments"
    )
    phase = models.CharField(max_length=20, choices=Phase.choices)
    erp_state = models.CharField(max_length=60)
    shipped_date = models.DateField(null=True, blank=True)
    carrier = models.CharField(max_length=200, blank=True)
    tracking = ArrayField(models.CharField(max_length=200), default=list)
    # [{"line", "sku", "quantity"}], in the ERP's units, quantities as text.
    lines = models.JSONField(default=list)
    parcels = models.JSONField(default=list)  # [{"number", "tracking", "lines"}]
    modified_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField()
    placed_at = models.DateTimeField(null=True, blank=True)  # when it was turned into shipments
    cases: "models.ManyToManyField[ExceptionCase, models.Model]" = models.ManyToManyField(
        ExceptionCase, related_name="erp_shipments"
    )

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["order_key"],
                name="erpshipment_unplaced",
                condition=Q(phase="shipped", placed_at=None),
            ),
        ]

    def __str__(self) -> str:
        return self.number or self.erp_ref


class Shipment(models.Model):
    """One parcel of an order as Marketplacer shows it: told by us, or made by its seller.

    How far it has come is read from its message and from `seen_at`, never stored.
    """

    class Origin(models.TextChoices):
        ERP = "ERP", "from our warehouse"
        PORTAL = "PORTAL", "made at Marketplacer"  # by the seller, or by hand in the portal

    origin = models.CharField(max_length=10, choices=Origin.choices)
    # Ours, carried in the shipment's note so that a lost answer can be looked for.
    key = models.CharField(max_length=200, unique=True, null=True, blank=True)
    marketplacer_id = models.CharField(max_length=120, unique=True, null=True, blank=True)
    legacy_id = models.BigIntegerField(null=True, blank=True)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="shipments")
    erp_shipment = models.ForeignKey(
        ErpShipment, models.PROTECT, null=True, blank=True, related_name="shipments"
    )
    parcel = models.CharField(max_length=120, blank=True)
    carrier = models.CharField(max_length=200, blank=True)  # as Marketplacer or the ERP calls it
    tracking = models.CharField(max_length=500, blank=True)
    placeholder = models.BooleanField(default=False)  # the ERP had no tracking number
    dispatched_at = models.DateTimeField()
    lines = models.JSONField(default=list)  # [{"line", "sku", "quantity"}], as Marketplacer sold
    posting = models.OneToOneField(
        OutboxMessage, models.PROTECT, null=True, blank=True, related_name="+"
    )
    seen_at = models.DateTimeField(null=True, blank=True)  # last read at Marketplacer
    made_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["-dispatched_at", "-id"], name="shipment_dispatched"),
            models.Index(
                fields=["id"], name="shipment_parked", condition=Q(posting=None, origin="ERP")
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="shipment_is_known_by_a_key",
                condition=Q(key__isnull=False) | Q(marketplacer_id__isnull=False),
            )
        ]

    def __str__(self) -> str:
        if self.legacy_id is not None:
            return f"SHP-{self.legacy_id}"
        return f"{self.erp_shipment} {self.parcel}".strip()
