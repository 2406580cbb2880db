"""The settlement's entries as the outbox sends them, from a sale for a seller to its payment.

Sent by the product's own functions, asked of the ERP: each account moves as DECISIONS say, once.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from sync import connections
from sync.domain.delivery import Rejected
from sync.domain.documents import (
    DocumentState,
    FulfilledBy,
    JournalEntry,
    JournalLine,
    Treatment,
    WriteStatus,
    Written,
)
from sync.services import frozen, journals_send
from tests.contract.erp.houses import ErpHouse
from tests.contract.erp.orders import accepted, credit, draft, line, new_key, of, rounding, shipping

pytestmark = pytest.mark.django_db  # our own close is asked for its closed months

NONE = Decimal(0)
CLEARING, PENDING, DUE, COMMISSION = "1.2.1", "2.2.6", "2.2.7", "4.1.3"
BANK, GATEWAY, FEE, OUTPUT_TAX, ADJUSTMENT = "1.1.5", "1.1.6", "5.2.4", "2.2.3", "4.1.9"
PASSED_ON = ("4.1.5", "2.2.8")
ALL = (CLEARING, PENDING, DUE, COMMISSION, BANK, GATEWAY, FEE, OUTPUT_TAX, ADJUSTMENT, *PASSED_ON)


@dataclass
class Message:
    """What the send functions read of an outbox message."""

    payload: dict[str, Any]


@pytest.fixture
def house(house: ErpHouse, monkeypatch: pytest.MonkeyPatch) -> ErpHouse:
    monkeypatch.setattr(connections, "erp", lambda: house.port)
    return house


def today() -> date:
    return datetime.now(UTC).date()


def balances(house: ErpHouse) -> dict[str, Decimal]:
    return {row.account: row.amount for row in house.port.balances(today(), ALL)}


def journal(key: str, *lines: tuple[str, str, str]) -> dict[str, Any]:
    """A message's payload: lines are account, signed amount, party."""
    entry = JournalEntry(
        key,
        today(),
        "GBP",
        "a memo",
        tuple(
            JournalLine(account, max(Decimal(a), NONE), max(-Decimal(a), NONE), "", party)
            for account, a, party in lines
        ),
    )
    return {"entry": frozen.freeze(entry)}


def test_a_sale_for_a_seller_its_refund_advice_and_payment_leave_every_clearing_account_at_zero(
    house: ErpHouse,
) -> None:
    before, party = balances(house), house.seller
    order = draft(
        [
            line(house.skus[3], "2", "25.0000", "GB-STD-SELLER"),
            shipping("3.3300", "GB-STD-SELLER"),
            rounding("0.01"),
        ],
        fulfilled_by=FulfilledBy.SELLER,
        treatment=Treatment.AGENT,
    )
    house.post_invoices(accepted(house, order))
    gross = order.gross

    def pass_on(kind: str, ref: str, *lines: JournalLine) -> dict[str, Any]:
        return {
            "key": new_key(), "order_key": order.key, "kind": kind, "ref": ref, "payable": PENDING,
            "party": party, "posting_date": today().isoformat(), "currency": "GBP",
            "memo": f"{order.reference} for a seller",
            "lines": [frozen.freeze(one) for one in lines],
        }  # fmt: skip

    def both(account: str, amount: str) -> tuple[JournalLine, JournalLine]:
        """The payable gives this much to an account."""
        return (
            JournalLine(PENDING, Decimal(amount), NONE, "", party),
            JournalLine(account, NONE, Decimal(amount)),
        )

    sale = pass_on("invoice", "", *both(COMMISSION, "5.00"), *both(OUTPUT_TAX, "1.00"))
    sent = journals_send.send_pass_on([Message(sale)])  # type: ignore[list-item]
    again = journals_send.send_pass_on([Message(sale)])  # type: ignore[list-item]
    assert [a.status for a in (*sent, *again) if isinstance(a, Written)] == [
        WriteStatus.CREATED,
        WriteStatus.EXISTED,
    ]
    moved = {name: amount - before[name] for name, amount in balances(house).items()}
    assert moved == {
        **dict.fromkeys(ALL, NONE), CLEARING: gross, PENDING: -(gross - 6), COMMISSION: -5,
        OUTPUT_TAX: -1,
    }  # fmt: skip

    note = house.port.post_credit_note(credit(order, [of(order.lines[0], "1")]))
    assert note.document is not None
    back = -note.document.gross
    returned = (
        JournalLine(PENDING, NONE, Decimal(2), "", party),
        JournalLine(COMMISSION, Decimal(2), NONE),
    )
    refund = pass_on("credit note", note.document.ref, *returned)
    (answer,) = journals_send.send_pass_on([Message(refund)])  # type: ignore[list-item]
    assert isinstance(answer, Written), answer
    owed = gross - back - 4

    advice = journal(new_key(), (PENDING, f"{owed}", party), (DUE, f"-{owed}", party))
    paid = journal(new_key(), (DUE, f"{owed}", party), (BANK, f"-{owed}", ""))
    answers = journals_send.send_post([Message(advice), Message(paid)])  # type: ignore[list-item]
    assert all(isinstance(a, Written) for a in answers), answers

    money = {
        "key": new_key(), "posting_date": today().isoformat(), "currency": "GBP",
        "memo": "PO-1, 2 lines", "gateway": GATEWAY, "fee": FEE, "receivable": CLEARING,
        "rows": [
            {"order_key": order.key, "amount": f"{gross}", "fee": "0.90", "memo": "paid t1"},
            {"order_key": order.key, "amount": f"-{back}", "fee": "0.00", "memo": "back t2"},
        ],
    }  # fmt: skip
    (answer,) = journals_send.send_clear([Message(money)])  # type: ignore[list-item]
    assert isinstance(answer, Written), answer
    net = gross - back - Decimal("0.90")
    arrived = journal(new_key(), (BANK, f"{net}", ""), (GATEWAY, f"-{net}", ""))
    journals_send.send_post([Message(arrived)])  # type: ignore[list-item]

    moved = {name: amount - before[name] for name, amount in balances(house).items()}
    assert moved == {
        **dict.fromkeys(ALL, NONE), COMMISSION: -3, OUTPUT_TAX: -1, FEE: Decimal("0.90"),
        BANK: net - owed,
    }  # fmt: skip
    documents = house.port.find_documents([order.key])[order.key]
    settled = house.port.capabilities().reconciles
    wanted = DocumentState.PAID if settled else DocumentState.POSTED
    assert {document.state for document in documents} == {wanted}


def test_a_closed_day_moves_to_the_first_open_one_and_an_entry_is_taken_back_once(
    house: ErpHouse,
) -> None:
    one, other = house.accounts
    payload = journal(new_key(), (one, "4.00", ""), (other, "-4.00", ""))
    payload["entry"]["posting_date"] = house.closed_day.isoformat()
    (answer,) = journals_send.send_post([Message(payload)])  # type: ignore[list-item]
    assert isinstance(answer, Written), answer
    key = payload["entry"]["key"]
    posted = house.port.journals([key])[key]
    assert posted.posting_date > house.closed_day

    reversal = {
        "key": key, "as_key": f"{key}:back", "posting_date": house.closed_day.isoformat(),
        "memo": "wrong",
    }  # fmt: skip
    for _ in range(2):
        (answer,) = journals_send.send_reverse([Message(reversal)])  # type: ignore[list-item]
        assert isinstance(answer, Written), answer
    assert house.port.journals([f"{key}:back"])[f"{key}:back"].reverses == key


def test_what_somebody_else_posted_under_our_key_is_refused_and_not_taken_for_ours(
    house: ErpHouse,
) -> None:
    one, other = house.accounts
    key = new_key()
    first = journal(key, (one, "4.00", ""), (other, "-4.00", ""))
    changed = journal(key, (one, "5.00", ""), (other, "-5.00", ""))
    journals_send.send_post([Message(first)])  # type: ignore[list-item]

    (answer,) = journals_send.send_post([Message(changed)])  # type: ignore[list-item]

    assert isinstance(answer, Rejected)
    assert "other lines" in str(answer)
    assert house.journals(key) == 1
