"""Relay pages with the platform's limits: 50 by default, 500 at most, forward only."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from graphql import GraphQLError

from tests.sandbox.marketplacer.ids import BadId, cursor, read_cursor
from tests.sandbox.marketplacer.store import Doc

DEFAULT_PAGE = 50
LARGEST_PAGE = 500

SortKey = Callable[[Doc], tuple[str, int]]


def by_change(doc: Doc) -> tuple[str, int]:
    """Order of change: the time, then the number."""
    return doc.get("updatedAt") or "", doc["number"]


def connection(
    rows: Sequence[Doc],
    args: dict[str, Any],
    *,
    sort_key: SortKey | None = None,
) -> Doc:
    """One page of the rows as a Relay connection.

    A cursor is a position in the list by default, so a list that changes between two pages shifts
    under the reader. With `sort_key` it is the last row's place in the order and does not shift.
    Raises GraphQLError for a page too large, a foreign cursor or backward paging.
    """
    if args.get("before") is not None or args.get("last") is not None:
        raise GraphQLError("Backward pagination is not supported, use `first` and `after`")
    first = args.get("first")
    first = DEFAULT_PAGE if first is None else first
    if not 0 <= first <= LARGEST_PAGE:
        raise GraphQLError(f"`first` must be between 0 and {LARGEST_PAGE}, was {first}")
    start = _start(rows, args.get("after"), sort_key)
    page = rows[start : start + first]
    cursors = [
        cursor("|".join(map(str, sort_key(row))) if sort_key else str(start + index + 1))
        for index, row in enumerate(page)
    ]
    return {
        "nodes": page,
        "edges": [{"node": row, "cursor": place} for row, place in zip(page, cursors, strict=True)],
        "pageInfo": {
            "hasNextPage": start + len(page) < len(rows),
            "hasPreviousPage": start > 0,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
        "totalCount": len(rows),
    }


def _start(rows: Sequence[Doc], after: str | None, sort_key: SortKey | None) -> int:
    if not after:
        return 0
    try:
        place = read_cursor(after)
        if sort_key is None:
            return max(0, int(place))
        when, _, number = place.rpartition("|")
        return bisect_right(rows, (when, int(number)), key=sort_key)
    except (BadId, ValueError):
        raise GraphQLError(f"Invalid cursor: {after[:80]}") from None
