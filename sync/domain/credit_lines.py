"""Lines of a credit note whose net and tax, as the ERP rounds them, are the money that went back.

A gross amount is not always reachable by a net amount and its rounded tax. Then the nearest from
below is taken, and the penny becomes a line of its own on the clearing account.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from mkterp.core.money import digits, from_minor, round_to_unit, to_minor, unit
from sync.domain.documents import LineKind, OrderDraft, OrderLine
from sync.domain.tax import Arithmetic, Level, TaxedLine, line_taxes

ZERO = Decimal(0)
# Pennies by which a line of the ERP's may differ from Marketplacer's: allocation moves them.
TOLERANCE = 2
RESIDUE_KEY = "rounding:refund"


@dataclass(frozen=True)
class Amount:
    """Units, net and tax of a line."""

    units: Decimal = ZERO
    net: Decimal = ZERO
    tax: Decimal = ZERO

    @property
    def gross(self) -> Decimal:
        return self.net + self.tax

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.units + other.units, self.net + other.net, self.tax + other.tax)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.units - other.units, self.net - other.net, self.tax - other.tax)


def gross_of(
    line: OrderLine, units: Decimal, rate: Decimal, currency: str, rounding: str
) -> Decimal:
    """What the ERP asks for so many units of a line."""
    exact = units * line.unit_price
    return round_to_unit(exact, currency, rounding) + round_to_unit(
        exact * rate, currency, rounding
    )


def rates_of(
    order: OrderDraft, known: Mapping[str, Iterable[Decimal]], arithmetic: Arithmetic
) -> dict[str, Decimal]:
    """The rate behind each tax code of a posted order, as its own amounts prove it.

    `known` are the rates a code was ever mapped with; a code of which none fits (its mapping was
    corrected since) gets the plain percentage that its amounts were computed with.
    """
    found: dict[str, Decimal] = {}
    for code in dict.fromkeys(line.tax_code for line in order.lines if line.tax_code):
        lines = [line for line in order.lines if line.tax_code == code]
        grid = [Decimal(n) / 1000 for n in range(0, 501, 5)] + [
            Decimal(n) / 10000 for n in range(0, 5001)
        ]
        net = sum((line.net for line in lines), ZERO)
        ratio = sum((line.tax for line in lines), ZERO) / net if net else ZERO
        # An order frozen before its ERP was known to round once was predicted line by line.
        ways = (arithmetic, Arithmetic(Level.LINE, arithmetic.ties))
        tries = ((way, rates) for rates in (list(known.get(code, ())), grid) for way in ways)
        fits = ([r for r in rates if _fits(lines, r, order.currency, way)] for way, rates in tries)
        fitting = next(filter(None, fits), [])
        found[code] = min(fitting, key=lambda rate: abs(rate - ratio), default=ratio)
    return found


def _fits(lines: Sequence[OrderLine], rate: Decimal, currency: str, arithmetic: Arithmetic) -> bool:
    return taxed(lines, {line.tax_code or "": rate for line in lines}, currency, arithmetic) == [
        line.tax for line in lines
    ]


def taxed(
    lines: Sequence[OrderLine], rates: Mapping[str, Decimal], currency: str, arithmetic: Arithmetic
) -> list[Decimal]:
    """The tax that the ERP shows on each line of a document that these are; by tax code, a rate."""
    bases = [
        TaxedLine(
            to_minor(line.net, currency)
            if arithmetic.of_nets
            else (line.quantity * line.unit_price).scaleb(digits(currency)),
            line.tax_code or "",
            (rates.get(line.tax_code or "", ZERO),),
        )
        for line in lines
    ]
    return [from_minor(minor, currency) for minor in line_taxes(bases, arithmetic)]


def mirrored(
    line: OrderLine, left: Amount, rate: Decimal, currency: str, rounding: str
) -> tuple[OrderLine | None, int]:
    """All that is left of a line as it was invoiced, and the minor units that cannot be carried.

    None when nothing is left.
    """
    if not left.net and not left.tax:
        return None, 0
    if (left.net, left.tax) == (line.net, line.tax):
        return line, 0
    return credit_line(
        line, to_minor(left.gross, currency), left.units, left, rate, currency, rounding
    )


def credit_line(
    line: OrderLine,
    minor: int,
    units: Decimal,
    left: Amount,
    rate: Decimal,
    currency: str,
    rounding: str,
) -> tuple[OrderLine | None, int]:
    """A line that gives `minor` back, and the minor units (never negative) it cannot carry.

    With the original's price where that is the amount; else the price that gives it. Never more
    net than is left.
    """
    quantity = units if 0 < units <= max(left.units, ZERO) else Decimal(1)
    gross = from_minor(minor, currency)
    step = unit(currency)
    guess = round_to_unit(gross / (1 + rate), currency)
    prices = [line.unit_price] + [
        _price(max(guess + n * step, ZERO) / quantity, currency) for n in range(-3, 4)
    ]
    best: OrderLine | None = None
    for price in prices:
        exact = quantity * price
        made = OrderLine(
            key=line.key,
            kind=line.kind,
            sku=line.sku,
            description=line.description,
            quantity=quantity,
            unit_price=price,
            net=round_to_unit(exact, currency, rounding),
            tax=round_to_unit(exact * rate, currency, rounding),
            tax_code=line.tax_code,
        )
        total = made.net + made.tax
        if total > gross or made.net > left.net or total <= 0:
            continue
        if best is None or total > best.net + best.tax:
            best = made
    carried = best.net + best.tax if best is not None else ZERO
    return best, to_minor(gross - carried, currency)


def residue_line(minor: int, currency: str) -> OrderLine:
    """The pennies that no line could carry, or (below zero) that the lines carry too many."""
    amount = from_minor(minor, currency)
    return OrderLine(
        key=RESIDUE_KEY,
        kind=LineKind.ROUNDING,
        sku="",
        description="Tax rounding",
        quantity=Decimal(1),
        unit_price=amount,
        net=amount,
        tax=ZERO,
        tax_code=None,
    )


def _price(price: Decimal, currency: str) -> Decimal:
    return price.quantize(Decimal(1).scaleb(-digits(currency) - 2), rounding=ROUND_HALF_UP)
