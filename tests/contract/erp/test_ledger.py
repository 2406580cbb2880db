"""Parties, reversals, balances and settlement in the ledger; and sales for sellers."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from sync.domain.delivery import PeriodClosed, Rejected
from sync.domain.documents import (
    DocumentState,
    FulfilledBy,
    JournalEntry,
    JournalLine,
    LedgerLine,
    LedgerQuery,
    Treatment,
    WriteStatus,
)
from sync.erp.agency import pass_through
from tests.contract.erp.houses import ErpHouse
from tests.contract.erp.orders import accepted, credit, draft, line, new_key, of, rounding, shipping

NONE = Decimal(0)
CLEARING, ADJUSTMENT, PENDING, DUE, BANK = "1.2.1", "4.1.9", "2.2.6", "2.2.7", "1.1.5"
PASSED_ON = ("4.1.5", "2.2.8")


def today() -> date:
    return datetime.now(UTC).date()


def entry(*lines: JournalLine, key: str = "", day: date | None = None) -> JournalEntry:
    return JournalEntry(key or new_key(), day or today(), "GBP", "a memo", lines)


def balance(house: ErpHouse, account: str, party: str = "", on: date | None = None) -> Decimal:
    rows = house.port.balances(on or today(), [account], by_party=bool(party))
    return sum((row.amount for row in rows if row.party == party), NONE)


def lines_of(house: ErpHouse, query: LedgerQuery) -> list[LedgerLine]:
    found: list[LedgerLine] = []
    cursor = None
    while True:
        page = house.port.ledger_lines(query, cursor)
        found += page.rows
        cursor = page.cursor
        if cursor is None:
            return found


def test_an_entry_names_a_party_where_the_account_wants_one_and_nowhere_else(
    house: ErpHouse,
) -> None:
    ten = Decimal(10)
    parties = {party.code for party in house.port.parties(None).rows}
    assert house.seller in parties
    for lines, words in (
        ((JournalLine(PENDING, ten, NONE), JournalLine(BANK, NONE, ten)), "wants a party"),
        (
            (JournalLine(ADJUSTMENT, ten, NONE, party=house.seller), JournalLine(BANK, NONE, ten)),
            "takes no party",
        ),
        ((JournalLine(DUE, ten, NONE, party="nobody"), JournalLine(BANK, NONE, ten)), "nobody"),
    ):
        wrong = entry(*lines)
        with pytest.raises(Rejected, match=words):
            house.port.post_journal(wrong)
        assert house.journals(wrong.key) == 0

    right = entry(
        JournalLine(PENDING, ten, NONE, "released", house.seller),
        JournalLine(DUE, NONE, ten, "", house.seller),
    )
    house.port.post_journal(right)
    posted = house.port.journals([right.key, "nobody's"])
    assert set(posted) == {right.key}
    assert sorted(posted[right.key].lines, key=lambda one: one.account) == [
        JournalLine(PENDING, ten, NONE, "released", house.seller),
        JournalLine(DUE, NONE, ten, "a memo", house.seller),
    ]


def test_an_entry_is_taken_back_once(house: ErpHouse) -> None:
    one, other = house.accounts
    before = balance(house, other)
    amount = Decimal("1.25")
    original = entry(JournalLine(one, amount, NONE), JournalLine(other, NONE, amount))
    house.port.post_journal(original)
    assert balance(house, other) == before - amount
    key = new_key()
    first = house.port.reverse_journal(original.key, as_key=key, posting_date=today(), memo="wrong")
    again = house.port.reverse_journal(original.key, as_key=key, posting_date=today(), memo="wrong")

    assert (first.status, again.status) == (WriteStatus.CREATED, WriteStatus.EXISTED)
    assert first.ref == again.ref
    assert house.port.journals([key])[key].reverses == original.key
    assert balance(house, other) == before
    with pytest.raises(Rejected, match="already"):
        house.port.reverse_journal(
            original.key, as_key=new_key(), posting_date=today(), memo="twice"
        )
    with pytest.raises(Rejected, match="nobody"):
        house.port.reverse_journal("nobody's", as_key=new_key(), posting_date=today(), memo="")
    closed = entry(JournalLine(one, Decimal(1), NONE), JournalLine(other, NONE, Decimal(1)))
    house.port.post_journal(closed)
    with pytest.raises(PeriodClosed):
        house.port.reverse_journal(
            closed.key, as_key=new_key(), posting_date=house.closed_day, memo=""
        )


def test_ledger_lines_are_read_by_account_party_day_and_moment(house: ErpHouse) -> None:
    one, other = house.accounts
    since = datetime.now(UTC) - timedelta(milliseconds=1)
    mine = entry(JournalLine(one, Decimal(7), NONE), JournalLine(other, NONE, Decimal(7)))
    house.port.post_journal(mine)
    house.book_by_hand(one, other, Decimal("0.33"), "by hand")

    found = lines_of(house, LedgerQuery(accounts=(one,), changed_since=since))
    # An entry that is not ours has a key where the ERP has such a field; its words are told too.
    assert [(x.debit, x.credit, x.journal_key or x.memo) for x in found] == [
        (Decimal(7), NONE, mine.key),
        (Decimal("0.33"), NONE, "by hand"),
    ]
    assert all(x.posting_date == today() and x.move_number for x in found)
    yesterday = today() - timedelta(days=1)
    assert lines_of(house, LedgerQuery(changed_since=since, end=yesterday)) == []
    assert len(lines_of(house, LedgerQuery(changed_since=since, start=today()))) == 4
    assert lines_of(house, LedgerQuery(changed_since=since, party=house.seller)) == []
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert lines_of(house, LedgerQuery(changed_since=later)) == []


def test_a_balance_carries_over_the_year_for_what_stands_and_starts_anew_for_what_is_earned(
    house: ErpHouse,
) -> None:
    clearing, earned = house.accounts
    last_year = date(today().year - 1, 12, 31)
    before = {account: balance(house, account) for account in house.accounts}
    then = {account: balance(house, account, on=last_year) for account in house.accounts}
    house.port.post_journal(
        entry(
            JournalLine(clearing, Decimal(4), NONE), JournalLine(earned, NONE, Decimal(4)),
            day=last_year,
        )
    )  # fmt: skip
    assert balance(house, clearing) == before[clearing] + 4
    assert balance(house, earned) == before[earned]
    assert balance(house, clearing, on=last_year) == then[clearing] + 4
    assert balance(house, earned, on=last_year) == then[earned] - 4
    with pytest.raises(Rejected, match=r"9\.9\.9"):
        house.port.balances(today(), ["9.9.9"])


def test_a_sale_for_a_seller_ends_as_a_debt_to_the_seller_and_as_no_revenue(
    house: ErpHouse,
) -> None:
    accounts = (CLEARING, PENDING, *PASSED_ON, "4.1.1", "2.2.3")
    before = {account: balance(house, account) for account in accounts}
    owed = balance(house, PENDING, house.seller)
    order = draft(
        [
            line(house.skus[3], "2", "25.0000", "GB-STD-SELLER"),
            line(house.skus[4], "1", "7.9900", "GB-ZERO"),
            shipping("3.3300", "GB-STD-SELLER"),
            rounding("0.01"),
        ],
        fulfilled_by=FulfilledBy.SELLER,
        treatment=Treatment.AGENT,
    )
    ref = accepted(house, order)
    house.post_invoices(ref)
    (invoice,) = house.port.find_documents([order.key])[order.key]

    assert invoice.gross == order.gross
    skus = {one.line_key: one.sku for one in invoice.lines}
    assert [skus[one.key] for one in order.lines[:2]] == list(house.skus[3:5])
    accounts_used = {one.account for one in invoice.lines}
    assert accounts_used == {"4.1.5", ADJUSTMENT}
    move_on = pass_through(invoice, payable=PENDING, party=house.seller, keep={ADJUSTMENT})
    assert move_on is not None
    house.port.post_journal(move_on)
    assert house.port.post_journal(move_on).status is WriteStatus.EXISTED

    after = {account: balance(house, account) - before[account] for account in accounts}
    assert after == {
        CLEARING: order.gross,
        PENDING: -(order.gross - Decimal("0.01")),
        **dict.fromkeys((*PASSED_ON, "4.1.1", "2.2.3"), NONE),
    }
    assert balance(house, PENDING, house.seller) == owed - (order.gross - Decimal("0.01"))

    note = house.port.post_credit_note(credit(order, [of(order.lines[0], "1")])).document
    assert note is not None
    back = pass_through(note, payable=PENDING, party=house.seller, keep={ADJUSTMENT})
    assert back is not None
    house.port.post_journal(back)
    assert balance(house, PENDING, house.seller) == owed - order.gross + Decimal("30.01")
    assert [balance(house, account) for account in PASSED_ON] == [
        before[account] for account in PASSED_ON
    ]


def test_money_that_arrives_settles_the_invoice_it_is_for(house: ErpHouse) -> None:
    order = draft(
        [line(house.skus[3], "1", "25.0000")],
        fulfilled_by=FulfilledBy.SELLER,
        treatment=Treatment.AGENT,
    )
    ref = accepted(house, order)
    house.post_invoices(ref)
    (invoice,) = house.port.find_documents([order.key])[order.key]
    query = LedgerQuery(accounts=(CLEARING,), party=invoice.party, open_only=True)
    if not house.port.capabilities().reconciles:
        with pytest.raises(Rejected, match="does not tell"):
            house.port.ledger_lines(query, None)
        query = LedgerQuery(accounts=(CLEARING,), party=invoice.party)
    (owing,) = [one for one in lines_of(house, query) if one.document_ref == invoice.ref]
    assert (owing.debit, owing.reconciled) == (order.gross, None)
    assert invoice.move_ref is not None
    of_move = LedgerQuery(accounts=(CLEARING,), moves=(invoice.move_ref,))
    assert [one.ref for one in lines_of(house, of_move)] == [owing.ref]
    payment = entry(
        JournalLine(BANK, order.gross, NONE),
        JournalLine(CLEARING, NONE, order.gross, "", invoice.party),
    )
    house.port.post_journal(payment)
    posted = house.port.journals([payment.key])[payment.key]
    (paid,) = [
        ref
        for ref, one in zip(posted.line_refs, posted.lines, strict=True)
        if one.account == CLEARING
    ]
    if not house.port.capabilities().reconciles:
        with pytest.raises(Rejected, match="does not offer"):
            house.port.reconcile([owing.ref, paid])
        return
    with pytest.raises(Rejected, match="leave"):
        house.port.reconcile([owing.ref])
    bank = next(ref for ref in posted.line_refs if ref != paid)
    with pytest.raises(Rejected, match="different accounts"):
        house.port.reconcile([owing.ref, bank])

    mark = house.port.reconcile([owing.ref, paid])
    assert house.port.reconcile([paid, owing.ref]) == mark
    with pytest.raises(Rejected, match="with others"):
        house.port.reconcile([owing.ref])
    assert owing.ref not in {one.ref for one in lines_of(house, query)}
    (invoice,) = house.port.find_documents([order.key])[order.key]
    assert invoice.state is DocumentState.PAID
