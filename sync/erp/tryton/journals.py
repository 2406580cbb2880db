"""Journal entries in Tryton: account moves under our key."""

from decimal import Decimal
from typing import Any

from sync.domain.delivery import PeriodClosed, Rejected
from sync.domain.documents import JournalEntry, JournalLine, WriteStatus, Written
from sync.erp.tryton.client import TrytonClient
from sync.erp.tryton.references import ReferenceBook

_MOVE = "model.account.move"


class Journals:
    """An entry's key is the move's description, which Tryton does not keep unique.

    So we look before we write, and the caller keeps to one writer for a key.
    """

    def __init__(self, client: TrytonClient, book: ReferenceBook) -> None:
        self._client, self._book = client, book

    def find(self, key: str) -> Written | None:
        """The posted entry under this key."""
        for row in self._moves(key):
            if row["state"] == "posted":
                return Written(str(row["id"]), row["number"], WriteStatus.EXISTED)
        return None

    def post(self, entry: JournalEntry) -> Written:
        """See ErpPort.post_journal. Raises PeriodClosed, Rejected for an unknown account."""
        if found := self.find(entry.key):
            return found
        period = self._period(entry)
        accounts = self._accounts(entry)
        # A draft is what an attempt that was cut off left behind: made anew, it cannot be stale.
        if drafts := [row["id"] for row in self._moves(entry.key)]:
            self._client.write(f"{_MOVE}.delete", drafts)
        values = {
            "company": self._book.get().company,
            "journal": self._journal(),
            "period": period,
            "date": entry.posting_date,
            "description": entry.key,
            "lines": [
                ["create", [self._line(line, entry, accounts) for line in entry.lines]],
            ],
        }
        ids = self._client.write(f"{_MOVE}.create", [values])
        self._client.write(f"{_MOVE}.post", ids)
        (row,) = self._client.rows("account.move", [["id", "in", ids]], ["number"])
        return Written(str(ids[0]), row["number"], WriteStatus.CREATED)

    def _moves(self, key: str) -> list[dict[str, Any]]:
        company = self._book.get().company
        domain = [["description", "=", key], ["company", "=", company]]
        return self._client.rows("account.move", domain, ["number", "state"])

    def _period(self, entry: JournalEntry) -> int:
        day = entry.posting_date
        domain = [
            ["company", "=", self._book.get().company],
            ["type", "=", "standard"],
            ["start_date", "<=", day],
            ["end_date", ">=", day],
        ]
        rows = self._client.rows("account.period", domain, ["state", "name"], limit=1)
        if not rows:
            raise PeriodClosed(f"Tryton has no accounting period for {day}.", "posting_date")
        if rows[0]["state"] != "open":
            name = rows[0]["name"]
            raise PeriodClosed(f"The period {name} is closed in Tryton.", "posting_date")
        found: int = rows[0]["id"]
        return found

    def _accounts(self, entry: JournalEntry) -> dict[str, int]:
        codes = sorted({line.account for line in entry.lines})
        domain = [["code", "in", codes], ["company", "=", self._book.get().company]]
        # Accounts that only group others are "closed"; they may share a code with a real one.
        domain.append(["closed", "!=", True])
        rows = self._client.rows("account.account", domain, ["code"])
        accounts = {row["code"]: row["id"] for row in rows}
        if unknown := [code for code in codes if code not in accounts]:
            raise Rejected(f"Tryton has no account {', '.join(unknown)}.", "account")
        return accounts

    def _journal(self) -> int:
        code = self._book.names.journal
        rows = self._client.rows("account.journal", [["code", "=", code]], [], limit=1)
        if not rows:
            raise Rejected(f"Tryton has no journal {code}.", "journal")
        found: int = rows[0]["id"]
        return found

    def _line(
        self, line: JournalLine, entry: JournalEntry, accounts: dict[str, int]
    ) -> dict[str, object]:
        return {
            "account": accounts[line.account],
            "debit": Decimal(line.debit),
            "credit": Decimal(line.credit),
            "description": line.memo or entry.memo,
        }
