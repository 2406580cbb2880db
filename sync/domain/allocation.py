"""Shipping shares whose ERP-rounded tax is the marketplace's, to the last unit.

The model, exactly. Given is a basket (`sync.domain.baskets`): goods lines with their ERP nets,
the shipping charged, the marketplace's tax total T and what the customer paid, P. Unknown is one
whole net amount n(c) for the ERP's shipping line of each tax code c that takes part. n(c) must

- lie within `bound` of its pro-rata amount p(c): |n(c) - p(c)| <= bound, p(c) an exact fraction
  (the shipping charged x the code's weight / all weights, over 1 + rate where prices are
  inclusive);
- not have the other sign than the shipping charged (none charged: all are zero).

The ERP computes the document's tax by `tax.predict`. Shares are *penny-exact* when the ERP's net
plus tax is P and its tax is T. Of all penny-exact shares the ones with the least total deviation,
the sum of |n(c) - p(c)|, are taken; of equals, the first in order of (n(c1), n(c2), ...), codes
in the order of their first line. Together that is: what was paid first, then T, then pro rata.

With a `goods_latitude` (only where the ERP rounds per line) the nets of goods lines may move as
well, each by at most that many units without changing sign and all together by at most
`GOODS_MOVES`: only when no shares do without, and as few units as possible.

The search is exact. A proof that there are none covers every combination within these limits:
`combination.Reach` holds every (net, tax) pair that any combination has. When there are none,
the answer is the document nearest to P, with the fewest goods units moved, then nearest to T,
then with the least deviation; and it says why.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import cache, cached_property
from math import ceil

from sync.domain.baskets import (
    Basket,
    Rate,
    erp_lines,
    goods_base,
    goods_nets,
    net_share,
    pro_rata,
    usual_shares,
)
from sync.domain.combination import Reach, Slot, cheapest
from sync.domain.tax import Level, Prediction, Prices, predict, round_exact, round_ratio, tax_on

GOODS_MOVES = 8
MAX_BOUND = 1000  # beyond, no search for a bound that would do is made


class Why(StrEnum):
    """Why no shares are penny-exact."""

    BOUND = "bound"  # a wider bound has some: `needed_bound`
    GOODS = "goods"  # shipping by itself could meet its tax; the goods lines alone cause the miss
    SHIPPING = "shipping"  # no amounts of the shipping lines meet both figures


@dataclass(frozen=True)
class Share:
    """One shipping line: its whole net amount, and its exact pro-rata one."""

    rate: Rate
    net: int
    pro_rata: Fraction


@dataclass(frozen=True)
class Allocation:
    """The document to post. `residue` and `tax_miss` are zero when it is penny-exact."""

    goods_nets: tuple[int, ...]  # asked for; the ERP's own are the first of prediction.nets
    shares: tuple[Share, ...]
    prediction: Prediction
    residue: int  # what the customer paid beyond the ERP's gross
    tax_miss: int  # the marketplace's tax beyond the ERP's
    goods_moved: int
    why: Why | None = None
    # Whether shipping by itself could meet its tax; None when exact, or its tax is not known.
    goods_alone: bool | None = None
    needed_bound: int | None = None  # the smallest that has penny-exact shares, up to MAX_BOUND

    @property
    def exact(self) -> bool:
        return self.why is None and not self.residue and not self.tax_miss

    @property
    def deviation(self) -> Fraction:
        """How far the shipping lines are from pro rata, added up."""
        return sum((abs(share.net - share.pro_rata) for share in self.shares), Fraction())


@dataclass(frozen=True)
class _Shift:
    """Goods nets moved: how many units in all, and what that does to the document."""

    moved: int
    steps: tuple[tuple[int, int], ...]  # (line, units)
    net: int
    tax: int


def allocate(basket: Basket) -> Allocation:
    """The penny-exact document for a basket, or the nearest one and why there is none.

    Raises ValueError for a goods latitude with an ERP that rounds per document.
    """
    if basket.goods_latitude and basket.arithmetic.level is Level.DOCUMENT:
        raise ValueError("goods can move only where the ERP rounds tax per line")
    return _Search(basket).run()


def allocate_tax(basket: Basket) -> Allocation:
    """The penny-exact document; where there is none, the nearest in tax and then in gross.

    For a document that has a line without tax to carry the `residue`. Says not why there is none.
    """
    return _Search(basket, tax_first=True).run()


def usual(basket: Basket) -> Allocation:
    """The document without a search: shipping pro rata, goods as they are."""
    nets, chosen = goods_nets(basket), usual_shares(basket)
    exact = pro_rata(basket)
    shares = [
        Share(rate, net, net_share(basket, rate, exact[rate])) for rate, net in chosen.items()
    ]
    return document(basket, nets, shares, 0)


def document(
    basket: Basket, nets: Sequence[int], shares: Sequence[Share], moved: int
) -> Allocation:
    """The document of these goods nets and shipping lines, as the ERP will compute it."""
    lines = erp_lines(basket, nets, {share.rate: share.net for share in shares})
    prediction = predict(lines, basket.arithmetic)
    return Allocation(
        goods_nets=tuple(nets),
        shares=tuple(shares),
        prediction=prediction,
        residue=basket.paid - prediction.gross,
        tax_miss=basket.tax_total - prediction.tax,
        goods_moved=moved,
    )


class _Search:
    def __init__(self, basket: Basket, *, tax_first: bool = False) -> None:
        self._basket, self._tax_first = basket, tax_first
        self._nets = goods_nets(basket)
        goods = predict(erp_lines(basket, self._nets, {}), basket.arithmetic)
        exact = pro_rata(basket)
        self._sign = 1 if basket.shipping > 0 else -1
        self._slots = [self._slot(rate, share) for rate, share in exact.items()]
        fixed = goods.tax
        if basket.arithmetic.level is Level.DOCUMENT:
            # There a code's tax is its slot's, goods and shipping together.
            fixed -= sum(goods.by_code.get(slot.rate.code, 0) for slot in self._slots)
        self._goods_net, self._fixed_tax = goods.net, fixed
        self._target = (basket.paid - basket.tax_total - goods.net, basket.tax_total - fixed)

    def _slot(self, rate: Rate, charged: Fraction) -> Slot:
        exact = net_share(self._basket, rate, charged)
        if self._basket.arithmetic.level is Level.LINE:
            return Slot(rate, exact, self._sign, self._alone(rate))
        return Slot(rate, exact, self._sign, self._together(rate))

    def _alone(self, rate: Rate) -> Callable[[int], int]:
        """The tax on shipping as a line of its own."""
        share, ties = Fraction(rate.rate), self._basket.arithmetic.ties
        numerator, denominator = share.numerator, share.denominator
        return cache(lambda net: round_ratio(net * numerator, denominator, ties))

    def _together(self, rate: Rate) -> Callable[[int], int]:
        """The tax of the whole code: the sums above and below zero are rounded apart."""
        share, ties = Fraction(rate.rate), self._basket.arithmetic.ties
        sums = {False: Fraction(), True: Fraction()}
        for line, net in zip(self._basket.goods, self._nets, strict=True):
            if line.rate == rate:
                base = Fraction(goods_base(self._basket, line, net))
                sums[base >= 0] += base
        own, other = sums[self._sign > 0], sums[self._sign < 0]
        fixed = round_exact(other * share, ties)
        numerator, denominator = own.as_integer_ratio()
        over = denominator * share.denominator

        def tax(net: int) -> int:
            return fixed + round_ratio(
                (numerator + net * denominator) * share.numerator, over, ties
            )

        return cache(tax)

    def run(self) -> Allocation:
        found = self._cheapest(*self._target)
        if found is not None:
            return self._answer(found)
        shifts = self._shifts()
        if found_shift := self._with_goods(shifts):
            return found_shift
        return self._nearest(shifts)

    def _answer(self, shares: Sequence[int], shift: _Shift | None = None) -> Allocation:
        nets = list(self._nets)
        for index, step in shift.steps if shift else ():
            nets[index] += step
        chosen = [
            Share(slot.rate, net, slot.pro_rata)
            for slot, net in zip(self._slots, shares, strict=True)
        ]
        return document(self._basket, nets, chosen, shift.moved if shift else 0)

    # -- shares for one pair of figures ---------------------------------------------------------

    def _cheapest(self, net: int, tax: int) -> tuple[int, ...] | None:
        """The shares nearest to pro rata that have this net and this tax, or None."""
        bound = self._basket.bound
        off = abs(net - sum((slot.pro_rata for slot in self._slots), Fraction()))
        width = min(bound, max(2, ceil(off)))
        while True:
            found = cheapest([(slot, slot.within(width)) for slot in self._slots], net, tax)
            # A share further away than `width` is balanced by others, all but `off` of it.
            if found is not None and (width >= bound or found[0] <= 2 * width - off):
                return found[1]
            if width >= bound:
                return None
            if found is None and width >= 8 and not self._reach.has(net, tax):
                return None
            width = min(bound, 2 * width)

    @cached_property
    def _reach(self) -> Reach:
        return self._reach_of(self._basket.bound)

    def _possible(self, bound: int) -> bool:
        """Whether that bound has penny-exact shares, goods as they are."""
        net, tax = self._target
        if len(self._slots) == 1:  # one line takes all that is left: nothing to search
            (slot,) = self._slots
            return net in slot.within(bound) and slot.tax(net) == tax
        return self._reach_of(bound).has(net, tax)

    def _reach_of(self, bound: int) -> Reach:
        return Reach([(slot.tax, slot.within(bound)) for slot in self._slots])

    # -- when goods may move --------------------------------------------------------------------

    def _shifts(self) -> list[_Shift]:
        """Every different effect that moving goods can have, each with the fewest units."""
        best: dict[tuple[int, int], tuple[int, tuple[tuple[int, int], ...]]] = {(0, 0): (0, ())}
        if self._basket.goods_latitude:
            for index in range(len(self._nets)):
                choices = list(self._moves(index))
                for (net, tax), (moved, steps) in list(best.items()):
                    for step, net_step, tax_step in choices:
                        key = (net + net_step, tax + tax_step)
                        candidate = (moved + abs(step), (*steps, (index, step)))
                        if candidate[0] <= GOODS_MOVES and (
                            key not in best or candidate < best[key]
                        ):
                            best[key] = candidate
        return [_Shift(moved, steps, *key) for key, (moved, steps) in best.items()]

    def _moves(self, index: int) -> Iterator[tuple[int, int, int]]:
        """(units, change of the ERP's net, change of its tax) for one goods line."""
        line, own = self._basket.goods[index], self._nets[index]
        latitude, ties = self._basket.goods_latitude, self._basket.arithmetic.ties

        def figures(net: int) -> tuple[int, int]:
            base = goods_base(self._basket, line, net)
            return round_exact(base, ties), tax_on(base, line.rate.rate, ties)

        before = figures(own)
        for step in range(-latitude, latitude + 1):
            if step and own * (own + step) > 0:
                after = figures(own + step)
                yield step, after[0] - before[0], after[1] - before[1]

    def _with_goods(self, shifts: Sequence[_Shift]) -> Allocation | None:
        found: list[tuple[int, Fraction, tuple[int, ...], Allocation]] = []
        net, tax = self._target
        for shift in sorted(shifts, key=lambda shift: (shift.moved, shift.steps)):
            if not shift.moved:
                continue
            if found and shift.moved > found[0][0]:
                break
            shares = self._cheapest(net - shift.net, tax - shift.tax)
            if shares is not None:
                answer = self._answer(shares, shift)
                found.append((shift.moved, answer.deviation, shares, answer))
        return min(found, key=lambda row: row[:3])[3] if found else None

    # -- when there are none --------------------------------------------------------------------

    def _nearest(self, shifts: Sequence[_Shift]) -> Allocation:
        net, tax = self._target
        first = self._tax_first
        ranked = [
            ((miss, residue, shift.moved) if first else (residue, shift.moved, miss), shift, pair)
            for shift in shifts
            for residue, miss, pair in self._reach.nearest(
                net - shift.net, tax - shift.tax, tax_first=first
            )
        ]
        if ranked:
            best = min(rank for rank, _, _ in ranked)
            answers = [
                self._answer(shares, shift)
                for rank, shift, pair in ranked
                if rank == best and (shares := self._cheapest(*pair)) is not None
            ]
            answer = min(answers, key=lambda one: (one.deviation, [s.net for s in one.shares]))
        else:  # the bound is so narrow that no whole amount lies within
            answer = usual(self._basket)
        if first:
            return answer
        needed, alone = self._needed_bound(), self._goods_alone()
        why = Why.BOUND if needed is not None else Why.GOODS if alone else Why.SHIPPING
        return replace(answer, why=why, goods_alone=alone, needed_bound=needed)

    def _needed_bound(self) -> int | None:
        """The smallest bound with penny-exact shares (goods as they are), or None."""
        low, high = self._basket.bound, MAX_BOUND
        if low >= high or not self._possible(high):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            if self._possible(middle):
                high = middle
            else:
                low = middle
        return high

    def _goods_alone(self) -> bool | None:
        """Whether shipping lines by themselves could meet the marketplace's tax on shipping."""
        tax = self._basket.shipping_tax_charged
        if tax is None:
            return None
        inclusive = self._basket.prices is Prices.INCLUSIVE
        net = self._basket.shipping - (tax if inclusive else 0)
        slots = [(self._alone(s.rate), s.within(self._basket.bound)) for s in self._slots]
        return Reach(slots).has(net, tax)
