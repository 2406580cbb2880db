"""Our entries in Odoo's books: claimed under a key, filled, posted; taken back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sync.domain.delivery import Rejected, Transient
from sync.domain.documents import (
    JournalEntry,
    JournalLine,
    PostedJournal,
    WriteStatus,
    Written,
)
from sync.erp.odoo.client import OdooClient
from sync.erp.odoo.documents import Documents
from sync.erp.odoo.ledger import Ledger
from sync.erp.odoo.references import ReferenceBook, external_id, money

_MOVE = "account.move"
_FIELDS = ["name", "state", "ref", "date", "journal_id", "reversed_entry_id"]


class Journals:
    """The key is the entry's reference, and an external id, which Odoo keeps unique."""

    def __init__(
        self, client: OdooClient, book: ReferenceBook, documents: Documents, ledger: Ledger
    ) -> None:
        self._client, self._book = client, book
        self._documents, self._ledger = documents, ledger

    def find(self, key: str) -> Written | None:
        """See ErpPort.find_journal."""
        rows = self._rows([["ref", "=", key], ["state", "=", "posted"]])
        if not rows:
            return None
        return Written(str(rows[0]["id"]), rows[0]["name"], WriteStatus.EXISTED)

    def _rows(self, domain: list[object]) -> list[dict[str, Any]]:
        company = ["company_id", "=", self._book.get().company]
        return self._client.rows(_MOVE, [["move_type", "=", "entry"], company, *domain], _FIELDS)

    def read(self, keys: Sequence[str]) -> dict[str, PostedJournal]:
        """See ErpPort.journals."""
        if not keys:
            return {}
        moves = self._client.rows(
            _MOVE,
            [["move_type", "=", "entry"], ["state", "=", "posted"], ["ref", "in", list(keys)]],
            _FIELDS,
        )
        lines = self._ledger.rows([["move_id", "in", [move["id"] for move in moves]]])
        journals = self._documents.codes(
            "account.journal", "code", {move["journal_id"][0] for move in moves}
        )
        reversed_ids = {m["reversed_entry_id"][0] for m in moves if m["reversed_entry_id"]}
        originals = self._documents.codes(_MOVE, "ref", reversed_ids)
        found: dict[str, PostedJournal] = {}
        for move in moves:
            mine = [line for line in lines if line.move_ref == str(move["id"])]
            back = move["reversed_entry_id"]
            found.setdefault(
                move["ref"],
                PostedJournal(
                    ref=str(move["id"]),
                    number=move["name"],
                    key=move["ref"],
                    posting_date=date.fromisoformat(move["date"]),
                    journal=journals[move["journal_id"][0]],
                    lines=tuple(
                        JournalLine(x.account, x.debit, x.credit, x.memo, x.party) for x in mine
                    ),
                    reverses=originals.get(back[0], "") if back else "",
                    line_refs=tuple(line.ref for line in mine),
                ),
            )
        return found

    def post(self, entry: JournalEntry, *, reverses: int | None = None) -> Written:
        """See ErpPort.post_journal."""
        if found := self.find(entry.key):
            return found
        self._ledger.must_be_open(entry.posting_date)
        if entry.currency != self._book.get().currency:
            raise Rejected(f"The Odoo company keeps no books in {entry.currency}.", "currency")
        journal = self._journal(entry.journal or self._book.names.journal)
        lines = self._lines(entry)
        claim: dict[str, object] = {
            "id": external_id("journal", entry.key),
            "move_type": "entry",
            "ref": entry.key,
            "journal_id/.id": journal,
        }
        (ident,) = self._client.upsert(_MOVE, [claim])
        vals: dict[str, object] = {
            "date": entry.posting_date,
            "narration": entry.memo,
            "line_ids": [[5, 0, 0], *lines],
            **({"reversed_entry_id": reverses} if reverses is not None else {}),
        }
        try:
            self._client.write(_MOVE, "write", ids=[ident], vals=vals)
            self._client.write(_MOVE, "action_post", ids=[ident])
        except Rejected:
            # Another worker may have posted it since we looked: a posted one takes no lines.
            if (found := self.find(entry.key)) is None:
                self._client.write(_MOVE, "unlink", ids=[ident])
                raise
            return found
        posted = self.find(entry.key)
        if posted is None:
            raise Transient("Odoo had the entry a moment ago and does not show it posted.")
        return replace(posted, status=WriteStatus.CREATED)

    def reverse(self, key: str, *, as_key: str, posting_date: date, memo: str) -> Written:
        """See ErpPort.reverse_journal."""
        if found := self.find(as_key):
            return found
        original = self.read([key]).get(key)
        if original is None:
            raise Rejected(f"Odoo has no journal entry {key}.", "journal")
        others = [
            row
            for row in self._rows([["reversed_entry_id", "=", int(original.ref)]])
            if row["ref"] != as_key
        ]
        if others:
            raise Rejected(f"{original.number} is taken back already.", "journal")
        lines = tuple(
            replace(line, debit=line.credit, credit=line.debit, memo=memo or line.memo)
            for line in original.lines
        )
        currency = self._book.get().currency
        entry = JournalEntry(as_key, posting_date, currency, memo, lines, original.journal)
        return self.post(entry, reverses=int(original.ref))

    def _journal(self, code: str) -> int:
        rows = self._client.rows("account.journal", [["code", "=", code]], ["code"], limit=1)
        if not rows:
            raise Rejected(f"Odoo has no journal {code}.", "journal")
        return int(rows[0]["id"])

    def _lines(self, entry: JournalEntry) -> list[list[object]]:
        """The lines as Odoo's commands. It takes any party on any account; we do not."""
        accounts = {a.code: a for a in self._ledger.accounts()}
        parties = self._parties({line.party for line in entry.lines if line.party})
        lines: list[list[object]] = []
        for line in entry.lines:
            account = accounts.get(line.account)
            if account is None:
                raise Rejected(f"Odoo has no account {line.account}.", "account")
            if account.party_required and not line.party:
                raise Rejected(f"Account {line.account} wants a party.", "party")
            if line.party and not account.party_required:
                raise Rejected(f"Account {line.account} takes no party.", "party")
            if line.party and line.party not in parties:
                raise Rejected(f"Odoo has no active party {line.party}.", "party")
            values: dict[str, object] = {
                "account_id": account.id,
                "partner_id": parties[line.party] if line.party else False,
                "debit": money(line.debit),
                "credit": money(line.credit),
                "name": line.memo or entry.memo,
            }
            lines.append([0, 0, values])
        return lines

    def _parties(self, codes: set[str]) -> dict[str, int]:
        if not codes:
            return {}
        rows = self._client.rows("res.partner", [["ref", "in", sorted(codes)]], ["ref"])
        return {row["ref"]: row["id"] for row in rows}
