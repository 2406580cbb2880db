"""A marketplace and an ERP with a few items, for the tests about stock."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from mapping.models import Listing, Seller
from sync.models import ListingStock, OutboxMessage
from sync.services import deliveries, inbox, pulls, stock, stock_look, stock_pull, stock_push
from tests.factories import make_item, make_listing, make_mapping, make_seller
from tests.sandbox.marketplacer.ids import global_id


@dataclass
class Clock:
    """A clock that the test moves."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **parts: float) -> datetime:
        self.at += timedelta(**parts)
        return self.at


@dataclass
class Shop:
    """Listings of the sandbox that stand in our registry, mapped to items of the fake ERP."""

    sandbox: object
    erp: object
    clock: Clock
    listings: list[Listing] = field(default_factory=list)
    sellers: int = 0

    def seller(self, *, owner="operator", **rules) -> Seller:
        """One of the sandbox's sellers, each time another."""
        numbers = {variant.seller_legacy_id for variant in self.sandbox.catalogue.variants}
        number = sorted(numbers)[self.sellers]
        self.sellers += 1
        return make_seller(
            marketplacer_id=global_id("Seller", number),
            legacy_id=number,
            stock_owner=owner,
            fulfilled_by=owner or "seller",
            **rules,
        )

    def sell(self, seller, *, shown=10, level=10, pack=1, number=None, **changes) -> Listing:
        """A listing that shows `shown` at the marketplace, of an item with `level` in the ERP."""
        number = number or self._free(seller)
        self.sandbox.edit_variant(number, stock=shown, published=True)
        variant = global_id("Variant", number)
        listing = make_listing(
            seller=seller,
            marketplacer_id=variant,
            legacy_id=number,
            count_on_hand=shown,
            at=self.clock.at,
            **changes,
        )
        item = make_item(sku=f"ERP-{number}")
        self.erp.add_item(item.sku, on_hand=Decimal(level))
        make_mapping(listing=listing, item=item, pack_quantity=pack)
        self.listings.append(listing)
        return listing

    def _free(self, seller) -> int:
        taken = {listing.legacy_id for listing in self.listings}
        return next(
            variant.legacy_id
            for variant in self.sandbox.catalogue.variants
            if variant.seller_legacy_id == seller.legacy_id and variant.legacy_id not in taken
        )

    def count(self, listing, level) -> None:
        """The ERP counts again."""
        self.erp.count_stock({f"ERP-{listing.legacy_id}": level})

    def order(self, listing, quantity) -> int:
        """A customer orders; returns the invoice's number."""
        line = {"variant_legacy_id": listing.legacy_id, "quantity": quantity}
        (number,) = self.sandbox.place_order([line])["invoiceNumbers"]
        return number

    def read_orders(self) -> None:
        pulls.pull_invoices(clock=self.clock)
        inbox.process(clock=self.clock)

    def post_orders(self) -> None:
        deliveries.deliver(lane=OutboxMessage.Lane.ERP, clock=self.clock)

    def shown(self, listing) -> int:
        return self.sandbox.store.need("Variant", listing.legacy_id)["countOnHand"]

    def pull(self, **how) -> dict:
        return stock_pull.pull(clock=self.clock, **how)

    def compare(self, **how) -> dict:
        return stock.tell_changes(clock=self.clock, **how)

    def push(self) -> int:
        return stock_push.push(clock=self.clock)

    def look(self) -> int:
        return stock_look.look(clock=self.clock)

    def tell(self) -> int:
        """Pull, compare, push; returns how many levels arrived."""
        self.pull()
        self.compare()
        return self.push()

    def stock(self, listing) -> ListingStock:
        return ListingStock.objects.get(pk=listing.pk)

    def messages(self, listing, **about):
        return OutboxMessage.objects.filter(stream=f"stock:{listing.pk}", **about).order_by("pk")

    def writes(self) -> list[dict]:
        """The inputs of every stock write that reached the sandbox, in order."""
        return [
            given
            for row in self.sandbox.log.operations
            if "variantUpdate" in row["root_fields"]
            for given in row["variables"].values()
        ]
