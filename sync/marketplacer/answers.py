"""What Marketplacer's answers mean, as the failures of `sync.domain.delivery`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from sync.domain import delivery
from sync.domain.delivery import AuthError, Failure, MissingRight, Rejected, Throttled

# Without Retry-After: "wait at least 60 s" (help centre, rate limits).
THROTTLED_SECONDS = 60.0
ERROR_KINDS = (
    ("MISSING_SCOPE", MissingRight),
    ("permission", MissingRight),
    ("not authorized", MissingRight),
    ("doesn't exist on type", MissingRight),  # a field this instance does not have
    ("cannot query field", MissingRight),
)


def payload_refusal(payload: Mapping[str, Any]) -> Rejected | None:
    """What a mutation's payload objects to, or None when it was carried out."""
    errors = payload.get("errors")
    if not errors:
        return None
    words = "; ".join(
        f"{error.get('field')}: {', '.join(error.get('messages') or [])}" for error in errors
    )
    return Rejected(words, str(errors[0].get("field") or ""))


def check_status(response: httpx.Response, lost: type[Failure]) -> None:
    status = response.status_code
    if status in (429, 503):
        raise Throttled(f"Marketplacer answered {status}", retry_after(response))
    if status in (401, 403):
        raise AuthError(f"Marketplacer refused the key: {status} {response.text[:200]}")
    if status >= 500:
        raise lost(f"Marketplacer answered {status}")
    if status != 200:
        raise Rejected(f"Marketplacer answered {status}: {response.text[:200]}")


def retry_after(response: httpx.Response) -> float:
    asked = delivery.retry_after(response.headers.get("Retry-After", ""), datetime.now(UTC))
    return THROTTLED_SECONDS if asked is None else asked


def graphql_failure(errors: Sequence[Any]) -> Failure:
    words = "; ".join(
        str(error.get("message") if isinstance(error, Mapping) else error) for error in errors
    )[:1000]
    seen = f"{words} {errors}".lower()
    for mark, kind in ERROR_KINDS:
        if mark.lower() in seen:
            return kind(f"Marketplacer: {words}")
    return Rejected(f"Marketplacer: {words}")
