"""Journals and the ledger of the ERP in memory."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sync.domain.delivery import Rejected, UnknownOutcome
from sync.domain.documents import (
    Balance,
    JournalEntry,
    JournalLine,
    LedgerLine,
    LedgerQuery,
    PostedJournal,
    WriteStatus,
    Written,
)
from sync.erp.port import Page
from tests.fakes.orders import FakeOrders
from tests.fakes.state import PARTIES, WITH_PARTY, ZERO, Line, Move


class FakeLedger(FakeOrders):
    _counter = itertools.count(1)

    def book_by_hand(self, debit: str, credit: str, amount: Decimal, words: str) -> None:
        """Post an entry that the product knows nothing of."""
        lines = (JournalLine(debit, amount, ZERO, words), JournalLine(credit, ZERO, amount, words))
        self._move_of(lines, self._today(), key=words)

    # -- the port -------------------------------------------------------------------------------

    def find_journal(self, key: str) -> Written | None:
        with self._arrive("find_journal"):
            move = self._by_journal_key(key)
            return Written(move.ref, move.number, WriteStatus.EXISTED) if move else None

    def journals(self, keys: Sequence[str]) -> dict[str, PostedJournal]:
        with self._arrive("journals"):
            moves = {key: self._by_journal_key(key) for key in keys}
            return {key: _journal(move) for key, move in moves.items() if move is not None}

    def post_journal(self, entry: JournalEntry) -> Written:
        with self._arrive("post_journal"):
            return self._post(entry)

    def reverse_journal(self, key: str, *, as_key: str, posting_date: date, memo: str) -> Written:
        with self._arrive("reverse_journal"):
            original = self._by_journal_key(key)
            if original is None:
                raise Rejected(f"No journal entry {key}.", "journal")
            others = [m for m in self._moves if m.reverses == key and m.key != as_key]
            if others:
                raise Rejected(f"{original.number} is taken back already.", "journal")
            lines = tuple(
                replace(x.body, debit=x.body.credit, credit=x.body.debit, memo=memo or x.body.memo)
                for x in original.lines
            )
            entry = JournalEntry(as_key, posting_date, "GBP", memo, lines, original.journal)
            return self._post(entry, reverses=key)

    def ledger_lines(self, query: LedgerQuery, cursor: str | None) -> Page[LedgerLine]:
        with self._arrive("ledger_lines"):
            found = [
                _ledger_line(move, line)
                for move in self._moves
                for line in move.lines
                if _fits(query, move, line)
            ]
            return Page(tuple(found), None)

    def balances(
        self, on: date, accounts: Sequence[str], *, by_party: bool = False
    ) -> tuple[Balance, ...]:
        with self._arrive("balances"):
            if unknown := sorted(set(accounts) - set(self.accounts)):
                raise Rejected(f"No account {', '.join(unknown)}.", "account")
            sums: dict[tuple[str, str], Decimal] = {}
            for move in self._moves:
                for body in [line.body for line in move.lines]:
                    yearly = body.account[0] in "45" and move.posting_date.year < on.year
                    if body.account in accounts and move.posting_date <= on and not yearly:
                        key = (body.account, body.party if by_party else "")
                        sums[key] = sums.get(key, ZERO) + body.debit - body.credit
            for account in accounts:
                if account not in {found for found, _ in sums}:
                    sums[account, ""] = ZERO
            return tuple(Balance(*key, amount) for key, amount in sorted(sums.items()))

    def reconcile(self, line_refs: Sequence[str]) -> str:
        with self._arrive("reconcile"):
            wanted = dict.fromkeys(line_refs)
            moves = {m.ref: m for ref in wanted if (m := self._move_of_line.get(ref))}.values()
            lines = [x for move in moves for x in move.lines if x.ref in wanted]
            if len(lines) != len(wanted):
                raise Rejected("The ERP lacks one of the ledger lines.", "lines")
            marks = {line.mark for line in lines}
            everyone = [x for move in self._moves for x in move.lines if x.mark and x.mark in marks]
            if len(marks) == 1 and None not in marks and len(everyone) == len(lines):
                return str(lines[0].mark)
            if marks != {None}:
                raise Rejected("One of the ledger lines is settled with others.", "lines")
            if len({(line.body.account, line.body.party) for line in lines}) != 1:
                raise Rejected("The ledger lines are of different accounts or parties.", "lines")
            if residue := sum((x.body.debit - x.body.credit for x in lines), ZERO):
                raise Rejected(f"The ledger lines leave {residue}.", "lines")
            mark = str(next(self._counter))
            for line in lines:
                line.mark, line.touched_at = mark, self._clock()
            self._settle_documents(moves)
            return mark

    # -- inside ---------------------------------------------------------------------------------

    def _move_of(
        self,
        bodies: Iterable[JournalLine],
        day: date,
        *,
        key: str = "",
        journal: str = "REV",
        document: str = "",
        reverses: str = "",
    ) -> Move:
        ref = str(len(self._moves) + 1)
        lines = [Line(f"L{next(self._counter)}", body, self._clock()) for body in bodies]
        return self._enter(Move(ref, ref, key, day, journal, lines, document, reverses))

    def _post(self, entry: JournalEntry, *, reverses: str = "") -> Written:
        if move := self._by_journal_key(entry.key):
            return Written(move.ref, move.number, WriteStatus.EXISTED)
        self._must_be_open(entry.posting_date)
        unknown = sorted({line.account for line in entry.lines} - set(self.accounts))
        if unknown:
            raise Rejected(f"No account {', '.join(unknown)}.", "account")
        for line in entry.lines:
            if line.account in WITH_PARTY and not line.party:
                raise Rejected(f"Account {line.account} wants a party.", "party")
            if line.party and line.account not in WITH_PARTY:
                raise Rejected(f"Account {line.account} takes no party.", "party")
            if line.party and line.party not in PARTIES:
                raise Rejected(f"No active party {line.party}.", "party")
            for amount in (line.debit, line.credit):
                if amount.as_tuple().exponent < -2:  # zeros too, as in Tryton
                    raise Rejected(f"The number of digits in {amount} exceeds 2.", "amount")
        if entry.journal not in {"", "MISC", "CASH"}:
            raise Rejected(f"No journal {entry.journal}.", "journal")
        bodies = [replace(line, memo=line.memo or entry.memo) for line in entry.lines]
        move = self._move_of(
            bodies,
            entry.posting_date,
            key=entry.key,
            journal=entry.journal or "MISC",
            reverses=reverses,
        )
        if self._lost():
            raise UnknownOutcome("The answer was lost.")
        return Written(move.ref, move.number, WriteStatus.CREATED)

    def _by_journal_key(self, key: str) -> Move | None:
        return self._journals.get(key)

    def _settle_documents(self, moves: Iterable[Move]) -> None:
        """Called when lines of these have been settled: a document may be paid now."""


def _fits(query: LedgerQuery, move: Move, line: Line) -> bool:
    return not (
        (query.accounts and line.body.account not in query.accounts)
        or (query.start is not None and move.posting_date < query.start)
        or (query.end is not None and move.posting_date > query.end)
        or (query.changed_since is not None and line.touched_at < query.changed_since)
        or (query.party and line.body.party != query.party)
        or (query.open_only and line.mark is not None)
        or (query.moves and move.ref not in query.moves)
    )


def _journal(move: Move) -> PostedJournal:
    return PostedJournal(
        ref=move.ref,
        number=move.number,
        key=move.key,
        posting_date=move.posting_date,
        journal=move.journal,
        lines=tuple(line.body for line in move.lines),
        reverses=move.reverses,
        line_refs=tuple(line.ref for line in move.lines),
    )


def _ledger_line(move: Move, line: Line) -> LedgerLine:
    return LedgerLine(
        ref=line.ref,
        move_ref=move.ref,
        move_number=move.number,
        posting_date=move.posting_date,
        account=line.body.account,
        party=line.body.party,
        debit=line.body.debit,
        credit=line.body.credit,
        memo=line.body.memo,
        journal=move.journal,
        journal_key=move.key,
        document_ref=move.document,
        reconciled=line.mark,
        modified_at=line.touched_at,
    )
