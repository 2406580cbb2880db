"""How shipping is taxed: as finance decided, and as the marketplace did by its own figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from sync.domain import tax
from sync.domain.marketplace import InvoiceLineValue, InvoiceValue


class ShippingRule(StrEnum):
    """How shipping is taxed."""

    FOLLOWS_GOODS = "follows_goods"  # each share at the rate of the goods it belongs to
    FLAT = "flat"  # all of it at one rate


class Spread(StrEnum):
    """What shipping is spread over the goods by, where it follows them."""

    AS_CHARGED = "as_charged"  # as the marketplace put it on the lines
    VALUE = "value"
    QUANTITY = "quantity"


@dataclass(frozen=True)
class ShippingPolicy:
    """What finance has decided on shipping for a jurisdiction.

    Without a rule the ERP does as the marketplace charged. With another than the marketplace's the
    tax differs by design (cause BASIS): shares are pro rata then, and nothing is moved to hide it.
    `flat_rate` is a marketplace rate and goes with FLAT alone. `bound` is how far, in minor units,
    a shipping line may be from pro rata; None takes a quarter of a hundred of them.
    """

    rule: ShippingRule | None = None
    spread: Spread = Spread.AS_CHARGED
    flat_rate: Decimal | None = None
    bound: int | None = None

    def __post_init__(self) -> None:
        if (self.rule is ShippingRule.FLAT) != (self.flat_rate is not None):
            raise ValueError("a flat rule has a rate, and no other rule has one")


AS_CHARGED = ShippingPolicy()


@dataclass(frozen=True)
class ChargedShipping:
    """How the marketplace taxed an invoice's postage; `flat_rate` goes with FLAT alone."""

    rule: ShippingRule
    flat_rate: Decimal | None = None


def goods_rate(line: InvoiceLineValue, rates: Sequence[Decimal]) -> Decimal | None:
    """The mapped rate of a line: what Marketplacer says, else what its tax amount fits."""
    if line.tax_rate is not None:
        return next((rate for rate in rates if rate == line.tax_rate), None)
    return tax.rate_of(line.total_minor, line.tax_minor, rates)


def charged_shipping(invoice: InvoiceValue, rates: Sequence[Decimal]) -> ChargedShipping | None:
    """How the postage's tax was computed: at one mapped rate, or line by line at that of the goods.

    One rate is taken where both fit equally well. None when neither fits to a unit a line.
    """
    charged = [line for line in invoice.lines if line.postage_minor]
    postage = sum(line.postage_minor for line in charged)
    amount = sum(line.postage_tax_minor for line in charged)
    found: list[tuple[int, ChargedShipping]] = []
    flat = tax.rate_of(postage, amount, rates, parts=len(charged))
    if flat is not None:
        miss = abs(tax.contained_tax(postage, flat) - amount)
        found.append((miss, ChargedShipping(ShippingRule.FLAT, flat)))
    own = [goods_rate(line, rates) for line in charged]
    misses = [
        abs(tax.contained_tax(line.postage_minor, rate) - line.postage_tax_minor)
        for line, rate in zip(charged, own, strict=True)
        if rate is not None
    ]
    if len(misses) == len(charged) and all(miss <= 1 for miss in misses):
        found.append((sum(misses), ChargedShipping(ShippingRule.FOLLOWS_GOODS)))
    return min(found, key=lambda one: one[0])[1] if found else None
