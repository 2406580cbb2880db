"""An ERP that has nothing but levels, half a million of them, kept in a file."""

import sqlite3
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from sync.domain.documents import StockLevel
from sync.domain.tax import Arithmetic, Level
from sync.erp.port import Capabilities, Page

PAGE = 500


class LevelsErp:
    """Answers what the stock pull asks. `path` is the file that `write` made."""

    def __init__(self, path: str) -> None:
        self._file = sqlite3.connect(path, check_same_thread=False)

    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="Levels",
            native_idempotency=frozenset(),
            max_batch=20,
            batch_atomic=False,
            max_concurrency=1,
            rate=None,
            stock_by_location=True,
            available_to_sell=True,
            reserves_on_confirm=True,
            modified_since=frozenset({"stock"}),
            reports_deletes=False,
            push=False,
            erp_computes_tax=True,
            async_writes=False,
            order_cancel=False,
            tracking_numbers=False,
            arithmetic=Arithmetic(Level.LINE, "half_up"),
        )

    def stock(self, skus: Sequence[str] | None, cursor: str | None) -> Page[StockLevel]:
        as_of = datetime.now(UTC)
        text = "SELECT rowid, sku, level FROM level WHERE rowid > ?"
        given: list[object] = [int(cursor or 0)]
        if skus is not None:
            text += f" AND sku IN ({','.join('?' * len(skus))})"
            given += skus
        rows = self._file.execute(f"{text} ORDER BY rowid LIMIT {PAGE}", given).fetchall()
        levels = tuple(
            StockLevel(
                sku=sku,
                location="WH",
                on_hand=Decimal(level),
                reserved=Decimal(0),
                available=Decimal(level),
                as_of=as_of,
            )
            for _, sku, level in rows
        )
        return Page(levels, str(rows[-1][0]) if len(rows) == PAGE else None)

    def stock_changed(self, since: datetime, cursor: str | None) -> Page[str]:
        rows = self._file.execute(
            "SELECT rowid, sku FROM level WHERE moved_at >= ? AND rowid > ? ORDER BY rowid LIMIT ?",
            [since.timestamp(), int(cursor or 0), PAGE],
        ).fetchall()
        return Page(tuple(sku for _, sku in rows), str(rows[-1][0]) if len(rows) == PAGE else None)


def write(folder: Path, levels: Iterable[tuple[str, int]]) -> Path:
    """A file with these levels, for `LevelsErp`."""
    path = folder / f"levels-{uuid.uuid4().hex}.sqlite3"
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE level (sku TEXT UNIQUE, level INTEGER, moved_at REAL)")
        file.execute("CREATE INDEX moved ON level (moved_at)")
        file.executemany("INSERT OR IGNORE INTO level VALUES (?, ?, 0)", levels)
    return path


def change(path: Path, levels: Iterable[tuple[str, int]]) -> None:
    """The ERP counts these anew, now."""
    now = datetime.now(UTC).timestamp()
    with sqlite3.connect(path) as file:
        file.executemany(
            "UPDATE level SET level = ?, moved_at = ? WHERE sku = ?",
            [(level, now, sku) for sku, level in levels],
        )
