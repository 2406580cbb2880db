"""The feeds that read: invoices, sellers, listings and ERP items, from where they last stopped.

A feed remembers up to when it has read, by the far side's own clock, and within a run the page it
committed last; a killed run goes on there. Each read overlaps the one before: what it brings
twice is the same row.
"""

import logging
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import numpy
from django.conf import settings
from django.db import transaction

from mapping.services import catalogue
from mkterp.core.money import from_minor
from sync import connections
from sync.domain.delivery import Failure, Rejected
from sync.domain.documents import Item
from sync.domain.marketplace import ListingValue, SellerValue
from sync.models import Feed
from sync.services import feeds, inbox, work

log = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=2)
# How often a span is read again because its rows moved; the next run reads on from there.
PASSES = 3
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class Distinct:
    """How many different ids there were, in eight bytes each: half a million are four megabytes."""

    def __init__(self) -> None:
        self._digests = array("Q")

    def add(self, ids: Iterable[str]) -> None:
        for one in ids:
            digest = blake2b(one.encode(), digest_size=8).digest()
            self._digests.append(int.from_bytes(digest, "big"))

    def count(self) -> int:
        return int(numpy.unique(numpy.frombuffer(self._digests, dtype=numpy.uint64)).size)


@dataclass(frozen=True)
class Batch:
    """One page as read: how to store it, where the next one begins, how new its newest row is."""

    store: Callable[[datetime], Mapping[str, int]]
    next_page: str | None
    newest: datetime | None
    # Where rows may move between pages: how many the list has, and which are on this page.
    total: int | None = None
    ids: Sequence[str] = ()


def pull(
    *,
    name: str,
    read: Callable[[datetime | None, str | None], Batch],
    clock: Callable[[], datetime],
    start: datetime | None,
) -> Mapping[str, int]:
    """Run one feed to its end; returns counts by what happened to the rows.

    `read(since, page)` asks the far side for one page. One worker runs a feed at a time; a second
    run meanwhile returns nothing. A failure is recorded on the feed and ends the run.
    """
    if feeds.held_back(name=name, at=clock()) or not work.try_lane_lock(name):
        return {}
    try:
        return _pull(name, read, clock, start)
    finally:
        work.release_lane_lock(name)


def _pull(
    name: str,
    read: Callable[[datetime | None, str | None], Batch],
    clock: Callable[[], datetime],
    start: datetime | None,
) -> Mapping[str, int]:
    counts = dict[str, int]()
    for _ in range(PASSES):
        complete, failure = _pass(feeds.get(name), read, clock, start, counts)
        if failure is not None or complete:
            feeds.told(name=name, failure=failure, at=clock(), counts=counts)
            return counts
        log.info("feed %s: rows moved between pages, reading the span again", name)
    counts["rows moved in every pass"] = 1
    feeds.told(name=name, failure=None, at=clock(), counts=counts)
    return counts


def _pass(
    feed: Feed,
    read: Callable[[datetime | None, str | None], Batch],
    clock: Callable[[], datetime],
    start: datetime | None,
    counts: dict[str, int],
) -> tuple[bool, Failure | None]:
    """Read the span once from where it was left; returns whether it was read without a gap.

    Lists have no snapshot: a row that changes between two pages moves to the end, and the one
    behind it slips past us. Fewer different rows than the list counts says so.
    """
    page: str | None = feed.page_cursor or None
    remembered = page
    resumed = page is not None
    since = feed.page_since if resumed else _since(feed, start)
    began = feed.started_at if resumed and feed.started_at else clock()
    Feed.objects.filter(pk=feed.pk).update(started_at=began)
    newest, seen, pages = feed.cursor_at, Distinct(), 0
    while True:
        try:
            batch = read(since, page)
        except Rejected as refusal:
            if page is None or page != remembered:
                return False, refusal
            # A remembered page that the far side no longer knows: read this span from its start.
            log.warning("feed %s: page refused, starting over: %s", feed.name, refusal)
            page = remembered = None
            continue
        except Failure as failure:
            return False, failure
        seen.add(batch.ids)
        pages += 1
        if batch.newest is not None and (newest is None or batch.newest > newest):
            newest = batch.newest
        page = batch.next_page
        gap = not page and not resumed and pages > 1 and seen.count() < (batch.total or 0)
        with transaction.atomic():
            for what, many in batch.store(clock()).items():
                counts[what] = counts.get(what, 0) + many
            Feed.objects.filter(pk=feed.pk).update(
                page_cursor=page or "",
                page_since=since if page else None,
                cursor_at=feed.cursor_at if page or gap else _reached(newest, began),
            )
        if page is None:
            return not gap, None


def _reached(newest: datetime | None, began: datetime) -> datetime | None:
    """Up to when all is read: what changed while we read may have been on an earlier page."""
    return min(newest, began) if newest is not None else None


def _since(feed: Feed, start: datetime | None) -> datetime | None:
    return feed.cursor_at - OVERLAP if feed.cursor_at else start


def pull_invoices(*, clock: Callable[[], datetime]) -> Mapping[str, int]:
    """Invoices changed since the last read, into the inbox. From go-live on, less the overlap."""

    def read(since: datetime | None, page: str | None) -> Batch:
        found = connections.marketplacer().invoice_page(updated_since=since, after=page)
        return Batch(
            lambda at: {"read": inbox.receive_nodes(nodes=found.nodes, at=at)},
            found.next_page,
            found.newest,
        )

    start = settings.GO_LIVE_AT - OVERLAP
    return pull(name="invoices", read=read, clock=clock, start=start)


def pull_sellers(*, clock: Callable[[], datetime]) -> Mapping[str, int]:
    def read(since: datetime | None, page: str | None) -> Batch:
        found = connections.marketplacer().sellers(updated_since=since, after=page)
        facts = [_seller(value) for value in found.rows]
        return Batch(
            lambda at: {"read": catalogue.mirror_sellers(sellers=facts, at=at)},
            found.next_page,
            found.newest,
            found.total,
            found.ids,
        )

    return pull(name="sellers", read=read, clock=clock, start=None)


def read_listings(since: datetime | None, page: str | None) -> Batch:
    """One page of the listings changed since."""
    found = connections.marketplacer().adverts(updated_since=since, after=page)
    facts = [_listing(value) for value in found.rows]
    return Batch(
        lambda at: {
            **catalogue.mirror_listings(listings=facts, at=at),
            "unreadable": found.unreadable,
        },
        found.next_page,
        found.newest,
        found.total,
        found.ids,
    )


def pull_listings(*, clock: Callable[[], datetime]) -> Mapping[str, int]:
    return pull(name="listings", read=read_listings, clock=clock, start=BEGINNING)


def read_items(since: datetime | None, page: str | None) -> Batch:
    """One page of the ERP's items changed since; of all of them without a moment."""
    found = connections.erp().items(since, page, 500)
    facts = [_item(value) for value in found.rows]
    return Batch(
        lambda at: {"read": catalogue.mirror_items(items=facts, at=at)},
        found.cursor,
        max((v.modified_at for v in found.rows if v.modified_at), default=None),
    )


def pull_items(*, clock: Callable[[], datetime]) -> Mapping[str, int]:
    return pull(name="items", read=read_items, clock=clock, start=None)


def _seller(value: SellerValue) -> catalogue.SellerFacts:
    return catalogue.SellerFacts(
        value.marketplacer_id, value.legacy_id, value.business_name, value.deleted
    )


def _listing(value: ListingValue) -> catalogue.ListingFacts:
    price: Any = value.price_minor
    return catalogue.ListingFacts(
        marketplacer_id=value.marketplacer_id,
        legacy_id=value.legacy_id,
        seller_id=value.seller_id,
        advert_id=value.advert_id,
        sku=value.sku,
        barcode=value.barcode,
        title=value.title,
        brand=value.brand,
        label=value.label,
        price=None if price is None else from_minor(price, settings.COMPANY_CURRENCY),
        count_on_hand=value.count_on_hand,
        published=value.published,
        deleted=value.deleted,
        changed_at=value.updated_at,
    )


def _item(value: Item) -> catalogue.ItemFacts:
    return catalogue.ItemFacts(
        erp_ref=value.ref,
        sku=value.sku,
        name=value.name,
        parent_ref=value.parent_ref or "",
        barcodes=value.barcodes,
        price=value.price,
        currency=value.currency or "",
        options=value.options,
        active=value.active,
        changed_at=value.modified_at,
    )
