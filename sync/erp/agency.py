"""The entry that turns an agent's sale into a debt to the seller, where the ERP cannot book that.

ERPs invoice onto revenue accounts. A sale by an agent is no revenue of ours: its invoice lands on
pass-through accounts, and this entry moves what stands there on to the seller's payable, so that
customer clearing stands against seller payable and the pass-through accounts against nothing.
Pure; ADR 0008 says why.
"""

from collections.abc import Collection
from datetime import date
from decimal import Decimal

from sync.domain.documents import JournalEntry, JournalLine, PostedDocument

_ZERO = Decimal(0)


def pass_through_key(document: PostedDocument) -> str:
    """The key of a document's entry: one a document, however often it is asked for."""
    return f"pass-through:{document.kind.value.replace(' ', '-')}:{document.ref}"


def pass_through(
    document: PostedDocument,
    *,
    payable: str,
    party: str,
    keep: Collection[str],
    posting_date: date | None = None,
    key: str = "",
) -> JournalEntry | None:
    """What the document booked, moved to the account `payable` of the seller `party`.

    Every line and tax account is emptied but those in `keep`: Tax Adjustment always, output tax
    where the operator owes the goods' tax. A credit note gives the opposite entry. Dated as the
    document unless told otherwise (its period may be closed by now). None when nothing is left to
    move; raises ValueError for a document that is not in the ledger.
    """
    day = posting_date or document.dated
    if document.move_ref is None or day is None:
        raise ValueError(f"document {document.ref} is {document.erp_state}, not in the ledger")
    booked: dict[str, Decimal] = {}
    for account, amount in (
        *((line.account, line.net) for line in document.lines),
        *((tax.account, tax.amount) for tax in document.taxes),
    ):
        if account not in keep:
            booked[account] = booked.get(account, _ZERO) + amount
    amounts = {account: amount for account, amount in sorted(booked.items()) if amount}
    if not amounts:
        return None
    memo = f"{document.number or document.reference} passed on"
    lines = [_line(account, amount, memo) for account, amount in amounts.items()]
    # Credits of several signs can cancel each other out: then the payable is not touched.
    if owed := sum(amounts.values(), _ZERO):
        lines.append(_line(payable, -owed, memo, party))
    return JournalEntry(
        key=key or pass_through_key(document),
        posting_date=day,
        currency=document.currency,
        memo=memo,
        lines=tuple(lines),
    )


def _line(account: str, amount: Decimal, memo: str, party: str = "") -> JournalLine:
    """A debit for a positive amount, a credit for a negative one."""
    return JournalLine(account, max(amount, _ZERO), max(-amount, _ZERO), memo, party)
