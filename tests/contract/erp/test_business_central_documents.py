"""Orders, journals and refunds as only Business Central has them, and what is cut off halfway."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from mkterp.core.money import from_minor
from sync.domain.credit_lines import rates_of
from sync.domain.delivery import (
    PeriodClosed,
    Rejected,
    Transient,
    UnknownOutcome,
)
from sync.domain.documents import (
    FulfilledBy,
    LedgerQuery,
    OrderDraft,
    OrderPhase,
    WriteStatus,
    Written,
)
from sync.domain.orders import MappedItem, translate
from sync.domain.refunds import Can, Credit, GivenBack, decide_refund, held
from tests.contract.erp.business_central_house import BusinessCentralHouse, entry
from tests.contract.erp.orders import accepted, credit, draft, line, new_key, of, shipping
from tests.sandbox.erp.served import Told
from tests.unit.sync.test_orders import SELLER, TAXES, a_line, an_invoice

NOTHING = Decimal(0)


def test_an_order_arrives_in_one_request_lines_and_all(central: BusinessCentralHouse) -> None:
    order = draft([line(central.skus[0]), line(central.skus[1]), shipping()])
    accepted(central, order)
    assert central.wire.calls["POST salesOrders"] == 1
    assert central.wire.calls["POST salesOrderLines"] == 0


@pytest.mark.parametrize("key", ["Mixed-Case-" + "x" * 60, "short and Mixed"])
def test_a_key_that_does_not_fit_is_kept_beside_its_number(
    central: BusinessCentralHouse, key: str
) -> None:
    order = draft([line(central.skus[0])], key=key)
    ref = accepted(central, order)
    assert set(central.port.find_orders([key, key.upper()])) == {key}
    (again,) = central.port.submit_orders([order])
    assert isinstance(again, Written)
    assert again.status is WriteStatus.EXISTED
    central.ship(ref)
    central.post_invoices(ref)

    assert set(central.port.find_orders([key, key.upper()])) == {key}
    (invoice,) = central.port.find_documents([key])[key]
    assert (invoice.key, invoice.reference) == (key, order.reference)


def test_of_two_orders_made_at_the_same_moment_the_later_one_goes(
    central: BusinessCentralHouse,
) -> None:
    order = draft([line(central.skus[0])])
    ref = accepted(central, order)
    # The other worker looked before this one wrote: what it saw was nothing.
    central.wire.instead(Told(200, {"value": []}), name="GET salesOrders")
    (answer,) = central.port.submit_orders([order])

    assert isinstance(answer, Written)
    assert answer.ref == ref
    assert len(central.sales(order.key)) == 1
    assert central.wire.calls["DELETE salesOrders"] == 1


def test_an_order_that_waits_for_an_approval_is_not_accepted_yet(
    central: BusinessCentralHouse,
) -> None:
    order = draft([line(central.skus[0])])
    ref = accepted(central, order)
    (row,) = central.erp.find("salesOrders", number=ref)
    central.erp.put(row, {"status": "In Review"})

    assert central.port.find_orders([order.key])[order.key].phase is OrderPhase.QUOTED
    (answer,) = central.port.submit_orders([order])
    assert isinstance(answer, Transient)


def test_the_tax_is_rounded_once_for_all_lines_of_a_code(central: BusinessCentralHouse) -> None:
    order = draft([line(sku, "1", "0.0300") for sku in central.skus[:3]])
    accepted(central, order)
    state = central.port.find_orders([order.key])[order.key]
    # Three times 0.006 is 0.03 line by line, and 0.02 together.
    assert (order.tax, state.tax) == (Decimal("0.03"), Decimal("0.02"))


def test_a_released_order_is_lowered_once_its_people_reopen_it(
    central: BusinessCentralHouse,
) -> None:
    order = draft([line(central.skus[0], "3")])
    key = order.lines[0].key
    ref = accepted(central, order)
    central.ship(ref, {central.skus[0]: Decimal(1)})
    central.people.reopen(ref)

    with pytest.raises(Rejected, match="have left"):
        central.port.amend_order(ref, {key: Decimal(0)}, "too much")
    state = central.port.amend_order(ref, {key: Decimal(1)}, "the rest is not wanted")
    assert dict(state.withdrawn) == {key: Decimal(2)}
    central.post_invoices(ref)
    (state,) = central.port.order_states([ref])
    assert state.phase is OrderPhase.BOOKED


def test_a_cancellation_cut_off_halfway_is_finished_by_the_next(
    central: BusinessCentralHouse,
) -> None:
    order = draft([line(central.skus[0], "2"), shipping()])
    ref = accepted(central, order)
    central.wire.lose = "PATCH salesOrderLines"
    with pytest.raises(UnknownOutcome):
        central.port.cancel_order(ref, "not wanted")
    assert central.port.cancel_order(ref, "not wanted").phase is OrderPhase.CANCELLED
    assert central.sales(order.key) == [("cancelled", NOTHING)]


def test_no_person_becomes_a_record_and_a_long_address_is_refused(
    central: BusinessCentralHouse,
) -> None:
    before = len(central.erp.find("customers"))
    order = draft([line(central.skus[0])], attributes={"Seller": "Quayside"})
    ref = accepted(central, order)
    (row,) = central.erp.find("salesOrders", number=ref)
    comments = [one["description"] for one in central.erp.lines("salesOrders", row)]
    assert (row["shipToName"], row["shipToPostCode"]) == ("Ann Example", "LS1 1AA")
    assert {"Seller: Quayside", order.reference} <= set(comments)
    assert len(central.erp.find("customers")) == before

    far = replace(order, key=new_key(), ship_to=replace(order.ship_to, city="x" * 31))
    (answer,) = central.port.submit_orders([far])
    assert isinstance(answer, Rejected)
    assert "city" in str(answer)


def test_what_a_seller_dispatches_is_posted_and_not_told_as_a_shipment(
    central: BusinessCentralHouse,
) -> None:
    since = datetime.now(UTC) - timedelta(milliseconds=1)
    sellers = draft([line(central.skus[0]), shipping()], fulfilled_by=FulfilledBy.SELLER)
    central.post_invoices(accepted(central, sellers))

    assert len(central.erp.find("salesShipments")) == 1
    assert central.port.shipments(since, None).rows == ()
    assert central.erp.find("items", number=central.skus[0])[0]["inventory"] == 50


def test_what_other_peoples_orders_wait_for_is_not_free(central: BusinessCentralHouse) -> None:
    sku, (before,) = central.skus[0], central.port.stock([central.skus[0]], None).rows
    ref = accepted(central, draft([line(sku, "3")]))
    (row,) = central.erp.find("salesOrders", number=ref)
    for comment in central.erp.find("salesOrderLines", lineType="Comment"):
        del central.erp.tables["salesOrderLines"][comment["id"]]  # nobody's: not one of ours
    central.ship(row["number"], {sku: Decimal(1)})

    (after,) = central.port.stock([sku], None).rows
    assert (after.on_hand, after.available) == (before.on_hand - 1, before.on_hand - 3)
    assert central.port.stock(None, None).rows[0].available == before.on_hand - 3


# -- the books ------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["POST journals", "POST journalLines", "POST journals.post"])
def test_a_journal_cut_off_anywhere_is_posted_once(
    central: BusinessCentralHouse, step: str
) -> None:
    journal = entry(central)
    central.wire.lose = step
    with pytest.raises(UnknownOutcome):
        central.port.post_journal(journal)
    again = central.port.post_journal(journal)

    assert (again.status is WriteStatus.EXISTED) is (step == "POST journals.post")
    assert central.journals(journal.key) == 1
    assert central.erp.find("journalLines") == []
    lines = central.port.ledger_lines(LedgerQuery(accounts=central.accounts[:1]), None).rows
    assert [one.journal_key for one in lines] == [journal.key]


def test_a_posting_that_ends_while_the_retry_clears_up_is_found(
    central: BusinessCentralHouse,
) -> None:
    journal = entry(central)
    central.wire.lose = "POST journals.post"
    with pytest.raises(UnknownOutcome):
        central.port.post_journal(journal)
    # The retry looks while Business Central still works on it.
    central.wire.instead(Told(200, {"value": []}), name="GET generalLedgerEntries")
    assert central.port.post_journal(journal).status is WriteStatus.EXISTED
    assert central.journals(journal.key) == 1
    assert central.port.journals([journal.key])[journal.key].key == journal.key


@pytest.mark.parametrize("step", ["POST salesCreditMemos", "POST salesCreditMemos.post"])
def test_a_refund_cut_off_anywhere_is_made_once(central: BusinessCentralHouse, step: str) -> None:
    order = draft([line(central.skus[0], "2")])
    ref = accepted(central, order)
    central.ship(ref)
    central.post_invoices(ref)
    refund = credit(order, [of(order.lines[0], "1")])
    central.wire.lose = step
    with pytest.raises(UnknownOutcome):
        central.port.post_credit_note(refund)
    central.port.post_credit_note(refund)

    assert central.people.memos(order.key) == ["Open"]
    assert central.erp.find("items", number=central.skus[0])[0]["inventory"] == 48


@pytest.mark.parametrize("given_back", [2, 4])
def test_money_back_for_several_lines_of_one_code_is_taxed_once(
    central: BusinessCentralHouse, given_back: int
) -> None:
    able = central.port.capabilities()
    goods = [a_line(n, gross=16, postage=133 * (n == 1)) for n in (1, 2, 3)]
    invoice = an_invoice(*goods, marketplacer_id=new_key())
    order = translate(
        invoice,
        currency="GBP",
        seller=replace(SELLER, fulfilled_by=FulfilledBy.OPERATOR),
        items={"variant-1": MappedItem(central.skus[0], 1)},
        taxes=TAXES,
        arithmetic=able.arithmetic,
    )
    assert isinstance(order, OrderDraft), order
    ref = accepted(central, order)
    central.ship(ref)
    central.post_invoices(ref)
    (state,) = central.port.order_states([ref])
    documents = central.port.find_documents([order.key])[order.key]
    shipping = ("shipping:GB-STD", 0, 133)
    wanted = [(line.marketplacer_id, 1, 16) for line in goods] + [shipping]
    parts = [GivenBack(key, "", n, minor, True) for key, n, minor in wanted[:given_back]]

    decision = decide_refund(
        order,
        parts,
        reference="RF-1",
        amount_minor=sum(part.amount_minor for part in parts),
        taken_minor={},
        closed=False,
        packs={},
        rates=rates_of(order, {}, able.arithmetic),
        erp=held(state.phase, {}, documents, {}),
        can=Can(cancel=True, amend=True, credit=True, arithmetic=able.arithmetic),
    )
    assert isinstance(decision, Credit), decision
    refund = credit(order, decision.lines)
    central.port.post_credit_note(refund)

    memo = central.port.find_documents([order.key])[order.key][-1]
    assert -memo.gross == refund.gross == from_minor(sum(p.amount_minor for p in parts), "GBP")


def test_dates_that_only_business_central_knows_of_are_a_closed_period(
    central: BusinessCentralHouse,
) -> None:
    words = "Posting Date is not within your range of allowed posting dates."
    told = {"error": {"code": "Application_DialogException", "message": words}}
    central.wire.instead(Told(400, told), name="POST journals.post")
    journal = entry(central)
    with pytest.raises(PeriodClosed):
        central.port.post_journal(journal)
    assert central.journals(journal.key) == 0
    assert central.erp.find("journalLines") == []


def test_an_invoice_people_have_paid_is_told_as_paid(central: BusinessCentralHouse) -> None:
    order = draft([line(central.skus[0])], fulfilled_by=FulfilledBy.SELLER)
    central.post_invoices(accepted(central, order))
    (invoice,) = central.port.find_documents([order.key])[order.key]
    central.people.pay_invoice(invoice.ref)
    (invoice,) = central.port.find_documents([order.key])[order.key]
    assert invoice.state == "paid"
