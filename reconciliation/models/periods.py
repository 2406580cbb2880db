"""Per seller and month: what we expect, what Marketplacer told, what the bank paid."""

from typing import ClassVar

from django.db import models

from mapping.models import Seller


class SellerPeriod(models.Model):
    """One seller's month in one currency, summed up after each matching. Whole minor units."""

    seller = models.ForeignKey(Seller, models.PROTECT, related_name="payout_periods")
    month = models.DateField()  # its first day
    currency = models.CharField(max_length=3)
    expected_minor = models.BigIntegerField()
    told_minor = models.BigIntegerField()  # remittances created in the month
    advised_minor = models.BigIntegerField()  # advices issued in the month
    paid_minor = models.BigIntegerField()  # by the bank, for these advices
    residue_minor = models.BigIntegerField()  # standing, signs kept
    residues = models.PositiveIntegerField()
    components = models.JSONField(default=dict)  # name: standing residue

    class Meta:
        ordering: ClassVar = ["-month", "seller"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["seller", "month", "currency"], name="sellerperiod_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.seller_id} in {self.month:%Y-%m}"
