"""What was sold and charged, as far as tax goes, and how shipping is usually spread over it.

Amounts are whole minor units, below zero for discounts and refunds. A basket charges inclusive
prices (amounts contain their tax) or exclusive ones (tax comes on top); the ERP always gets net
lines. In the ERP shipping is one line for each tax code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from sync.domain.tax import Arithmetic, Exact, Prices, TaxedLine, net_of, round_exact


class Basis(StrEnum):
    """What shipping is spread over the goods by."""

    VALUE = "value"
    QUANTITY = "quantity"
    WEIGHT = "weight"


@dataclass(frozen=True)
class Rate:
    """A tax of the ERP: its code and its rate (0.20)."""

    code: str
    rate: Decimal


@dataclass(frozen=True)
class Goods:
    """One goods line, or a discount (below zero), as it was charged.

    `quantity` and `weight` are those of the whole line and never below zero. `net` is the line's
    amount in the ERP where it is known; otherwise it follows from `amount`. `pieces` is the
    quantity the ERP multiplies its unit price with, where that is not `quantity`.
    """

    amount: int
    rate: Rate
    quantity: Decimal = Decimal(1)
    weight: Decimal = Decimal(0)
    net: int | None = None
    tax: int | None = None  # as the marketplace computed it
    pieces: Decimal | None = None


@dataclass(frozen=True)
class Basket:
    """A document to be: goods, shipping, and the tax the marketplace charged on both.

    `flat` taxes all shipping with one code; without it shipping follows the goods. `bound` is how
    far a shipping line may be from its pro-rata amount. `goods_latitude` is how far the net of a
    goods line may be from its own (0: goods stay as they are). `price_digits` is how many digits
    below the minor unit the ERP keeps of a unit price; None: its lines hold the net itself.
    """

    prices: Prices
    goods: tuple[Goods, ...]
    shipping: int
    tax_total: int
    shipping_tax: int | None = None  # the part of tax_total that is on shipping, where known
    arithmetic: Arithmetic = field(default_factory=Arithmetic)
    basis: Basis = Basis.VALUE
    flat: Rate | None = None
    bound: int = 25
    goods_latitude: int = 0
    price_digits: int | None = None

    def __post_init__(self) -> None:
        if self.bound < 0 or self.goods_latitude < 0:
            raise ValueError("a bound is below zero")
        if any(line.quantity < 0 or line.weight < 0 for line in self.goods):
            raise ValueError("a quantity or weight is below zero; refunds have amounts below zero")
        rates = [line.rate for line in self.goods] + ([self.flat] if self.flat else [])
        if len({rate.code for rate in rates}) != len(set(rates)):
            raise ValueError("a tax code has two rates")
        if self.shipping and not rates:
            raise ValueError("shipping without goods needs a flat tax code")

    @property
    def paid(self) -> int:
        """What the customer paid (got back, below zero)."""
        charged = sum(line.amount for line in self.goods) + self.shipping
        return charged + (self.tax_total if self.prices is Prices.EXCLUSIVE else 0)

    @property
    def shipping_tax_charged(self) -> int | None:
        """The marketplace's tax on shipping, stated or what its lines' taxes leave of the total."""
        if self.shipping_tax is not None:
            return self.shipping_tax
        taxes = [line.tax for line in self.goods if line.tax is not None]
        return self.tax_total - sum(taxes) if len(taxes) == len(self.goods) else None


def goods_nets(basket: Basket) -> list[int]:
    """The ERP's net of each goods line: as stated, as charged, or the nearest to a gross amount."""
    return [
        line.net
        if line.net is not None
        else line.amount
        if basket.prices is Prices.EXCLUSIVE
        else net_of(line.amount, line.rate.rate)
        for line in basket.goods
    ]


def goods_base(basket: Basket, line: Goods, net: int) -> Exact:
    """What the ERP computes tax on: the net, or quantity x the unit price nearest to it."""
    if basket.price_digits is None:
        return net
    pieces = Fraction(line.pieces or line.quantity)
    scale = 10**basket.price_digits
    amount = pieces * Fraction(round_exact(net / pieces * scale, "half_up"), scale)
    return round_exact(amount, basket.arithmetic.ties) if basket.arithmetic.of_nets else amount


def pro_rata(basket: Basket) -> dict[Rate, Fraction]:
    """Each tax code's exact share of the shipping charged; nothing when none was.

    By value, discounts count against their code, and a code below zero counts nothing. Where no
    line has any value (quantity, weight), each line counts the same.
    """
    if not basket.shipping:
        return {}
    weights = _weights(basket)
    whole = sum(weights.values())
    return {rate: basket.shipping * weight / whole for rate, weight in weights.items()}


def _weights(basket: Basket) -> dict[Rate, Fraction]:
    if basket.flat is not None:
        return {basket.flat: Fraction(1)}
    sign = 1 if basket.shipping > 0 else -1
    weights = dict.fromkeys((line.rate for line in basket.goods), Fraction())
    for line in basket.goods:
        match basket.basis:
            case Basis.VALUE:
                weights[line.rate] += sign * line.amount
            case Basis.QUANTITY:
                weights[line.rate] += Fraction(line.quantity)
            case Basis.WEIGHT:
                weights[line.rate] += Fraction(line.weight)
    weights = {rate: max(weight, Fraction()) for rate, weight in weights.items()}
    if not any(weights.values()):
        for line in basket.goods:
            weights[line.rate] += 1
    return weights


def net_share(basket: Basket, rate: Rate, charged: Fraction) -> Fraction:
    """The exact net amount of a share of the shipping charged."""
    if basket.prices is Prices.EXCLUSIVE:
        return charged
    return charged / (1 + Fraction(rate.rate))


def usual_shares(basket: Basket) -> dict[Rate, int]:
    """The net shipping lines everybody makes: pro rata in whole units, each made net by itself.

    Largest remainder: each share is rounded towards zero, and the units left over go one each to
    those that lost most, the first of equals.
    """
    exact = pro_rata(basket)
    sign = -1 if basket.shipping < 0 else 1
    parts = {rate: int(abs(share)) for rate, share in exact.items()}
    left = abs(basket.shipping) - sum(parts.values())
    for rate in sorted(exact, key=lambda rate: parts[rate] - abs(exact[rate]))[:left]:
        parts[rate] += 1
    return {
        rate: sign * part if basket.prices is Prices.EXCLUSIVE else net_of(sign * part, rate.rate)
        for rate, part in parts.items()
    }


def erp_lines(basket: Basket, nets: Sequence[int], shares: Mapping[Rate, int]) -> list[TaxedLine]:
    """The ERP's document: the goods with these nets, then a shipping line for each share."""
    goods = [
        TaxedLine(goods_base(basket, line, net), line.rate.code, (line.rate.rate,))
        for line, net in zip(basket.goods, nets, strict=True)
    ]
    shipping = [TaxedLine(net, rate.code, (rate.rate,)) for rate, net in shares.items() if net]
    return goods + shipping
