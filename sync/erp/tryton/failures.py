"""Tryton's errors, as the failures of `sync.domain.delivery`.

Kinds decide where Tryton gives kinds. Only whether a UserError is about access rights has to be
read from its words; our context pins the language to English, so they do not change with the
user's settings.
"""

import re

import httpx

from sync.domain.delivery import (
    AuthError,
    Conflict,
    Failure,
    MissingRight,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from sync.erp.wire import retry_after

# Rights of the user. "… to modify the field" is not one: the document's state forbids that.
_ACCESS = re.compile(
    r"^(You are not allowed to (access|execute|(create|read|write to|delete) records)\b"
    r"|Calling button .* is not allowed)"
)
_DUPLICATE_KEY = re.compile(r"web ID\b.*\bunique\b", re.IGNORECASE | re.DOTALL)
# Python's own complaints about a model, method or field Tryton does not have.
_ABSENT = re.compile(r"^'[\w.]+'$|has no attribute|object has no field|Invalid fields?\b")


class Warned(Exception):
    """Tryton wants a warning confirmed before it goes on; handled inside the adapter."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class DuplicateKey(Rejected):
    """Somebody else created the order under our key meanwhile; handled inside the adapter."""


def from_transport(error: httpx.TransportError, *, write: bool) -> Failure:
    """No answer: nothing was sent, or we cannot know."""
    words = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return Transient(f"Tryton cannot be reached: {words}")
    if write:
        return UnknownOutcome(f"Tryton's answer was lost: {words}")
    return Transient(f"Tryton did not answer: {words}")


def from_status(answer: httpx.Response, *, method: str, write: bool) -> Failure:
    """An HTTP status other than 200 and 401."""
    status = answer.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Throttled("Tryton asks for fewer calls.", retry_after(answer))
    if status == httpx.codes.FORBIDDEN:
        return MissingRight(f"Tryton does not offer {method}: is a module missing?")
    if status == httpx.codes.NOT_FOUND:
        return MissingRight("Tryton has no such database at this address.")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        if write:
            return UnknownOutcome(f"Tryton answered {status} to a write.")
        return Transient(f"Tryton answered {status}.")
    return Rejected(f"Tryton answered {status} to {method}: {answer.text[:200]}")


def from_error(error: list[object], *, method: str) -> Failure | Warned:
    """The `error` of an answer: its kind, then what belongs to it."""
    kind, *rest = error
    details = rest[0] if rest else ""
    parts = [str(part) for part in details] if isinstance(details, list) else [str(details)]
    match kind:
        case "UserError":
            return _user_error(". ".join(part.rstrip(".") for part in parts[:2] if part) + ".")
        case "UserWarning":
            return Warned(parts[0], parts[1] if len(parts) > 1 else parts[0])
        case "ConcurrencyException":
            return Conflict(f"Somebody changed it in Tryton meanwhile: {parts[0]}")
        case "LoginException" | "RateLimitException":
            return AuthError(f"Tryton refuses the sign-in ({kind}).")
    # Whatever else comes is an exception inside Tryton: its text, then a traceback.
    if _ABSENT.search(str(kind)):
        return MissingRight(f"Tryton lacks something {method} needs: {kind}")
    return Rejected(f"Tryton failed inside {method}: {kind}")


def _user_error(message: str) -> Failure:
    if _ACCESS.match(message):
        return MissingRight(message)
    if _DUPLICATE_KEY.search(message):
        return DuplicateKey(message)
    return Rejected(message)
