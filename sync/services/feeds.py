"""What each feed's runs say of themselves: the evidence that health is computed from."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from sync.domain.cases import CaseKind
from sync.domain.delivery import Failure, Misconfigured, Throttled
from sync.models import ExceptionCase, Feed, FeedHour
from sync.services import cases
from sync.services.cases import Cause

# Orders are decided on only after each of these has been read once: before that every SKU would
# look unmapped and every seller unknown.
CATALOGUE = ("sellers", "listings", "items")


def catalogue_read() -> bool:
    """Whether sellers, listings and ERP items have all been read at least once."""
    read = Feed.objects.filter(name__in=CATALOGUE, succeeded_at__isnull=False)
    return read.count() == len(CATALOGUE)


def get(name: str) -> Feed:
    feed, _ = Feed.objects.get_or_create(name=name)
    return feed


# A refused sign-in is not tried again at once: systems lock out whoever keeps trying.
REFUSED_WAIT = timedelta(minutes=2)
THROTTLED_WAIT = timedelta(minutes=1)


def held_back(*, name: str, at: datetime) -> bool:
    """Whether the far side told this feed to wait, or refused it so lately that trying is rude."""
    return Feed.objects.filter(name=name, not_before__gt=at).exists()


def _not_before(failure: Failure | None, at: datetime) -> datetime | None:
    if isinstance(failure, Throttled):
        after = failure.retry_after
        return at + (timedelta(seconds=after) if after is not None else THROTTLED_WAIT)
    return at + REFUSED_WAIT if isinstance(failure, Misconfigured) else None


@transaction.atomic
def told(*, name: str, failure: Failure | None, at: datetime, counts: Mapping[str, int]) -> None:
    """Record how a run of the feed ended, and stop or start it accordingly.

    A misconfigured connection opens a case, which resolves with the next run that gets through.
    """
    feed = Feed.objects.select_for_update(no_key=True).get(pk=get(name).pk)
    feed.counts = dict(counts)
    # Another worker of the same feed may have been told to wait meanwhile.
    waiting = feed.not_before if feed.not_before and feed.not_before > at else None
    feed.not_before = _not_before(failure, at) or waiting
    if failure is None:
        feed.succeeded_at, feed.error, feed.error_kind = at, "", ""
    else:
        feed.failed_at, feed.error, feed.error_kind = at, str(failure)[:2000], failure.kind
    feed.save()
    _count_hour(name, failure, at, counts)
    key = f"feed:{name}"
    if isinstance(failure, Misconfigured):
        cause = Cause(
            CaseKind.FEED_STOPPED, key, f"The feed {name} is refused.", quote=str(failure)
        )
        cases.open_case(cause=cause, at=at)
    elif failure is None:
        for case in ExceptionCase.objects.filter(
            kind=CaseKind.FEED_STOPPED, key=key, state=ExceptionCase.State.OPEN
        ):
            proof = {f"read {what}": str(many) for what, many in counts.items()}
            cases.resolve(case=case, resolution="The feed got through again.", at=at, proof=proof)


def _count_hour(
    name: str, failure: Failure | None, at: datetime, counts: Mapping[str, int]
) -> None:
    """Add this run to the sums of its hour."""
    rows = counts.get("read", counts.get("sent", sum(counts.values())))
    hour = at.replace(minute=0, second=0, microsecond=0)
    FeedHour.objects.get_or_create(feed=name, hour=hour)
    FeedHour.objects.filter(feed=name, hour=hour).update(
        runs=F("runs") + 1, failures=F("failures") + int(failure is not None), rows=F("rows") + rows
    )
