"""What every ERP adapter does with orders; the far side is asked, not the adapter."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from mkterp.core.money import from_minor
from sync.domain.delivery import Rejected, UnknownOutcome
from sync.domain.documents import (
    FulfilledBy,
    OrderDraft,
    OrderPhase,
    Treatment,
    WriteStatus,
    Written,
)
from sync.domain.orders import MappedItem, translate
from sync.erp.port import ErpPort
from tests.contract.erp.houses import ErpHouse
from tests.contract.erp.orders import draft, line, new_key, rounding, shipping
from tests.unit.sync.test_orders import SELLER, TAXES, ZERO, a_line, an_invoice


def submit(port: ErpPort, order: OrderDraft) -> Written:
    (answer,) = port.submit_orders([order])
    assert isinstance(answer, Written), answer
    assert answer.order is not None
    return answer


def assert_one_confirmed_sale(house: ErpHouse, order: OrderDraft) -> None:
    ((state, gross),) = house.sales(order.key)
    assert state in house.confirmed
    assert gross == order.gross


def test_an_order_arrives_confirmed_with_its_totals_to_the_penny(house: ErpHouse) -> None:
    first, second, *_ = house.skus
    order = draft(
        [
            line(first, "3", "8.3333"),
            line(second, "2", "41.6650"),
            line(second, "1", "7.9900", "GB-ZERO"),
            shipping("3.3500"),
            shipping("0.5000", "GB-ZERO"),
            rounding(),
        ]
    )
    written = submit(house.port, order)

    assert written.status is WriteStatus.CREATED
    assert written.ref
    assert written.number
    state = written.order
    assert state is not None
    assert state.phase is OrderPhase.ACCEPTED
    assert (state.net, state.tax, state.gross) == (order.net, order.tax, order.gross)
    assert state.gross == Decimal("142.52")
    assert_one_confirmed_sale(house, order)


def test_the_same_batch_twice_makes_each_order_once(house: ErpHouse) -> None:
    orders = [draft([line(sku)]) for sku in house.skus[:3]]
    created = house.port.submit_orders(orders)
    again = house.port.submit_orders(orders)

    assert [a.status for a in created if isinstance(a, Written)] == [WriteStatus.CREATED] * 3
    assert [a.status for a in again if isinstance(a, Written)] == [WriteStatus.EXISTED] * 3
    for order in orders:
        assert_one_confirmed_sale(house, order)


def test_an_order_doubled_within_a_batch_is_made_once(house: ErpHouse) -> None:
    order = draft([line(house.skus[0])])
    answers = house.port.submit_orders([order, order])

    assert all(isinstance(answer, Written) for answer in answers)
    assert_one_confirmed_sale(house, order)


def test_parallel_submits_of_one_key_make_one_sale(house: ErpHouse) -> None:
    order = draft([line(house.skus[0])])
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: house.port.submit_orders([order]), range(4)))
    # Some may have met another halfway; none may have been refused, and the next one finds it.
    assert not [a for answers in results for a in answers if isinstance(a, Rejected)]

    submit(house.port, order)
    assert_one_confirmed_sale(house, order)


def test_a_lost_answer_is_unknown_and_the_retry_finds_the_order(house: ErpHouse) -> None:
    order = draft([line(house.skus[0])])
    house.lose_next_answer()
    (answer,) = house.port.submit_orders([order])
    assert isinstance(answer, UnknownOutcome)

    assert submit(house.port, order).status is WriteStatus.EXISTED
    assert_one_confirmed_sale(house, order)


@pytest.mark.parametrize("phase", [OrderPhase.DRAFT, OrderPhase.QUOTED])
def test_a_stranded_order_is_driven_to_confirmed(house: ErpHouse, phase: OrderPhase) -> None:
    order = draft([line(house.skus[0]), shipping()])
    house.strand(order, phase)
    found = house.port.find_orders([order.key])
    stranded = house.port.capabilities().drafts
    assert [state.phase for state in found.values()] == ([phase] if stranded else [])

    written = submit(house.port, order)
    assert written.status is (WriteStatus.EXISTED if stranded else WriteStatus.CREATED)
    assert_one_confirmed_sale(house, order)


@pytest.mark.parametrize("phase", [OrderPhase.DRAFT, OrderPhase.QUOTED])
def test_a_stranded_order_takes_the_lines_of_today(house: ErpHouse, phase: OrderPhase) -> None:
    before = draft([line(house.skus[0], "2", "5.0000")])
    house.strand(before, phase)
    today = draft([line(house.skus[1], "1", "12.5000"), shipping()], key=before.key)

    submit(house.port, today)
    assert_one_confirmed_sale(house, today)


def test_one_refused_order_does_not_hold_the_others(house: ErpHouse) -> None:
    good = [draft([line(sku)]) for sku in house.skus[:3]]
    unknown = draft([line("NO-SUCH-ITEM")])
    untaxed = draft([replace(line(house.skus[0]), tax_code="GB-NONE")])
    answers = house.port.submit_orders([good[0], unknown, good[1], untaxed, good[2]])

    assert [type(answer) for answer in answers] == [Written, Rejected, Written, Rejected, Written]
    assert "NO-SUCH-ITEM" in str(answers[1])
    assert "GB-NONE" in str(answers[3])
    for order in good:
        assert_one_confirmed_sale(house, order)
    assert house.sales(unknown.key) == house.sales(untaxed.key) == []


def test_a_price_the_erp_cannot_keep_is_refused_not_rounded(house: ErpHouse) -> None:
    order = draft([line(house.skus[0], "3", "3.333333")])
    (answer,) = house.port.submit_orders([order])

    assert isinstance(answer, Rejected)
    assert house.sales(order.key) == []


def test_half_a_penny_goes_where_the_erp_says_it_goes(house: ErpHouse) -> None:
    order = draft([line(house.skus[0], "1", "10.1250"), line(house.skus[1], "1", "0.0250")])

    state = submit(house.port, order).order
    assert state is not None
    told = {
        ("half_even", "line"): (Decimal("10.14"), Decimal("2.02")),
        ("half_up", "line"): (Decimal("10.16"), Decimal("2.04")),
        ("half_up", "document"): (Decimal("10.16"), Decimal("2.03")),
    }
    able = house.port.capabilities()
    net, tax = told[able.arithmetic.ties, able.arithmetic.level]
    # Where we say the tax, it is what we said.
    assert (state.net, state.tax) == (net, tax if able.erp_computes_tax else order.tax)


@pytest.mark.parametrize("treatment", list(Treatment))
def test_the_erp_asks_for_what_was_paid_and_taxed(house: ErpHouse, treatment: Treatment) -> None:
    able = house.port.capabilities()
    items = {f"variant-{n}": MappedItem(house.skus[n], 1) for n in (1, 2)}
    for goods in ([13, 13, 13], [1_999, 1_999, 4_795], [2_501, 1_250, 333, 333]):
        lines = [
            a_line(n, variant=f"variant-{1 + n % 2}", gross=gross, quantity=1 + n % 3, postage=133)
            for n, gross in enumerate(goods)
        ]
        untaxed = replace(a_line(9, gross=850, rate=ZERO, postage=395), postage_tax_minor=0)
        invoice = an_invoice(*lines, untaxed, marketplacer_id=new_key())
        order = translate(
            invoice,
            currency="GBP",
            seller=replace(SELLER, treatment=treatment),
            items=items,
            taxes=TAXES,
            arithmetic=able.arithmetic,
        )
        assert isinstance(order, OrderDraft), order

        state = submit(house.port, order).order
        assert state is not None
        taxed = sum(line.tax_minor + line.postage_tax_minor for line in invoice.lines)
        assert (state.net, state.tax, state.gross) == (order.net, order.tax, order.gross)
        assert state.gross == from_minor(invoice.total_minor, "GBP")
        assert state.tax == from_minor(taxed, "GBP")
        assert_one_confirmed_sale(house, order)


def test_keys_the_erp_does_not_know_are_absent(house: ErpHouse) -> None:
    assert house.port.find_orders(["nobody-ever-sent-this"]) == {}
    assert house.port.order_states(["999999999"]) == []


def test_an_operators_order_is_booked_once_shipped_and_invoiced(house: ErpHouse) -> None:
    order = draft([line(house.skus[0]), shipping()])
    ref = submit(house.port, order).ref
    assert ref is not None

    def phase() -> OrderPhase:
        (state,) = house.port.order_states([ref])
        return state.phase

    in_the_books = datetime.now(UTC).date() - timedelta(days=1)  # not the day it is done
    house.post_invoices(ref, in_the_books)  # at most its shipping: the goods have not left
    assert phase() is OrderPhase.ACCEPTED
    house.ship(ref)
    assert phase() is OrderPhase.ACCEPTED
    house.post_invoices(ref, in_the_books)
    (state,) = house.port.order_states([ref])
    assert state.phase is OrderPhase.BOOKED
    assert state.invoice_number
    assert state.booked_on == in_the_books
    assert state.gross == order.gross
    assert submit(house.port, order).status is WriteStatus.EXISTED


def test_a_sellers_order_is_booked_without_any_picking(house: ErpHouse) -> None:
    order = draft(
        [line(house.skus[0]), shipping()],
        fulfilled_by=FulfilledBy.SELLER,
        treatment=Treatment.AGENT,
    )
    ref = submit(house.port, order).ref
    assert ref is not None
    since = min(level.as_of for level in house.port.stock([house.skus[0]], None).rows)
    assert ref not in {s.order_ref for s in house.port.shipments(since, None).rows}

    house.post_invoices(ref)
    (state,) = house.port.order_states([ref])
    assert state.phase is OrderPhase.BOOKED


@pytest.mark.parametrize("phase", [OrderPhase.DRAFT, OrderPhase.QUOTED])
def test_an_unconfirmed_order_can_be_cancelled_and_stays_so(
    house: ErpHouse, phase: OrderPhase
) -> None:
    order = draft([line(house.skus[0])])
    if house.port.capabilities().drafts:
        house.strand(order, phase)
    else:
        house.port.submit_orders([order])
    ref = house.port.find_orders([order.key])[order.key].ref

    assert house.port.cancel_order(ref, "the buyer changed her mind").phase is OrderPhase.CANCELLED
    assert house.port.cancel_order(ref, "again").phase is OrderPhase.CANCELLED
    (answer,) = house.port.submit_orders([order])
    assert isinstance(answer, Rejected)
    assert "cancelled" in str(answer)
