"""Taking back what the ERP has accepted."""

from decimal import Decimal

import pytest

from sync.domain.delivery import Rejected
from sync.domain.documents import FulfilledBy, OrderPhase, ShipmentPhase, Treatment
from tests.contract.erp.houses import ErpHouse
from tests.contract.erp.orders import accepted, draft, line, shipping

SELLER = {"fulfilled_by": FulfilledBy.SELLER, "treatment": Treatment.AGENT}


def available(house: ErpHouse, sku: str) -> Decimal:
    (level,) = house.port.stock([sku], None).rows
    assert level.available is not None
    return level.available


def test_an_accepted_order_is_cancelled_and_its_goods_are_free_again(house: ErpHouse) -> None:
    sku = house.skus[0]
    before = available(house, sku)
    order = draft([line(sku, "2"), shipping()])
    ref = accepted(house, order)
    assert available(house, sku) == before - 2

    assert house.port.cancel_order(ref, "the buyer changed her mind").phase is OrderPhase.CANCELLED
    assert house.port.cancel_order(ref, "again").phase is OrderPhase.CANCELLED
    assert house.port.find_orders([order.key])[order.key].phase is OrderPhase.CANCELLED
    assert available(house, sku) == before
    house.post_invoices(ref)
    documents = house.port.find_documents([order.key]).get(order.key, ())
    assert [one for one in documents if one.move_ref] == []
    (answer,) = house.port.submit_orders([order])
    assert isinstance(answer, Rejected)


def test_a_sellers_accepted_order_is_cancelled(house: ErpHouse) -> None:
    ref = accepted(house, draft([line(house.skus[0]), shipping()], **SELLER))  # type: ignore[arg-type]
    assert house.port.cancel_order(ref, "no longer wanted").phase is OrderPhase.CANCELLED


def test_what_is_picked_or_shipped_is_neither_cancelled_nor_amended(house: ErpHouse) -> None:
    order = draft([line(house.skus[1], "2")])
    ref = accepted(house, order)
    house.pick(ref)
    with pytest.raises(Rejected, match="picked"):
        house.port.cancel_order(ref, "too late")
    with pytest.raises(Rejected, match="picked"):
        house.port.amend_order(ref, {order.lines[0].key: Decimal(1)}, "too late")
    (state,) = house.port.order_states([ref])
    assert state.phase is OrderPhase.ACCEPTED
    assert state.withdrawn == {}


def test_what_is_invoiced_is_not_cancelled(house: ErpHouse) -> None:
    ref = accepted(house, draft([line(house.skus[0])], **SELLER))  # type: ignore[arg-type]
    house.post_invoices(ref)
    with pytest.raises(Rejected, match="posted"):
        house.port.cancel_order(ref, "too late")


def test_an_amended_order_ships_and_invoices_what_is_left(house: ErpHouse) -> None:
    first, second = house.skus[4], house.skus[5]
    order = draft([line(first, "5", "8.3333"), line(second, "2"), shipping()])
    keys = [one.key for one in order.lines]
    ref = accepted(house, order)
    free = available(house, first)
    lowered = {keys[0]: Decimal(3), keys[1]: Decimal(0)}
    state = house.port.amend_order(ref, lowered, "two fewer")

    assert state.phase is OrderPhase.ACCEPTED
    assert dict(state.withdrawn) == {keys[0]: Decimal(2), keys[1]: Decimal(2)}
    again = house.port.amend_order(ref, lowered, "two fewer")
    assert again.withdrawn == state.withdrawn
    assert available(house, first) == free + 2

    house.ship(ref)
    house.post_invoices(ref)
    (state,) = house.port.order_states([ref])
    assert state.phase is OrderPhase.BOOKED
    documents = house.port.find_documents([order.key])[order.key]
    sold = {one.line_key: one.quantity for document in documents for one in document.lines}
    assert sold == {keys[0]: Decimal(3), keys[2]: Decimal(1)}
    assert sum(document.gross for document in documents) == Decimal("34.00")


def test_an_amendment_goes_down_only_and_names_what_is_wrong(house: ErpHouse) -> None:
    order = draft([line(house.skus[1], "3"), shipping()])
    key, shipping_key = (one.key for one in order.lines)
    ref = accepted(house, order)
    house.port.amend_order(ref, {key: Decimal(2)}, "one fewer")

    for quantities, words in (
        ({key: Decimal(3)}, "lowered"),
        ({key: Decimal(-1)}, "lowered"),
        ({"nobody's": Decimal(1)}, "no line"),
        ({shipping_key: Decimal(0)}, "not shipped from here"),
    ):
        with pytest.raises(Rejected, match=words):
            house.port.amend_order(ref, quantities, "wrong")
    (state,) = house.port.order_states([ref])
    assert dict(state.withdrawn) == {key: Decimal(1)}


def test_an_order_shipped_in_part_is_amended_down_to_what_has_left(house: ErpHouse) -> None:
    sku = house.skus[1]
    order = draft([line(sku, "3")])
    key = order.lines[0].key
    ref = accepted(house, order)
    house.ship(ref, {sku: Decimal(1)})

    if not house.port.capabilities().partial_amend:
        with pytest.raises(Rejected, match="released"):
            house.port.amend_order(ref, {key: Decimal(1)}, "the rest is not wanted")
        (state,) = house.port.order_states([ref])
        assert state.withdrawn == {}
        return
    with pytest.raises(Rejected, match="have left"):
        house.port.amend_order(ref, {key: Decimal(0)}, "too much")
    state = house.port.amend_order(ref, {key: Decimal(1)}, "the rest is not wanted")
    assert dict(state.withdrawn) == {key: Decimal(2)}
    house.post_invoices(ref)
    (state,) = house.port.order_states([ref])
    assert state.phase is OrderPhase.BOOKED
    moment = min(level.as_of for level in house.port.stock([sku], None).rows)
    later = [one for one in house.port.shipments(moment, None).rows if one.order_ref == ref]
    assert [one for one in later if one.phase is ShipmentPhase.OPEN] == []
