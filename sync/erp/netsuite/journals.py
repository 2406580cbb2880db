"""Our entries in NetSuite's books, each under an external id of its own."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from sync.domain.delivery import Rejected, Transient
from sync.domain.documents import (
    JournalEntry,
    JournalLine,
    LedgerLine,
    PostedJournal,
    WriteStatus,
    Written,
)
from sync.erp.netsuite import suiteql
from sync.erp.netsuite.book import Book
from sync.erp.netsuite.client import NetSuiteClient, Row
from sync.erp.netsuite.ledger import Ledger
from sync.erp.netsuite.references import KEY, KEY_LENGTH, REVERSES, external_id
from sync.erp.netsuite.sales import fits, named
from sync.erp.netsuite.transactions import ENTRY

_RECORD = "journalEntry"
_MEMO = 4000  # characters


class Journals:
    def __init__(self, client: NetSuiteClient, book: Book, ledger: Ledger) -> None:
        self._client, self._book, self._ledger = client, book, ledger

    def find(self, key: str) -> Written | None:
        """See ErpPort.find_journal; a ref is the internal id. Raises Transient while somebody has
        yet to approve it."""
        rows = self._rows(suiteql.one_of("t.externalid", [external_id(key)]))
        if not rows:
            return None
        if rows[0]["posting"] != "T":
            raise Transient(f"Entry {rows[0]['tranid']} waits for its approval in NetSuite.")
        return Written(rows[0]["id"], rows[0]["tranid"], WriteStatus.EXISTED)

    def read(self, keys: Sequence[str]) -> dict[str, PostedJournal]:
        """See ErpPort.journals."""
        if not keys:
            return {}
        ids = [external_id(key) for key in keys]
        rows = [r for r in self._rows(suiteql.one_of("t.externalid", ids)) if r["posting"] == "T"]
        lines: dict[str, list[LedgerLine]] = {}
        for line in self._ledger.of_transactions([row["id"] for row in rows]):
            lines.setdefault(line.move_ref, []).append(line)
        return {row["own"]: _posted(row, lines.get(row["id"], [])) for row in rows}

    def post(self, entry: JournalEntry, *, reverses: str = "") -> Written:
        """See ErpPort.post_journal: made whole in one request."""
        if found := self.find(entry.key):
            return found
        if entry.currency != self._book.currency():
            raise Rejected(f"The subsidiary keeps no books in {entry.currency}.", "currency")
        if entry.journal:
            raise Rejected(f"NetSuite has no journals to choose from: {entry.journal}.", "journal")
        body = {
            "externalId": external_id(entry.key),
            KEY: fits(entry.key, KEY_LENGTH, "key"),
            **({REVERSES: fits(reverses, KEY_LENGTH, "key")} if reverses else {}),
            "subsidiary": named(self._book.setup.subsidiary),
            "currency": named(self._book.company().currency_id),
            "tranDate": entry.posting_date,
            "postingPeriod": named(self._ledger.period_of(entry.posting_date)),
            "memo": entry.memo[:_MEMO],
            "approved": True,
            "line": {"items": self._lines(entry)},
        }
        try:
            self._client.create(_RECORD, body)
        except Rejected:
            # Somebody else may have posted it since we looked.
            if found := self.find(entry.key):
                return found
            raise
        posted = self.find(entry.key)
        if posted is None:
            raise Transient("NetSuite took the entry and does not show it.")
        return replace(posted, status=WriteStatus.CREATED)

    def reverse(self, key: str, *, as_key: str, posting_date: date, memo: str) -> Written:
        """See ErpPort.reverse_journal."""
        if found := self.find(as_key):
            return found
        original = self.read([key]).get(key)
        if original is None:
            raise Rejected(f"NetSuite has no journal entry {key}.", "journal")
        if self._rows(f"t.{REVERSES} = {suiteql.text(key)}"):
            raise Rejected(f"{original.number} is taken back already.", "journal")
        lines = tuple(
            replace(line, debit=line.credit, credit=line.debit, memo=memo or line.memo)
            for line in original.lines
        )
        entry = JournalEntry(as_key, posting_date, self._book.currency(), memo, lines)
        return self.post(entry, reverses=key)

    # -- inside ---------------------------------------------------------------------------------

    def _rows(self, where: str) -> list[Row]:
        def query(after: str) -> str:
            return (
                "SELECT t.id AS id, t.tranid AS tranid, t.posting AS posting, "
                f"{suiteql.day('t.trandate')} AS dated, t.{KEY} AS own, t.{REVERSES} AS reverses "
                f"FROM transaction t WHERE t.type = '{ENTRY}' AND t.voided = 'F' AND {where} "
                f"AND t.id > {int(after)} ORDER BY t.id"
            )

        return list(self._client.rows(query))

    def _lines(self, entry: JournalEntry) -> list[dict[str, object]]:
        """The lines to be made. Raises Rejected."""
        accounts = self._book.account_rows()
        wanted = {line.party for line in entry.lines if line.party}
        parties = self._book.entities("e.entityid", wanted)
        found: list[dict[str, object]] = []
        for line in entry.lines:
            if line.account not in accounts:
                raise Rejected(f"NetSuite has no account {line.account}.", "account")
            account, ident = accounts[line.account]
            if account.party_required and not line.party:
                raise Rejected(f"Account {line.account} wants a party.", "party")
            if line.party and not account.party_required:
                raise Rejected(f"Account {line.account} takes no party.", "party")
            if line.party and line.party not in parties:
                raise Rejected(f"NetSuite has no party {line.party}.", "party")
            found.append(
                {
                    "account": named(ident),
                    **({"debit": line.debit} if line.debit else {"credit": line.credit}),
                    "memo": (line.memo or entry.memo)[:_MEMO],
                    **({"entity": named(parties[line.party])} if line.party else {}),
                }
            )
        return found


def _posted(row: Row, lines: Sequence[LedgerLine]) -> PostedJournal:
    return PostedJournal(
        ref=row["id"],
        number=row["tranid"],
        key=row["own"],
        posting_date=suiteql.read_day(row["dated"]),
        journal="",
        lines=tuple(JournalLine(x.account, x.debit, x.credit, x.memo, x.party) for x in lines),
        reverses=row.get("reverses", ""),
        line_refs=tuple(x.ref for x in lines),
    )
