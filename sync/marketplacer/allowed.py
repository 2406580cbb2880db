"""Everything we may write to Marketplacer: an allow-list, checked against what is really sent.

Nothing stops an operator's key from overwriting a seller's stock, price or dispatch address, so
nothing but this list may leave. Each entry is a root mutation and the input paths it may carry.
"""

from collections.abc import Iterator, Mapping
from typing import Any

ALLOWED: Mapping[str, frozenset[str]] = {
    "externalIdUpsert": frozenset({"input.owner", "input.key", "input.value"}),
    "remittanceAdviceUpdate": frozenset(
        {
            "input.remittanceAdviceId",
            "input.totalPaidCents",
            "input.paidAt",
            "input.paymentReference",
        }
    ),
}


class ForbiddenWrite(Exception):
    """A mutation or field outside the list was about to be sent: a bug, stopped before the wire."""


def check(mutation: str, variables: Mapping[str, Any]) -> None:
    """Raises ForbiddenWrite unless the mutation and every field in its variables are allowed."""
    if mutation not in ALLOWED:
        raise ForbiddenWrite(f"the mutation {mutation} is not on the list of what we may write")
    for path in _paths(variables, ""):
        if path not in ALLOWED[mutation]:
            raise ForbiddenWrite(f"{mutation} may not carry {path}")


def _paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _paths(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _paths(inner, f"{path}[]")
    else:
        yield path
