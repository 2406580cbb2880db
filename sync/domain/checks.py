"""What a connection is found to be, one named step at a time."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One step. `detail` of a failed one says what is wrong and what to do about it."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class ConnectionReport:
    version: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)
