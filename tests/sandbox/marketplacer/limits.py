"""Rate limits over a sliding window, for each API key and for each address."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from dataclasses import dataclass


@dataclass
class Limits:
    """Requests allowed within `window_seconds`; the vendor publishes 750 and 600 in 10 seconds."""

    per_key: int = 750
    per_address: int = 600
    window_seconds: float = 10.0


class RateLimiter:
    """Counts requests. Settings may be changed while it runs."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._seen: dict[tuple[str, str], deque[float]] = {}
        self._lock = threading.Lock()

    def wait_for(self, key: str, address: str) -> int:
        """0 when the request may pass (and is counted), otherwise whole seconds to wait."""
        now = time.monotonic()
        with self._lock:
            pairs = (
                (("key", key), self.limits.per_key),
                (("ip", address), self.limits.per_address),
            )
            for who, allowed in pairs:
                seen = self._seen.setdefault(who, deque())
                while seen and seen[0] <= now - self.limits.window_seconds:
                    seen.popleft()
                if len(seen) >= allowed:
                    oldest = seen[0] if seen else now
                    return max(1, math.ceil(oldest + self.limits.window_seconds - now))
            for who, _ in pairs:
                self._seen[who].append(now)
        return 0
