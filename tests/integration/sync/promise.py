"""The company of the promise about orders: both far sides, and what people and workers do."""

from datetime import UTC, datetime, timedelta

import httpx
from hypothesis.stateful import RuleBasedStateMachine

from mapping.models import SkuMapping
from sync.domain.delivery import Failure, Transient
from sync.marketplacer.client import MarketplacerClient
from sync.models import InboxMessage, Invoice, OutboxMessage
from sync.services import deliveries, inbox, outbox, workbench
from tests.factories import make_item, make_listing, make_seller
from tests.faults.double import KeylessErp, LooksFirst
from tests.integration.sync.stock import Clock
from tests.sandbox.marketplacer.ids import global_id
from tests.sandbox.marketplacer.sandbox import Sandbox

KEY = "a webhook key"
DOOR = "/webhooks/marketplacer/"


class LedgerErp(LooksFirst, KeylessErp):
    """In this process; takes an order as often as it is told."""


class World:
    """A marketplace, an ERP and a clock of an example's own."""

    def __init__(self, person, catalogue) -> None:
        # Ahead of the machine's, which stamps webhooks: what has come is there to be read.
        self.clock = Clock(datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1))
        self.sandbox = Sandbox(7, catalogue=catalogue, clock=self.clock)
        self.hook = self.sandbox.register_webhook(f"http://us{DOOR}", hmac_key=KEY)
        self.erp = LedgerErp(clock=self.clock, knows_every_sku=True)
        self.person = person
        self.client = MarketplacerClient(
            "http://sandbox/graphql",
            self.sandbox.api_key,
            transport=httpx.WSGITransport(app=self.sandbox.wsgi_app),
            page_size=5,
        )
        number = self.sandbox.catalogue.sellers[0].legacy_id
        self.seller = make_seller(
            marketplacer_id=global_id("Seller", number), legacy_id=number, fulfilled_by="operator"
        )
        self.free = iter(
            v.legacy_id for v in self.sandbox.catalogue.variants if v.seller_legacy_id == number
        )

    def list_one(self):
        number = next(self.free)
        return make_listing(
            seller=self.seller, marketplacer_id=global_id("Variant", number), legacy_id=number
        )


class Deeds(RuleBasedStateMachine):
    """What the rules are made of. A machine gives `world`, `hands`, `post` and `told`."""

    def send_again_what_was_given_up(self):
        """What ended worker after worker stands with a case; a person tries it once more."""
        for message in OutboxMessage.objects.filter(state="FAILED", case__kind="POISON"):
            outbox.retry(message=message, by=self.world.person, at=self.world.clock.at)
        for message in InboxMessage.objects.filter(state="UNREADABLE"):
            inbox.retry(message=message, by=self.world.person, at=self.world.clock.at)

    def confirm(self, listing):
        """Whoever maps a listing releases at once every order that waited for it alone."""
        if listing.mappings.filter(state=SkuMapping.State.CONFIRMED).exists():
            return
        workbench.confirm(
            listing=listing, item=make_item(), by=self.world.person, at=self.world.clock.at
        )
        case = {"cases__kind": "UNMAPPED_SKU", "cases__listing": listing}
        blocked = Invoice.objects.filter(state="PARKED", cases__state="OPEN", **case)
        assert not blocked.exists()

    def events(self):
        return self.world.sandbox.store.all("WebhookEvent")

    def collect(self):
        """Take the webhooks that Marketplacer has written since."""
        new = [event for event in self.events() if event["number"] > self.told]
        self.post += new
        self.told = max((event["number"] for event in new), default=self.told)

    def marketplacer_is(self, away):
        self.world.sandbox.faults.set({"fail_next": int(away), "retry_after": 1})

    def process(self, wanted=True):
        if wanted:
            inbox.process(clock=self.world.clock)

    def call(self, messages):
        answers = {}
        for name in sorted({message.operation for message in messages}):
            mine = [message for message in messages if message.operation == name]
            try:
                given = deliveries.OPERATIONS[name].send(mine)
            except Failure as failure:
                given = [failure] * len(mine)
            answers |= {m.pk: answer for m, answer in zip(mine, given, strict=True)}
        return answers

    def finish(self, worker):
        lease, messages, answers = self.hands.pop(worker)
        for name in sorted({message.operation for message in messages}):
            mine = [message for message in messages if message.operation == name]
            deliveries._record(
                deliveries.OPERATIONS[name],
                lease,
                mine,
                [answers[message.pk] for message in mine],
                self.world.clock.at,
            )

    def misfortune(self, fate):
        """What the far sides do with the next calls."""
        lost, refused = fate == "the answer is lost", fate == "the far side is away"
        erp, faults = self.world.erp, self.world.sandbox.faults
        faults.set({"lose_next": int(lost), "fail_next": int(refused), "retry_after": 1})
        erp.lose_answers(int(lost) - erp._faults.lost_answers)
        erp._faults.failures.clear()
        if refused:
            erp.fail_next(Transient("away"))
