"""After everything has run, the sandbox's log of variables says what was written, and to whom."""

import json
from datetime import UTC, datetime

import pytest

from sync.marketplacer import allowed
from sync.models import OutboxMessage
from sync.services import deliveries, shipments_carriers, shipments_hear
from tests.factories import make_catalogue_read, make_tax_codes
from tests.integration.sync.stock import Clock, Shop

pytestmark = pytest.mark.django_db(transaction=True)

FORBIDDEN = ("address", "shippedfrom", "price", "published", "title", "sku", "seller")


@pytest.fixture
def shop(sandbox, marketplacer, erp):
    make_catalogue_read()
    make_tax_codes()
    clock = Clock(datetime.now(UTC))
    erp._clock = clock
    return Shop(sandbox, erp, clock)


def tell_marketplacer(shop):
    deliveries.deliver(lane=OutboxMessage.Lane.MARKETPLACER, clock=shop.clock)


def trade(shop, ours, theirs):
    """Levels, orders, their numbers, parcels, a cancellation and a count."""
    shop.tell()
    first, second, _ = (shop.order(listing, 2) for listing in (*ours, theirs[0]))
    shop.read_orders()
    shop.post_orders()
    tell_marketplacer(shop)
    shop.clock.forward(minutes=1)
    (sale,) = [
        one for one in shop.erp.orders if str(first) in shop.erp._by_ref(one.ref).draft.reference
    ]
    shop.erp.ship(sale.ref)
    shipments_carriers.pull(clock=shop.clock)
    shipments_hear.pull_erp(clock=shop.clock)
    tell_marketplacer(shop)
    shop.sandbox.cancel(second)
    shop.clock.forward(minutes=1)
    shop.read_orders()
    for listing in (*ours, *theirs):
        shop.count(listing, 3)
    shop.tell()
    shop.clock.forward(minutes=2)
    shop.look()
    shop.tell()


def test_only_allowed_fields_of_our_own_listings_were_written(shop):
    seller, other = shop.seller(), shop.seller(owner="seller")
    ours = [shop.sell(seller, shown=9, level=7) for _ in range(2)]
    theirs = [shop.sell(other, shown=9, level=7) for _ in range(2)]

    trade(shop, ours, theirs)

    log = [row for row in shop.sandbox.log.operations if row["variables"] and is_write(row)]
    assert {name for row in log for name in row["root_fields"]} == {
        "variantUpdate",
        "externalIdUpsert",
        "shipmentCreate",
    }
    for row in log:
        for given in row["variables"].values():
            may = set().union(*(allowed.ALLOWED[name] for name in row["root_fields"]))
            assert set(allowed.paths(given, "input")) <= may
        words = json.dumps(row["variables"]).lower()
        assert not [word for word in FORBIDDEN if word in words]
    written = {given["variantId"] for given in shop.writes()}
    assert written == {listing.marketplacer_id for listing in ours}
    assert [shop.shown(listing) for listing in ours] == [3, 1]  # one is picked still
    assert [shop.shown(listing) for listing in theirs] == [7, 9]  # two of the first were sold


def is_write(row):
    return row["type"] == "mutation"
