"""What a marketplace's tax and a ledger's role are called in the ERP."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models

from mapping.models.dated import IN_FORCE, DatedQuerySet


class TaxCodeMapping(models.Model):
    """Which ERP tax a marketplace rate means in a destination, for a span of time.

    The ERP's rate stands here too, because the tax is predicted before anything is posted. The
    narrower keys are empty where they make no difference; of the rows that fit, the one that names
    most of them counts.
    """

    country = models.CharField(max_length=2)  # destination, ISO 3166-1 alpha-2
    marketplace_rate = models.DecimalField(max_digits=7, decimal_places=4)  # 0.2000
    region = models.CharField(max_length=10, blank=True)  # of the destination: state or province
    origin = models.CharField(max_length=2, blank=True)  # where the goods leave from
    item_class = models.CharField(max_length=60, blank=True)  # the ERP item's tax class
    exemption = models.CharField(max_length=60, blank=True)  # why the buyer pays none
    erp_code = models.CharField(max_length=100)
    erp_rate = models.DecimalField(max_digits=7, decimal_places=4)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True)
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True)
    set_at = models.DateTimeField()

    objects = DatedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["country", "marketplace_rate", "id"]
        constraints: ClassVar = [
            ExclusionConstraint(
                name="taxcodemapping_one_at_a_time",
                expressions=[
                    ("country", RangeOperators.EQUAL),
                    ("marketplace_rate", RangeOperators.EQUAL),
                    ("region", RangeOperators.EQUAL),
                    ("origin", RangeOperators.EQUAL),
                    ("item_class", RangeOperators.EQUAL),
                    ("exemption", RangeOperators.EQUAL),
                    (IN_FORCE, RangeOperators.OVERLAPS),
                ],
            )
        ]

    def __str__(self) -> str:
        return f"{self.country} {self.marketplace_rate:%} is {self.erp_code}"


class AccountRole(models.TextChoices):
    """The roles that the entries of this product need; a company may add roles of its own."""

    CUSTOMER_CLEARING = "customer_clearing", "what customers owe until their money arrives"
    SELLER_PENDING = "seller_payable_pending", "owed to sellers, not due yet"
    SELLER_DUE = "seller_payable_due", "owed to sellers, due by an advice"
    COMMISSION = "commission_revenue", "commission earned"
    COMMISSION_TAX = "commission_tax", "tax on commission"
    REVENUE = "revenue", "sales of our own"
    OUTPUT_TAX = "output_tax", "tax on sales of our own"
    BANK = "bank", "the bank"
    GATEWAY = "gateway_clearing", "money on its way from the payment gateway"
    GATEWAY_FEE = "gateway_fee", "what the payment gateway keeps"
    TAX_ADJUSTMENT = "tax_adjustment", "tax differences to the cent"
    PURCHASE_COST = "purchase_cost", "goods bought from sellers whose sales are ours"
    INPUT_TAX = "input_tax", "tax on what is bought from them"
    WRITE_OFF = "write_off", "differences written off"


class AccountMapping(models.Model):
    """Which ERP account plays a role in an entry, for a span of time.

    `event` empty: in every event that has no row of its own. An event and a role are codes of the
    entry that is booked, such as "refund" and "customer_clearing".
    """

    event = models.CharField(max_length=60, blank=True)
    role = models.CharField(max_length=60)
    erp_account = models.CharField(max_length=100)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    set_at = models.DateTimeField()

    objects = DatedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["role", "event", "id"]
        constraints: ClassVar = [
            ExclusionConstraint(
                name="accountmapping_one_at_a_time",
                expressions=[
                    ("event", RangeOperators.EQUAL),
                    ("role", RangeOperators.EQUAL),
                    (IN_FORCE, RangeOperators.OVERLAPS),
                ],
            )
        ]

    def __str__(self) -> str:
        return f"{self.event or 'every event'}: {self.role} is {self.erp_account}"


class ShippingTaxPolicy(models.Model):
    """How the ERP taxes shipping to a destination, for a span of time, as finance decided.

    Without a row the ERP does as the marketplace charged. Where the two differ, the tax differs by
    design (cause BASIS): it is shown, never made up for.
    """

    class Rule(models.TextChoices):
        AS_CHARGED = "as_charged", "as the marketplace charged it"
        FOLLOWS_GOODS = "follows_goods", "at the rates of its goods"
        FLAT = "flat", "at one rate"

    class Spread(models.TextChoices):
        AS_CHARGED = "as_charged", "as the marketplace put it on the lines"
        VALUE = "value", "by value"
        QUANTITY = "quantity", "by quantity"

    country = models.CharField(max_length=2)  # destination, ISO 3166-1 alpha-2
    rule = models.CharField(max_length=20, choices=Rule.choices)
    spread = models.CharField(max_length=20, choices=Spread.choices, default=Spread.AS_CHARGED)
    flat_rate = models.DecimalField(max_digits=7, decimal_places=4, null=True, blank=True)
    bound_minor = models.PositiveIntegerField(default=25)  # a shipping line's way from pro rata
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    reason = models.TextField()
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    set_at = models.DateTimeField()

    objects = DatedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["country", "id"]
        constraints: ClassVar = [
            ExclusionConstraint(
                name="shippingtaxpolicy_one_at_a_time",
                expressions=[
                    ("country", RangeOperators.EQUAL),
                    (IN_FORCE, RangeOperators.OVERLAPS),
                ],
            ),
            models.CheckConstraint(
                name="shippingtaxpolicy_flat_has_a_rate",
                condition=models.Q(rule="flat", flat_rate__isnull=False)
                | (~models.Q(rule="flat") & models.Q(flat_rate__isnull=True)),
            ),
            models.CheckConstraint(
                name="shippingtaxpolicy_bound", condition=models.Q(bound_minor__lte=1000)
            ),
        ]

    def __str__(self) -> str:
        rate = f" ({self.flat_rate:.4g})" if self.flat_rate is not None else ""
        return f"Shipping to {self.country} is taxed {self.Rule(self.rule).label}{rate}"
