"""What the sandbox knows: documents by kind and number, written through to SQLite when asked.

A document is a dict of JSON values. Readers take no lock: a writer never changes a document in
place, it puts a changed copy. Writers hold `lock` through `transaction`, and a transaction is on
disk before it ends, so what was answered survives kill -9.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.sandbox.marketplacer.ids import stamp

Doc = dict[str, Any]

FIRST_NUMBERS = {
    "Order": 20_001,
    "Invoice": 40_001,
    "LineItem": 80_001,
    "Shipment": 50_001,
    "ShippedItem": 90_001,
    "RefundRequest": 601,
    "RefundRequestLineItem": 1401,
    "InvoiceAmendment": 701,
    "Remittance": 3301,
    "RemittanceAdvice": 71,
    "WebhookEvent": 90_001,
    "Advert": 100_500_001,
    "Variant": 900_001,
}


class Store:
    """All documents of one sandbox. `path` None keeps them in memory only."""

    def __init__(
        self, path: Path | None = None, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.lock = threading.RLock()
        self.clock = clock or (lambda: datetime.now(UTC))
        self.docs: dict[str, dict[int, Doc]] = {}
        self.external_ids: dict[tuple[str, str, str], list[int]] = {}
        self.before_commit: list[Callable[[], None]] = []
        self.after_commit: list[Callable[[], None]] = []
        self._ordered: dict[str, tuple[Doc, ...]] = {}
        self._dirty: dict[tuple[str, int], None] = {}
        self._undo: list[tuple[str, int, Doc | None]] = []
        self._depth = 0
        self.hold_back = False  # while seeding: the seed rebuilds these, so the disk need not
        self._disk = _open(path) if path else None

    def load(self) -> None:
        """Read what an earlier run left, over what was put before; called once, after seeding."""
        if self._disk is None:
            return
        for kind, number, body in self._disk.execute("SELECT kind, number, body FROM doc"):
            self._place(kind, number, json.loads(body))

    def get(self, kind: str, number: int) -> Doc | None:
        """The document, or None."""
        return self.docs.get(kind, {}).get(number)

    def need(self, kind: str, number: int) -> Doc:
        """The document. Raises KeyError when there is none."""
        return self.docs[kind][number]

    def all(self, kind: str) -> list[Doc]:
        """All documents of a kind in the order they were made."""
        return list(self.docs.get(kind, {}).values())

    def ordered(self, kind: str) -> tuple[Doc, ...]:
        """All documents of a kind by change time, then number."""
        found = self._ordered.get(kind)
        if found is None:
            with self.lock:
                rows = self.all(kind)
                rows.sort(key=lambda doc: (doc.get("updatedAt", ""), doc["number"]))
                found = self._ordered[kind] = tuple(rows)
        return found

    def now(self) -> str:
        """The present moment as stored."""
        return stamp(self.clock())

    def next_number(self, kind: str) -> int:
        """A fresh number for a kind; never given twice, also across restarts."""
        counter = self.get("Counter", _counter(kind)) or {"number": _counter(kind), "last": 0}
        last = int(counter["last"]) or FIRST_NUMBERS.get(kind, 1) - 1
        self.put("Counter", {"number": _counter(kind), "kind": kind, "last": last + 1})
        return last + 1

    def put(self, kind: str, doc: Doc) -> Doc:
        """Store a document under its `number`, new or instead of the one there."""
        self._place(kind, int(doc["number"]), doc)
        if self.hold_back:
            return doc
        self._dirty[(kind, int(doc["number"]))] = None
        if self._depth == 0:
            with self.transaction():
                pass
        return doc

    def change(self, kind: str, number: int, **values: Any) -> Doc:
        """Store a copy of a document with other values. Does not touch `updatedAt` by itself."""
        return self.put(kind, {**self.need(kind, number), **values})

    def forget(self, kind: str, number: int) -> None:
        """Remove a document that nothing refers to any more (sent webhook events)."""
        old = self.docs[kind].pop(number, None)
        if self._depth:
            self._undo.append((kind, number, old))
        self._ordered.pop(kind, None)
        self._dirty[(kind, number)] = None
        if self._depth == 0:
            with self.transaction():
                pass

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Writes inside reach the disk together; nested ones join the outermost.

        An exception that leaves the outermost transaction undoes all of it.
        """
        with self.lock:
            self._depth += 1
            try:
                yield
                if self._depth == 1:
                    _run(self.before_commit)
            except BaseException:
                if self._depth == 1:
                    self._undo_all()
                raise
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._undo.clear()
                    self._flush()
            if self._depth == 0:
                _run(self.after_commit)

    def close(self) -> None:
        """Close the file; the store is not to be used afterwards."""
        with self.lock:
            if self._disk is not None:
                self._disk.close()
                self._disk = None

    def _undo_all(self) -> None:
        for kind, number, old in reversed(self._undo):
            self._ordered.pop(kind, None)
            if old is None:
                self.docs[kind].pop(number, None)
            else:
                self.docs[kind][number] = old
        self._dirty.clear()
        self.before_commit.clear()
        self.after_commit.clear()

    def _place(self, kind: str, number: int, doc: Doc) -> None:
        rows = self.docs.setdefault(kind, {})
        if self._depth:
            self._undo.append((kind, number, rows.get(number)))
        rows[number] = doc
        self._ordered.pop(kind, None)
        for entry in doc.get("externalIds", ()):
            owners = self.external_ids.setdefault((kind, entry["key"], entry["value"]), [])
            if number not in owners:
                owners.append(number)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, {}
        if self._disk is None or not dirty:
            return
        with self._disk:
            for kind, number in dirty:
                doc = self.get(kind, number)
                if doc is None:
                    self._disk.execute(
                        "DELETE FROM doc WHERE kind = ? AND number = ?", (kind, number)
                    )
                else:
                    self._disk.execute(
                        "INSERT OR REPLACE INTO doc VALUES (?, ?, ?)",
                        (kind, number, json.dumps(doc, separators=(",", ":"))),
                    )


def _run(callbacks: list[Callable[[], None]]) -> None:
    while callbacks:
        callbacks.pop(0)()


def _counter(kind: str) -> int:
    """A stable number for a kind's counter."""
    return int.from_bytes(hashlib.sha256(kind.encode()).digest()[:6], "big")


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    disk = sqlite3.connect(path, check_same_thread=False, isolation_level="DEFERRED")
    disk.execute("PRAGMA journal_mode=WAL")
    disk.execute("PRAGMA synchronous=NORMAL")
    disk.execute(
        "CREATE TABLE IF NOT EXISTS doc (kind TEXT, number INTEGER, body TEXT,"
        " PRIMARY KEY (kind, number)) WITHOUT ROWID"
    )
    return disk
