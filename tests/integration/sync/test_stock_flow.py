"""A level travels from the ERP to the marketplace, and nothing else does."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from mapping.models import Listing, OwnershipRule
from mapping.services import rules
from sync.domain.delivery import Transient
from sync.models import ListingStock, OutboxMessage, PreventedWrite, StockHold
from sync.services import stock_holds, stock_orders, stock_push, stock_rules
from tests.factories import make_catalogue_read, make_tax_codes
from tests.integration.sync.stock import Clock, Shop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clock():
    return Clock(datetime.now(UTC))


@pytest.fixture
def shop(sandbox, marketplacer, erp, clock):
    make_catalogue_read()
    make_tax_codes()
    erp._clock = clock
    return Shop(sandbox, erp, clock)


def test_a_changed_level_is_told_and_an_unchanged_one_is_not(shop):
    seller = shop.seller()
    changed, same = shop.sell(seller, shown=10, level=7), shop.sell(seller, shown=4, level=4)

    assert shop.tell() == 1

    assert (shop.shown(changed), shop.shown(same)) == (7, 4)
    assert [given["attributes"] for given in shop.writes()] == [{"countOnHand": 7}]
    shop.clock.forward(minutes=1)
    assert shop.tell() == 0


def test_a_sellers_own_stock_is_never_written_not_even_with_zero(shop):
    theirs = shop.sell(shop.seller(owner="seller"), shown=10, level=0)
    nobodys = shop.sell(shop.seller(owner=None), shown=10, level=0)

    assert shop.tell() == 0

    assert (shop.shown(theirs), shop.shown(nobodys)) == (10, 10)
    assert shop.writes() == []
    assert set(PreventedWrite.objects.values_list("seller", "reason", "times")) == {
        (theirs.seller_id, "seller_managed", 1),
        (nobodys.seller_id, "no_rule", 1),
    }


def test_levels_are_told_in_whole_packs(shop):
    listing = shop.sell(shop.seller(), shown=1, level=17, pack=5)

    shop.tell()

    assert shop.shown(listing) == 3


@pytest.mark.parametrize(
    ("scope", "expected"),
    [("global", 8), ("seller", 7), ("brand", 6), ("item", 5)],
)
def test_the_most_specific_safety_stock_wins(shop, administrator, scope, expected):
    seller = shop.seller()
    listing = shop.sell(seller, shown=1, level=10, brand="Quayside")
    item = listing.mappings.get().item
    named = {"seller": {"seller": seller}, "brand": {"brand": "QUAYSIDE"}, "item": {"item": item}}
    scopes = ["global", "seller", "brand", "item"]
    for number, one in enumerate(scopes[: scopes.index(scope) + 1], start=2):
        stock_rules.keep_back(
            quantity=Decimal(number),
            by=administrator,
            at=shop.clock.at,
            reason="season",
            **named.get(one, {}),
        )

    shop.tell()

    assert shop.shown(listing) == expected


def test_a_newer_level_supersedes_the_one_that_waits(shop):
    listing = shop.sell(shop.seller(), shown=10, level=7)
    shop.pull()
    shop.compare()
    shop.clock.forward(minutes=1)
    shop.count(listing, 5)
    shop.pull()
    shop.compare()

    assert shop.push() == 1
    states = shop.messages(listing).values_list("state", "last_error")
    assert list(states) == [("SUPERSEDED", "A newer level is known."), ("DELIVERED", "")]
    assert [given["attributes"]["countOnHand"] for given in shop.writes()] == [5]


def test_an_ownership_change_stops_what_waits_at_once(shop, administrator):
    listing = shop.sell(shop.seller(), shown=10, level=7)
    shop.pull()
    shop.compare()

    rules.set_rule(
        rule=OwnershipRule,
        seller=listing.seller,
        value="seller",
        by=administrator,
        at=shop.clock.at,
        reason="They keep it now.",
    )

    message = shop.messages(listing).get()
    assert message.state == "SUPERSEDED"
    assert message.last_error.startswith("The guard:")
    shop.clock.forward(minutes=1)
    shop.tell()
    assert shop.writes() == []
    assert PreventedWrite.objects.get(seller=listing.seller).times >= 1


def test_the_claim_asks_the_guard_again(shop):
    listing = shop.sell(shop.seller(), shown=10, level=7)
    shop.pull()
    shop.compare()
    # Behind the services' back, as another node does whose signal we do not hear.
    OwnershipRule.objects.filter(seller=listing.seller).update(owner="seller")

    assert shop.push() == 0

    assert shop.messages(listing).get().state == "SUPERSEDED"
    assert shop.writes() == []


def test_a_refused_alias_fails_alone(shop):
    seller = shop.seller()
    good, bad = shop.sell(seller, shown=10, level=7), shop.sell(seller, shown=10, level=6)
    bad.marketplacer_id = "VmFyaWFudC05OTk5OTk5"
    bad.save(update_fields=["marketplacer_id"])

    assert shop.tell() == 1

    assert shop.shown(good) == 7
    message = shop.messages(bad).get()
    assert message.state == "FAILED"
    assert message.case.kind == "MARKETPLACER_REJECTED"


def test_a_lost_answer_leaves_the_listing_in_doubt_and_is_told_again(shop):
    listing = shop.sell(shop.seller(), shown=10, level=7)
    shop.sandbox.faults.set({"lose_next": 1})
    shop.tell()
    assert shop.shown(listing) == 7
    assert shop.stock(listing).in_doubt
    shop.clock.forward(minutes=1)
    shop.count(listing, 10)  # what it showed before all this

    shop.tell()

    assert shop.shown(listing) == 10
    assert not shop.stock(listing).in_doubt


def test_a_worker_that_wakes_too_late_sends_nothing_old(shop):
    listing = shop.sell(shop.seller(), shown=10, level=7)
    shop.pull()
    shop.compare()
    lease, claimed, _ = stock_push.claim(at=shop.clock.at, limit=10)
    shop.clock.forward(minutes=10)  # its lease is over, another worker took the message
    assert shop.push() == 1
    shop.count(listing, 3)
    shop.tell()

    assert stock_push.record(lease, claimed, [None], at=shop.clock.at) == 0

    stock = shop.stock(listing)
    assert (stock.told, stock.look_at) == (3, shop.clock.at)


def made_of(shop, listing):
    stock = shop.stock(listing)
    return (stock.available, stock.promised, stock.level)


def test_orders_are_subtracted_until_a_snapshot_after_their_acceptance(shop):
    listing = shop.sell(shop.seller(), shown=10, level=10)
    shop.tell()
    shop.order(listing, 3)

    shop.read_orders()
    shop.compare()
    assert made_of(shop, listing) == (10, 3, 7)
    shop.pull()  # a snapshot from before the acceptance covers nothing
    shop.compare()
    assert made_of(shop, listing) == (10, 3, 7)
    shop.clock.forward(minutes=1)
    shop.post_orders()
    shop.compare()
    assert made_of(shop, listing) == (10, 3, 7)
    shop.clock.forward(minutes=1)
    shop.pull()
    shop.compare()
    assert made_of(shop, listing) == (7, 0, 7)


def test_a_level_that_comes_back_to_what_was_told_is_told_when_orders_took_from_it(shop):
    listing = shop.sell(shop.seller(), shown=10, level=10)
    shop.tell()
    shop.order(listing, 3)
    shop.read_orders()
    shop.compare()  # 7 is queued, and shown already
    shop.count(listing, 13)
    shop.clock.forward(minutes=1)

    assert shop.tell() == 1

    assert shop.shown(listing) == 10


def test_a_level_that_stays_is_told_when_a_cancelled_order_may_have_raised_it(shop):
    listing = shop.sell(shop.seller(), shown=10, level=10)
    shop.tell()
    number = shop.order(listing, 3)
    shop.read_orders()
    shop.compare()
    shop.push()
    shop.clock.forward(minutes=1)
    shop.sandbox.cancel(number)  # and Marketplacer shows 10 again
    shop.count(listing, 7)  # while three went elsewhere
    shop.clock.forward(minutes=1)
    shop.read_orders()

    shop.tell()

    assert (shop.stock(listing).level, shop.shown(listing)) == (7, 7)


def test_many_zeros_at_once_are_held_until_a_person_releases_them(shop, operations):
    seller = shop.seller()
    listings = [shop.sell(seller, shown=5, level=5) for _ in range(6)]
    stock_rules.choose(
        by=operations, at=shop.clock.at, reason="small shop", zero_count=3, zero_share=0.1
    )
    shop.tell()
    shop.clock.forward(minutes=1)
    for listing in listings[:4]:
        shop.count(listing, 0)

    assert shop.tell() == 0
    hold = StockHold.objects.get()
    assert (hold.kind, hold.listings, hold.units, hold.state) == ("ZEROS", 4, 20, "OPEN")

    stock_holds.release(hold=hold, by=operations, at=shop.clock.at, reason="Sold to a fair.")
    assert shop.push() == 4
    assert [shop.shown(listing) for listing in listings] == [0, 0, 0, 0, 5, 5]


def test_zeros_in_portions_are_held_although_the_listings_were_read_again(shop, operations):
    seller = shop.seller()
    listings = [shop.sell(seller, shown=5, level=5) for _ in range(6)]
    stock_rules.choose(
        by=operations, at=shop.clock.at, reason="small shop", zero_count=3, zero_share=0.1
    )
    shop.tell()
    shop.clock.forward(minutes=1)
    shop.count(listings[0], 0)
    shop.count(listings[1], -1)  # held as negative: gone like the others
    assert shop.tell() == 1
    shop.clock.forward(minutes=1)
    Listing.objects.update(seen_at=shop.clock.at)
    shop.count(listings[2], 0)

    assert shop.tell() == 0
    assert StockHold.objects.get(kind="ZEROS").listings == 1
    assert [shop.shown(listing) for listing in listings[:3]] == [0, 5, 5]


def test_listings_that_began_at_zero_did_not_fall(shop, operations):
    seller = shop.seller()
    listings = [shop.sell(seller, shown=0, level=0) for _ in range(5)]
    sold_out = shop.sell(seller, shown=5, level=5)
    stock_rules.choose(
        by=operations, at=shop.clock.at, reason="small shop", zero_count=3, zero_share=0.1
    )
    shop.tell()
    assert all(shop.stock(listing).level == 0 for listing in listings)
    shop.clock.forward(minutes=10)
    shop.tell()
    shop.clock.forward(minutes=1)
    shop.count(sold_out, 0)

    assert shop.tell() == 1
    assert not StockHold.objects.exists()


def test_a_discarded_level_is_never_told_and_the_next_one_is(shop, operations):
    listing = shop.sell(shop.seller(), shown=5, level=5)
    shop.tell()
    shop.clock.forward(minutes=1)
    shop.count(listing, -4)
    assert shop.tell() == 0
    hold = StockHold.objects.get(kind="NEGATIVE")
    stock_holds.discard(hold=hold, by=operations, at=shop.clock.at, reason="A wrong booking.")
    shop.clock.forward(minutes=1)
    shop.compare(everything=True)
    assert shop.push() == 0
    assert shop.shown(listing) == 5
    shop.clock.forward(minutes=1)
    shop.count(listing, 2)

    assert shop.tell() == 1
    assert shop.shown(listing) == 2


def test_a_level_that_the_erp_no_longer_names_is_held(shop):
    listing = shop.sell(shop.seller(), shown=5, level=5)
    shop.tell()
    shop.clock.forward(minutes=1)
    shop.erp.retire(f"ERP-{listing.legacy_id}")

    shop.pull(full=True)
    shop.compare()

    assert shop.push() == 0
    assert StockHold.objects.get().kind == "MISSING"
    assert shop.stock(listing).hold is not None


def test_another_writer_is_seen_listed_and_corrected(shop):
    listing = shop.sell(shop.seller(), shown=10, level=7)
    shop.tell()
    shop.sandbox.edit_variant(listing.legacy_id, stock=99)
    shop.clock.forward(minutes=2)

    assert shop.look() == 1

    drift = listing.drifts.get()
    assert (drift.expected, drift.shown, drift.state) == (7, 99, "OPEN")
    shop.push()
    assert shop.shown(listing) == 7
    shop.clock.forward(minutes=2)
    shop.look()
    drift.refresh_from_db()
    assert drift.state == "HEALED"


def test_listings_that_sell_without_a_count_or_are_not_published_are_not_written(shop):
    seller = shop.seller()
    endless, hidden = shop.sell(seller, shown=10, level=7), shop.sell(seller, shown=9, level=6)
    hidden.published = False
    hidden.save(update_fields=["published"])
    shop.sandbox.store.change("Variant", endless.legacy_id, infiniteQuantity=True)
    ListingStock.objects.filter(pk=endless.pk).update(infinite=True)
    shop.pull()
    shop.compare()
    ListingStock.objects.filter(pk=endless.pk).update(infinite=True)

    shop.push()

    assert shop.shown(hidden) == 9
    assert shop.shown(endless) == 10


def test_when_marketplacer_is_down_nothing_is_lost(shop, marketplacer, monkeypatch):
    listing = shop.sell(shop.seller(), shown=10, level=7)

    def down(updates):
        raise Transient("no route")

    with monkeypatch.context() as patched:
        patched.setattr(marketplacer, "set_stock", down)
        assert shop.tell() == 0
    assert shop.messages(listing).get().state == OutboxMessage.State.PENDING
    shop.clock.forward(minutes=1)

    assert shop.push() == 1
    assert shop.shown(listing) == 7


def test_noting_the_same_orders_twice_touches_nothing(shop):
    assert stock_orders.note(invoice_ids=[], at=shop.clock.at) == 0
