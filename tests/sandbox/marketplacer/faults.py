"""The fault dial: what goes wrong on purpose, for requests and for webhook deliveries."""

from __future__ import annotations

import random
import threading
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass
class WebhookFaults:
    """How deliveries misbehave. `silence` holds them back until it is lifted."""

    p_duplicate: float = 0.0
    duplicate_each: int = 0  # extra copies of every delivery
    p_reorder: float = 0.0
    reorder_seconds: float = 1.0
    p_drop: float = 0.0
    silence: bool = False


@dataclass
class Faults:
    """How answers to GraphQL requests misbehave; all off by default."""

    slow_ms: int = 0
    p_slow: float = 1.0
    p_500: float = 0.0
    p_503: float = 0.0
    p_429: float = 0.0
    p_lost_answer: float = 0.0  # carried out, then the answer never arrives
    lost_answer_as: str = "drop"  # or "502"
    fail_next: int = 0  # the next n requests fail with fail_status, not carried out
    fail_status: int = 503
    lose_next: int = 0  # the answers of the next n requests are lost after they are carried out
    only_operation: str = ""  # limit all of it to requests whose root field has this name
    retry_after: int | None = None
    webhook: WebhookFaults = field(default_factory=WebhookFaults)


class FaultDial:
    """Draws from the dial with a fixed random seed; safe to use from several threads."""

    def __init__(self, seed: int) -> None:
        self.settings = Faults()
        self.drawn: dict[str, int] = {}
        self._random = random.Random(f"faults-{seed}")
        self._lock = threading.Lock()

    def set(self, values: dict[str, Any]) -> dict[str, Any]:
        """Change the named settings, or all back to harmless with {"reset": true}.

        Answers all settings as they are now. Raises ValueError for a name that does not exist.
        """
        with self._lock:
            if values.get("reset"):
                self.settings = Faults()
            for name, value in values.items():
                if name == "webhook":
                    for inner, setting in value.items():
                        _assign(self.settings.webhook, inner, setting)
                elif name != "reset":
                    _assign(self.settings, name, value)
            return asdict(self.settings)

    def hit(self, name: str, probability: float) -> bool:
        """Whether the fault of that name strikes this time; counted when it does."""
        if probability <= 0:
            return False
        with self._lock:
            struck = self._random.random() < probability
            if struck:
                self.drawn[name] = self.drawn.get(name, 0) + 1
            return struck

    def take(self, name: str) -> bool:
        """Use up one of `fail_next` or `lose_next`; whether there was one."""
        with self._lock:
            left = getattr(self.settings, name)
            if left <= 0:
                return False
            setattr(self.settings, name, left - 1)
            self.drawn[name] = self.drawn.get(name, 0) + 1
            return True

    def between(self, low: float, high: float) -> float:
        """A random number in the range."""
        with self._lock:
            return self._random.uniform(low, high)


def _assign(target: Faults | WebhookFaults, name: str, value: Any) -> None:
    if name not in {field.name for field in fields(target)}:
        raise ValueError(f"no fault is called {name}")
    setattr(target, name, value)
