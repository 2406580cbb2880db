"""From a touched level to a queued one: compare, give each its moment, queue what is due."""

from collections.abc import Callable
from datetime import datetime

from sync.services import stock_levels, stock_orders, stock_queue


def tell_changes(*, clock: Callable[[], datetime], everything: bool = False) -> dict[str, int]:
    """Compare what was touched (or everything), then queue what is worth a call; returns counts.

    Each step commits by itself; killed between two, the next run goes on. Twice changes nothing.
    """
    stock_orders.touch_started(at=clock())
    counts = stock_levels.compare(clock=clock, everything=everything)
    counts["queued"] = stock_queue.queue_due(at=clock())
    return counts
