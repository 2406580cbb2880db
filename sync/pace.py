"""The governor of all workers and machines: one row in PostgreSQL, by the database's clock.

`sync.marketplacer.governor` spreads calls inside one process; several processes would each take
the whole allowance. Here every call takes its turn in one statement, and a far side that asks one
of us for silence gets it from all.
"""

import time
from collections.abc import Callable
from typing import Any

from django.db import connection

from sync.domain.delivery import Throttled
from sync.models import CallPace

# Rather give the work back than hold a worker that long.
LONGEST_SLEEP = 20.0
# So much of the allowance may be used at once; the rest is spread evenly.
AT_ONCE = 0.1
DEFAULT_SILENCE = 60.0
MOST_DOUBLED = 2  # 60, 120, 240 s

_TURN = """
UPDATE sync_callpace
   SET free_at = GREATEST(free_at, clock_timestamp()) + make_interval(secs => %(each)s),
       throttled = CASE WHEN blocked_until < clock_timestamp() - interval '5 minutes'
                        THEN 0 ELSE throttled END,
       calls = CASE WHEN hour = date_trunc('hour', clock_timestamp()) THEN calls ELSE 0 END + 1,
       hour = date_trunc('hour', clock_timestamp())
 WHERE name = %(name)s
   AND (blocked_until IS NULL OR blocked_until <= clock_timestamp())
   AND (free_at IS NULL OR free_at <= clock_timestamp() + make_interval(secs => %(latest)s))
RETURNING extract(epoch FROM free_at - clock_timestamp())::float - %(each)s - %(burst)s
"""
_REMAINING = """
SELECT extract(epoch FROM GREATEST(blocked_until, free_at - make_interval(secs => %(burst)s))
                          - clock_timestamp())::float
  FROM sync_callpace WHERE name = %(name)s
"""
_SILENCE = """
UPDATE sync_callpace
   SET blocked_until = GREATEST(blocked_until, clock_timestamp()
           + make_interval(secs => %(seconds)s * power(2, LEAST(throttled, %(most)s)))),
       throttled = throttled + 1
 WHERE name = %(name)s
"""


class SharedGovernor:
    """`calls` in `seconds` for everybody who shares the database and the name."""

    def __init__(
        self, name: str, calls: int, seconds: float, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.name, self._sleep = name, sleep
        self._each = seconds / (calls * (1 - AT_ONCE))
        self._burst = self._each * calls * AT_ONCE

    def before_call(self) -> None:
        """Sleep until it is our turn. Raises Throttled when silence was asked for, or it is far."""
        given: dict[str, Any] = {
            "name": self.name,
            "each": self._each,
            "burst": self._burst,
            "latest": self._burst + LONGEST_SLEEP,
        }
        with connection.cursor() as cursor:
            cursor.execute(_TURN, given)
            turn = cursor.fetchone()
            if turn is None:
                CallPace.objects.get_or_create(name=self.name)
                cursor.execute(_TURN, given)
                turn = cursor.fetchone()
            if turn is None:
                cursor.execute(_REMAINING, given)
                remaining = max(1.0, cursor.fetchone()[0] or 0.0)
                raise Throttled("Marketplacer asked us to wait", remaining)
        if turn[0] > 0:
            self._sleep(turn[0])

    def told_to_wait(self, seconds: float | None) -> None:
        """Nobody calls for so long; repeated within minutes, twice and four times so long."""
        CallPace.objects.get_or_create(name=self.name)
        with connection.cursor() as cursor:
            cursor.execute(
                _SILENCE,
                {
                    "name": self.name,
                    "seconds": DEFAULT_SILENCE if seconds is None else seconds,
                    "most": MOST_DOUBLED,
                },
            )
