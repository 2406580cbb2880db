"""One amount from each of several ranges, so that amounts and their taxes have given sums.

Exact, for any tax function of a whole amount. `cheapest` finds the amounts nearest to their
pro-rata ones; `Reach` knows every pair of sums there is, and so proves that one is not there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, lcm
from operator import itemgetter

from sync.domain.baskets import Rate


@dataclass(frozen=True)
class Slot:
    """A shipping line to be chosen: what it may be, and the tax its tax code then has."""

    rate: Rate
    pro_rata: Fraction
    sign: int
    tax: Callable[[int], int]

    def within(self, bound: int) -> range:
        """The whole amounts within that bound, on the right side of zero."""
        low, high = ceil(self.pro_rata - bound), floor(self.pro_rata + bound)
        return range(max(low, 0), high + 1) if self.sign > 0 else range(low, min(high, 0) + 1)


def cheapest(
    slots: Sequence[tuple[Slot, range]], net: int, tax: int
) -> tuple[Fraction, tuple[int, ...]] | None:
    """The cheapest amounts, one from each range, with these sums: (deviation, amounts).

    Dynamic programming over the slots: of all ways to the same partial sums only the cheapest
    is kept (the first of equals), and sums the rest cannot complete are dropped.
    """
    if not slots:
        return (Fraction(), ()) if net == tax == 0 else None
    if not all(amounts for _, amounts in slots):
        return None
    scale = lcm(*(slot.pro_rata.denominator for slot, _ in slots))
    states: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {(0, 0): (0, ())}
    rest_low = sum(amounts[0] for _, amounts in slots)
    rest_high = sum(amounts[-1] for _, amounts in slots)
    for slot, amounts in slots:
        rest_low, rest_high = rest_low - amounts[0], rest_high - amounts[-1]
        exact = int(slot.pro_rata * scale)
        grown: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {}
        for (done_net, done_tax), (cost, path) in states.items():
            low = max(amounts[0], net - done_net - rest_high)
            high = min(amounts[-1], net - done_net - rest_low)
            for amount in range(low, high + 1):
                key = (done_net + amount, done_tax + slot.tax(amount))
                candidate = (cost + abs(amount * scale - exact), (*path, amount))
                if key not in grown or candidate < grown[key]:
                    grown[key] = candidate
        states = grown
    found = states.get((net, tax))
    return None if found is None else (Fraction(found[0], scale), found[1])


class Reach:
    """Every (net, tax) that one amount from each range can add up to.

    For each tax a bit mask of the nets, counted from the least one. Amounts next to each other
    with the same tax are taken in one go, so wide bounds stay cheap.
    """

    def __init__(self, slots: Sequence[tuple[Callable[[int], int], range]]) -> None:
        self._low = 0
        masks = {0: 1}
        for tax_of, amounts in slots:
            if not amounts:
                masks = {}
                break
            self._low += amounts[0]
            runs = _runs(tax_of, amounts)
            grown: dict[int, int] = {}
            for done, mask in masks.items():
                for start, length, tax in runs:
                    grown[done + tax] = grown.get(done + tax, 0) | _spread(mask, length) << start
            masks = grown
        self._masks = masks

    def has(self, net: int, tax: int) -> bool:
        """Whether some combination has these figures."""
        offset = net - self._low
        return offset >= 0 and bool(self._masks.get(tax, 0) >> offset & 1)

    def nearest(
        self, net: int, tax: int, *, tax_first: bool = False
    ) -> list[tuple[int, int, tuple[int, int]]]:
        """(gross missed, tax missed, (net, tax)) of the pairs nearest in gross, then in tax.

        With `tax_first` those nearest in tax, then in gross.
        """
        rows = []
        for own, mask in self._masks.items():
            wanted = net + tax - own - self._low
            below = mask & ((1 << wanted + 1) - 1) if wanted >= 0 else 0
            above = mask >> max(wanted, 0)
            found = set()
            if below:
                found.add(below.bit_length() - 1)
            if above:
                found.add(max(wanted, 0) + (above & -above).bit_length() - 1)
            rows += [
                (abs(offset - wanted), abs(own - tax), (offset + self._low, own))
                for offset in found
            ]
        missed = itemgetter(1, 0) if tax_first else itemgetter(0, 1)
        best = min(map(missed, rows), default=None)
        return [row for row in rows if missed(row) == best]


def _runs(tax_of: Callable[[int], int], amounts: range) -> list[tuple[int, int, int]]:
    """(offset, length, tax) of neighbouring amounts with the same tax."""
    runs: list[tuple[int, int, int]] = []
    for offset, amount in enumerate(amounts):
        tax = tax_of(amount)
        if runs and runs[-1][2] == tax:
            start, length, _ = runs[-1]
            runs[-1] = (start, length + 1, tax)
        else:
            runs.append((offset, 1, tax))
    return runs


def _spread(mask: int, length: int) -> int:
    """The mask shifted by 0, 1, ... length - 1, all in one."""
    done = 1
    while done < length:
        step = min(done, length - done)
        mask |= mask << step
        done += step
    return mask
