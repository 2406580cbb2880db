"""Stock on its way from the ERP to the marketplace: what there is, what is told, what is held."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from mapping.models import IN_FORCE, DatedQuerySet, ErpItem, Listing, Seller
from sync.models.orders import Invoice


class ErpStock(models.Model):
    """What the ERP says lies at one location, as of a snapshot. Empty amounts: it no longer says.

    `fallen` adds up by how much the level fell, each fall counting half after a day: how fast
    others take from it.
    """

    item = models.ForeignKey(ErpItem, models.PROTECT, related_name="stock")
    location = models.CharField(max_length=120, blank=True)
    on_hand = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    reserved = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    available = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    as_of = models.DateTimeField()
    read_at = models.DateTimeField()
    fallen = models.FloatField(default=0)
    fallen_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["item", "location"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "location"], name="erpstock_once")
        ]

    def __str__(self) -> str:
        return f"item {self.item_id} at {self.location}"


class StockPromise(models.Model):
    """What an order takes from an item until a snapshot younger than its acceptance is in.

    `units` are the item's, `pieces` the listing's. `accepted_at`: when the ERP said it has it.
    """

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="promises")
    listing = models.ForeignKey(Listing, models.PROTECT, related_name="+")
    item = models.ForeignKey(ErpItem, models.PROTECT, related_name="promises")
    units = models.DecimalField(max_digits=18, decimal_places=4)
    pieces = models.DecimalField(max_digits=18, decimal_places=4)
    placed_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "listing", "item"], name="stockpromise_once")
        ]

    def __str__(self) -> str:
        return f"{self.units} of item {self.item_id} for invoice {self.invoice_id}"


class StockTouch(models.Model):
    """Something that a level depends on changed: this item, or all listings of this seller.

    With `listing`: an order moved what that listing shows; what it was told says so no more. Only
    ever added to and taken away, so that an order never waits for a comparison.
    """

    item = models.ForeignKey(ErpItem, models.CASCADE, null=True, related_name="+")
    seller = models.ForeignKey(Seller, models.CASCADE, null=True, related_name="+")
    listing = models.ForeignKey(Listing, models.CASCADE, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"item {self.item_id}" if self.item_id else f"seller {self.seller_id}"


class SafetyRule(models.Model):
    """So many units of an item are kept back. Of the rules in force the most specific wins."""

    class Scope(models.TextChoices):
        GLOBAL = "GLOBAL", "everything"
        SELLER = "SELLER", "a seller"
        BRAND = "BRAND", "a brand"
        ITEM = "ITEM", "an item"

    scope = models.CharField(max_length=10, choices=Scope.choices)
    seller = models.ForeignKey(Seller, models.PROTECT, null=True, blank=True)
    brand = models.CharField(max_length=200, blank=True)
    item = models.ForeignKey(ErpItem, models.PROTECT, null=True, blank=True)
    quantity = models.DecimalField(max_digits=14, decimal_places=4)  # in the item's units
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    reason = models.TextField()
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    set_at = models.DateTimeField()

    objects = DatedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            ExclusionConstraint(
                name="safetyrule_one_at_a_time",
                expressions=[
                    ("scope", RangeOperators.EQUAL),
                    (Coalesce(F("seller"), 0), RangeOperators.EQUAL),
                    ("brand", RangeOperators.EQUAL),
                    (Coalesce(F("item"), 0), RangeOperators.EQUAL),
                    (IN_FORCE, RangeOperators.OVERLAPS),
                ],
            ),
            models.CheckConstraint(
                name="safetyrule_names_its_scope",
                condition=(
                    Q(scope="GLOBAL", seller=None, brand="", item=None)
                    | Q(scope="SELLER", seller__isnull=False, brand="", item=None)
                    | (Q(scope="BRAND", seller=None, item=None) & ~Q(brand=""))
                    | Q(scope="ITEM", seller=None, brand="", item__isnull=False)
                ),
            ),
            models.CheckConstraint(name="safetyrule_not_negative", condition=Q(quantity__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} kept back of {self.get_scope_display()}"


class StockPolicy(models.Model):
    """How stock is told: the one row holds what an administrator has chosen (see services)."""

    calls_per_hour = models.PositiveIntegerField(default=7200)
    longest_wait_hours = models.FloatField(default=24)
    read_back_seconds = models.PositiveIntegerField(default=60)
    # A run that takes so many listings to zero is held: at least this many, and this share of ours.
    zero_count = models.PositiveIntegerField(default=50)
    zero_share = models.FloatField(default=0.05)
    # A run that takes this share of all units away is held, when it is at least so many units.
    fall_share = models.FloatField(default=0.30)
    fall_units = models.PositiveIntegerField(default=500)
    # What the last planning found (sync/domain/cadence): the price of a told level, the curve.
    price = models.FloatField(default=0)
    planned_at = models.DateTimeField(null=True)
    curve = models.JSONField(default=list)
    compared_at = models.DateTimeField(null=True)

    class Meta:
        permissions: ClassVar = [("choose_cadence", "Can choose how often stock is told")]
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.calls_per_hour} calls an hour"


class CallPace(models.Model):
    """The pace of calls to one far side, shared by all workers and machines.

    `free_at` is when the next call would be due if all had been spread evenly; the database's
    clock counts. `batch` is how many levels a document carries now.
    """

    name = models.CharField(max_length=60, unique=True)
    free_at = models.DateTimeField(null=True)
    blocked_until = models.DateTimeField(null=True)
    throttled = models.PositiveIntegerField(default=0)  # times in a row
    batch = models.PositiveIntegerField(default=8)
    saved = models.FloatField(default=0)  # calls of the hourly budget not used yet
    saved_at = models.DateTimeField(null=True)
    hour = models.DateTimeField(null=True)  # the beginning of the hour that `calls` counts
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class StockHold(models.Model):
    """Levels that nobody may tell before a person has looked: released or discarded, with why."""

    class Kind(models.TextChoices):
        ZEROS = "ZEROS", "many at zero"
        FALL = "FALL", "a great fall"
        NEGATIVE = "NEGATIVE", "below zero"
        MISSING = "MISSING", "no level"

    class State(models.TextChoices):
        OPEN = "OPEN", "waits for a person"
        RELEASED = "RELEASED", "released"
        DISCARDED = "DISCARDED", "discarded"
        GONE = "GONE", "over"  # the levels came back by themselves

    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    opened_at = models.DateTimeField()
    listings = models.PositiveIntegerField()  # when it was opened
    units = models.BigIntegerField()  # by how much they fall together
    of_listings = models.PositiveIntegerField(default=0)  # ours in all, when it was opened
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.TextField(blank=True)

    class Meta:
        permissions: ClassVar = [("release_stockhold", "Can release or discard held levels")]
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind"], condition=Q(state="OPEN"), name="stockhold_one_open_per_kind"
            )
        ]

    def __str__(self) -> str:
        return f"Hold {self.pk}"


class ListingStock(models.Model):
    """What one mapped listing should show, what Marketplacer has accepted, what it was seen to.

    `version` counts the levels wanted; only the newest may be sent or recorded. `refusal` says why
    the guard forbids writing (empty: allowed).
    """

    listing = models.OneToOneField(Listing, models.PROTECT, primary_key=True, related_name="stock")
    item = models.ForeignKey(ErpItem, models.PROTECT, related_name="+")
    pack = models.PositiveIntegerField(default=1)
    # How `level` was made, in the item's units; the level itself in the listing's.
    on_hand = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    reserved = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    available = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    promised = models.DecimalField(max_digits=18, decimal_places=4, default=0)
    safety = models.DecimalField(max_digits=18, decimal_places=4, default=0)
    level = models.IntegerField(null=True)
    version = models.BigIntegerField(default=1)
    changed_at = models.DateTimeField()
    refusal = models.CharField(max_length=30, blank=True)
    hold = models.ForeignKey(StockHold, models.PROTECT, null=True, related_name="held")
    discarded = models.IntegerField(null=True)  # a person said that this level is wrong
    # What is known of the far side.
    told = models.IntegerField(null=True)
    told_at = models.DateTimeField(null=True)
    told_version = models.BigIntegerField(default=0)
    queued_version = models.BigIntegerField(default=0)
    in_doubt = models.BooleanField(default=False)  # a write was sent, its answer not recorded
    moved = models.BooleanField(default=False)  # orders came or went since it was told
    shown = models.IntegerField(null=True)
    shown_at = models.DateTimeField(null=True)
    infinite = models.BooleanField(default=False)
    look_at = models.DateTimeField(null=True)  # read back not before
    looks = models.PositiveSmallIntegerField(default=0)  # since it was last told
    due_at = models.DateTimeField(null=True)  # tell not before; empty: nothing to tell
    wrong_since = models.DateTimeField(null=True)  # since it was last told rightly
    per_hour = models.FloatField(default=0)  # sold on the marketplace
    lot = models.FloatField(default=1)
    elsewhere = models.FloatField(default=0)  # taken by others, an hour

    class Meta:
        ordering: ClassVar = ["listing"]
        indexes: ClassVar = [
            models.Index(fields=["item"], name="listingstock_item"),
            models.Index(
                fields=["due_at"], name="listingstock_due", condition=Q(due_at__isnull=False)
            ),
            models.Index(
                fields=["look_at"], name="listingstock_look", condition=Q(look_at__isnull=False)
            ),
            models.Index(
                fields=["hold"], name="listingstock_held", condition=Q(hold__isnull=False)
            ),
            models.Index(
                fields=["changed_at"], name="listingstock_zeroed", condition=Q(level=0, refusal="")
            ),
            models.Index(
                fields=["told_at"], name="listingstock_told", condition=Q(told_at__isnull=False)
            ),
            models.Index(
                fields=["listing"],
                name="listingstock_moving",
                condition=Q(queued_version__gt=F("told_version")),
            ),
        ]

    def __str__(self) -> str:
        return f"stock of listing {self.listing_id}"


class PreventedWrite(models.Model):
    """How often the guard forbade a write, by day, seller, field and reason."""

    day = models.DateField()
    seller = models.ForeignKey(Seller, models.PROTECT, related_name="+")
    field = models.CharField(max_length=30)
    reason = models.CharField(max_length=30)
    times = models.PositiveIntegerField()
    last_at = models.DateTimeField()
    last_listing = models.ForeignKey(Listing, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-day", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["day", "seller", "field", "reason"], name="preventedwrite_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["-last_at", "-id"], name="preventedwrite_last"),
        ]

    def __str__(self) -> str:
        return f"{self.times} x {self.reason}"


class StockDrift(models.Model):
    """Marketplacer was seen to show another level than it was told."""

    class State(models.TextChoices):
        OPEN = "OPEN", "told again"
        HEALED = "HEALED", "healed"
        NOT_OURS = "NOT_OURS", "not ours any more"

    listing = models.ForeignKey(Listing, models.PROTECT, related_name="drifts")
    found_at = models.DateTimeField()
    expected = models.IntegerField()
    shown = models.IntegerField()
    state = models.CharField(max_length=10, choices=State.choices)
    note = models.TextField(blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["listing"], condition=Q(state="OPEN"), name="stockdrift_one_open"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["-found_at", "-id"], name="stockdrift_found")]

    def __str__(self) -> str:
        return f"drift {self.pk}"
