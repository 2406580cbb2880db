"""The rate governor: so many calls in so many seconds, and silence when told to be silent."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol


class Governor(Protocol):
    """Asked before each call; told when the far side wants silence."""

    def before_call(self) -> None:
        """Sleep until a call may go; raises Throttled when that is too long to sleep."""
        ...

    def told_to_wait(self, seconds: float | None) -> None:
        """The far side answered 429 or 503; seconds as it said, if it did."""
        ...


class RateGovernor:
    """A sliding window of calls for one process, where no database is at hand (scripts, tests)."""

    def __init__(
        self,
        calls: int,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.calls, self.seconds = calls, seconds
        self._clock, self._sleep = clock, sleep
        self._times: deque[float] = deque()
        self._lock = threading.Lock()

    def before_call(self) -> None:
        with self._lock:
            now = self._clock()
            while self._times and self._times[0] <= now - self.seconds:
                self._times.popleft()
            wait = self._times[0] + self.seconds - now if len(self._times) >= self.calls else 0.0
            self._times.append(now + wait)
        if wait > 0:
            self._sleep(wait)

    def told_to_wait(self, seconds: float | None) -> None:
        """Nothing here remembers it: the caller waits by what the failure says."""
