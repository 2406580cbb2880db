"""Whatever road a level takes, one of a listing that its seller keeps is refused, counted, shown.

Each road is walked with a listing that was ours until a moment ago: the rule is changed behind the
services' back, as by another machine whose news has not come yet. The witness is the sandbox's log.
"""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from mapping.domain.ownership import Field
from mapping.models import OwnershipRule
from sync import connections
from sync.domain.guard import Permit
from sync.marketplacer import allowed
from sync.marketplacer.stock import StockUpdate
from sync.models import ListingStock, OutboxMessage, PreventedWrite, StockHold
from sync.services import dry_run, guard, outbox, stock_holds, stock_queue
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


def now_the_sellers(listing):
    OwnershipRule.objects.filter(seller=listing.seller).update(owner="seller")


def by_a_new_level_of_the_erp(shop, listing, person):
    now_the_sellers(listing)
    shop.count(listing, 0)
    shop.tell()


def by_the_nightly_comparison_of_everything(shop, listing, person):
    now_the_sellers(listing)
    shop.count(listing, 3)
    shop.pull(full=True)
    shop.compare(everything=True)
    shop.push()


def by_what_was_due_before(shop, listing, person):
    now_the_sellers(listing)
    ListingStock.objects.filter(pk=listing.pk).update(due_at=shop.clock.at, told=None)
    stock_queue.queue_due(at=shop.clock.at)
    shop.push()


def by_what_was_queued_before(shop, listing, person):
    shop.count(listing, 3)
    shop.pull()
    shop.compare()
    now_the_sellers(listing)
    shop.push()


def by_naming_it_to_the_queue(shop, listing, person):
    now_the_sellers(listing)
    assert stock_queue.enqueue(listing_ids=[listing.pk], at=shop.clock.at) == 0
    shop.push()


def by_a_message_that_somebody_wrote_by_hand(shop, listing, person):
    now_the_sellers(listing)
    OutboxMessage.objects.create(
        lane=OutboxMessage.Lane.STOCK,
        operation="set_stock",
        key=f"{listing.pk}:99",
        stream=guard.stream_of(listing.pk),
        reference="by hand",
        payload={
            "variant_id": listing.marketplacer_id,
            "listing": listing.pk,
            "quantity": 0,
            "version": 99,
        },
        queued_at=shop.clock.at,
        not_before=shop.clock.at,
    )
    shop.push()


def by_the_release_of_a_hold(shop, listing, person):
    shop.count(listing, -2)
    shop.tell()
    now_the_sellers(listing)
    stock_holds.release(
        hold=StockHold.objects.get(), by=person, at=shop.clock.at, reason="Tell it all the same."
    )
    shop.push()


def by_correcting_what_another_wrote(shop, listing, person):
    now_the_sellers(listing)
    shop.sandbox.edit_variant(listing.legacy_id, stock=99)
    assert shop.look() == 1
    shop.push()


def by_sending_a_refused_message_again(shop, listing, person):
    shop.count(listing, 3)
    shop.pull()
    shop.compare()
    message = shop.messages(listing).order_by("-pk").first()
    OutboxMessage.objects.filter(pk=message.pk).update(state="FAILED")
    now_the_sellers(listing)
    outbox.retry(message=message, by=person, at=shop.clock.at)
    shop.push()


def by_the_end_of_a_dry_run(shop, listing, person):
    shop.count(listing, 3)
    shop.pull()
    shop.compare()
    OutboxMessage.objects.filter(state="PENDING").update(dry=True)
    now_the_sellers(listing)
    dry_run.end(at=shop.clock.at)
    stock_queue.queue_due(at=shop.clock.at)
    shop.push()


ROADS = [
    by_a_new_level_of_the_erp,
    by_the_nightly_comparison_of_everything,
    by_what_was_due_before,
    by_what_was_queued_before,
    by_naming_it_to_the_queue,
    by_a_message_that_somebody_wrote_by_hand,
    by_the_release_of_a_hold,
    by_correcting_what_another_wrote,
    by_sending_a_refused_message_again,
    by_the_end_of_a_dry_run,
]


@pytest.mark.parametrize("road", ROADS, ids=lambda road: road.__name__)
def test_a_level_of_a_listing_that_its_seller_keeps_is_refused_counted_and_shown(
    shop, operations, auditor, client_of, road
):
    listing = shop.sell(shop.seller(), shown=10, level=7)
    shop.tell()
    assert shop.shown(listing) == 7
    shop.clock.forward(minutes=2)
    before = len(shop.writes())

    road(shop, listing, operations)

    assert shop.writes()[before:] == []
    prevented = PreventedWrite.objects.get()
    assert (prevented.seller, prevented.field) == (listing.seller, Field.STOCK)
    assert (prevented.reason, prevented.last_listing) == ("seller_managed", listing)
    page = client_of(auditor).get(reverse("sync:prevented")).content.decode()
    assert listing.seller.business_name in page
    assert "the seller keeps it" in page
    assert not shop.messages(listing, state__in=["PENDING", "IN_FLIGHT"]).exists()


def test_the_client_itself_sends_nothing_for_a_listing_that_it_has_no_permit_for(shop):
    theirs = shop.sell(shop.seller(owner="seller"), shown=10, level=0)
    answer = guard.stock_permits(listing_ids=[theirs.pk], at=shop.clock.at)[theirs.pk].answer
    assert not isinstance(answer, Permit)

    with pytest.raises(allowed.ForbiddenWrite):
        connections.marketplacer().set_stock(
            [StockUpdate(Permit(Field.PRICE, theirs.marketplacer_id, shop.clock.at), 0)]
        )

    assert shop.writes() == []
    assert shop.shown(theirs) == 10


def test_the_count_of_a_second_day_stands_beside_the_first(shop):
    listing = shop.sell(shop.seller(owner="seller"), shown=10, level=0)
    shop.tell()
    shop.clock.forward(days=1)
    shop.count(listing, 4)
    shop.tell()

    days = PreventedWrite.objects.order_by("day").values_list("day", "times")
    assert [times for _, times in days] == [1, 1]
    assert days[1][0] - days[0][0] == timedelta(days=1)
