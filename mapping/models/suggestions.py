"""What the suggestions said, what people decided, and what was learnt from it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from mapping.models.catalogue import ErpItem, Listing
from mapping.models.mappings import SkuMapping


class SuggestionModel(models.Model):
    """A ranking that was trained: the one in force, those before it, those that were no better."""

    class State(models.TextChoices):
        IN_FORCE = "IN_FORCE", "in force"
        REPLACED = "REPLACED", "replaced"
        ROLLED_BACK = "ROLLED_BACK", "rolled back"
        WORSE = "WORSE", "not better, never used"

    version = models.CharField(max_length=80, unique=True)
    state = models.CharField(max_length=20, choices=State.choices)
    body = models.BinaryField()  # as mapping.domain.suggestions writes it; empty: as shipped
    data_hash = models.CharField(max_length=64, blank=True)
    decisions = models.PositiveIntegerField(default=0)  # how many it learnt from
    metrics = models.JSONField(default=dict)  # on the latest decisions, it and the one before
    reason = models.TextField(blank=True)
    made_at = models.DateTimeField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    changed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="IN_FORCE"), name="suggestionmodel_one_in_force"
            )
        ]

    def __str__(self) -> str:
        return self.version


class StoredSuggestion(models.Model):
    """What was last computed for a listing, shown at once when somebody opens it.

    `candidates`: list of {item, sku, rank, confidence, auto, vetoes, evidence: [{name, verdict,
    left, right, sentence}]}, the likeliest first.
    """

    class Verdict(models.TextChoices):
        SUGGEST = "suggest", "a likely item"
        AMBIGUOUS = "ambiguous", "several alike"
        NONE_LIKELY = "none_likely", "no item likely"

    listing = models.OneToOneField(Listing, models.CASCADE, related_name="suggestion")
    verdict = models.CharField(max_length=20, choices=Verdict.choices)
    candidates = models.JSONField(default=list)
    item = models.ForeignKey(
        ErpItem, models.SET_NULL, null=True, blank=True, related_name="suggested_for"
    )  # the first candidate
    confidence = models.FloatField(default=0)  # of the first candidate, 0 to 1
    decides = models.CharField(max_length=100, blank=True)  # in what the first two differ
    auto = models.BooleanField(default=False)  # the strict rule would confirm the first candidate
    model_version = models.CharField(max_length=80)
    computed_at = models.DateTimeField()
    # Against the item master as of this moment; items that changed later are not in it.
    items_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["listing"]
        indexes: ClassVar = [
            models.Index(fields=["-confidence", "listing"], name="suggestion_confidence"),
            models.Index(fields=["items_at"], name="suggestion_items_at"),
            models.Index(fields=["listing"], condition=Q(auto=True), name="suggestion_auto"),
        ]

    def __str__(self) -> str:
        return f"suggestion for listing {self.listing_id}"


class Decision(models.Model):
    """What a person said to what was shown. Only ever added to; the database refuses the rest."""

    class Choice(models.TextChoices):
        APPROVED = "APPROVED", "approved"  # one that was shown
        OTHER = "OTHER", "chose another"  # found by a search of their own
        REJECTED = "REJECTED", "rejected"  # `item` is not it; without an item: none of those shown
        NONE = "NONE", "no such item"
        SKIPPED = "SKIPPED", "later"
        UNDONE = "UNDONE", "undone"
        RETIRED = "RETIRED", "turned out wrong"

    listing = models.ForeignKey(Listing, models.PROTECT, related_name="decisions")
    choice = models.CharField(max_length=20, choices=Choice.choices)
    item = models.ForeignKey(ErpItem, models.PROTECT, null=True, related_name="+")
    mapping = models.ForeignKey(SkuMapping, models.PROTECT, null=True, related_name="+")
    variant = models.JSONField()  # the listing as it was
    shown = models.JSONField()  # the candidates as they were shown
    model_version = models.CharField(max_length=80, blank=True)
    blind = models.BooleanField(default=False)  # without the confidence in sight
    bulk = models.BooleanField(default=False)
    undoes = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="decisions"
    )
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        permissions: ClassVar = [("roll_back_suggestionmodel", "Can roll the suggestions back")]
        indexes: ClassVar = [models.Index(fields=["listing", "-id"], name="decision_listing")]

    def __str__(self) -> str:
        return f"{self.get_choice_display()} for listing {self.listing_id}"


class RejectedPair(models.Model):
    """This listing is not that item: never suggested first, never confirmed by itself."""

    listing = models.ForeignKey(Listing, models.CASCADE, related_name="rejections")
    item = models.ForeignKey(ErpItem, models.CASCADE, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["listing", "item"], name="rejectedpair_once")
        ]

    def __str__(self) -> str:
        return f"listing {self.listing_id} is not item {self.item_id}"


class DuplicatePair(models.Model):
    """Two ERP items that look like one product, and what a person says of it.

    `group` is the smallest item key of all that hang together by open or confirmed pairs.
    """

    class State(models.TextChoices):
        OPEN = "OPEN", "to be looked at"
        DUPLICATE = "DUPLICATE", "one product twice"
        DIFFERENT = "DIFFERENT", "different products"
        GONE = "GONE", "no longer alike"

    left = models.ForeignKey(ErpItem, models.CASCADE, related_name="+")
    right = models.ForeignKey(ErpItem, models.CASCADE, related_name="+")
    group = models.BigIntegerField(default=0)
    state = models.CharField(max_length=20, choices=State.choices, default=State.OPEN)
    score = models.FloatField(default=0)
    evidence = models.JSONField(default=list)
    keep = models.ForeignKey(
        ErpItem, models.PROTECT, null=True, blank=True, related_name="+"
    )  # the one that stays
    model_version = models.CharField(max_length=80, blank=True)
    found_at = models.DateTimeField()
    reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["left", "right"], name="duplicatepair_once"),
            models.CheckConstraint(name="duplicatepair_in_order", condition=Q(left__lt=F("right"))),
            models.CheckConstraint(
                name="duplicatepair_keeps_one_of_the_two",
                condition=Q(keep=None) | Q(keep=F("left")) | Q(keep=F("right")),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "group"], name="duplicatepair_group")]

    def __str__(self) -> str:
        return f"{self.left_id} and {self.right_id}"


class NewItemRequest(models.Model):
    """The ERP team is asked to make an item, because a listing has none."""

    class State(models.TextChoices):
        OPEN = "OPEN", "to be sent"
        SENT = "SENT", "sent"
        MADE = "MADE", "made"  # the listing is mapped now
        WITHDRAWN = "WITHDRAWN", "withdrawn"

    listing = models.ForeignKey(Listing, models.PROTECT, related_name="item_requests")
    state = models.CharField(max_length=20, choices=State.choices, default=State.OPEN)
    note = models.TextField(blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    asked_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    item = models.ForeignKey(ErpItem, models.PROTECT, null=True, blank=True, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["listing"],
                condition=Q(state__in=["OPEN", "SENT"]),
                name="newitemrequest_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"request for listing {self.listing_id}"


class Synonym(models.Model):
    """Two words for one thing, as this company uses them: a colour, a brand, a size."""

    class Kind(models.TextChoices):
        COLOUR = "colour", "colour"
        BRAND = "brand", "brand"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    word = models.CharField(max_length=100)
    means = models.CharField(max_length=100)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    set_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["kind", "word"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "word"], name="synonym_once")
        ]

    def __str__(self) -> str:
        return f"{self.word} means {self.means}"
