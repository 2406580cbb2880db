"""The same shop told by risk and told at fixed intervals: what each oversells within one budget."""

from collections.abc import Sequence
from dataclasses import dataclass

from sync.domain.demand import Demand
from sync.domain.risk_shop import RiskShop
from sync.domain.shop import FixedShop, Outcome, Shop

OURS = "ours"


@dataclass(frozen=True)
class Comparison:
    """`ours` and each of `fixed` with the whole budget; `paced` is ours with that one's calls.

    `paced[i]` made no more calls than `fixed[i]` had made, at any moment of the run.
    """

    ours: Outcome
    fixed: tuple[Outcome, ...]
    paced: tuple[Outcome, ...]


def compare(
    demand: Demand,
    *,
    calls_per_hour: float,
    minutes: Sequence[float],
    batch: int = 20,
    starts: int = 4,
    paced: bool = True,
) -> Comparison:
    """Run every policy over the same demand. Pure: the same arguments give the same figures.

    When a fixed interval's first round falls is an accident, so its figures are the mean of
    `starts` runs whose first rounds lie evenly within the interval. Raises ValueError for a
    negative budget, an interval that is no time, or a batch or number of starts below one.
    """
    if calls_per_hour < 0 or batch < 1 or starts < 1 or any(each <= 0 for each in minutes):
        raise ValueError("budget, batch, starts and intervals must be positive")
    ours = RiskShop(demand, calls_per_hour=calls_per_hour, batch=batch)
    fixed: list[Outcome] = []
    following: list[Outcome] = []
    _run(demand, [ours])
    for each in minutes:
        name = f"every {each:g} min"
        ran: list[Outcome] = []
        follow: list[Outcome] = []
        for number in range(starts):
            shop = FixedShop(
                demand,
                calls_per_hour=calls_per_hour,
                batch=batch,
                interval=each / 60,
                start=each / 60 * (starts - number) / starts,
            )
            shops: list[Shop] = [shop]
            if paced:
                pupil = RiskShop(demand, calls_per_hour=calls_per_hour, batch=batch, paced_by=shop)
                shops.insert(0, pupil)
            _run(demand, shops)
            ran.append(shop.outcome(name))
            if paced:
                follow.append(pupil.outcome(name))
        fixed.append(_mean(name, ran))
        if paced:
            following.append(_mean(OURS, follow))
    return Comparison(ours=ours.outcome(OURS), fixed=tuple(fixed), paced=tuple(following))


def _run(demand: Demand, shops: Sequence[Shop]) -> None:
    for event in demand.events:
        for shop in shops:
            shop.work(event[0])
        # Ours is told of an event after the one it follows, whose calls it may then spend.
        for shop in reversed(shops):
            shop.happen(event)
    for shop in shops:
        shop.work(demand.hours)


def total(found: Sequence[Comparison]) -> Comparison:
    """Several comparisons as one: calls, levels and units are sums, stale minutes the mean."""
    return Comparison(
        ours=_total([each.ours for each in found]),
        fixed=tuple(map(_total, zip(*(each.fixed for each in found), strict=True))),
        paced=tuple(map(_total, zip(*(each.paced for each in found), strict=True))),
    )


def _total(outcomes: Sequence[Outcome]) -> Outcome:
    mean = _mean(outcomes[0].name, outcomes)
    return Outcome(
        name=mean.name,
        calls=round(sum(each.calls for each in outcomes), 2),
        levels=round(sum(each.levels for each in outcomes), 2),
        oversold_units=round(sum(each.oversold_units for each in outcomes), 2),
        missed_units=round(sum(each.missed_units for each in outcomes), 2),
        stale_minutes=mean.stale_minutes,
    )


def _mean(name: str, outcomes: Sequence[Outcome]) -> Outcome:
    def mean(values: Sequence[float]) -> float:
        return round(sum(values) / len(values), 2)

    return Outcome(
        name=name,
        calls=mean([each.calls for each in outcomes]),
        levels=mean([each.levels for each in outcomes]),
        oversold_units=mean([each.oversold_units for each in outcomes]),
        missed_units=mean([each.missed_units for each in outcomes]),
        stale_minutes=mean([each.stale_minutes for each in outcomes]),
    )
