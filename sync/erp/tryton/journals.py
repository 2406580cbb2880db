"""Journal entries in Tryton: account moves under our key."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sync.domain.delivery import Rejected
from sync.domain.documents import (
    JournalEntry,
    JournalLine,
    PostedJournal,
    WriteStatus,
    Written,
)
from sync.erp.tryton.client import TrytonClient
from sync.erp.tryton.periods import period_of
from sync.erp.tryton.references import ReferenceBook

_MOVE = "model.account.move"
_FIELDS = (
    *("number", "date", "description", "journal.code", "origin"),
    *("lines.account.code", "lines.party.code", "lines.debit", "lines.credit"),
    "lines.description",
)


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

    def read(self, keys: Sequence[str]) -> dict[str, PostedJournal]:
        """See ErpPort.journals."""
        if not keys:
            return {}
        rows = self._client.rows(
            "account.move",
            [
                ["description", "in", list(keys)],
                ["company", "=", self._book.get().company],
                ["state", "=", "posted"],
            ],
            _FIELDS,
        )
        origins = [int(row["origin"].partition(",")[2]) for row in rows if _reverses(row)]
        reversed_keys = {
            f"account.move,{row['id']}": row["description"] or ""
            for row in self._client.rows("account.move", [["id", "in", origins]], ["description"])
        }
        return {row["description"]: _journal(row, reversed_keys) for row in rows}

    def post(self, entry: JournalEntry, *, origin: str | None = None) -> Written:
        """See ErpPort.post_journal. `origin` is the move it takes back ("account.move,17")."""
        if found := self.find(entry.key):
            return found
        period = period_of(self._client, self._book.get().company, entry.posting_date)
        accounts = self._accounts(entry)
        parties = self._parties(entry)
        # A draft is what an attempt that was cut off left behind: made anew, it cannot be stale.
        if drafts := [row["id"] for row in self._moves(entry.key)]:
            self._client.write(f"{_MOVE}.delete", drafts)
        values = {
            "company": self._book.get().company,
            "journal": self._journal(entry.journal or self._book.names.journal),
            "period": period,
            "date": entry.posting_date,
            "description": entry.key,
            "origin": origin,
            "lines": [
                ["create", [self._line(line, entry, accounts, parties) for line in entry.lines]],
            ],
        }
        ids = self._client.write(f"{_MOVE}.create", [values])
        self._client.write(f"{_MOVE}.post", ids)
        (row,) = self._client.rows("account.move", [["id", "in", ids]], ["number"])
        return Written(str(ids[0]), row["number"], WriteStatus.CREATED)

    def reverse(self, key: str, *, as_key: str, posting_date: date, memo: str) -> Written:
        """See ErpPort.reverse_journal. Tryton settles the two moves' lines against each other."""
        if found := self.find(as_key):
            return found
        original = self.read([key]).get(key)
        if original is None:
            raise Rejected(f"Tryton has no journal entry {key}.", "journal")
        origin = f"account.move,{original.ref}"
        others = self._client.rows(
            "account.move",
            [["origin", "=", origin], ["state", "=", "posted"]],
            ["description", "number"],
        )
        if others:
            raise Rejected(
                f"Entry {original.number} is taken back by {others[0]['number']} already.",
                "journal",
            )
        currency = self._book.get().currency
        entry = JournalEntry(
            key=as_key,
            posting_date=posting_date,
            currency=currency,
            memo=memo,
            journal=original.journal,
            lines=tuple(
                JournalLine(line.account, line.credit, line.debit, memo or line.memo, line.party)
                for line in original.lines
            ),
        )
        return self.post(entry, origin=origin)

    def _moves(self, key: str) -> list[dict[str, Any]]:
        company = self._book.get().company
        domain = [["description", "=", key], ["company", "=", company]]
        return self._client.rows("account.move", domain, ["number", "state"])

    def _accounts(self, entry: JournalEntry) -> dict[str, int]:
        """The accounts by code. Raises Rejected when one is unknown or wants a party, or none."""
        codes = sorted({line.account for line in entry.lines})
        domain = [["code", "in", codes], ["company", "=", self._book.get().company]]
        # Accounts that only group others are "closed"; they may share a code with a real one.
        domain += [["closed", "!=", True], ["type", "!=", None]]
        rows = self._client.rows("account.account", domain, ["code", "party_required"])
        accounts = {row["code"]: row["id"] for row in rows}
        if len(accounts) < len(rows):
            twice = sorted(row["code"] for row in rows if accounts[row["code"]] != row["id"])
            raise Rejected(f"Tryton has two accounts {', '.join(twice)}.", "account")
        if unknown := [code for code in codes if code not in accounts]:
            raise Rejected(f"Tryton has no account {', '.join(unknown)}.", "account")
        wanting = {row["code"] for row in rows if row["party_required"]}
        # Tryton refuses both at posting, in words that name neither.
        for line in entry.lines:
            if line.account in wanting and not line.party:
                raise Rejected(f"Account {line.account} wants a party.", "party")
            if line.party and line.account not in wanting:
                raise Rejected(f"Account {line.account} takes no party.", "party")
        return accounts

    def _parties(self, entry: JournalEntry) -> dict[str, int]:
        codes = sorted({line.party for line in entry.lines if line.party})
        if not codes:
            return {}
        rows = self._client.rows("party.party", [["code", "in", codes]], ["code"])
        parties = {row["code"]: row["id"] for row in rows}
        if unknown := [code for code in codes if code not in parties]:
            raise Rejected(f"Tryton has no active party {', '.join(unknown)}.", "party")
        return parties

    def _journal(self, code: str) -> int:
        rows = self._client.rows("account.journal", [["code", "=", code]], [], limit=1)
        if not rows:
            raise Rejected(f"Tryton has no journal {code}.", "journal")
        found: int = rows[0]["id"]
        return found

    def _line(
        self,
        line: JournalLine,
        entry: JournalEntry,
        accounts: Mapping[str, int],
        parties: Mapping[str, int],
    ) -> dict[str, object]:
        return {
            "account": accounts[line.account],
            "party": parties[line.party] if line.party else None,
            "debit": Decimal(line.debit),
            "credit": Decimal(line.credit),
            "description": line.memo or entry.memo,
        }


def _reverses(row: Mapping[str, Any]) -> bool:
    return (row["origin"] or "").startswith("account.move,")


def _journal(row: Mapping[str, Any], reversed_keys: Mapping[str, str]) -> PostedJournal:
    return PostedJournal(
        ref=str(row["id"]),
        number=row["number"] or "",
        key=row["description"],
        posting_date=row["date"],
        journal=row["journal."]["code"],
        lines=tuple(
            JournalLine(
                account=line["account."]["code"],
                debit=line["debit"],
                credit=line["credit"],
                memo=line["description"] or "",
                party=line["party."]["code"] if line["party."] else "",
            )
            for line in row["lines."]
        ),
        reverses=reversed_keys.get(row["origin"] or "", ""),
        line_refs=tuple(str(line["id"]) for line in row["lines."]),
    )
