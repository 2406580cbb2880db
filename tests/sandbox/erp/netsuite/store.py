"""What the account holds: master records, transactions with their lines, and the clock."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]
ZERO = Decimal(0)
PENNY = Decimal("0.01")


class ApiError(Exception):
    """An answer that is an error: status, code, message, and the path it is about."""

    def __init__(self, status: int, code: str, message: str, path: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.path = status, code, path


def refused(message: str, path: str = "", code: str = "USER_ERROR") -> ApiError:
    """What the business logic says no to."""
    return ApiError(400, code, f"Error while accessing a resource. {message}", path)


def rounded(amount: Decimal) -> Decimal:
    """To the penny, ties away from zero."""
    return amount.quantize(PENNY, rounding=ROUND_HALF_UP)


class Store:
    """Tables of master records by id, and transactions by id; what fails changes nothing."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)
        self.age = timedelta()  # how long ago it is, for what was there before
        self.tables: dict[str, dict[int, Row]] = {
            name: {}
            for name in (
                *("subsidiary", "currency", "location", "item", "account", "entity", "shipitem"),
                *("accountingperiod", "salestaxitem", "taxtype", "pricing"),
            )
        }
        self.transactions: dict[int, Row] = {}
        self.lock = threading.RLock()
        self._ids = itertools.count(100)
        self._keys = itertools.count(1)
        self._numbers: dict[str, int] = {}

    @contextmanager
    def whole(self) -> Iterator[None]:
        """All of it or nothing, and nobody else meanwhile."""
        with self.lock:
            before = deepcopy((self.tables, self.transactions, self._numbers))
            try:
                yield
            except (ApiError, AssertionError):
                self.tables, self.transactions, self._numbers = before
                raise

    def now(self) -> datetime:
        """The account's own time, to the second."""
        return (datetime.now(self.zone) - self.age).replace(tzinfo=None, microsecond=0)

    def today(self) -> str:
        return self.now().date().isoformat()

    def new(self, table: str, **facts: Any) -> Row:
        """A master record."""
        row = {"id": next(self._ids), "isinactive": False, "lastmodifieddate": self.now(), **facts}
        self.tables[table][row["id"]] = row
        return row

    def find(self, table: str, **facts: Any) -> list[Row]:
        """The records with these facts, oldest first."""
        return [
            row
            for row in self.tables[table].values()
            if all(row.get(name) == value for name, value in facts.items())
        ]

    def one(self, table: str, **facts: Any) -> Row:
        """The only record with these facts."""
        (row,) = self.find(table, **facts)
        return row

    def key(self) -> int:
        """A line's unique key."""
        return next(self._keys)

    def number(self, prefix: str) -> str:
        """The next number of a kind of transaction."""
        self._numbers[prefix] = self._numbers.get(prefix, 1000) + 1
        return f"{prefix}{self._numbers[prefix]}"

    def new_transaction(self, kind: str, prefix: str, facts: Mapping[str, Any]) -> Row:
        """A transaction without lines. Raises ApiError for an external id that is taken."""
        external = facts.get("externalid")
        if external and self.by_external(kind, external):
            raise refused("This record already exists", "externalId")
        row: Row = {
            "id": next(self._ids),
            "type": kind,
            "tranid": self.number(prefix),
            "status": "",
            "voided": False,
            "posting": False,
            "trandate": self.today(),
            "createdfrom": None,
            "lines": [],
            "taxdetails": [],
            "packages": [],
            "mainkey": self.key(),
            **facts,
        }
        self.transactions[row["id"]] = row
        self.touch(row)
        return row

    def touch(self, row: Row) -> None:
        row["lastmodifieddate"] = self.now()

    def by_external(self, kind: str, external: str) -> Row | None:
        """A transaction by its external id; capitals make no difference."""
        wanted = external.lower()
        for row in self.transactions.values():
            if row["type"] == kind and (row.get("externalid") or "").lower() == wanted:
                return row
        return None

    def of(self, kind: str, **facts: Any) -> list[Row]:
        """The transactions of a kind with these facts, oldest first."""
        return [
            row
            for row in self.transactions.values()
            if row["type"] == kind and all(row.get(name) == value for name, value in facts.items())
        ]
