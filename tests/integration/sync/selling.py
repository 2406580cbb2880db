"""A small marketplace that sells: the sandbox, the ERP in memory, and our road between them.

Time stands in the test's hand, so that a wait is a step and not a sleep.
"""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from mapping.models import SkuMapping
from sync import connections
from sync.domain.documents import DocumentKind
from sync.marketplacer.client import MarketplacerClient
from sync.models import Invoice, OutboxMessage
from sync.services import (
    deliveries,
    inbox,
    payouts,
    postings,
    pulls,
    refunds_look,
    shipments,
    shipments_carriers,
    shipments_hear,
    shipments_mirror,
)
from tests.factories import (
    make_catalogue_read,
    make_item,
    make_listing,
    make_mapping,
    make_seller,
    make_tax_codes,
)
from tests.fakes import FakeErp
from tests.sandbox.marketplacer.ids import global_id
from tests.sandbox.marketplacer.refunds import refund, request_refund, return_goods
from tests.sandbox.marketplacer.sandbox import Sandbox

ERP, MARKETPLACER = OutboxMessage.Lane.ERP, OutboxMessage.Lane.MARKETPLACER


class World:
    """`sandbox` and `erp` are the far sides; everything else goes through the product."""

    def __init__(self, start: datetime) -> None:
        self.at = start
        self.sandbox = Sandbox(7, variants=300, clock=self.now)
        self.erp = FakeErp(clock=self.now, knows_every_sku=True)
        self.client = MarketplacerClient(
            "http://sandbox/graphql",
            self.sandbox.api_key,
            transport=httpx.WSGITransport(app=self.sandbox.wsgi_app),
            page_size=50,
        )
        self._sellers = {}

    def now(self) -> datetime:
        """The time of all three, a moment later at each look."""
        self.at += timedelta(milliseconds=1)
        return self.at

    def step(self, **span) -> None:
        self.at += timedelta(**span)

    # -- the marketplace's people ----------------------------------------------------------------

    def variants(self, *, pack=1, seller=0, fulfilled_by="operator", treatment="principal"):
        """Variants of one of the sandbox's sellers, each mapped to an item of its own."""
        docs = [v for v in self.sandbox.store.all("Variant") if v["published"]]
        numbers = sorted({v["sellerNumber"] for v in docs})
        number = numbers[seller]
        if number not in self._sellers:
            self._sellers[number] = make_seller(
                marketplacer_id=global_id("Seller", number),
                legacy_id=number,
                fulfilled_by=fulfilled_by,
                treatment=treatment,
            )
        mine = [v["number"] for v in docs if v["sellerNumber"] == number]
        for variant in mine:
            key = global_id("Variant", variant)
            if not SkuMapping.objects.filter(listing__marketplacer_id=key).exists():
                listing = make_listing(
                    seller=self._sellers[number], marketplacer_id=key, legacy_id=variant
                )
                item = make_item()
                make_mapping(listing=listing, item=item, pack_quantity=pack)
        return mine

    def sell(self, quantities, *, delivery="BUY_ONLINE", postage=True) -> Invoice:
        """Place an order of these quantities by variant; the ERP holds it afterwards."""
        invoice = self.sell_unposted(quantities, delivery=delivery, postage=postage)
        self.post()
        invoice.refresh_from_db()
        assert invoice.state == Invoice.State.POSTED
        return invoice

    def sell_unposted(self, quantities, *, delivery="BUY_ONLINE", postage=True) -> Invoice:
        key = self.place(quantities, delivery=delivery, postage=postage)
        self.step(seconds=1)
        self.hear()
        return Invoice.objects.get(marketplacer_id=key)

    def place(self, quantities, *, delivery="BUY_ONLINE", postage=True) -> str:
        """A customer orders; we have not heard of it yet. Returns the invoice's id there."""
        lines = [
            {"variant_legacy_id": variant, "quantity": many, "delivery_type": delivery}
            for variant, many in quantities.items()
        ]
        order = self.sandbox.place_order(lines, postage=postage)
        return global_id("Invoice", order["invoiceNumbers"][0])

    def there(self, invoice) -> dict:
        """The invoice as the sandbox keeps it."""
        return self.sandbox.store.need("Invoice", invoice.legacy_id)

    def parcels_there(self, invoice) -> list[dict]:
        numbers = self.there(invoice)["shipmentNumbers"]
        return [self.sandbox.store.need("Shipment", number) for number in numbers]

    def pieces_there(self, invoice) -> dict[int, int]:
        """Pieces that left by line number, as the sandbox has them."""
        pieces: dict[int, int] = {}
        for parcel in self.parcels_there(invoice):
            for item in parcel["items"]:
                pieces[item["lineNumber"]] = pieces.get(item["lineNumber"], 0) + item["quantity"]
        return pieces

    def ordered_there(self, invoice) -> dict[int, int]:
        numbers = self.there(invoice)["lineNumbers"]
        lines = [self.sandbox.store.need("LineItem", number) for number in numbers]
        return {line["number"]: line["quantity"] for line in lines}

    # -- the product, a step at a time -----------------------------------------------------------

    def hear(self) -> None:
        self.step(seconds=1)
        pulls.pull_invoices(clock=self.now)
        inbox.process(clock=self.now)

    def hear_money(self) -> None:
        self.step(seconds=1)
        payouts.pull_refunds(clock=self.now)
        payouts.process(clock=self.now)

    def post(self) -> None:
        deliveries.deliver(lane=ERP, clock=self.now)

    def carriers(self) -> None:
        shipments_carriers.pull(clock=self.now)

    def hear_erp(self) -> None:
        self.step(seconds=1)
        shipments_hear.pull_erp(clock=self.now)
        shipments.release_waiting(at=self.now())

    def tell(self) -> None:
        deliveries.deliver(lane=MARKETPLACER, clock=self.now)

    def read_shipments(self) -> None:
        self.step(seconds=1)
        shipments_mirror.pull(clock=self.now)

    # -- money back ------------------------------------------------------------------------------

    def ask_back(self, invoice, *rows, complete=True) -> int:
        """A refund request at Marketplacer; its number. Rows are of `line_back` or `custom_back`.

        `complete` lets the goods come back and pays the money.
        """
        request = request_refund(
            self.sandbox.market, invoice.legacy_id, list(rows), ["a note"], "OPERATOR"
        )
        if complete:
            self.pay_back(request["number"])
        return request["number"]

    def pay_back(self, number, cash_cents=None) -> None:
        """The goods came back where they were awaited, and the money goes."""
        if self.sandbox.store.need("RefundRequest", number)["status"] == "AWAITING":
            return_goods(self.sandbox.market, number)
        refund(self.sandbox.market, number, cash_cents)

    def line_back(self, invoice, index=0, *, pieces=1, cents=None, dispatched=False):
        number = self.there(invoice)["lineNumbers"][index]
        return {
            "lineNumber": number,
            "quantity": pieces,
            "amountPerItemCents": cents,
            "reason": "Damaged",
            "dispatched": dispatched,
        }

    def follow(self) -> None:
        """Hear of the money, decide, send to the ERP, and decide on what is left, until still."""
        self.hear()
        self.hear_money()
        for _ in range(3):
            self.step(seconds=1)
            refunds_look.look(clock=self.now)
            self.post()

    def notes(self, invoice) -> list:
        """The credit notes that the ERP holds for the order."""
        documents = self.erp.find_documents([invoice.marketplacer_id])
        found = documents.get(invoice.marketplacer_id, ())
        return [d for d in found if d.kind is DocumentKind.CREDIT_NOTE]

    def order_there(self, invoice):
        """The order as the ERP holds it."""
        return self.erp.find_orders([invoice.marketplacer_id])[invoice.marketplacer_id]

    def book(self, invoice) -> None:
        """The ERP's people post what is to be invoiced, and we read it back."""
        self.erp.post_invoices(self.ref(invoice))
        self.step(seconds=1)
        postings.read_back(clock=self.now)

    def ref(self, invoice) -> str:
        return invoice.erp_document.erp_ref

    def ship(self, invoice, quantities=None, **given) -> None:
        """The ERP sends out all that waits, or these quantities by line position."""
        by_sku = None
        if quantities is not None:
            goods = [x for x in invoice.posting.payload["lines"] if x["kind"] == "goods"]
            by_sku = {goods[i]["sku"]: Decimal(many) for i, many in quantities.items()}
        self.erp.ship(self.ref(invoice), by_sku, **given)


@pytest.fixture
def world(db, settings, monkeypatch):
    start = datetime(2026, 11, 2, 10, tzinfo=UTC)
    settings.GO_LIVE_AT = start - timedelta(hours=1)
    made = World(start)
    monkeypatch.setattr(connections, "_erp", lambda: made.erp)
    monkeypatch.setattr(connections, "_marketplacer", lambda: made.client)
    make_catalogue_read()
    make_tax_codes()
    with closing(made.client):
        yield made
    made.sandbox.stop()
