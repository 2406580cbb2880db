"""What only a real Tryton can show."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from sync.domain.delivery import Transient, UnknownOutcome
from sync.domain.documents import (
    FulfilledBy,
    LedgerQuery,
    OrderPhase,
    ReturnDraft,
    ReturnLine,
    WriteStatus,
    Written,
)
from sync.erp.tryton import TrytonErp
from tests.contract.erp.houses import Meddler, TrytonHouse
from tests.contract.erp.orders import (
    accepted,
    credit,
    draft,
    line,
    new_key,
    of,
    rounding,
    shipping,
)
from tests.sandbox.erp import Tryton


def test_an_expired_session_is_renewed_and_the_call_repeated(tryton_house: TrytonHouse) -> None:
    assert tryton_house.port.check().ok
    order = draft([line(tryton_house.skus[0])])
    tryton_house.wire.calls.clear()
    tryton_house.wire.expire = True
    (answer,) = tryton_house.port.submit_orders([order])

    assert isinstance(answer, Written)
    assert tryton_house.wire.calls["common.db.login"] == 1
    assert len(tryton_house.sales(order.key)) == 1


def test_a_long_answer_is_read_whole(tryton_house: TrytonHouse) -> None:
    # Over 1,400 characters Tryton labels every answer gzip, but compresses it only when asked.
    assert len(tryton_house.port.items(None, None, 200).rows) == 200


def test_a_batch_is_a_fixed_number_of_calls(tryton_house: TrytonHouse) -> None:
    orders = [draft([line(tryton_house.skus[0]), shipping()]) for _ in range(6)]
    tryton_house.port.submit_orders(orders[:1])
    tryton_house.wire.calls.clear()
    answers = tryton_house.port.submit_orders(orders[1:])

    assert all(isinstance(answer, Written) for answer in answers)
    # Items, taxes, look, create, look, quote, confirm, read back.
    assert tryton_house.wire.calls.total() <= 8


def test_a_wrong_password_is_a_failed_check_not_an_exception(tryton: Tryton) -> None:
    info = tryton.info
    erp = TrytonErp(url=info["url"], database=info["database"], user=info["user"], password="wrong")
    report = erp.check()
    erp.close()
    assert [check.name for check in report.checks if not check.ok] == ["Sign-in"]


def test_a_sign_in_that_is_cut_off_halfway_is_made_again(tryton: Tryton) -> None:
    wire = Meddler()
    info = tryton.info
    erp = TrytonErp(
        url=info["url"],
        database=info["database"],
        user=info["user"],
        password=info["password"],
        transport=wire,
    )
    wire.lose = "model.res.user.get_preferences"
    with pytest.raises(Transient):
        erp.reference_data()
    assert erp.reference_data().company == "Northbank UK"
    erp.close()


def test_the_document_carries_the_address_and_the_facts_but_no_person_becomes_a_record(
    tryton_house: TrytonHouse,
) -> None:
    order = draft(
        [line(tryton_house.skus[0])],
        attributes={"Order": "4711", "Seller": "Quayside"},
        placed_at=datetime(2026, 7, 14, 23, 30, tzinfo=UTC),
    )
    (written,) = tryton_house.port.submit_orders([order])
    assert isinstance(written, Written)
    assert written.ref is not None
    sale = tryton_house.sale(
        written.ref, "comment", "description", "reference", "party.name", "sale_date"
    )

    assert sale["reference"] == order.reference
    assert "Ann Example" in sale["comment"]
    assert "Seller: Quayside" in sale["description"]
    assert sale["party."]["name"] == "Marketplacer customers (principal)"
    # Half past midnight in London's summer: the company's day, not UTC's.
    assert sale["sale_date"] == date(2026, 7, 15)


def test_a_sellers_order_has_no_shipment(tryton_house: TrytonHouse) -> None:
    order = draft([line(tryton_house.skus[0])], fulfilled_by=FulfilledBy.SELLER)
    (written,) = tryton_house.port.submit_orders([order])
    assert isinstance(written, Written)
    assert written.ref is not None
    sale = tryton_house.sale(written.ref, "shipments", "invoices", "total_amount")

    assert sale["shipments"] == []
    assert len(sale["invoices"]) == 1
    assert sale["total_amount"] == Decimal("12.00")


def test_an_unreachable_tryton_leaves_every_order_for_later(tryton_house: TrytonHouse) -> None:
    orders = [draft([line(tryton_house.skus[0])]) for _ in range(2)]
    with tryton_house.cut("model.sale.sale.create"):
        answers = tryton_house.port.submit_orders(orders)

    assert [type(answer) for answer in answers] == [Transient, Transient]
    assert [len(tryton_house.sales(order.key)) for order in orders] == [0, 0]


def test_a_lost_answer_to_the_confirmation_is_found_confirmed(tryton_house: TrytonHouse) -> None:
    order = draft([line(tryton_house.skus[0])])
    tryton_house.wire.lose = "model.sale.sale.confirm"
    (answer,) = tryton_house.port.submit_orders([order])
    assert isinstance(answer, UnknownOutcome)
    (again,) = tryton_house.port.submit_orders([order])

    assert isinstance(again, Written)
    assert again.status is WriteStatus.EXISTED
    assert tryton_house.sales(order.key) == [("processing", order.gross)]


def test_a_retry_finds_the_credit_note_whose_answer_was_lost(tryton_house: TrytonHouse) -> None:
    order = draft([line(tryton_house.skus[0], "2")])
    ref = accepted(tryton_house, order)
    tryton_house.ship(ref)
    tryton_house.post_invoices(ref)
    refund = credit(order, [of(order.lines[0], "1")])
    tryton_house.wire.lose = "model.account.invoice.create"
    with pytest.raises(UnknownOutcome):
        tryton_house.port.post_credit_note(refund)
    # Made, but not posted: the retry makes it anew and leaves no draft behind.
    with tryton_house.cut("model.account.invoice.post"), pytest.raises(Transient):
        tryton_house.port.post_credit_note(refund)
    tryton_house.wire.lose = "model.account.invoice.post"
    with pytest.raises(UnknownOutcome):
        tryton_house.port.post_credit_note(refund)

    assert tryton_house.port.post_credit_note(refund).status is WriteStatus.EXISTED
    assert tryton_house.invoices_named(refund.key) == ["posted"]


def test_a_retry_finds_the_return_whose_answer_was_lost(tryton_house: TrytonHouse) -> None:
    order = draft([line(tryton_house.skus[0], "2")])
    tryton_house.ship(accepted(tryton_house, order))
    back = ReturnDraft(
        key=new_key(),
        reference="RF-9",
        order_key=order.key,
        expected_on=datetime.now(UTC).date(),
        lines=(ReturnLine(order.lines[0].key, order.lines[0].sku, Decimal(2)),),
    )
    tryton_house.wire.lose = "model.stock.shipment.out.return.create"
    with pytest.raises(UnknownOutcome):
        tryton_house.port.submit_return(back)
    assert tryton_house.port.submit_return(back).status is WriteStatus.EXISTED


@pytest.mark.parametrize(
    "step",
    [
        "model.stock.shipment.out.cancel",
        "wizard.sale.handle.shipment.exception.create",
        "wizard.sale.handle.shipment.exception.execute",
        "model.account.invoice.cancel",
        "wizard.sale.handle.invoice.exception.delete",
    ],
)
def test_a_cancellation_cut_off_anywhere_is_finished_by_the_next(
    tryton_house: TrytonHouse, step: str
) -> None:
    order = draft([line(tryton_house.skus[0], "2"), shipping()])
    ref = accepted(tryton_house, order)
    with tryton_house.cut(step), pytest.raises(Transient):
        tryton_house.port.cancel_order(ref, "not wanted")
    state = tryton_house.port.cancel_order(ref, "not wanted")

    assert state.phase is OrderPhase.CANCELLED
    comment = tryton_house.sale(ref, "comment")["comment"]
    assert comment.count("Cancelled: not wanted") == 1


@pytest.mark.parametrize(
    "step",
    [
        "model.stock.move.copy",
        "model.stock.move.write",
        "model.stock.move.delete",
        "model.stock.shipment.out.wait",
        "model.stock.move.cancel",
        "wizard.sale.handle.shipment.exception.execute",
    ],
)
def test_an_amendment_cut_off_anywhere_is_finished_by_the_next(
    tryton_house: TrytonHouse, step: str
) -> None:
    order = draft([line(tryton_house.skus[0], "3"), line(tryton_house.skus[1], "1")])
    first, second = (one.key for one in order.lines)
    ref = accepted(tryton_house, order)
    lowered = {first: Decimal(1), second: Decimal(0)}
    with tryton_house.cut(step), pytest.raises(Transient):
        tryton_house.port.amend_order(ref, lowered, "fewer")
    state = tryton_house.port.amend_order(ref, lowered, "fewer")

    assert dict(state.withdrawn) == {first: Decimal(2), second: Decimal(1)}
    tryton_house.ship(ref)
    tryton_house.post_invoices(ref)
    (invoice,) = tryton_house.port.find_documents([order.key])[order.key]
    assert [(one.line_key, one.quantity) for one in invoice.lines] == [(first, Decimal(1))]
    (state,) = tryton_house.port.order_states([ref])
    assert state.phase is OrderPhase.BOOKED


def test_a_tracking_number_in_the_free_text_is_read_where_there_is_no_other(
    tryton_house: TrytonHouse,
) -> None:
    since = datetime.now(UTC) - timedelta(milliseconds=1)
    order = draft([line(tryton_house.skus[0])])
    (shipment,) = tryton_house.hands.ship(accepted(tryton_house, order))
    tryton_house.hands.write_reference(shipment, "Evri: H0001, H0002")

    (told,) = [
        one for one in tryton_house.port.shipments(since, None).rows if one.order_key == order.key
    ]
    assert (told.carrier, told.tracking) == ("Evri", ("H0001", "H0002"))


def test_the_ledger_of_a_cancelled_invoice_names_it_on_both_sides(
    tryton_house: TrytonHouse,
) -> None:
    order = draft([line(tryton_house.skus[0], "1", "10.0000"), rounding("0.03")])
    ref = accepted(tryton_house, order)
    tryton_house.ship(ref)
    tryton_house.post_invoices(ref)
    port = tryton_house.port
    (invoice,) = [
        one
        for one in port.find_documents([order.key])[order.key]
        if "4.1.9" in {found.account for found in one.lines}
    ]

    tryton_house.hands.cancel_invoice(invoice.ref)

    query = LedgerQuery(accounts=("4.1.9",), changed_since=datetime.now(UTC) - timedelta(minutes=5))
    found = [one for one in port.ledger_lines(query, None).rows if one.document_ref == invoice.ref]
    assert [one.debit - one.credit for one in found] == [Decimal("-0.03"), Decimal("0.03")]
    assert {one.journal_key for one in found} == {""}
