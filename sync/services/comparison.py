"""The nightly full reading of both catalogues: what an incremental feed misses is found.

Everything is read from its beginning, page by page, over as many runs as it takes; each page is
mirrored and the place kept. What the whole reading did not bring is gone from the far side. A
reading during which rows moved between pages proves nothing about what is gone, and is repeated.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from django.db import transaction

from mapping.models import ErpItem, Listing
from mapping.services import catalogue
from sync.domain.cases import CaseKind
from sync.domain.delivery import Failure, Rejected
from sync.models import ExceptionCase, Feed
from sync.services import cases, feeds, pulls, work
from sync.services.cases import Cause
from sync.services.pulls import Batch, Distinct

log = logging.getLogger(__name__)

EVERY = timedelta(hours=20)  # so that it comes round once a night
BUDGET = timedelta(seconds=180)  # of one run; below a task's timeout
# A reading that would take more than this share away is not believed before a person says so.
MOST_GONE, FEW = 0.05, 50

Read = Callable[[datetime | None, str | None], Batch]
Finish = Callable[..., int]


def compare_listings(
    *, clock: Callable[[], datetime], accept: bool = False, now: bool = False
) -> Mapping[str, int]:
    """Go on with the full reading of listings, or begin one when the last is a day old.

    `now` begins one at once; `accept` lets it take away more than a few. Returns counts.
    """
    return _compare(
        "listings in full",
        pulls.read_listings,
        catalogue.delete_unseen,
        lambda: Listing.objects.filter(deleted=False).exclude(advert_id="").count(),
        clock,
        accept=accept,
        now=now,
    )


def compare_items(
    *, clock: Callable[[], datetime], accept: bool = False, now: bool = False
) -> Mapping[str, int]:
    """The same for the items of the ERP: what it does not list any more is inactive."""
    return _compare(
        "items in full",
        pulls.read_items,
        catalogue.deactivate_unseen,
        lambda: ErpItem.objects.filter(active=True).count(),
        clock,
        accept=accept,
        now=now,
    )


def _compare(
    name: str,
    read: Read,
    finish: Finish,
    living: Callable[[], int],
    clock: Callable[[], datetime],
    *,
    accept: bool,
    now: bool,
) -> Mapping[str, int]:
    if feeds.held_back(name=name, at=clock()) or not work.try_lane_lock(name):
        return {}
    try:
        feed = feeds.get(name)
        done = feed.succeeded_at is not None and clock() - feed.succeeded_at < EVERY
        if done and not feed.page_cursor and not now:
            return {}
        counts = dict[str, int]()
        resumed = bool(feed.page_cursor)
        complete, failure = _read_on(feed, read, clock, counts)
        if failure is not None:
            feeds.told(name=name, failure=failure, at=clock(), counts=counts)
        elif complete:
            feed.refresh_from_db()
            # Over several runs nobody counted whether a row slipped past between two pages: then
            # only what the reading before did not bring either is gone.
            since = feed.cursor_at if resumed else feed.started_at
            if since is not None:
                counts["gone"] = _finish(feed, finish, since, living(), clock(), accept=accept)
            Feed.objects.filter(pk=feed.pk).update(cursor_at=feed.started_at)
            feeds.told(name=name, failure=None, at=clock(), counts=counts)
        return counts
    finally:
        work.release_lane_lock(name)


def _read_on(
    feed: Feed, read: Read, clock: Callable[[], datetime], counts: dict[str, int]
) -> tuple[bool, Failure | None]:
    """Read until the end or the budget; returns whether the whole was read without a gap."""
    page: str | None = feed.page_cursor or None
    remembered = page
    resumed, stop = page is not None, clock() + BUDGET
    began = feed.started_at if resumed and feed.started_at else clock()
    Feed.objects.filter(pk=feed.pk).update(started_at=began)
    seen, total = Distinct(), None
    while True:
        try:
            batch = read(pulls.BEGINNING, page)
        except Rejected as refusal:
            if page is None or page != remembered:
                return False, refusal
            log.warning("%s: page refused, starting over: %s", feed.name, refusal)
            page, remembered, resumed = None, None, False
            seen, began = Distinct(), clock()
            Feed.objects.filter(pk=feed.pk).update(started_at=began)
            continue
        except Failure as failure:
            return False, failure
        seen.add(batch.ids)
        total, page = batch.total, batch.next_page
        with transaction.atomic():
            for what, many in batch.store(clock()).items():
                counts[what] = counts.get(what, 0) + many
            Feed.objects.filter(pk=feed.pk).update(page_cursor=page or "")
        if page is None:
            gap = not resumed and total is not None and seen.count() < total
            if gap:
                counts["rows moved, nothing taken away"] = 1
            return not gap, None
        if clock() >= stop:
            return False, None


def _finish(
    feed: Feed, finish: Finish, since: datetime, living: int, at: datetime, *, accept: bool
) -> int:
    """Take away what was not brought since, unless that is more than can be believed."""
    with transaction.atomic():
        gone = finish(since=since, at=at, limit=max(FEW, int(living * MOST_GONE)) + 1)
        many = gone > max(FEW, int(living * MOST_GONE))
        if many and not accept:
            transaction.set_rollback(True)
    key = f"shrank:{feed.name}"
    if many and not accept:
        cause = Cause(
            CaseKind.CATALOGUE_SHRANK,
            key,
            f"The full reading of {feed.name.removesuffix(' in full')} brought so few that more "
            f"than {gone - 1:,} of {living:,} would be taken away; none was.",
        )
        cases.open_case(cause=cause, at=at)
        return 0
    while many and (more := finish(since=since, at=at)):
        gone += more
    open_ones = ExceptionCase.objects.filter(
        kind=CaseKind.CATALOGUE_SHRANK, key=key, state=ExceptionCase.State.OPEN
    )
    for case in open_ones:
        cases.resolve(case=case, resolution="A later full reading was believable.", at=at)
    return gone
