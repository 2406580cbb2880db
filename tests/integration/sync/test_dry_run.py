"""A dry run: everything is read, decided and listed, and neither far side is written to."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from sync import connections, selectors
from sync.domain.delivery import Held
from sync.erp.held import READS
from sync.erp.port import ErpPort
from sync.models import Invoice, OutboxMessage
from sync.services import deliveries, dry_run, upkeep
from tests.integration.sync.stock import Clock, Shop

ERP, MARKETPLACER = OutboxMessage.Lane.ERP, OutboxMessage.Lane.MARKETPLACER
PORT = {name for name in vars(ErpPort) if not name.startswith("_")}


def writes(far) -> list[str]:
    """Every write that reached a far side, as they tell it."""
    return [*far.sandbox.log.mutations, *(set(far.erp.calls) - READS)]


@pytest.fixture
def shop(db, sandbox, erp, marketplacer):
    clock = Clock(datetime(2026, 11, 2, 10, tzinfo=UTC))
    erp._clock = clock
    return Shop(sandbox, erp, clock)


def test_a_dry_run_lists_every_order_and_posts_none(world, settings):
    settings.DRY_RUN = True
    invoice = world.sell_unposted({world.variants()[0]: 1})
    for lane in (ERP, MARKETPLACER):
        deliveries.deliver(lane=lane, clock=world.now)
    upkeep.sweep(at=world.now())

    assert writes(world) == []
    assert world.erp.orders == []
    (listed,) = OutboxMessage.objects.filter(dry=True, state="PENDING", attempts=0)
    assert listed == invoice.posting
    assert selectors.status(at=world.now())["would_send"] == 1


def test_a_dry_run_lists_every_level_and_tells_none(shop, settings):
    settings.DRY_RUN = True
    listing = shop.sell(shop.seller(), shown=10, level=7)
    assert shop.tell() == 0
    upkeep.sweep(at=shop.clock.forward(seconds=1))
    assert shop.push() == 0
    assert (shop.shown(listing), shop.writes()) == (10, [])
    (listed,) = shop.messages(listing)
    assert (listed.dry, listed.payload["quantity"]) == (True, 7)

    settings.DRY_RUN = False
    assert shop.push() == 0  # not as it stood
    shop.count(listing, 6)
    upkeep.sweep(at=shop.clock.forward(seconds=1))
    shop.clock.forward(minutes=5)
    shop.tell()
    assert shop.shown(listing) == 6
    assert [given["attributes"]["countOnHand"] for given in shop.writes()] == [6]


def test_a_write_that_forgets_the_dry_run_is_stopped_at_the_door(world, settings):
    invoice = world.sell({world.variants()[0]: 1})
    before = writes(world)
    settings.DRY_RUN = True
    with pytest.raises(Held):
        connections.erp().cancel_order(invoice.erp_document.erp_ref, "in a dry run")
    with pytest.raises(Held):
        connections.marketplacer().set_external_id(owner="x", key="y", value="z")

    assert writes(world) == before
    assert connections.erp().find_orders([invoice.marketplacer_id])


def test_what_was_queued_before_a_dry_run_waits_for_its_end(world, settings):
    invoice = world.sell_unposted({world.variants()[0]: 1})
    settings.DRY_RUN = True
    world.post()
    assert world.erp.orders == []

    settings.DRY_RUN = False
    world.post()
    assert [order.key for order in world.erp.orders] == [invoice.marketplacer_id]


def test_when_it_ends_only_what_came_after_go_live_is_sent(world, settings):
    settings.DRY_RUN = True
    early = world.sell_unposted({world.variants()[0]: 1})
    world.step(hours=2)
    moment = world.at - timedelta(minutes=1)
    late = world.sell_unposted({world.variants()[1]: 1})

    assert dry_run.end(at=world.now()) == 0  # not while it lasts
    settings.DRY_RUN, settings.GO_LIVE_AT = False, moment
    world.post()
    assert world.erp.orders == []  # nothing of the dry run leaves as it stood

    world.step(seconds=1)
    upkeep.sweep(at=world.now())
    world.post()
    assert [order.key for order in world.erp.orders] == [late.marketplacer_id]
    early.refresh_from_db()
    assert early.state == Invoice.State.HISTORIC
    assert not OutboxMessage.objects.filter(dry=True).exists()
    assert dry_run.end(at=world.now()) == 0


def test_the_outbox_shows_what_would_be_sent_and_every_page_says_why(
    world,
    settings,
    client_of,
    operations,
):
    settings.DRY_RUN = True
    invoice = world.sell_unposted({world.variants()[0]: 1})

    def shown(view: str, **filters) -> str:
        given = {"view": view, **filters}
        return client_of(operations).get(reverse("sync:outbox"), given).content.decode()

    page = shown("dry", dry="True", state="PENDING")
    assert "nothing is sent" in page
    assert "would be sent" in page
    assert invoice.number in page
    assert invoice.number not in shown("waiting", dry="False", state="PENDING")


def test_a_new_method_of_the_port_is_a_write_until_somebody_says_it_reads():
    assert READS < PORT
    assert {name for name in PORT if name.startswith(("submit", "post", "cancel"))} <= PORT - READS
