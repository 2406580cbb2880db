"""The simulated shop that is told by risk, with the very functions of `cadence`."""

import heapq
import math

from sync.domain.cadence import (
    SECONDS_PER_HOUR,
    WORTH_A_CALL,
    Plan,
    SkuState,
    Survey,
    Velocity,
    most_saved,
    next_tell,
    plan,
    urgency,
)
from sync.domain.demand import Demand, Kind
from sync.domain.shop import FixedShop, Purse, Shop

_PLAN_EVERY = 1.0
# What is believed of a catalogue before anything was sold: units per SKU and hour, for one hour.
_FIRST_GUESS = 0.1


class _Granted(Purse):
    """As many calls, and not sooner, as another shop has made: at its mean pace so far.

    One of those it has made and we have not is always there, so that nobody has to call later.
    """

    def __init__(self, other: FixedShop) -> None:
        super().__init__(0.0)
        self._other = other

    def held(self, at: float) -> float:
        self.per_hour = self._other.purse.spent / at if at > 0 else 0.0
        self.most = most_saved(self.per_hour)
        left = float(self._other.purse.spent - self.spent)
        return min(left, max(1.0, super().held(at)))

    def when(self, at: float, calls: float) -> float:
        left = self._other.purse.spent - self.spent
        if left < calls:
            return math.inf
        return at if calls <= 1 else super().when(at, calls)


class RiskShop(Shop):
    """Told by risk. `paced_by`: makes no more calls than that shop has made at any moment."""

    def __init__(
        self,
        demand: Demand,
        *,
        calls_per_hour: float,
        batch: int,
        paced_by: FixedShop | None = None,
    ) -> None:
        super().__init__(demand, calls_per_hour=calls_per_hour, batch=batch)
        count = len(demand.skus)
        self._paced_by = paced_by
        if paced_by is not None:
            self.purse = _Granted(paced_by)
        # Per SKU: what its levels' last change was, so that what was queued before is void.
        self._stamp = [0] * count
        self._velocity = {kind: [Velocity()] * count for kind in (Kind.ORDER, Kind.SALE)}
        self._seen = {kind: [0.0] * count for kind in (Kind.ORDER, Kind.SALE)}
        self._units = {Kind.ORDER: 0, Kind.SALE: 0}
        self._biggest = 1
        self._urgent: list[tuple[float, int, int]] = []
        self._due: list[tuple[float, int, int]] = []
        self._next_plan = 0.0
        self._plan = Plan(price=WORTH_A_CALL, levels_per_hour=0.0)

    def changed(self, place: int, kind: Kind, quantity: int) -> None:
        if kind is not Kind.RESTOCK:
            self._velocity[kind][place] = self._watched(kind, place, quantity)
            self._seen[kind][place] = self.now
            self._units[kind] += quantity
        if kind is Kind.ORDER:
            self._biggest = max(self._biggest, quantity)
        self._stamp[place] += 1
        self._enlist(place)
        self._send()

    def work(self, until: float) -> None:
        while (step := self._next_step()) <= until:
            self.now = max(self.now, step)
            if self._paced_by is not None:
                self._paced_by.work(self.now)
            if step >= self._next_plan:
                self._make_plan()
                self._next_plan += _PLAN_EVERY
            self._send()
        self.now = max(self.now, until)
        if self._paced_by is not None:
            self._paced_by.work(until)

    def _next_step(self) -> float:
        step = self._next_plan
        if self._paced_by is not None:
            step = min(step, self._paced_by.next_step())
        self._forget_void(self._due)
        if self._due and self._due[0][0] > self.now:
            step = min(step, self._due[0][0])
        self._forget_void(self._urgent)
        if self._urgent:
            # With each call more that is saved, less is asked.
            held = self.purse.held(self.now)
            for calls in (math.floor(held + 1e-9) + 1.0, 1 + 0.75 * self.purse.most):
                moment = self.purse.when(self.now, min(calls, self.purse.most))
                step = min(step, moment) if moment > self.now else step
        return step

    def _watched(self, kind: Kind, place: int, quantity: int = 0) -> Velocity:
        elapsed = max(0.0, self.now - self._seen[kind][place])
        return self._velocity[kind][place].after(elapsed, quantity)

    def _prior(self, kind: Kind) -> float:
        count = len(self.level)
        return (self._units[kind] / count + _FIRST_GUESS) / (self.now + 1)

    def _state(self, place: int) -> SkuState:
        orders = self._watched(Kind.ORDER, place)
        since = self.wrong_since[place]
        return SkuState(
            sku=self.demand.skus[place],
            level=self.level[place],
            shown=self.shown[place],
            per_hour=orders.per_hour(self._prior(Kind.ORDER)),
            elsewhere_per_hour=self._watched(Kind.SALE, place).per_hour(self._prior(Kind.SALE)),
            lot=orders.lot,
            wrong_hours=0.0 if since is None else self.now - since,
        )

    def _enlist(self, place: int) -> None:
        if self.level[place] == self.shown[place]:
            return
        state, stamp = self._state(place), self._stamp[place]
        key = urgency(state, self._plan, biggest_order=self._biggest)
        heapq.heappush(self._urgent, (-key, place, stamp))
        due = self.now + next_tell(state, self._plan) / SECONDS_PER_HOUR
        heapq.heappush(self._due, (due, place, stamp))

    def _make_plan(self) -> None:
        found = Survey()
        for place in range(len(self.level)):
            found.add(self._state(place))
        self._plan = plan(
            found,
            calls_per_hour=self.purse.per_hour,
            saved_calls=self.purse.held(self.now),
        )
        self._urgent, self._due = [], []
        for place in range(len(self.level)):
            self._enlist(place)

    def _forget_void(self, heap: list[tuple[float, int, int]]) -> None:
        while heap and heap[0][2] != self._stamp[heap[0][1]]:
            heapq.heappop(heap)

    def _send(self) -> None:
        """Make the calls that are worth it now, each filled up with the next urgent levels."""
        while (held := self.purse.held(self.now)) >= 1 - 1e-9:
            self._forget_void(self._urgent)
            self._forget_void(self._due)
            if not self._urgent:
                return
            asks = self._plan.asks(
                held=held, most=self.purse.most, all_fit=self.wrong <= self.batch
            )
            if -self._urgent[0][0] < asks and self._due[0][0] > self.now:
                return
            places: list[int] = []
            while self._urgent and len(places) < self.batch:
                _, place, stamp = heapq.heappop(self._urgent)
                if stamp == self._stamp[place]:
                    self._stamp[place] += 1
                    places.append(place)
            self.tell(places)
