"""Shipments in parts and parcels, and goods that come back, as every ERP adapter reads them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from sync.domain.delivery import Rejected
from sync.domain.documents import (
    OrderDraft,
    ReturnDraft,
    ReturnLine,
    ReturnPhase,
    Shipment,
    ShipmentPhase,
    WriteStatus,
)
from tests.contract.erp.houses import ErpHouse
from tests.contract.erp.orders import accepted, draft, line, new_key, shipping
from tests.sandbox.erp import Box


def a_moment_ago() -> datetime:
    return datetime.now(UTC) - timedelta(milliseconds=1)


def shipments_of(house: ErpHouse, order: OrderDraft, since: datetime) -> list[Shipment]:
    found: list[Shipment] = []
    cursor = None
    while True:
        page = house.port.shipments(since, cursor)
        found += [one for one in page.rows if one.order_key == order.key]
        cursor = page.cursor
        if cursor is None:
            return found


def test_an_order_leaves_in_parts_each_line_counted_once(house: ErpHouse) -> None:
    first, second = house.skus[6], house.skus[7]
    since = a_moment_ago()
    order = draft([line(first, "3"), line(second, "1"), shipping()])
    keys = [one.key for one in order.lines]
    ref = accepted(house, order)
    house.ship(ref, {first: Decimal(2)}, carrier="DPD")

    able = house.port.capabilities()
    by_ref = sorted(shipments_of(house, order, since), key=lambda one: (len(one.ref), one.ref))
    left, *others = by_ref
    assert left.phase is ShipmentPhase.SHIPPED
    assert left.shipped_on is not None
    assert left.carrier == ("DPD" if able.carriers else None)
    assert [(x.line_key, x.sku, x.quantity) for x in left.lines] == [(keys[0], first, Decimal(2))]
    assert [(one.phase, one.shipped_on, one.carrier) for one in others] == (
        [(ShipmentPhase.OPEN, None, None)] if able.open_shipments else []
    )
    for waiting in others:
        assert {x.line_key: x.quantity for x in waiting.lines} == {keys[0]: 1, keys[1]: 1}

    mark = a_moment_ago()
    house.ship(ref, carrier="Royal Mail")
    later = {one.ref: one.phase for one in shipments_of(house, order, mark)}
    assert list(later.values()).count(ShipmentPhase.SHIPPED) >= 1
    assert all(later[waiting.ref] is ShipmentPhase.SHIPPED for waiting in others)
    shipped: dict[str, Decimal] = {}
    for one in shipments_of(house, order, since):
        for part in one.lines:
            shipped[part.line_key] = shipped.get(part.line_key, Decimal(0)) + part.quantity
    assert shipped == {keys[0]: Decimal(3), keys[1]: Decimal(1)}


def test_a_shipment_in_two_parcels_tells_both_with_their_tracking_numbers(house: ErpHouse) -> None:
    first, second = house.skus[6], house.skus[7]
    since = a_moment_ago()
    order = draft([line(first, "3"), line(second, "1")])
    boxes = [
        Box("1550 0001", {first: Decimal(2)}),
        Box("1550 0002", {first: Decimal(1), second: Decimal(1)}),
    ]
    house.ship(accepted(house, order), carrier="DPD", boxes=boxes)

    (shipment,) = shipments_of(house, order, since)
    able = house.port.capabilities()
    assert shipment.carrier == ("DPD" if able.carriers else None)
    assert shipment.tracking == (("1550 0001", "1550 0002") if able.tracking_numbers else ())
    if not able.parcels:
        assert shipment.parcels == ()
        return
    assert [
        (parcel.tracking, sorted((one.sku, one.quantity) for one in parcel.lines))
        for parcel in shipment.parcels
    ] == [
        ("1550 0001", [(first, Decimal(2))]),
        ("1550 0002", sorted([(first, Decimal(1)), (second, Decimal(1))])),
    ]


def announced(order: OrderDraft, *quantities: str, key: str = "") -> ReturnDraft:
    key = key or new_key()
    return ReturnDraft(
        key=key,
        reference=f"RF-{key[-6:]}",
        order_key=order.key,
        expected_on=datetime.now(UTC).date(),
        lines=tuple(
            ReturnLine(one.key, one.sku, Decimal(quantity))
            for one, quantity in zip(order.lines, quantities, strict=False)
        ),
    )


def test_goods_come_back_once_under_their_key_and_move_no_money(house: ErpHouse) -> None:
    sku = house.skus[6]
    since = a_moment_ago()
    order = draft([line(sku, "3")])
    ref = accepted(house, order)
    house.ship(ref)
    house.post_invoices(ref)
    documents = house.port.find_documents([order.key])
    (level,) = house.port.stock([sku], None).rows
    # A key with the characters a pattern would trip over.
    back = announced(order, "2", key=f"{new_key()}_%\\1")

    assert house.port.find_returns([back.key]) == {}
    if not house.port.capabilities().returns:
        with pytest.raises(Rejected, match="does not offer"):
            house.port.submit_return(back)
        assert house.port.returns(since, None).rows == ()
        return
    first, second = house.port.submit_return(back), house.port.submit_return(back)
    assert (first.status, second.status) == (WriteStatus.CREATED, WriteStatus.EXISTED)
    assert first.ref == second.ref
    state = house.port.find_returns([back.key])[back.key]
    assert (state.phase, state.order_key) == (ReturnPhase.EXPECTED, order.key)
    assert [(x.line_key, x.sku, x.quantity) for x in state.lines] == [
        (order.lines[0].key, sku, Decimal(2))
    ]

    assert first.ref is not None
    house.receive(first.ref)
    state = house.port.find_returns([back.key])[back.key]
    assert state.phase is ReturnPhase.RESTOCKED
    assert state.received_on is not None
    assert back.key in {one.key for one in house.port.returns(since, None).rows}
    (after,) = house.port.stock([sku], None).rows
    assert after.on_hand == level.on_hand + 2
    assert house.port.find_documents([order.key]) == documents
    # Nor does the ERP send the goods again.
    open_ones = [
        one for one in shipments_of(house, order, since) if one.phase is ShipmentPhase.OPEN
    ]
    assert open_ones == []


def test_no_more_comes_back_than_has_left(house: ErpHouse) -> None:
    order = draft([line(house.skus[6], "3")])
    ref = accepted(house, order)
    if not house.port.capabilities().returns:
        house.ship(ref)
        with pytest.raises(Rejected, match="does not offer"):
            house.port.submit_return(announced(order, "1"))
        return
    with pytest.raises(Rejected, match="left"):
        house.port.submit_return(announced(order, "1"))
    house.ship(ref, {house.skus[6]: Decimal(2)})
    with pytest.raises(Rejected, match="left"):
        house.port.submit_return(announced(order, "3"))
    house.port.submit_return(announced(order, "1"))
    with pytest.raises(Rejected, match="left"):
        house.port.submit_return(announced(order, "2"))
    with pytest.raises(Rejected, match="nobody"):
        house.port.submit_return(announced(draft(order.lines, key="nobody's"), "1"))


def test_levels_of_many_items_come_once_over_the_pages_and_follow_a_count(house: ErpHouse) -> None:
    since = a_moment_ago()
    house.count_stock({house.skus[8]: 33, house.skus[9]: 0})
    seen: dict[str, Decimal] = {}
    cursor, pages = None, 0
    while True:
        page = house.port.stock(None, cursor)
        assert not seen.keys() & {level.sku for level in page.rows}
        seen |= {level.sku: level.on_hand for level in page.rows}
        pages, cursor = pages + 1, page.cursor
        assert all(level.as_of >= since for level in page.rows)
        if cursor is None:
            break
    assert (seen[house.skus[8]], seen[house.skus[9]]) == (Decimal(33), Decimal(0))
    assert pages >= len(seen) // 1000
    assert {house.skus[8], house.skus[9]} <= set(house.port.stock_changed(since, None).rows)
