"""The month, a day at a time: people at both far sides do their work, and the product its own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sync.domain.documents import ReturnPhase
from sync.services import (
    deliveries,
    inbox,
    payouts,
    postings,
    pulls,
    refunds_goods,
    refunds_look,
    shipments,
    shipments_carriers,
    shipments_hear,
    shipments_mirror,
)
from tests.month import books
from tests.month.world import CARRIER, ERP, MARKETPLACER, World
from tests.sandbox.marketplacer.lifecycle import collect, left_to_ship, ship
from tests.sandbox.marketplacer.orders import Refused

DAYS = 28
REFUNDS = 0.08
DAY, GRACE = timedelta(days=1), timedelta(days=20)
PAYOUTS = (7, 14, 21)  # and one when everything has gone


def trade(world: World, orders: int, say: Callable[[str], None], days: int = DAYS) -> None:
    """Sell, ship, refund and pay out, by default for four weeks; the last payout is not made."""
    for day in range(1, days + 1):
        morning = datetime(world.first.year, world.first.month, day, 9, tzinfo=UTC)
        world.go_to(morning)
        count = orders * day // days - orders * (day - 1) // days
        world.sandbox.place_orders(count, plain=False)
        world.counts["orders"] += count
        world.go_to(morning + timedelta(hours=3))
        world.sandbox.run_appointments()
        work(world)
        hand_over(world)
        world.counts["refunds"] += len(world.sandbox.refund_some(REFUNDS))
        work(world)
        if day in PAYOUTS:
            pay(world)
            books.book(world)
            say(f"day {day}: {world.counts['orders']} orders, {world.counts['refunds']} refunds")


def work(world: World) -> None:
    """What the product's schedules do, and the ERP's people between them, until all is still."""
    now = world.now
    pulls.pull_invoices(clock=now)
    inbox.process(clock=now)
    deliveries.deliver(lane=ERP, clock=now)
    the_erps_people(world)
    shipments_carriers.pull(clock=now)
    shipments_hear.pull_erp(clock=now)
    shipments.release_waiting(at=now())
    deliveries.deliver(lane=MARKETPLACER, clock=now)
    postings.read_back(clock=now)
    payouts.pull_refunds(clock=now)
    payouts.process(clock=now)
    shipments_mirror.pull(clock=now)
    for _ in range(3):
        world.go_to(world.at + timedelta(minutes=10))
        refunds_goods.announce_waiting(at=now())
        refunds_look.look(clock=now)
        deliveries.deliver(lane=ERP, clock=now)
        for back in world.erp.returns(datetime.min.replace(tzinfo=UTC), None).rows:
            if back.phase is ReturnPhase.EXPECTED:
                world.erp.receive(back.ref)
        refunds_goods.pull(clock=now)


def the_erps_people(world: World) -> None:
    """Ship what is to be shipped and post every invoice."""
    for ref in world.erp.accepted:
        world.erp.ship(ref, carrier=CARRIER)
        world.erp.post_invoices(ref)


def hand_over(world: World) -> None:
    """What only waits for its buyer or its seller at the marketplace goes out."""
    market = world.sandbox.market
    for invoice in market.store.all("Invoice"):
        flags = set(invoice["statusFlags"])
        if "CANCELLED" in flags or "PAID" not in flags:
            continue
        number = invoice["number"]
        try:
            if invoice["deliveryType"] == "CLICK_AND_COLLECT" and "COLLECTED" not in flags:
                if "READY" not in flags:
                    collect(market, number, "READY")
                collect(market, number, "COLLECTED")
            elif invoice["deliveryType"] == "BUY_ONLINE" and (left := left_to_ship(market, number)):
                ship(market, number, quantities=left, carrier=1, tracking=f"T{number}")
        except Refused:
            continue


def last_settlement(world: World) -> list[tuple[Callable[[], object] | None, timedelta]]:
    """The month's last payout in steps: what is done, and how long until it is looked at.

    First nothing is done: what was to be remitted by now should be. Payments are looked at when
    there is no more hope for those that lack.
    """
    market = world.sandbox

    def advise() -> None:
        market.release()
        market.pay_out()

    def settle() -> None:
        market.bank_pays(split_above=500_000)
        market.gateway_pays()

    return [(None, GRACE), (advise, DAY), (settle, GRACE)]


def pay(world: World) -> None:
    """Release, advise and pay what is ready; the gateway settles too."""
    world.sandbox.release()
    world.sandbox.pay_out()
    world.sandbox.bank_pays(split_above=500_000)
    world.sandbox.gateway_pays()
