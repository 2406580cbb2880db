"""What the ERP's books said the day before we began to write in them."""

from typing import ClassVar

from django.db import models


class OpeningBalance(models.Model):
    """Debit less credit of an account (and party) up to and with `on`, stated once and kept."""

    account = models.CharField(max_length=60)
    party = models.CharField(max_length=100, blank=True)  # empty: all together, or none
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=18, decimal_places=4)
    on = models.DateField()
    stated_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["on", "account", "party"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["on", "account", "party"], name="openingbalance_once")
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.party} on {self.on}".replace("  ", " ")
