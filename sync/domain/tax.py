"""What the ERP will compute as tax, to the last unit, before anything is sent to it.

An ERP line has a base (quantity x unit price before tax, not yet rounded) and a tax code. The
code stands for one rate or for several components that are each an account of their own. Two
things differ between ERPs and are declared as `Arithmetic`: how a tie is broken, and whether tax
is rounded on every line or once for the document.

*Per line*: each line's tax is rounded, the document's tax is their sum. *Per document*: exact
taxes are summed for each tax code first (lines above and below zero apart, because they go to
different accounts) and each sum is rounded. This is Tryton's arithmetic, ties to even; the
contract suite holds `predict` to a real one.

Amounts are minor units: whole ones are `int`, bases may be fractions (`Decimal` or `Fraction`).
Roundings are exact: no float, no decimal context.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import cycle

from mkterp.core.money import ROUNDINGS

Exact = int | Decimal | Fraction
# How much of what components gained by rounding is given back: never the half unit of a tie.
_GIVEN_BACK = {"half_up": "half_down", "half_down": "half_down", "half_even": "half_even"}


class Level(StrEnum):
    LINE = "line"
    DOCUMENT = "document"


class Prices(StrEnum):
    INCLUSIVE = "inclusive"  # amounts contain their tax
    EXCLUSIVE = "exclusive"  # tax comes on top


@dataclass(frozen=True)
class Arithmetic:
    """How an ERP rounds: `ties` is a name of `money.ROUNDINGS`, for nets and taxes alike.

    `of_nets` says that tax is computed on a line's rounded net, not on quantity x unit price.
    """

    level: Level = Level.LINE
    ties: str = "half_even"
    of_nets: bool = False

    def __post_init__(self) -> None:
        if self.ties not in ROUNDINGS:
            raise ValueError(f"no rounding is called {self.ties}")


@dataclass(frozen=True)
class TaxedLine:
    """A line before tax: quantity x unit price in minor units, unrounded, and its tax code.

    `rates` are the code's components; no components, no tax.
    """

    base: Exact
    code: str
    rates: tuple[Decimal, ...]


@dataclass(frozen=True)
class Prediction:
    """An ERP document's figures. `line_taxes` is None where tax is rounded for the document."""

    nets: tuple[int, ...]
    tax: int
    by_code: Mapping[str, int]
    line_taxes: tuple[int, ...] | None

    @property
    def net(self) -> int:
        return sum(self.nets)

    @property
    def gross(self) -> int:
        return self.net + self.tax


def round_exact(amount: Exact, ties: str) -> int:
    """The nearest whole number; a tie by its name in `money.ROUNDINGS`, the same below zero."""
    numerator, denominator = amount.as_integer_ratio()
    return round_ratio(numerator, denominator, ties)


def round_ratio(numerator: int, denominator: int, ties: str) -> int:
    """As `round_exact`, for a ratio with a denominator above zero."""
    whole, rest = divmod(abs(numerator), denominator)
    over = 2 * rest - denominator
    if over > 0 or (over == 0 and (ties == "half_up" or (ties == "half_even" and whole % 2))):
        whole += 1
    return -whole if numerator < 0 else whole


def tax_on(base: Exact, rate: Decimal, ties: str) -> int:
    """The tax of one component on a base, rounded by itself."""
    numerator, denominator = base.as_integer_ratio()
    share, parts = rate.as_integer_ratio()
    return round_ratio(numerator * share, denominator * parts, ties)


def contained_tax(gross: int, rate: Decimal, ties: str = "half_up") -> int:
    """The tax contained in a gross amount; marketplaces round it half up."""
    share, parts = rate.as_integer_ratio()
    return round_ratio(gross * share, parts + share, ties)


def net_of(gross: int, rate: Decimal) -> int:
    """The whole net amount nearest to a gross one; a tie goes away from zero.

    Its gross is the given one wherever any net reaches it, else one unit more or less: at 20 %
    the gross of n pence net is n + round(n/5), which jumps from 2 to 4, so one amount in six has
    no net.
    """
    share, parts = rate.as_integer_ratio()
    return round_ratio(gross * parts, parts + share, "half_up")


def rate_of(gross: int, tax: int, rates: Sequence[Decimal], *, parts: int = 1) -> Decimal | None:
    """Which of the known rates the contained tax was computed with; None when none fits.

    A unit either way for each part that was rounded by itself is rounding. Of several rates that
    fit, the nearest, then the lowest.
    """
    fitting = [r for r in rates if abs(contained_tax(gross, r) - tax) <= parts]
    return min(fitting, key=lambda r: (abs(contained_tax(gross, r) - tax), r), default=None)


def predict(lines: Sequence[TaxedLine], arithmetic: Arithmetic) -> Prediction:
    """The figures the ERP will show for a document of these lines (refunds have bases below zero).

    Lines with the same code must have the same rates; raises ValueError when they differ.
    """
    rates_of: dict[str, tuple[Decimal, ...]] = {}
    for line in lines:
        if rates_of.setdefault(line.code, line.rates) != line.rates:
            raise ValueError(f"the tax code {line.code} has two rates in one document")
    nets = tuple(round_exact(line.base, arithmetic.ties) for line in lines)
    by_code = dict.fromkeys(rates_of, 0)
    if arithmetic.level is Level.LINE:
        taxes = tuple(
            tax_on(line.base, line.rates[0], arithmetic.ties)
            if len(line.rates) == 1
            else group_tax([line.base], line.rates, arithmetic.ties)
            for line in lines
        )
        for line, tax in zip(lines, taxes, strict=True):
            by_code[line.code] += tax
        return Prediction(nets, sum(taxes), by_code, taxes)
    groups: dict[tuple[str, bool], list[Exact]] = {}
    for line in lines:
        groups.setdefault((line.code, line.base >= 0), []).append(line.base)
    for (code, _), bases in groups.items():
        by_code[code] += group_tax(bases, rates_of[code], arithmetic.ties)
    return Prediction(nets, sum(by_code.values()), by_code, None)


def line_taxes(lines: Sequence[TaxedLine], arithmetic: Arithmetic) -> tuple[int, ...]:
    """The tax each line shows; together they are the document's.

    Where tax is rounded for the document a line shows what its code's rounded tax grows by when
    the line is added, as Business Central does.
    """
    if (each := predict(lines, arithmetic).line_taxes) is not None:
        return each
    shown: list[int] = []
    so_far: dict[tuple[str, bool], list[Exact]] = {}
    for line in lines:
        bases = so_far.setdefault((line.code, line.base >= 0), [])
        before = group_tax(bases, line.rates, arithmetic.ties)
        bases.append(line.base)
        shown.append(group_tax(bases, line.rates, arithmetic.ties) - before)
    return tuple(shown)


def group_tax(bases: Iterable[Exact], rates: Sequence[Decimal], ties: str) -> int:
    """The tax on bases that are rounded together.

    Each component is rounded, and what the roundings add up to beyond half a unit is given back
    unit by unit, first component first, so that the sum is the rounded sum.
    """
    exact: dict[tuple[int, bool], Fraction] = {}
    for base in bases:
        # A base just below zero that rounds to zero goes to the account of those above.
        side = base >= 0 or round_exact(base, ties) == 0
        for index, rate in enumerate(rates):
            part = Fraction(base) * Fraction(rate)
            exact[index, side] = exact.get((index, side), Fraction()) + part
    rounded = {key: round_exact(amount, ties) for key, amount in exact.items()}
    gained = sum(rounded.values()) - sum(exact.values(), Fraction())
    over = round_exact(gained, _GIVEN_BACK[ties])
    if over and any(rounded.values()):
        step = 1 if over > 0 else -1
        for key in cycle(rounded):
            if not over:
                break
            if rounded[key]:
                rounded[key] -= step
                over -= step
    return sum(rounded.values())
