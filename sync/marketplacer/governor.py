"""The rate governor: so many calls in so many seconds, and silence when told to be silent."""

import threading
import time
from collections import deque
from collections.abc import Callable


class RateGovernor:
    """A sliding window of calls for one process; `before_call` sleeps when the window is full."""

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
