"""Items, stock and shipments as every ERP adapter reads them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sync.domain.documents import Item, ShipmentPhase, Written
from tests.contract.erp.houses import ErpHouse
from tests.contract.erp.orders import draft, line


def all_items(house: ErpHouse, since: datetime | None, limit: int = 400) -> list[Item]:
    items: list[Item] = []
    cursor = None
    while True:
        page = house.port.items(since, cursor, limit)
        assert len(page.rows) <= limit
        items += page.rows
        cursor = page.cursor
        if cursor is None:
            return items


def moved(house: ErpHouse, since: datetime) -> set[str]:
    skus: set[str] = set()
    cursor = None
    while True:
        page = house.port.stock_changed(since, cursor)
        skus |= set(page.rows)
        cursor = page.cursor
        if cursor is None:
            return skus


def test_all_items_come_once_over_many_pages(house: ErpHouse) -> None:
    many = len(all_items(house, None)) > 50
    items = all_items(house, None, limit=700 if many else 3)

    assert len({item.ref for item in items}) == len(items)
    assert set(house.skus) <= {item.sku for item in items}
    assert not {item.sku for item in items} & {"MKT-SHIPPING-STD", "MKT-ROUNDING"}


def test_an_item_says_what_it_is(house: ErpHouse) -> None:
    items = {item.sku: item for item in all_items(house, None)}
    item = items[house.skus[0]]

    assert item.active
    assert item.name
    assert isinstance(item.price, Decimal)
    assert item.currency == "GBP"
    assert ("size" in item.options) is house.port.capabilities().options
    assert item.modified_at is not None
    assert item.modified_at.tzinfo is not None


def test_only_changed_items_come_retired_ones_among_them(house: ErpHouse) -> None:
    retired = house.skus[-1]
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    house.retire(retired)

    changed = all_items(house, before)
    assert [(item.sku, item.active) for item in changed] == [(retired, False)]
    assert all_items(house, datetime.now(UTC) + timedelta(minutes=1)) == []


def test_a_retired_item_cannot_be_sold(house: ErpHouse) -> None:
    retired = house.skus[-2]
    house.retire(retired)
    (answer,) = house.port.submit_orders([draft([line(retired)])])

    assert not isinstance(answer, Written)
    assert retired in str(answer)


def test_a_confirmed_order_lowers_what_is_available_and_shows_as_moved(house: ErpHouse) -> None:
    sku = house.skus[2]
    (before,) = house.port.stock([sku], None).rows
    assert before.on_hand > 0
    moment = datetime.now(UTC) - timedelta(milliseconds=1)
    (written,) = house.port.submit_orders([draft([line(sku, "2")])])
    assert isinstance(written, Written)

    (after,) = house.port.stock([sku], None).rows
    assert after.on_hand == before.on_hand
    assert before.available is not None
    assert after.available == before.available - 2
    assert sku in moved(house, moment)
    places = house.port.reference_data().locations
    assert after.location == (places[0] if house.port.capabilities().stock_by_location else None)
    assert moved(house, datetime.now(UTC) + timedelta(minutes=1)) == set()


def test_a_shipment_is_read_with_its_lines_once_it_has_left(house: ErpHouse) -> None:
    sku = house.skus[3]
    since = datetime.now(UTC) - timedelta(milliseconds=1)
    (written,) = house.port.submit_orders([draft([line(sku, "2")])])
    assert isinstance(written, Written)
    assert written.ref is not None

    def mine() -> tuple[object, ...]:
        (shipment,) = [
            s for s in house.port.shipments(since, None).rows if s.order_ref == written.ref
        ]
        assert [(one.sku, one.quantity) for one in shipment.lines] == [(sku, Decimal(2))]
        return shipment.phase, shipment.shipped_on is not None

    if house.port.capabilities().open_shipments:
        assert mine() == (ShipmentPhase.OPEN, False)
    else:
        assert house.port.shipments(since, None).rows == ()
    house.ship(written.ref)
    assert mine() == (ShipmentPhase.SHIPPED, True)
