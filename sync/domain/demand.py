"""Demand for the cadence simulation, drawn from a seed; `demand_file` reads a recorded one."""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """`ORDER`: the marketplace's customers ask. `SALE`: another channel's. `RESTOCK`: goods in."""

    ORDER = 0
    SALE = 1
    RESTOCK = 2


# (hours since the start, position of the SKU in `skus`, kind, units)
Event = tuple[float, int, Kind, int]


@dataclass(frozen=True)
class Demand:
    """What happens to every SKU's stock, whoever tells whom: `events` in order of time."""

    skus: list[str]
    opening: list[int]
    events: list[Event]
    hours: float


def generate(*, seed: int, skus: int, hours: float) -> Demand:
    """Draw a shop from `seed`; the same arguments give the same demand.

    A few SKUs sell much, most little (log-normal, median 0.5 units an hour over all channels); each
    is sold by other channels too (20 to 80 % of it); orders take 1 to 4 units; evenings sell three
    times as much as nights; opening stock lasts 16 hours in the middle, and deliveries replace what
    sells. Raises ValueError for fewer than one SKU or no time.
    """
    if skus < 1 or hours <= 0:
        raise ValueError("a simulation needs at least one SKU and some time")
    draw = random.Random(seed)
    opening: list[int] = []
    events: list[Event] = []
    for place in range(skus):
        velocity = 0.5 * math.exp(draw.gauss(0, 1.2))
        elsewhere = draw.uniform(0.2, 0.8)
        cover = 16 * math.exp(draw.gauss(0, 0.8))
        opening.append(max(1, round(velocity * cover)))
        for kind, rate in (
            (Kind.ORDER, velocity * (1 - elsewhere)),
            (Kind.SALE, velocity * elsewhere),
        ):
            for at in _moments(draw, rate / _MEAN_LOT, hours):
                events.append((at, place, kind, _lot(draw)))
        events += deliveries(draw, place=place, per_hour=velocity, hours=hours)
    events.sort()
    names = [f"SKU-{place + 1:06d}" for place in range(skus)]
    return Demand(skus=names, opening=opening, events=events, hours=hours)


def deliveries(
    draw: random.Random, *, place: int, per_hour: float, hours: float
) -> Iterable[Event]:
    """Goods come in every 8 to 40 hours: half to one and a half of what sells meanwhile."""
    usual = draw.uniform(8, 40)
    at = draw.uniform(0, usual)
    while at < hours:
        brought = max(1, round(per_hour * usual * draw.uniform(0.5, 1.5)))
        yield (at, place, Kind.RESTOCK, brought)
        at += usual * draw.uniform(0.7, 1.3)


# Units of an order and how many orders in a hundred take them.
_LOTS = ((1, 78), (2, 14), (3, 5), (4, 3))
_MEAN_LOT = sum(units * share for units, share in _LOTS) / 100


def _lot(draw: random.Random) -> int:
    ticket = draw.randrange(100)
    for units, share in _LOTS:
        ticket -= share
        if ticket < 0:
            return units
    return 1


def _moments(draw: random.Random, per_hour: float, hours: float) -> Iterable[float]:
    """Moments of a Poisson stream whose rate follows the day: 1.5 at 18:00, 0.5 at 06:00."""
    peak = per_hour * 1.5
    at = draw.expovariate(peak) if peak > 0 else hours
    while at < hours:
        level = 1 + 0.5 * math.sin((at - 12) / 24 * 2 * math.pi)
        if draw.random() * 1.5 < level:
            yield at
        at += draw.expovariate(peak)
