"""Journal entries on the wire to the ERP: looked for before they are posted, read back after.

Each is dated as it was meant, or on the first open day after it when that period is closed, there
or here. What the ERP holds under the key must be what was sent, to the line; else the message is
refused.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from sync import connections
from sync.domain.delivery import Failure, Rejected
from sync.domain.documents import (
    DocumentKind,
    DocumentState,
    JournalEntry,
    JournalLine,
    LedgerQuery,
    Period,
    PostedDocument,
    PostedJournal,
    WriteStatus,
    Written,
)
from sync.erp.agency import pass_through
from sync.erp.port import ErpPort
from sync.models import OutboxMessage
from sync.services import frozen
from sync.services.open_days import open_day

Answer = Written | Failure | None
Periods = tuple[Period, ...]
POSTED = {DocumentState.POSTED, DocumentState.PAID}
_ZERO = Decimal(0)


def _each(
    messages: Sequence[OutboxMessage], deed: Callable[[ErpPort, Periods, dict[str, Any]], Written]
) -> Sequence[Answer]:
    erp = connections.erp()
    periods = erp.periods()
    answers: list[Answer] = []
    for message in messages:
        try:
            answers.append(deed(erp, periods, message.payload))
        except Failure as failure:
            answers.append(failure)
    return answers


def send_post(messages: Sequence[OutboxMessage]) -> Sequence[Answer]:
    """Post entries: `{"entry": frozen JournalEntry}`."""

    def deed(erp: ErpPort, periods: Periods, payload: dict[str, Any]) -> Written:
        return _post(erp, periods, frozen.thaw_journal(payload["entry"]))

    return _each(messages, deed)


def _post(erp: ErpPort, periods: Periods, entry: JournalEntry) -> Written:
    dated = JournalEntry(
        **{**vars(entry), "posting_date": open_day(periods, entry.posting_date)},
    )
    written = erp.post_journal(dated)
    posted = erp.journals([entry.key]).get(entry.key)
    _compare(dated, posted)
    return replace(written, journal=posted)


def _compare(entry: JournalEntry, posted: PostedJournal | None) -> None:
    if posted is None:
        raise Rejected(f"The ERP says it posted {entry.key}, and holds nothing under it.")
    sent, held = _counted(entry.lines), _counted(posted.lines)
    if sent != held:
        wrong = ", ".join(f"{account} {amount:+}" for account, _, amount in sorted(held - sent))
        raise Rejected(f"Entry {posted.number} holds other lines than were sent: {wrong}.")


def _counted(lines: Sequence[JournalLine]) -> Counter[tuple[str, str, Decimal]]:
    return Counter((line.account, line.party, line.debit - line.credit) for line in lines)


def send_reverse(messages: Sequence[OutboxMessage]) -> Sequence[Answer]:
    """Take entries back: `{"key", "as_key", "posting_date", "memo"}`."""

    def deed(erp: ErpPort, periods: Periods, payload: dict[str, Any]) -> Written:
        written = erp.reverse_journal(
            payload["key"],
            as_key=payload["as_key"],
            posting_date=open_day(periods, date.fromisoformat(payload["posting_date"])),
            memo=payload["memo"],
        )
        return replace(written, journal=erp.journals([payload["as_key"]]).get(payload["as_key"]))

    return _each(messages, deed)


def send_pass_on(messages: Sequence[OutboxMessage]) -> Sequence[Answer]:
    """Move what an agent's document booked on to the seller's payable, with what else is due.

    `{"key", "order_key", "kind", "ref", "payable", "party", "posting_date", "currency", "memo",
    "lines"}`: `kind` and `ref` say which documents of the order (all of the kind without a ref),
    `lines` are frozen journal lines that balance by themselves (commission, tax withheld). The
    rounding penny goes to the seller too: it is part of what the customer paid (ADR 0012).
    """
    return _each(messages, _pass_on)


def _pass_on(erp: ErpPort, periods: Periods, payload: dict[str, Any]) -> Written:
    order_key, kind = payload["order_key"], DocumentKind(payload["kind"])
    documents = [
        document
        for document in erp.find_documents([order_key]).get(order_key, ())
        if document.kind is kind
        and document.state in POSTED
        and payload["ref"] in ("", document.ref)
    ]
    if not documents:
        raise Rejected(f"The ERP holds no posted {kind} of {payload['memo']}.")
    day = open_day(periods, date.fromisoformat(payload["posting_date"]))
    lines = [
        *_passed(documents, payload, day),
        *(frozen.thaw_journal_line(line) for line in payload["lines"]),
    ]
    if not lines:
        return Written(None, None, WriteStatus.EXISTED)
    entry = JournalEntry(payload["key"], day, payload["currency"], payload["memo"], tuple(lines))
    return _post(erp, periods, entry)


def _passed(
    documents: Sequence[PostedDocument], payload: Mapping[str, Any], day: date
) -> list[JournalLine]:
    """The documents' entries as one: what stands on an account of several is added up."""
    amounts: dict[tuple[str, str], Decimal] = {}
    for document in documents:
        entry = pass_through(
            document,
            payable=payload["payable"],
            party=payload["party"],
            keep=(),
            posting_date=day,
        )
        for line in entry.lines if entry else ():
            place = line.account, line.party
            amounts[place] = amounts.get(place, _ZERO) + line.debit - line.credit
    return [
        JournalLine(account, max(amount, _ZERO), max(-amount, _ZERO), payload["memo"], party)
        for (account, party), amount in sorted(amounts.items())
        if amount
    ]


def send_clear(messages: Sequence[OutboxMessage]) -> Sequence[Answer]:
    """Book what the gateway settled, and settle the receivables it pays.

    `{"key", "posting_date", "currency", "memo", "gateway", "fee", "receivable", "rows"}`, accounts
    by code; a row is `{"order_key", "amount", "fee", "memo"}`, decimals as text, its memo unique
    in the message. A row without an order books its fee alone.
    """
    return _each(messages, _clear)


def _clear(erp: ErpPort, periods: Periods, payload: dict[str, Any]) -> Written:
    rows = payload["rows"]
    keys = sorted({row["order_key"] for row in rows if row["order_key"]})
    documents = {
        key: [d for d in found if d.state in POSTED]
        for key, found in (erp.find_documents(keys) if keys else {}).items()
    }
    lines: list[JournalLine] = []
    fees = total = _ZERO
    for row in rows:
        amount, fee = Decimal(row["amount"]), Decimal(row["fee"])
        fees += fee
        total += amount
        if row["order_key"] and amount:
            found = documents.get(row["order_key"])
            if not found:
                raise Rejected(f"The ERP holds no posted invoice for {row['memo']}.")
            lines.append(_line(payload["receivable"], -amount, row["memo"], found[0].party))
    for account, amount in ((payload["gateway"], total - fees), (payload["fee"], fees)):
        if amount:
            lines.append(_line(account, amount, payload["memo"]))
    if not lines:
        return Written(None, None, WriteStatus.EXISTED)
    entry = JournalEntry(
        payload["key"],
        date.fromisoformat(payload["posting_date"]),
        payload["currency"],
        payload["memo"],
        tuple(lines),
    )
    written = _post(erp, periods, entry)
    if erp.capabilities().reconciles:
        _settle(erp, payload, documents)
    return written


def _line(account: str, amount: Decimal, memo: str, party: str = "") -> JournalLine:
    return JournalLine(account, max(amount, _ZERO), max(-amount, _ZERO), memo, party)


def _settle(
    erp: ErpPort, payload: dict[str, Any], documents: Mapping[str, Sequence[PostedDocument]]
) -> None:
    """Settle what an order's invoices ask against what was paid, its credit notes against refunds.

    Where the sums differ, or a person has settled a line otherwise, the lines stay open.
    """
    posted = erp.journals([payload["key"]])[payload["key"]]
    paid = {
        line.memo: (ref, line.debit - line.credit)
        for ref, line in zip(posted.line_refs, posted.lines, strict=True)
        if line.account == payload["receivable"]
    }
    moves = {d.move_ref for found in documents.values() for d in found if d.move_ref}
    query = LedgerQuery(
        accounts=(payload["receivable"],), moves=tuple(sorted(moves)), open_only=True
    )
    asked: dict[str, list[tuple[str, Decimal]]] = {}
    cursor: str | None = None
    while moves:
        page = erp.ledger_lines(query, cursor)
        for line in page.rows:
            asked.setdefault(line.move_ref, []).append((line.ref, line.debit - line.credit))
        cursor = page.cursor
        if cursor is None:
            break
    for key, found in documents.items():
        mine = [paid[row["memo"]] for row in payload["rows"]
                if row["order_key"] == key and row["memo"] in paid]  # fmt: skip
        open_lines = [line for d in found for line in asked.get(d.move_ref or "", ())]
        for sign in (1, -1):
            group = [x for x in open_lines if x[1] * sign > 0]
            group += [x for x in mine if x[1] * sign < 0]
            if len(group) > 1 and not sum(amount for _, amount in group):
                try:
                    erp.reconcile([ref for ref, _ in group])
                except Rejected:  # somebody settled one of them otherwise: the entry stands
                    continue


def send_payment_told(messages: Sequence[OutboxMessage]) -> Sequence[Answer]:
    """Tell Marketplacer that advices were paid: the arguments of `record_payment`."""
    client = connections.marketplacer()
    answers: list[Answer] = []
    for message in messages:
        try:
            client.record_payment(**message.payload)
            answers.append(None)
        except Failure as failure:
            answers.append(failure)
    return answers
