"""Our key in the reference of a document for which Tryton has no unique field.

`RF-1203 | <key>`: people read the front, we find the back.
"""

from collections.abc import Sequence

_BAR = " | "


def keyed(reference: str, key: str) -> str:
    """The reference to write."""
    return f"{reference}{_BAR}{key}"


def key_of(reference: str | None) -> str:
    """The key in a reference; empty when it is none of ours."""
    _, bar, key = (reference or "").rpartition(_BAR)
    return key if bar else ""


def words_of(reference: str | None) -> str:
    """The part of a reference that people read."""
    front, bar, back = (reference or "").rpartition(_BAR)
    return front if bar else back


def among(keys: Sequence[str]) -> list[object]:
    """A clause for references that end in one of these keys."""
    return ["OR", *[["reference", "like", f"%{_BAR}{_literal(key)}"] for key in keys]]


def _literal(key: str) -> str:
    """What LIKE takes for itself and not for a pattern."""
    for sign in ("\\", "%", "_"):
        key = key.replace(sign, f"\\{sign}")
    return key
