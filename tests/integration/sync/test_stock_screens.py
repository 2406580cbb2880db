"""What people see of stock, and what they may do."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from sync.models import StockHold, StockPolicy
from sync.services import stock_cadence
from tests.factories import make_catalogue_read, make_tax_codes
from tests.integration.sync.stock import Clock, Shop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(sandbox, marketplacer, erp):
    make_catalogue_read()
    make_tax_codes()
    clock = Clock(datetime.now(UTC))
    erp._clock = clock
    return Shop(sandbox, erp, clock)


@pytest.fixture
def stocked(shop):
    ours, theirs = shop.seller(), shop.seller(owner="seller")
    shop.sell(ours, shown=10, level=7, sku="OURS-1")
    shop.sell(ours, shown=5, level=-2, sku="HELD-1")
    shop.sell(theirs, shown=10, level=0, sku="THEIRS-1")
    shop.pull()
    shop.compare()
    return shop


def page(client_of, person, name, **query):
    return client_of(person).get(reverse(f"sync:{name}"), query).content.decode()


def test_the_inventory_shows_levels_and_how_they_were_made(stocked, client_of, operations):
    html = page(client_of, operations, "inventory")

    assert "OURS-1" in html
    assert "7 on hand" in html
    assert "not ours" in html
    assert "1 level is held" in html


def test_the_next_push_shows_what_would_change(stocked, client_of, operations):
    html = page(client_of, operations, "inventory", view="next", standing=["DUE", "ON_ITS_WAY"])

    assert "OURS-1" in html
    assert "THEIRS-1" not in html
    assert "\N{MINUS SIGN}3" in html


def test_prevented_overwrites_are_listed_by_seller_and_reason(stocked, client_of, auditor):
    html = page(client_of, auditor, "prevented")

    assert "the seller keeps it" in html


def test_a_hold_is_released_with_a_reason(stocked, client_of, operations):
    hold = StockHold.objects.get()
    address = reverse("sync:hold-release")
    client = client_of(operations)

    client.post(address, {"pk": hold.pk, "confirmed": "1", "reason": ""})
    hold.refresh_from_db()
    assert hold.state == "OPEN"
    client.post(address, {"pk": hold.pk, "confirmed": "1", "reason": "Oversold at the fair."})

    hold.refresh_from_db()
    assert hold.state == "RELEASED"
    stocked.clock.forward(minutes=1)
    stocked.push()
    assert stocked.shown(stocked.listings[1]) == 0


def test_a_viewer_may_look_at_a_hold_and_not_decide(stocked, client_of, viewer):
    hold = StockHold.objects.get()
    client = client_of(viewer)

    assert client.get(reverse("sync:hold", args=[hold.pk])).status_code == 200
    address = reverse("sync:hold-release")
    assert client.post(address, {"pk": hold.pk, "reason": "x"}).status_code == 403


def test_an_administrator_chooses_the_budget_and_says_why(stocked, client_of, administrator):
    stock_cadence.plan(clock=stocked.clock)
    client = client_of(administrator)
    policy = StockPolicy.objects.get()
    assert "Calls an hour" in page(client_of, administrator, "cadence")
    given = {
        "calls_per_hour": 100,
        "longest_wait_hours": policy.longest_wait_hours,
        "read_back_seconds": 30,
        "zero_count": policy.zero_count,
        "zero_share": policy.zero_share,
        "fall_units": policy.fall_units,
        "fall_share": policy.fall_share,
    }

    assert client.post(reverse("sync:cadence-choose"), given).status_code == 422
    given["reason"] = "Marketplacer asked us to."
    assert client.post(reverse("sync:cadence-choose"), given).status_code == 303

    policy.refresh_from_db()
    assert (policy.calls_per_hour, policy.read_back_seconds) == (100, 30)


def test_safety_stock_is_set_on_its_page(stocked, client_of, administrator):
    client = client_of(administrator)
    given = {"scope": "BRAND", "quantity": 3, "reason": "They sell in shops, too."}

    assert client.post(reverse("sync:safety-stock-set"), given).status_code == 422
    given["brand"] = "Quayside"
    assert client.post(reverse("sync:safety-stock-set"), given).status_code == 303

    assert "the brand Quayside" in page(client_of, administrator, "safety-stock")


def test_drift_says_what_was_told_and_what_was_seen(stocked, client_of, operations):
    stocked.push()
    stocked.sandbox.edit_variant(stocked.listings[0].legacy_id, stock=99)
    stocked.clock.forward(minutes=2)
    stocked.look()

    html = page(client_of, operations, "drift")

    assert "OURS-1" in html
    assert "99" in html
