"""Tax-inclusive marketplace amounts as the tax-exclusive lines an ERP computes with.

Marketplacer's amounts contain their tax. An ERP line has a net amount in whole minor units and a
tax that the ERP rounds per line; what the customer paid must come out again. Not every
gross amount can be reached that way: at 20 % the gross of n pence net is n + round(n/5), which
jumps from 2 to 4, so one amount in six has no net. `to_net` therefore first lets another line of
the same document carry the penny, and returns what no line could carry as a residue.

All amounts here are integers in minor units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from mkterp.core.money import ROUNDINGS


@dataclass(frozen=True)
class NetLine:
    net: int
    tax: int

    @property
    def gross(self) -> int:
        return self.net + self.tax


def tax_on(net: int, rate: Decimal, rounding: str) -> int:
    """The tax the ERP computes on a net amount; `rounding` is one of `money.ROUNDINGS`."""
    return int((net * rate).quantize(Decimal(1), rounding=ROUNDINGS[rounding]))


def contained_tax(gross: int, rate: Decimal) -> int:
    """The tax contained in a gross amount, rounded half up."""
    return int((gross * rate / (1 + rate)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _line(net: int, rate: Decimal, rounding: str) -> NetLine:
    return NetLine(net, tax_on(net, rate, rounding))


def _nearest(gross: int, rate: Decimal, rounding: str) -> NetLine:
    """The line that reaches the gross amount, or comes nearest from below."""
    guess = int((gross / (1 + rate)).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    around = [_line(guess + step, rate, rounding) for step in (0, -1, 1)]
    return min(around, key=lambda line: (abs(gross - line.gross), line.gross > gross))


def to_net(grosses: Sequence[tuple[int, Decimal]], rounding: str) -> tuple[list[NetLine], int]:
    """Net lines for (gross, rate) pairs, and the residue in minor units that they cannot reach.

    The sum of the lines' gross plus the residue is the sum of the given amounts. A residue is at
    most one unit for each line, and nearly always zero.
    """
    lines = [_nearest(gross, rate, rounding) for gross, rate in grosses]
    residue = sum(gross for gross, _ in grosses) - sum(line.gross for line in lines)
    # Moving one line's net by a unit or two moves its gross by one to three. The last lines
    # (shipping) move first: a penny of shipping is nobody's price.
    for index in reversed(range(len(lines))):
        if not residue:
            break
        rate = grosses[index][1]
        for step in (1, -1, 2, -2):
            moved = _line(lines[index].net + step, rate, rounding)
            if moved.gross - lines[index].gross == residue and moved.net >= 0:
                lines[index], residue = moved, 0
                break
    return lines, residue


def rate_of(gross: int, tax: int, rates: Sequence[Decimal], *, parts: int = 1) -> Decimal | None:
    """Which of the known rates the contained tax was computed with; None when none fits.

    A unit either way for each part that was rounded by itself is rounding. Of several rates that
    fit, the nearest, then the lowest.
    """
    fitting = [r for r in rates if abs(contained_tax(gross, r) - tax) <= parts]
    return min(fitting, key=lambda r: (abs(contained_tax(gross, r) - tax), r), default=None)
