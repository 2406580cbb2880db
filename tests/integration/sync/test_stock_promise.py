"""The promise about stock, under any interleaving of orders, counts, pushes, retries and crashes.

**Never more than can be covered.** Once things have settled (orders and levels read, what was due
told and read back, held levels decided on), a listing of ours shows at most

    floor(max(0, on hand in the ERP - units ordered and not yet shipped - safety stock) / pack)

and, as long as nobody else sells the item, exactly that. Until then it may show more by what was
ordered, or taken elsewhere, since the last reading: Marketplacer has no reservation to ask for.

**Never an older level after a newer one.** What reaches the wire for a listing has versions that
never go down, whichever worker sends it and however late it wakes.
"""

from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from sync import connections
from sync.domain.delivery import Failure
from sync.marketplacer.client import MarketplacerClient
from sync.marketplacer.stock import StockUpdate
from sync.models import OutboxMessage, StockHold
from sync.services import deliveries, inbox, pulls, stock_holds, stock_push, stock_rules
from tests.factories import make_catalogue_read, make_tax_codes
from tests.fakes import FakeErp
from tests.integration.sync.stock import Clock, Shop
from tests.sandbox.marketplacer.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

SAFETY = 1
WORKERS = 2


class World:
    """One marketplace, one ERP and one clock for all examples; each example has own listings."""

    def __init__(self, person) -> None:
        self.clock = Clock(datetime.now(UTC))
        self.sandbox = Sandbox(7, clock=self.clock)
        self.erp = FakeErp(clock=self.clock)
        self.person = person
        self.client = MarketplacerClient(
            "http://sandbox/graphql",
            self.sandbox.api_key,
            transport=httpx.WSGITransport(app=self.sandbox.wsgi_app),
        )
        self.shop = Shop(self.sandbox, self.erp, self.clock)
        self.seller = self.shop.seller()


@pytest.fixture
def world(monkeypatch, administrator):
    make_catalogue_read()
    make_tax_codes()
    made = World(administrator)
    monkeypatch.setattr(connections, "_marketplacer", lambda: made.client)
    monkeypatch.setattr(connections, "_erp", lambda: made.erp)
    stock_rules.keep_back(
        quantity=Decimal(SAFETY), by=administrator, at=made.clock.at, reason="season"
    )
    yield made
    made.client.close()
    made.sandbox.stop()


def machine_in(world: World):
    class Trade(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.shop = world.shop
            self.listings = [
                self.shop.sell(world.seller, shown=6, level=9),
                self.shop.sell(world.seller, shown=2, level=9, pack=3),
            ]
            self.hands: dict[int, tuple] = {}  # what each worker has claimed and not recorded
            self.sent: dict[int, list[int]] = {listing.pk: [] for listing in self.listings}

        # -- the marketplace ----------------------------------------------------------------

        @rule(which=st.integers(0, 1), quantity=st.integers(1, 3))
        def order(self, which, quantity):
            listing = self.listings[which]
            if self.shop.shown(listing) >= quantity:
                line = {"variant_legacy_id": listing.legacy_id, "quantity": quantity}
                world.sandbox.place_order([line])

        @rule(data=st.data())
        def cancel(self, data):
            alive = [
                number
                for number in self.numbers()
                if "CANCELLED" not in world.sandbox.invoice(number)["status_flags"]
                and not world.sandbox.invoice(number)["shipments"]
            ]
            if alive:
                world.sandbox.cancel(data.draw(st.sampled_from(alive)))

        # -- the ERP ------------------------------------------------------------------------

        @rule(which=st.integers(0, 1), level=st.integers(0, 15))
        def count(self, which, level):
            self.shop.count(self.listings[which], level)

        @rule()
        def ship(self):
            world.erp.book_all()

        # -- us -----------------------------------------------------------------------------

        @rule()
        def read_orders(self):
            pulls.pull_invoices(clock=world.clock)
            inbox.process(clock=world.clock)

        @rule(lost=st.booleans())
        def post_orders(self, lost):
            if lost:
                world.erp.lose_answers(1)
            deliveries.deliver(lane=OutboxMessage.Lane.ERP, clock=world.clock)

        @rule()
        def read_levels(self):
            self.shop.pull()

        @rule()
        def compare(self):
            self.shop.compare()

        @rule(worker=st.integers(0, WORKERS - 1))
        def claim(self, worker):
            if worker not in self.hands:
                at = world.clock.at
                lease, claimed, _ = stock_push.claim(at=at, limit=5)
                if claimed:
                    self.hands[worker] = (at, lease, claimed, None)

        @precondition(lambda self: self.hands)
        @rule(data=st.data(), lost=st.booleans())
        def send(self, data, lost):
            worker = data.draw(st.sampled_from(sorted(self.hands)))
            at, lease, claimed, answers = self.hands[worker]
            if answers is not None:
                return
            if world.clock.at - at > stock_push.FUSE:
                stock_push.give_back(lease, claimed, at=world.clock.at, until=world.clock.at)
                del self.hands[worker]
                return
            if lost:
                world.sandbox.faults.set({"lose_next": 1})
            try:
                updates = [StockUpdate(p, m.payload["quantity"]) for m, p in claimed]
                answers = world.client.set_stock(updates)
            except Failure as failure:
                answers = [failure] * len(claimed)
            for message, _ in claimed:
                self.sent[message.payload["listing"]].append(message.payload["version"])
            self.hands[worker] = (at, lease, claimed, answers)

        @precondition(lambda self: self.hands)
        @rule(data=st.data())
        def record(self, data):
            worker = data.draw(st.sampled_from(sorted(self.hands)))
            _, lease, claimed, answers = self.hands[worker]
            if answers is not None:
                stock_push.record(lease, claimed, answers, at=world.clock.at)
                del self.hands[worker]

        @precondition(lambda self: self.hands)
        @rule(data=st.data())
        def crash(self, data):
            del self.hands[data.draw(st.sampled_from(sorted(self.hands)))]

        @rule(seconds=st.sampled_from([1, 30, 170, 400]))
        def wait(self, seconds):
            world.clock.forward(seconds=seconds)

        # -- the promise --------------------------------------------------------------------

        def teardown(self):
            self.settle()
            for listing in self.listings:
                assert self.shop.shown(listing) == self.covered(listing)
            for versions in self.sent.values():
                assert versions == sorted(versions)
            for listing in self.listings:
                listing.mappings.update(valid_until=world.clock.at)

        def settle(self):
            self.hands.clear()
            world.erp.lose_answers(-world.erp._faults.lost_answers)  # those nobody waited for
            world.sandbox.faults.set({"lose_next": 0})
            for _ in range(6):
                world.clock.forward(minutes=7)
                self.read_orders()
                deliveries.deliver(lane=OutboxMessage.Lane.ERP, clock=world.clock)
                world.clock.forward(seconds=5)
                self.shop.pull()
                self.shop.compare()
                for hold in StockHold.objects.filter(state="OPEN"):
                    stock_holds.release(
                        hold=hold, by=world.person, at=world.clock.at, reason="Looked at."
                    )
                self.shop.push()
                world.clock.forward(minutes=7)
                self.shop.look()
                self.shop.push()

        def numbers(self):
            ours = {listing.legacy_id for listing in self.listings}
            return [
                invoice["legacy_id"]
                for invoice in world.sandbox.invoices()
                if any(line["variant_legacy_id"] in ours for line in invoice["lines"])
            ]

        def covered(self, listing) -> int:
            sku = f"ERP-{listing.legacy_id}"
            pack = listing.mappings.get().pack_quantity
            (level,) = world.erp.stock([sku], None).rows
            held = {order.key for order in world.erp.orders}
            unknown = 0
            for number in self.numbers():
                invoice = world.sandbox.invoice(number)
                cancelled = "CANCELLED" in invoice["status_flags"]
                if invoice["id"] in held or cancelled:
                    continue
                unknown += pack * sum(
                    line["quantity"]
                    for line in invoice["lines"]
                    if line["variant_legacy_id"] == listing.legacy_id
                )
            free = level.available - unknown - SAFETY
            return max(0, int(free // pack)) if free > 0 else 0

    return Trade


def test_nothing_shows_more_than_can_be_covered_and_no_old_level_follows_a_new_one(world):
    run_state_machine_as_test(
        lambda: machine_in(world)(),
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            # The same examples each time, and what is found is not made smaller: bounded in time.
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
