"""The promise about orders, under any interleaving of news, duplicates, crashes and mappings.

News comes by webhook (doubled, out of order, or never) and by polling. A worker may end after each
of its three steps (claim, call, record), an answer may be lost after it was carried out, and people
map listings and take it back. **At every moment** the ERP holds no order twice and every parked
order has an open case. **Once things have settled** the inbox and the outbox are empty, and the far
sides agree: each paid order is in the ERP once, for what the customer paid, and Marketplacer knows
its number; each cancelled one is in the ERP no more.
"""

import os
from collections import Counter
from contextlib import ExitStack, closing, contextmanager, suppress
from decimal import Decimal

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mapping.models import SkuMapping
from mapping.services import mappings
from mkterp.core.errors import Refused
from sync import connections
from sync.domain.documents import OrderPhase
from sync.models import ExceptionCase, Feed, InboxMessage, Invoice, OutboxMessage
from sync.services import deliveries, inbox, pulls, refunds_look, upkeep, work, workbench
from tests.factories import (
    make_catalogue_read,
    make_mapping,
    make_tax_codes,
)
from tests.integration.sync.promise import DOOR, KEY, Deeds, World
from tests.sandbox.catalogue import build
from tests.sandbox.marketplacer.ids import global_id
from tests.sandbox.marketplacer.webhooks import delivery_headers

pytestmark = pytest.mark.django_db

# More of them, other ones each time: MKTERP_MODEL_EXAMPLES=300.
QUICK = 12
EXAMPLES = int(os.environ.get("MKTERP_MODEL_EXAMPLES", QUICK))
LISTINGS = 3  # the first is mapped from the start
WORKERS = 2
FATES = st.sampled_from(
    [
        *("recorded", "recorded", "records later", "the answer is lost", "dies after the call"),
        *("dies before the call", "the far side is away"),
    ]
)
LANES = (OutboxMessage.Lane.ERP, OutboxMessage.Lane.MARKETPLACER)
WAITING = {"state__in": ["PENDING", "IN_FLIGHT"]}


@pytest.fixture
def new_world(monkeypatch, settings, operations):
    """Makes a world and connects us to it; what it leaves in our tables goes when it ends."""
    settings.MARKETPLACER_WEBHOOK_KEY = KEY
    make_catalogue_read()
    make_tax_codes()
    catalogue = build(7, 300)

    @contextmanager
    def made():
        block = transaction.atomic()
        block._from_testcase = True  # the test's own, not one of ours: calls go out in it
        with block:
            world = World(operations, catalogue)
            monkeypatch.setattr(connections, "_marketplacer", lambda: world.client)
            monkeypatch.setattr(connections, "_erp", lambda: world.erp)
            with closing(world.client):
                yield world
            world.sandbox.stop()
            transaction.set_rollback(True)

    return made


def machine_in(new_world):
    class Trade(Deeds):
        def __init__(self) -> None:
            super().__init__()
            self.ending = ExitStack()
            self.world = world = self.ending.enter_context(new_world())
            self.listings = [world.list_one() for _ in range(LISTINGS)]
            make_mapping(listing=self.listings[0])
            self.orders: list[int] = []  # numbers of invoices
            self.post: list[dict] = []  # webhooks on their way
            self.told = 0
            self.hands: dict[int, list] = {}  # what each worker has claimed and not recorded

        # -- the marketplace ----------------------------------------------------------------

        @initialize()
        def two_orders_are_known(self):
            """One on its way to the ERP, one that waits for a mapping."""
            for which in (0, 1):
                self.order({which}, 1)
            self.poll(away=False, then=True)

        @rule(which=st.sets(st.integers(0, LISTINGS - 1), min_size=1, max_size=2),
              many=st.integers(1, 3))  # fmt: skip
        def order(self, which, many):
            lines = [
                {"variant_legacy_id": self.listings[n].legacy_id, "quantity": many}
                for n in sorted(which)
            ]
            self.orders += self.world.sandbox.place_order(lines)["invoiceNumbers"]
            self.collect()

        @precondition(lambda self: self.orders)
        @rule(data=st.data())
        def cancel(self, data):
            number = self.orders[data.draw(st.integers(0, len(self.orders) - 1))]
            if "CANCELLED" not in self.world.sandbox.invoice(number)["status_flags"]:
                self.world.sandbox.cancel(number)
                self.collect()

        @precondition(lambda self: self.post)
        @rule(data=st.data(), copies=st.integers(0, 2))
        def webhook(self, data, copies):
            """Any of those on their way, none (it is lost), once, or twice."""
            event = self.post.pop(data.draw(st.integers(0, len(self.post) - 1)))
            hook = self.world.sandbox.store.need("Webhook", self.world.hook["number"])
            for _ in range(copies):
                answer = Client().post(
                    DOOR,
                    data=event["body"].encode(),
                    content_type="application/json",
                    headers={
                        name: value
                        for name, value in delivery_headers(hook, event).items()
                        if name != "Content-Type"
                    },
                )
                assert answer.status_code == 200

        # -- people -------------------------------------------------------------------------

        @rule(which=st.integers(0, LISTINGS - 1))
        def map_one(self, which):
            self.confirm(self.listings[which])

        @rule(which=st.integers(0, LISTINGS - 1), retire=st.booleans())
        def unmap(self, which, retire):
            for mapping in self.listings[which].mappings.filter(state=SkuMapping.State.CONFIRMED):
                with suppress(Refused):  # an order with it is on its way
                    if retire:
                        mappings.retire(
                            mapping=mapping,
                            by=self.world.person,
                            at=self.world.clock.at,
                            reason="Mistaken.",
                        )
                    else:
                        workbench.undo(
                            mapping=mapping, by=self.world.person, at=self.world.clock.at
                        )

        # -- the feeds ----------------------------------------------------------------------

        @rule(away=st.booleans(), then=st.booleans())
        def poll(self, away, then):
            self.marketplacer_is(away)
            pulls.pull_invoices(clock=self.world.clock)
            self.marketplacer_is(False)
            self.process(then)

        @rule(away=st.booleans(), then=st.booleans())
        def fetch(self, away, then):
            self.marketplacer_is(away)
            inbox.fetch_hinted(clock=self.world.clock)
            self.marketplacer_is(False)
            self.process(then)

        @rule(source=st.sampled_from(["HINT", "NODE"]))
        def die_reading(self, source):
            """A worker claims what is in the inbox and is never heard of again."""
            mine = InboxMessage.objects.filter(source=source, state="NEW", typename="Invoice")
            work.claim(mine, at=self.world.clock.at, limit=2)

        # -- the lanes, step by step --------------------------------------------------------

        @rule(worker=st.integers(0, WORKERS - 1), lane=st.sampled_from(LANES), fate=FATES)
        def work(self, worker, lane, fate):
            """Claim, call, record; or only some of it, or the recording at a later moment."""
            if worker in self.hands:
                return
            lease, messages = work.claim(
                deliveries.due(lane), at=self.world.clock.at, limit=3, state="IN_FLIGHT"
            )
            if not messages or fate == "dies before the call":
                return
            self.misfortune(fate)
            answers = self.call(messages)
            self.misfortune("")
            if fate == "dies after the call":
                return
            self.hands[worker] = (lease, messages, answers)
            if fate != "records later":
                self.finish(worker)

        @precondition(lambda self: self.hands)
        @rule(data=st.data())
        def record(self, data):
            self.finish(data.draw(st.sampled_from(sorted(self.hands))))

        @rule()
        def tend(self):
            refunds_look.look(clock=self.world.clock)
            upkeep.sweep(at=self.world.clock.at)

        @rule(seconds=st.sampled_from([1, 40, 200, 400]))
        def wait(self, seconds):
            self.world.clock.forward(seconds=seconds)

        # -- the promise --------------------------------------------------------------------

        @invariant()
        def no_order_is_in_the_erp_twice(self):
            keys = Counter(sale.draft.key for sale in self.world.erp._sales.values())
            assert not [key for key, many in keys.items() if many > 1]

        @invariant()
        def every_parked_order_says_why(self):
            parked = Invoice.objects.filter(legacy_id__in=self.orders, state="PARKED")
            assert not parked.exclude(cases__state=ExceptionCase.State.OPEN).exists()

        def teardown(self):
            with self.ending:
                self.settle()
                self.judge()

        def judge(self):
            self.no_order_is_in_the_erp_twice()
            assert not InboxMessage.objects.filter(state="NEW").exists()
            assert not OutboxMessage.objects.filter(**WAITING).exists()
            assert not ExceptionCase.objects.filter(state="OPEN").exists()
            held = self.world.erp.find_orders([global_id("Invoice", n) for n in self.orders])
            for number in self.orders:
                invoice = self.world.sandbox.invoice(number)
                sale = held.get(invoice["id"])
                if "CANCELLED" in invoice["status_flags"]:
                    assert sale is None or sale.phase is OrderPhase.CANCELLED
                    continue
                assert sale is not None, f"invoice {number} is not in the ERP"
                assert sale.phase is OrderPhase.ACCEPTED
                assert sale.gross == Decimal(invoice["total_cents"]) / 100
                assert invoice["external_ids"]["erp_order"] == sale.number

        def settle(self):
            self.hands.clear()
            self.world.sandbox.faults.set({"reset": True})
            for listing in self.listings:
                self.confirm(listing)
            for _ in range(5):
                self.send_again_what_was_given_up()
                self.world.clock.forward(minutes=11)
                Feed.objects.update(not_before=None)
                pulls.pull_invoices(clock=self.world.clock)
                inbox.fetch_hinted(clock=self.world.clock)
                inbox.process(clock=self.world.clock)
                refunds_look.look(clock=self.world.clock)
                for lane in LANES:
                    deliveries.deliver(lane=lane, clock=self.world.clock)
                upkeep.sweep(at=self.world.clock.at)

    return Trade


def test_whatever_happens_in_whatever_order_each_order_reaches_the_erp_once(new_world):
    run_state_machine_as_test(
        machine_in(new_world),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=24,
            deadline=None,
            # The same few each time, and what is found is not made smaller: bounded in time.
            derandomize=EXAMPLES == QUICK,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
