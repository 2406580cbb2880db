"""How a call to the outside can fail, and what we do about it.

    Failure
    ├── Unavailable            wait: the far side could not answer
    │   ├── Transient          it failed before it took anything (connection refused, 5xx on a read)
    │   ├── Throttled          it asked us to slow down; `retry_after` seconds when it said so
    │   ├── Held               a dry run: nothing may be written
    │   └── UnknownOutcome     a write was sent, its answer lost: look, then post
    ├── Rejected               a person decides: the far side refuses this document
    │   ├── Conflict           someone changed the record since we read it
    │   ├── PeriodClosed       the posting date lies in a closed period
    │   └── NeedsConfirmation  the far side wants a person's yes (a warning)
    └── Misconfigured          stop the feed: the connection itself is wrong
        ├── AuthError          credentials refused
        └── MissingRight       signed in, but not allowed, or a field or module is missing

Both adapters raise only these; anything else that comes out of them is a bug and looks like one.
A duplicate is not a failure: the document is there, which is what we wanted.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


class Failure(Exception):
    """A call to the outside did not do what we asked; `str()` is fit for a screen."""

    kind = "failure"


class Unavailable(Failure):
    kind = "unavailable"


class Transient(Unavailable):
    kind = "transient"


class Throttled(Unavailable):
    kind = "throttled"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Held(Unavailable):
    kind = "held"


class UnknownOutcome(Unavailable):
    kind = "unknown outcome"


class Rejected(Failure):
    """`field` names what the far side objected to, when it said so."""

    kind = "rejected"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Conflict(Rejected):
    kind = "conflict"


class PeriodClosed(Rejected):
    kind = "period closed"


class NeedsConfirmation(Rejected):
    kind = "needs confirmation"


class Misconfigured(Failure):
    kind = "misconfigured"


class AuthError(Misconfigured):
    kind = "sign-in refused"


class MissingRight(Misconfigured):
    kind = "missing right"


@dataclass(frozen=True)
class Wait:
    """Try again, not before `until` (aware UTC)."""

    until: datetime


@dataclass(frozen=True)
class GiveUp:
    """Do not try again by ourselves: a person decides. `reason` says why in one sentence."""

    reason: str


# Waits between attempts; an outage of any length is waited out at the last one. An outage says
# nothing about the document, so it never counts towards giving it up.
_BACKOFF = tuple(timedelta(seconds=s) for s in (5, 15, 45, 120, 300))

LONGEST_WAIT = 86_400.0  # seconds; whoever asks for more has a fault, and a person is told


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, at most `LONGEST_WAIT`.

    It is a whole number or a date (RFC 9110, 10.2.3); None when it is neither, or not there.
    """
    if value.isascii() and value.isdecimal():
        return min(float(value), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000": UTC, of no known place (RFC 5322, 3.3)
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - now).total_seconds()), LONGEST_WAIT)


# A unit of work that takes its worker down with it (a crash, out of memory) comes back with its
# attempt counted but nothing recorded. After this many it is parked instead of tried for ever.
POISON_ATTEMPTS = 5


def decide(failure: Failure, *, attempts: int, now: datetime) -> Wait | GiveUp:
    """What happens to a message whose call failed for the `attempts`-th time (1 = the first).

    Unavailable and misconfigured wait: neither is the document's fault, so neither may fail it
    (a misconfigured connection is held back by its feed, the wait only keeps the message from
    spinning). Rejected gives up at once: sending the same document again gets the same answer.
    """
    if isinstance(failure, Rejected):
        return GiveUp(str(failure))
    wait = _BACKOFF[min(max(attempts, 1), len(_BACKOFF)) - 1]
    if isinstance(failure, Misconfigured):
        wait = _BACKOFF[-1]
    if isinstance(failure, Throttled) and failure.retry_after is not None:
        wait = max(timedelta(seconds=failure.retry_after), _BACKOFF[0])
    return Wait(now + wait)
