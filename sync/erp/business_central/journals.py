"""Our entries in Business Central's books: a journal batch of their own each, posted whole.

The batch's code stands for our key and Business Central keeps it unique; its name says the key
and stays behind when the lines are posted. The entry's document number is made of the same code.
"""

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
from sync.erp.business_central.client import BusinessCentralClient, Row
from sync.erp.business_central.filters import literal
from sync.erp.business_central.ledger import Ledger
from sync.erp.business_central.references import ENTRY, batch_code, document_number
from sync.erp.business_central.setup import OURS, Book

_NAME, _DESCRIPTION = 100, 100  # characters


class Journals:
    def __init__(self, client: BusinessCentralClient, book: Book, ledger: Ledger) -> None:
        self._client, self._book, self._ledger = client, book, ledger

    def find(self, key: str) -> Written | None:
        """See ErpPort.find_journal; a ref is the document number."""
        number = document_number(key)
        filters = f"documentNumber eq {literal(number)}"
        rows, _ = self._client.page("generalLedgerEntries", filters, None, 1)
        return Written(number, number, WriteStatus.EXISTED) if rows else None

    def read(self, keys: Sequence[str]) -> dict[str, PostedJournal]:
        """See ErpPort.journals."""
        numbers = {document_number(key): key for key in keys}
        lines: dict[str, list[LedgerLine]] = {}
        for line in self._ledger.of_documents(list(numbers)):
            lines.setdefault(line.move_ref, []).append(line)
        batches = {row["code"]: row for row in self._batches(list(lines.values()))}
        return {
            key: PostedJournal(
                ref=number,
                number=number,
                key=key,
                posting_date=lines[number][0].posting_date,
                journal="",
                lines=tuple(
                    JournalLine(x.account, x.debit, x.credit, x.memo, x.party)
                    for x in lines[number]
                ),
                reverses=self._taken_back(batches.get(batch_code(key))),
                line_refs=tuple(x.ref for x in lines[number]),
            )
            for number, key in numbers.items()
            if number in lines
        }

    def post(self, entry: JournalEntry, *, reverses: str = "") -> Written:
        """See ErpPort.post_journal."""
        if found := self.find(entry.key):
            return found
        self._ledger.must_be_open(entry.posting_date)
        if entry.currency != self._book.currency():
            raise Rejected(f"The company keeps no books in {entry.currency}.", "currency")
        if entry.journal and not self._client.of("journals", "code", [entry.journal]):
            raise Rejected(f"Business Central has no journal {entry.journal}.", "journal")
        lines = self._lines(entry)
        batch = self._claim(entry.key, reverses)
        # What an earlier attempt sent may have been posted while we cleared its batch away.
        if found := self.find(entry.key):
            return found
        path = f"journals({batch['id']})"
        try:
            for line, party in lines:
                made = self._client.create(f"{path}/journalLines", line)
                if party:
                    dimension = {"code": self._book.setup.party_dimension, "valueCode": party}
                    place = f"journalLines({made['id']})/dimensionSetLines"
                    self._client.create(place, dimension)
            self._client.act(path, "post")
        except Rejected:
            if (found := self.find(entry.key)) is None:
                self._client.delete(path, self._client.one(path))
                raise
            return found
        posted = self.find(entry.key)
        if posted is None:
            raise Transient("Business Central took the entry and does not show it in the ledger.")
        return replace(posted, status=WriteStatus.CREATED)

    def reverse(self, key: str, *, as_key: str, posting_date: date, memo: str) -> Written:
        """See ErpPort.reverse_journal."""
        if found := self.find(as_key):
            return found
        original = self.read([key]).get(key)
        if original is None:
            raise Rejected(f"Business Central has no journal entry {key}.", "journal")
        mark = f"endswith(displayName,'<{batch_code(key)}')"
        others = [batch["code"] for batch in self._client.each("journals", mark)]
        if any(code != batch_code(as_key) and self._posted(code) for code in others):
            raise Rejected(f"{original.number} is taken back already.", "journal")
        lines = tuple(
            replace(line, debit=line.credit, credit=line.debit, memo=memo or line.memo)
            for line in original.lines
        )
        entry = JournalEntry(as_key, posting_date, self._book.currency(), memo, lines)
        return self.post(entry, reverses=key)

    # -- inside ---------------------------------------------------------------------------------

    def _posted(self, code: str) -> bool:
        filters = f"documentNumber eq {literal(ENTRY + code)}"
        return bool(self._client.page("generalLedgerEntries", filters, None, 1)[0])

    def _batches(self, entries: Sequence[Sequence[LedgerLine]]) -> list[Row]:
        codes = [lines[0].move_ref.removeprefix(ENTRY) for lines in entries]
        return self._client.of("journals", "code", codes)

    def _taken_back(self, batch: Row | None) -> str:
        """The key of the entry that the entry of this batch takes back."""
        _, mark, code = (batch or {"displayName": ""})["displayName"].rpartition(" <")
        if not mark:
            return ""
        rows = self._client.of("journals", "code", [code])
        return rows[0]["displayName"].removeprefix(OURS).partition(" <")[0] if rows else ""

    def _claim(self, key: str, reverses: str) -> Row:
        """The entry's batch, empty. What an attempt before us left in it is cleared away."""
        name = OURS + key + (f" <{batch_code(reverses)}" if reverses else "")
        if len(name) > _NAME or " <" in key:
            raise Rejected(f"The key {key} is longer than Business Central keeps.", "key")
        code = batch_code(key)
        for left in self._client.of("journals", "code", [code]):
            if left["displayName"].startswith(OURS):
                self._client.delete(f"journals({left['id']})", left)
        return self._client.create("journals", {"code": code, "displayName": name})

    def _lines(self, entry: JournalEntry) -> list[tuple[dict[str, object], str]]:
        """The lines to be made, each with the party that becomes its dimension. Raises Rejected."""
        accounts, setup = self._book.accounts(), self._book.setup
        parties = self._parties({line.party for line in entry.lines if line.party})
        found: list[tuple[dict[str, object], str]] = []
        for line in entry.lines:
            account = accounts.get(line.account)
            if account is None:
                raise Rejected(f"Business Central has no account {line.account}.", "account")
            if account.party_required and not line.party:
                raise Rejected(f"Account {line.account} wants a party.", "party")
            if line.party and not account.party_required:
                raise Rejected(f"Account {line.account} takes no party.", "party")
            if line.party and line.party not in parties:
                raise Rejected(f"Business Central has no party {line.party}.", "party")
            # The receivables account is posted to through its customer, whose own default
            # dimension says the party; others take the party as a dimension of the line.
            customer = line.account == setup.receivable
            values: dict[str, object] = {
                **({"accountType": "Customer"} if customer else {}),
                "accountNumber": line.party if customer else line.account,
                "postingDate": entry.posting_date,
                "documentNumber": document_number(entry.key),
                "amount": line.debit - line.credit,
                "description": (line.memo or entry.memo)[:_DESCRIPTION],
            }
            found.append((values, "" if customer else line.party))
        return found

    def _parties(self, wanted: set[str]) -> set[str]:
        found: set[str] = set()
        cursor: str | None = None
        while wanted - found:
            page = self._book.parties(cursor)
            found |= {party.code for party in page.rows}
            cursor = page.cursor
            if cursor is None:
                break
        return found
