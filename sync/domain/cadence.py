"""How soon each SKU's level must be told: risk of overselling against a budget of calls.

A changed level costs something while it is not told: somebody may buy what is not there. `worth`
is that cost in expected units, from four facts: how fast the marketplace sells it, how far the
ERP's level is from zero, by how much the shown level is too high, how long it is left so. One price
per told level, the same for every SKU, makes the wish fit the budget: a SKU is told when what
waiting costs reaches the price. `Survey` finds the price in one pass over any number of SKUs and
remembers two numbers per class of risk, so its memory does not grow with the catalogue.

The figures are estimates of demand, not money: floats.
"""

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

SECONDS_PER_HOUR = 3600.0

# What one sale missed (shown too low) counts against one unit oversold. An oversold unit breaks a
# promise already made, so a rise never competes with a fall that matters.
MISSED_WEIGHT = 0.01


# A call is not spent on less while there are few: expected units lost within the lead.
WORTH_A_CALL = 0.1

# Below this a loss is no reason of its own; the order among reachable levels then goes by level.
_NEGLIGIBLE = 1e-4
_REACHABLE = 1e-9
_NEARLY = 1e-9


@dataclass(frozen=True)
class Velocity:
    """Units per hour, newer orders weighing more: a day-old order counts half (`half_life_hours`).

    `units` and `hours` are the decayed sums of what was seen and of how long was looked. What has
    hardly been watched leans on `prior` (the catalogue's mean), worth `prior_hours` of watching.
    `squares` over `units` is how many units a typical unit is bought together with.
    """

    units: float = 0.0
    squares: float = 0.0
    hours: float = 0.0
    half_life_hours: float = 24.0
    prior_hours: float = 12.0

    def after(self, elapsed_hours: float, quantity: float = 0.0) -> "Velocity":
        """The estimate `elapsed_hours` later, `quantity` units having been ordered at that moment.

        Raises ValueError for negative time or quantity: a late order belongs to no later state.
        """
        if elapsed_hours < 0 or quantity < 0:
            raise ValueError("time and quantity go forward")
        fade = 0.5 ** (elapsed_hours / self.half_life_hours)
        watched = self.half_life_hours / math.log(2) * (1 - fade)
        return replace(
            self,
            units=self.units * fade + quantity,
            squares=self.squares * fade + quantity * quantity,
            hours=self.hours * fade + watched,
        )

    def per_hour(self, prior: float = 0.0) -> float:
        watched = self.hours + self.prior_hours
        return (self.units + prior * self.prior_hours) / watched if watched else prior

    @property
    def lot(self) -> float:
        """Units one order takes, at least 1; one order of 1 is assumed beside what was seen."""
        return (self.squares + 1.0) / (self.units + 1.0)


@dataclass(frozen=True)
class SkuState:
    """What is known about one SKU now.

    `level` is what the ERP can sell, `shown` what Marketplacer shows: last told less the orders it
    took since. `per_hour` is the marketplace's demand, `elsewhere_per_hour` how fast other
    channels take from the level; `lot` the units of a typical order. `wrong_hours` is how long
    `shown` has differed from `level`.
    """

    sku: str
    level: int
    shown: int
    per_hour: float
    elsewhere_per_hour: float = 0.0
    lot: float = 1.0
    wrong_hours: float = 0.0


@dataclass(frozen=True)
class Plan:
    """`price`: expected units that waiting must cost before a level is told (0: tell at once).

    `lead_hours`: how far ahead a SKU looks; it is told when the loss of the coming `lead_hours`
    reaches the price. `longest_wait_hours` bounds every wait. `levels_per_hour` is the budget the
    price was fitted to.
    """

    price: float
    levels_per_hour: float
    lead_hours: float = 1.0
    longest_wait_hours: float = 24.0

    def asks(self, *, held: float, most: float, all_fit: bool = False) -> float:
        """The least `urgency` for which a call is made now, `held` calls being left of `most`.

        The last call is kept for what reaches the price; the more are saved, the less is asked.
        From half of what can be saved on, any level that the next order could oversell is worth
        a call; near the end of what can be saved everything is, for calls would be lost.
        `all_fit`: one call carries every level that is wrong now. Then the last call too goes at
        the first such danger: whoever called earlier shows older levels.
        """
        whole = int(held + _NEARLY)
        if whole < 1:
            return math.inf
        if held >= min(most, 1 + 0.75 * most) - _NEARLY:
            return 0.0
        if all_fit or held >= max(2.0, 0.5 * most) - _NEARLY:
            return _REACHABLE / 100
        return self.price * 0.1 ** (whole - 1)


def most_saved(calls_per_hour: float) -> float:
    """How many unused calls are kept: an hour's, and a few where an hour has hardly any."""
    return max(calls_per_hour, 4.0)


def sold_of(stock: float, *, per_hour: float, lot: float, hours: float) -> float:
    """Expected units sold within `hours` when `stock` is shown; orders are Poisson, of `lot`.

    E[min(lot * N, stock)] = lot * (P(N >= 1) + P(N >= 2) + … up to stock / lot, the last in part).
    """
    orders = per_hour * hours / lot
    if stock <= 0 or orders <= 0:
        return 0.0
    reach = stock / lot
    # Far from its stock the minimum no longer matters, and the series would be long.
    if orders > 600 or reach > orders + 12 * math.sqrt(orders) + 30:
        return min(stock, orders * lot)
    tail = 1.0
    mass = math.exp(-orders)
    total = 0.0
    whole = int(reach)
    for number in range(1, whole + 1):
        tail -= mass
        if tail <= 1e-12:
            return total * lot
        total += tail
        mass *= orders / number
    return (total + (reach - whole) * max(0.0, tail - mass)) * lot


def worth(state: SkuState, hours: float) -> float:
    """Expected units that not telling costs within `hours`: oversold, or a little if missed."""
    level, shown = max(0, state.level), max(0, state.shown)
    if level == shown:
        return 0.0
    high, low = max(level, shown), min(level, shown)
    between = sold_of(high, per_hour=state.per_hour, lot=state.lot, hours=hours) - sold_of(
        low, per_hour=state.per_hour, lot=state.lot, hours=hours
    )
    return max(0.0, between) * (1.0 if shown > level else MISSED_WEIGHT)


def urgency(state: SkuState, plan: Plan, *, biggest_order: int) -> float:
    """What decides who is told first, and against `Plan.asks` whether a call is made at all.

    `worth` within the lead; a level shown too high that one order as big as any yet seen could
    oversell never counts as nothing.
    """
    loss = worth(state, plan.lead_hours)
    if loss < _NEGLIGIBLE:
        loss = 0.0
    if state.shown > state.level and state.level < biggest_order:
        return max(loss, _REACHABLE / (1 + max(0, state.level)))
    return loss


def next_tell(state: SkuState, plan: Plan) -> float:
    """Seconds until the SKU must be told: 0 is now. A SKU shown rightly waits the longest wait.

    However small its risk, a level is told once it has been wrong for the longest wait.
    """
    longest = max(0.0, plan.longest_wait_hours - state.wrong_hours)
    if max(0, state.level) == max(0, state.shown):
        return plan.longest_wait_hours * SECONDS_PER_HOUR
    before = plan.lead_hours
    if longest == 0 or worth(state, before) >= plan.price:
        return 0.0
    if worth(state, before + longest) < plan.price:
        return longest * SECONDS_PER_HOUR
    early, late = 0.0, longest
    while late - early > max(1 / 60, late * 0.02):
        middle = (early + late) / 2
        if worth(state, before + middle) >= plan.price:
            late = middle
        else:
            early = middle
    return late * SECONDS_PER_HOUR


# Classes of risk: eight per factor of ten, from 1e-9 to 1e3 units per told level. A price is thus
# within a third of the exact one, well inside what an estimate of demand is worth.
_PER_TEN = 8
_LOWEST, _HIGHEST = -9, 3
_CLASSES = (_HIGHEST - _LOWEST) * _PER_TEN


@dataclass(frozen=True)
class TradeOffPoint:
    """What `calls_per_hour` would cost and save: the curve the screen draws."""

    calls_per_hour: float
    levels_per_hour: float
    price: float
    oversold_per_hour: float


class Survey:
    """A catalogue's risk in one pass and flat memory: feed states with `add`, then ask for prices.

    For each SKU two numbers: how often its level changes in an hour, and what leaving the typical
    change untold costs in that hour. Both are summed per class of their quotient.
    """

    def __init__(self) -> None:
        self.skus = 0
        self.wrong = 0
        self._changes = [0.0] * _CLASSES
        self._loss = [0.0] * _CLASSES

    def add(self, state: SkuState, *, lead_hours: float = 1.0) -> None:
        """Count one SKU. A level that is wrong now counts as one change more in the hour."""
        self.skus += 1
        if max(0, state.level) != max(0, state.shown):
            self.wrong += 1
            self._count(1.0 / lead_hours, worth(state, lead_hours))
        if state.elsewhere_per_hour > 0 and state.level > 0:
            step = max(1, round(state.lot))
            fallen = replace(state, level=max(0, state.level - step), shown=state.level)
            self._count(state.elsewhere_per_hour / step, worth(fallen, lead_hours))

    def _count(self, changes: float, each: float) -> None:
        if each <= 0:
            return
        place = math.floor((math.log10(each) - _LOWEST) * _PER_TEN)
        place = min(max(place, 0), _CLASSES - 1)
        self._changes[place] += changes
        self._loss[place] += changes * each

    def price(self, levels_per_hour: float) -> float:
        """The lowest price at which the dearest changes fit `levels_per_hour`; 0 if all fit."""
        told = 0.0
        for place in range(_CLASSES - 1, -1, -1):
            told += self._changes[place]
            if told > levels_per_hour:
                return float(10 ** (_LOWEST + (place + 1) / _PER_TEN))
        return 0.0

    def oversold_per_hour(self, levels_per_hour: float) -> float:
        """Expected cost of the changes that do not fit, the last class shared in proportion."""
        left = levels_per_hour
        lost = 0.0
        for place in range(_CLASSES - 1, -1, -1):
            changes = self._changes[place]
            told = min(changes, left)
            left -= told
            if changes:
                lost += self._loss[place] * (1 - told / changes)
        return lost


def survey(states: Iterable[SkuState], *, lead_hours: float = 1.0) -> Survey:
    """`Survey` of a stream of states; nothing is kept of any of them."""
    found = Survey()
    for state in states:
        found.add(state, lead_hours=lead_hours)
    return found


def plan(
    found: Survey,
    *,
    calls_per_hour: float,
    levels_per_call: float = 1.0,
    saved_calls: float = 0.0,
    lead_hours: float = 1.0,
    longest_wait_hours: float = 24.0,
) -> Plan:
    """The price that fits the budget: `calls_per_hour` and `saved_calls` not yet used, for an hour.

    A call is one document; `levels_per_call` is how many urgent levels it may count on. Raises
    ValueError for a negative budget or a call that carries nothing.
    """
    if calls_per_hour < 0 or saved_calls < 0 or levels_per_call <= 0:
        raise ValueError("a budget is not negative, and a call carries at least one level")
    levels = (calls_per_hour + saved_calls) * levels_per_call
    return Plan(
        price=max(WORTH_A_CALL, found.price(levels)),
        levels_per_hour=levels,
        lead_hours=lead_hours,
        longest_wait_hours=longest_wait_hours,
    )


def trade_off(
    found: Survey, calls_per_hour: Sequence[float], *, levels_per_call: float = 20.0
) -> tuple[TradeOffPoint, ...]:
    """Expected oversold units per hour at each budget, from one survey; never rising with calls."""
    return tuple(
        TradeOffPoint(
            calls_per_hour=calls,
            levels_per_hour=calls * levels_per_call,
            price=found.price(calls * levels_per_call),
            oversold_per_hour=found.oversold_per_hour(calls * levels_per_call),
        )
        for calls in calls_per_hour
    )


def most_at_risk(states: Iterable[SkuState], count: int = 20) -> list[tuple[float, SkuState]]:
    """The `count` SKUs whose waiting costs most in the coming hour, dearest first, streamed."""
    ranked = ((worth(state, 1.0), number, state) for number, state in enumerate(states))
    return [(cost, state) for cost, _, state in heapq.nlargest(count, ranked)]
