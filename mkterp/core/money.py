"""Money in exact numbers: an amount, its currency, named roundings, a split that always sums.

Amounts are ``Decimal`` in major units (pounds, not pence). Marketplacer sends integers in minor
units; `from_minor` and `to_minor` are the only places that convert. ISO 4217 says how many
digits a currency has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

# ISO 4217: the currencies whose smallest unit is not a hundredth.
_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}

ROUNDINGS = {
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "half_down": ROUND_HALF_DOWN,
}


def digits(currency: str) -> int:
    """How many decimal digits the currency's smallest unit has (GBP 2, JPY 0, KWD 3)."""
    return _DIGITS.get(currency, 2)


def odd_currencies(places: int) -> list[str]:
    """The currencies with so many digits, other than the usual two: for SQL that converts."""
    return sorted(currency for currency, digits_ in _DIGITS.items() if digits_ == places)


def unit(currency: str) -> Decimal:
    """The smallest unit of the currency, in major units (GBP 0.01)."""
    return Decimal(1).scaleb(-digits(currency))


def round_to_unit(amount: Decimal, currency: str, rounding: str = "half_up") -> Decimal:
    """The amount in whole smallest units, by one of the names in `ROUNDINGS`."""
    return amount.quantize(unit(currency), rounding=ROUNDINGS[rounding])


def from_minor(minor: int, currency: str) -> Decimal:
    """Minor units (pence) to major units (pounds), exactly."""
    return Decimal(minor).scaleb(-digits(currency))


def to_minor(amount: Decimal, currency: str) -> int:
    """Major units to minor units. Raises ValueError when the amount is not whole minor units."""
    scaled = amount.scaleb(digits(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} {currency} is not a whole number of its smallest unit")
    return int(scaled)


@dataclass(frozen=True)
class Money:
    """An exact amount of one currency. Refuses floats and fractions of the smallest unit."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise TypeError(f"Money takes a Decimal, not {type(self.amount).__name__}")
        to_minor(self.amount, self.currency)

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount + other.amount, self.currency)

    def __str__(self) -> str:
        return f"{self.amount:,.{digits(self.currency)}f} {self.currency}"


def split(total: int, weights: Sequence[int | Decimal]) -> list[int]:
    """Split whole minor units in proportion to weights; the parts always sum to the total.

    Largest remainder: every part gets its share rounded towards zero, and the units left over go
    one each to the parts that lost most (the first of equals). Weights are not negative; when all
    are zero the parts are as equal as they can be. Raises ValueError without weights.
    """
    if not weights:
        raise ValueError("cannot split over nothing")
    if any(weight < 0 for weight in weights):
        raise ValueError("a weight is negative")
    sign = -1 if total < 0 else 1
    exact = [Decimal(weight) for weight in weights]
    whole = sum(exact)
    if not whole:
        exact, whole = [Decimal(1)] * len(exact), Decimal(len(exact))
    shares = [abs(total) * weight / whole for weight in exact]
    parts = [int(share.to_integral_value(rounding=ROUND_DOWN)) for share in shares]
    left = abs(total) - sum(parts)
    by_loss = sorted(range(len(parts)), key=lambda i: (parts[i] - shares[i], i))
    for i in by_loss[:left]:
        parts[i] += 1
    return [sign * part for part in parts]
