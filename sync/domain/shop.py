"""A simulated shop: two levels per SKU, demand, a budget of calls; and the fixed interval.

docs/cadence.md states the model. A policy sees only what has happened before it acts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sync.domain.cadence import most_saved
from sync.domain.demand import Demand, Event, Kind

_NEARLY = 1e-9


@dataclass(frozen=True)
class Outcome:
    """What one policy did and what went wrong meanwhile; `stale_minutes` is per unit of demand."""

    name: str
    calls: float
    levels: float
    oversold_units: float
    missed_units: float
    stale_minutes: float


class Purse:
    """Calls that may be made: they accrue evenly from nothing, and at most `most` are kept."""

    def __init__(self, per_hour: float) -> None:
        self.per_hour = per_hour
        self.most = most_saved(per_hour)
        self.spent = 0
        self._held = 0.0
        self._at = 0.0

    def held(self, at: float) -> float:
        return min(self.most, self._held + (at - self._at) * self.per_hour)

    def when(self, at: float, calls: float) -> float:
        """The moment, `at` or later, when `calls` are there; never for more than can be kept."""
        lack = calls - self.held(at)
        if lack <= _NEARLY:
            return at
        if calls > self.most + _NEARLY or self.per_hour <= 0:
            return math.inf
        return at + lack / self.per_hour

    def spend(self, at: float) -> None:
        self._held = max(0.0, self.held(at) - 1.0)
        self._at = at
        self.spent += 1


class Shop:
    """The two levels of every SKU under one policy, and what went wrong; time is in hours."""

    def __init__(self, demand: Demand, *, calls_per_hour: float, batch: int) -> None:
        self.demand = demand
        self.level = list(demand.opening)
        self.shown = list(demand.opening)
        self.purse = Purse(calls_per_hour)
        self.batch = batch
        self.now = 0.0
        self.oversold = self.missed = self.told = self.wrong = 0
        self.wrong_since: list[float | None] = [None] * len(demand.skus)
        self._wrong_hours = [0.0] * len(demand.skus)

    def work(self, until: float) -> None:
        """Let the policy act on all that it knows, up to and including the moment `until`."""
        raise NotImplementedError

    def changed(self, place: int, kind: Kind, quantity: int) -> None:
        """The policy hears that one SKU's levels moved, at once."""
        raise NotImplementedError

    def happen(self, event: Event) -> None:
        """Apply one event. Another channel never sells what is not there; the marketplace does."""
        at, place, kind, quantity = event
        self.work(at)
        level = self.level[place]
        if kind is Kind.RESTOCK:
            self.level[place] = level + quantity
        elif kind is Kind.SALE:
            self.level[place] = level - min(level, quantity)
        else:
            taken = min(quantity, self.shown[place])
            kept = min(taken, level)
            self.oversold += taken - kept
            self.missed += max(0, min(quantity, level) - taken)
            self.shown[place] -= taken
            self.level[place] = level - kept
        self._note(place)
        self.changed(place, kind, quantity)

    def tell(self, places: Sequence[int]) -> None:
        """One call, now: Marketplacer shows the ERP's level of these SKUs, `batch` at most."""
        self.purse.spend(self.now)
        self.told += len(places)
        for place in places:
            self.shown[place] = self.level[place]
            self._note(place)

    def _note(self, place: int) -> None:
        wrong = self.level[place] != self.shown[place]
        since = self.wrong_since[place]
        if wrong and since is None:
            self.wrong_since[place] = self.now
            self.wrong += 1
        elif not wrong and since is not None:
            self._wrong_hours[place] += self.now - since
            self.wrong_since[place] = None
            self.wrong -= 1

    def outcome(self, name: str) -> Outcome:
        """Run to the end of the demand and say how it went."""
        self.work(self.demand.hours)
        asked = [0] * len(self.demand.skus)
        for _, place, kind, quantity in self.demand.events:
            asked[place] += quantity if kind is Kind.ORDER else 0
        hours = 0.0
        for place, units in enumerate(asked):
            since = self.wrong_since[place]
            still = 0.0 if since is None else self.demand.hours - since
            hours += units * (self._wrong_hours[place] + still)
        return Outcome(
            name=name,
            calls=self.purse.spent,
            levels=self.told,
            oversold_units=self.oversold,
            missed_units=self.missed,
            stale_minutes=round(60 * hours / max(1, sum(asked)), 1),
        )


class FixedShop(Shop):
    """Every `interval` hours all levels that differ are queued, the longest wrong first.

    The queue is sent as calls allow. The first round is at `start`; only changes are sent.
    """

    def __init__(
        self, demand: Demand, *, calls_per_hour: float, batch: int, interval: float, start: float
    ) -> None:
        super().__init__(demand, calls_per_hour=calls_per_hour, batch=batch)
        self._interval = interval
        self._start = start
        self._rounds = 0
        self._waiting: dict[int, None] = {}
        self._queue: dict[int, None] = {}

    def changed(self, place: int, kind: Kind, quantity: int) -> None:
        if self.level[place] == self.shown[place]:
            self._waiting.pop(place, None)
            self._queue.pop(place, None)
        elif place not in self._queue:
            self._waiting.setdefault(place)

    def next_step(self) -> float:
        """When it acts next if nothing else happens."""
        return min(self._next_round(), self._next_call())

    def _next_round(self) -> float:
        return self._start + self._rounds * self._interval

    def _next_call(self) -> float:
        return self.purse.when(self.now, 1.0) if self._queue else math.inf

    def work(self, until: float) -> None:
        while (step := self.next_step()) <= until:
            self.now = max(self.now, step)
            if self._next_round() <= step:
                self._rounds += 1
                self._queue.update(self._waiting)
                self._waiting = {}
                continue
            places = list(zip(self._queue, range(self.batch), strict=False))
            for place, _ in places:
                del self._queue[place]
            self.tell([place for place, _ in places])
        self.now = max(self.now, until)
