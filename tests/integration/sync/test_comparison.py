"""The full reading finds what is gone, believes no catastrophe, and needs no memory."""

import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from mapping.models import ErpItem, Listing
from sync import connections
from sync.domain.marketplace import ListingValue
from sync.marketplacer.client import Page
from sync.models import ExceptionCase, Feed
from sync.services import comparison, pulls
from tests.factories import make_item, make_listing, make_seller

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def now():
    return lambda: datetime.now(UTC)


@pytest.fixture
def read_once(erp, marketplacer, sandbox, now):
    marketplacer._page_size = 100
    pulls.pull_sellers(clock=now)
    pulls.pull_listings(clock=now)


def test_what_vanished_without_a_word_is_found(read_once, now):
    listing = Listing.objects.exclude(advert_id="").order_by("pk").first()
    stray = make_listing(seller=listing.seller, advert_id="advert-that-is-gone", title="A boot")
    Listing.objects.filter(pk=stray.pk).update(seen_at=now() - timedelta(days=2))

    counts = comparison.compare_listings(clock=now, now=True)

    stray.refresh_from_db()
    assert (counts["gone"], stray.deleted, stray.published) == (1, True, False)
    assert (stray.title, Listing.objects.filter(deleted=True).count()) == ("A boot", 1)


def test_a_listing_that_only_an_order_has_named_is_left_alone(read_once, now):
    named = make_listing(seller=Listing.objects.first().seller, advert_id="")
    Listing.objects.filter(pk=named.pk).update(seen_at=now() - timedelta(days=2))

    assert comparison.compare_listings(clock=now, now=True)["gone"] == 0


def test_a_reading_that_would_take_very_much_away_is_not_believed(read_once, now):
    seller = make_seller()
    many = 60 + Listing.objects.count() // 10
    lost = [make_listing(seller=seller, advert_id=f"lost-{n}") for n in range(many)]
    known = Listing.objects.filter(pk__in=[one.pk for one in lost])
    known.update(seen_at=now() - timedelta(days=2))

    comparison.compare_listings(clock=now, now=True)
    case = ExceptionCase.objects.get(kind="CATALOGUE_SHRANK")
    assert known.filter(deleted=True).count() == 0
    assert "none was" in case.cause

    comparison.compare_listings(clock=now, now=True, accept=True)

    case.refresh_from_db()
    assert (known.filter(deleted=True).count(), case.state) == (many, "RESOLVED")


def test_it_comes_round_once_a_night_and_not_more_often(read_once, now):
    assert comparison.compare_listings(clock=now) != {}
    assert comparison.compare_listings(clock=now) == {}
    assert comparison.compare_listings(clock=lambda: now() + timedelta(hours=21)) != {}


def test_a_reading_goes_on_where_its_time_ran_out(read_once, marketplacer, now, monkeypatch):
    marketplacer._page_size = 20
    monkeypatch.setattr(comparison, "BUDGET", timedelta(0))
    pages = 0
    while Feed.objects.filter(name="listings in full", succeeded_at=None).exists() or not pages:
        comparison.compare_listings(clock=now, now=not pages)
        pages += 1
        assert pages < 500

    assert pages > 2
    assert Listing.objects.filter(deleted=True).count() == 0


def test_an_item_that_the_erp_lists_no_more_is_inactive(erp, now):
    gone = make_item()
    ErpItem.objects.update(seen_at=now() - timedelta(days=2))

    comparison.compare_items(clock=now, now=True)

    gone.refresh_from_db()
    assert gone.active is False


def test_a_deleted_advert_keeps_its_words(read_once, now):
    listing = Listing.objects.exclude(title="").order_by("pk").first()
    title = listing.title
    facts = pulls._listing(
        ListingValue(
            marketplacer_id=listing.marketplacer_id,
            legacy_id=None,
            advert_id=listing.advert_id,
            seller_id="",
            sku="",
            barcode="",
            title="",
            brand="",
            label="",
            price_minor=None,
            count_on_hand=None,
            published=False,
            deleted=True,
            updated_at=now(),
        )
    )

    counts = pulls.catalogue.mirror_listings(listings=[facts], at=now())

    listing.refresh_from_db()
    assert (counts["deleted"], listing.deleted, listing.title) == (1, True, title)


class Endless:
    """A marketplace of very many adverts, a page at a time."""

    def __init__(self, seller, adverts, page):
        self.seller, self.total, self.page = seller, adverts, page

    def adverts(self, *, updated_since, after):
        start = int(after or 0)
        ids = [f"advert-{n}" for n in range(start, min(start + self.page, self.total))]
        more = start + self.page < self.total
        return Page([], str(start + self.page) if more else None, None, self.total, ids)


def test_a_full_reading_remembers_a_listing_in_32_bytes_and_so_half_a_million_in_16_megabytes(
    now, monkeypatch
):
    def peak(adverts):
        double = Endless(None, adverts, 1000)
        monkeypatch.setattr(connections, "_marketplacer", lambda: double)
        tracemalloc.start()
        comparison.compare_listings(clock=now, now=True)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(1000)
    few, many = peak(10_000), peak(110_000)

    assert (many - few) / 100_000 < 32  # eight bytes for each, and what counting them takes
