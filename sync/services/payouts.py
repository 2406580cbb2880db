"""Marketplacer's settlement as it stands: read without a gap, stored raw, mirrored.

Three ways to be told, because the API offers three. Refunds and amendments come with the invoices
that changed. Advices are a list that only grows; a webhook says when one changed. Remittances have
neither a change time nor a webhook: every unreleased one is read each time, and one that is no
longer among them is asked for by its id.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from mapping.models import Seller
from sync import connections
from sync.domain.delivery import Failure
from sync.models import Feed, InboxMessage, Remittance, RemittanceAdvice
from sync.services import feeds, lanes, payout_mirror, pulls, work

log = logging.getLogger(__name__)

State = InboxMessage.State
Source = InboxMessage.Source

PROCESS = "sync.tasks.process_payouts"
MONEY, REMITTANCE, ADVICE = payout_mirror.MONEY, payout_mirror.REMITTANCE, payout_mirror.ADVICE
TYPES = (MONEY, REMITTANCE, ADVICE)
BATCH = 200
ASK = 100  # ids in one question
# An advice list is read from its start again after this, whatever the cursor says.
READ_ALL_AFTER = timedelta(days=1)
# An invoice that is not mirrored yet comes with the next poll; its refund waits that long.
WAIT_FOR_INVOICE = timedelta(minutes=1)


@transaction.atomic
def receive(*, typename: str, nodes: Sequence[Mapping[str, Any]], at: datetime) -> int:
    """Store nodes as they were read and wake their processing; returns how many are news.

    The same content again is the same row. Content that came back after another one (a remittance
    that is pending, released, pending again) is worked again: the latest reading is the truth.
    """
    rows = {_identity(typename, node): node for node in nodes}
    if not rows:
        return 0
    created = InboxMessage.objects.bulk_create(
        [
            InboxMessage(
                source=Source.NODE,
                identity=identity,
                typename=typename,
                node_id=node["id"],
                body=node,
                received_at=at,
                not_before=at,
            )
            for identity, node in rows.items()
        ],
        ignore_conflicts=True,
    )
    del created  # says nothing about conflicts
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN, {"at": at, "given": list(rows)})
    waiting = InboxMessage.objects.filter(identity__in=rows, state=State.NEW).count()
    if waiting:
        lanes.wake(task=PROCESS, at=at)
    return waiting


_AGAIN = """
    UPDATE sync_inboxmessage AS told
       SET state = 'NEW', received_at = %(at)s, not_before = %(at)s, note = ''
     WHERE told.source = 'NODE' AND told.identity = ANY(%(given)s) AND told.state = 'DONE'
       AND EXISTS (SELECT FROM sync_inboxmessage AS later
                    WHERE later.node_id = told.node_id AND later.typename = told.typename
                      AND later.source = 'NODE' AND later.received_at > told.received_at)
"""


def _identity(typename: str, node: Mapping[str, Any]) -> str:
    plain = json.dumps(node, sort_keys=True, separators=(",", ":"))
    return f"{typename}:{node['id']}@{hashlib.sha256(plain.encode()).hexdigest()[:32]}"


def pull_refunds(*, clock: Callable[[], datetime]) -> Mapping[str, int]:
    """Refunds and amendments of the invoices changed since the last read, into the inbox."""

    def read(since: datetime | None, page: str | None) -> pulls.Batch:
        found = connections.marketplacer().invoice_money_page(updated_since=since, after=page)
        told = [
            {key: value for key, value in node.items() if key != "updatedAt"}
            for node in found.nodes
            if node.get("refundRequests") or node.get("amendments")
        ]
        silent = len(found.nodes) - len(told)
        return pulls.Batch(
            lambda at: {
                "read": receive(typename=MONEY, nodes=told, at=at),
                "without refund or amendment": silent,
            },
            found.next_page,
            found.newest,
        )

    start = settings.GO_LIVE_AT - pulls.OVERLAP
    return pulls.pull(name="refunds", read=read, clock=clock, start=start)


def sweep_remittances(*, clock: Callable[[], datetime]) -> Mapping[str, int]:
    """Read every unreleased remittance, and by id those that are unreleased no more.

    One worker sweeps at a time. A failure is recorded on the feed; what was read before it stays.
    """
    return _alone("remittances", clock, _sweep)


def _sweep(clock: Callable[[], datetime], counts: dict[str, int]) -> None:
    began = clock()
    sellers = Seller.objects.filter(deleted=False).order_by("pk")
    seen = set[str]()
    for seller in sellers.values_list("marketplacer_id", flat=True):
        page: str | None = None
        while True:
            found = connections.marketplacer().seller_remittances(seller=seller, after=page)
            _count(counts, "read", len(found.nodes))
            seen.update(node["id"] for node in found.nodes)
            receive(typename=REMITTANCE, nodes=found.nodes, at=clock())
            page = found.next_page
            if page is None:
                break
    gone = Remittance.objects.filter(released=False, gone_at=None, seen_at__lt=began)
    left = [
        i for i in gone.values_list("marketplacer_id", flat=True).order_by("pk") if i not in seen
    ]
    for start in range(0, len(left), ASK):
        asked = left[start : start + ASK]
        nodes = connections.marketplacer().remittance_nodes(asked)
        receive(typename=REMITTANCE, nodes=nodes, at=clock())
        missing = set(asked) - {node["id"] for node in nodes}
        Remittance.objects.filter(marketplacer_id__in=missing).update(
            gone_at=clock(), touched_at=clock()
        )
        _count(counts, "released or changed", len(nodes))
        _count(counts, "gone", len(missing))


def pull_advices(*, clock: Callable[[], datetime]) -> Mapping[str, int]:
    """New advices, those a webhook named, and those not paid yet, as they are now."""
    return _alone("advices", clock, _pull_advices)


def _pull_advices(clock: Callable[[], datetime], counts: dict[str, int]) -> None:
    feed = feeds.get("advices")
    page: str | None = feed.page_cursor or None
    if feed.cursor_at is None or feed.cursor_at < clock() - READ_ALL_AFTER:
        page = None
    whole = page is None
    began = clock()
    seen = set[str]()
    while True:
        found = connections.marketplacer().advice_page(after=page)
        seen.update(node["id"] for node in found.nodes)
        _count(counts, "read", len(found.nodes))
        with transaction.atomic():
            receive(typename=ADVICE, nodes=found.nodes, at=clock())
            # The list only grows, so the start of its last page is where new ones will follow.
            Feed.objects.filter(pk=feed.pk).update(
                page_cursor=page or "", **({"cursor_at": began} if whole else {})
            )
        if found.next_page is None:
            break
        page = found.next_page
    _look_again(clock, counts, seen)


def _look_again(clock: Callable[[], datetime], counts: dict[str, int], seen: set[str]) -> None:
    """Advices that webhooks named, and those we hold as unpaid, asked for by id."""
    lease, hints = work.claim(
        InboxMessage.objects.filter(source=Source.HINT, state=State.NEW, typename=ADVICE),
        at=clock(),
        limit=1000,
    )
    unpaid = RemittanceAdvice.objects.filter(paid_at=None, total_minor__gt=0)
    wanted = {hint.node_id for hint in hints}
    wanted |= set(unpaid.order_by("-pk").values_list("marketplacer_id", flat=True)[:1000])
    ids = sorted(wanted - seen)
    for start in range(0, len(ids), ASK):
        nodes = connections.marketplacer().advice_nodes(ids[start : start + ASK])
        receive(typename=ADVICE, nodes=nodes, at=clock())
        _count(counts, "read again", len(nodes))
    with transaction.atomic():
        held = work.hold(InboxMessage, lease=lease, pks=[hint.pk for hint in hints])
        InboxMessage.objects.filter(pk__in=[hint.pk for hint in held]).update(
            state=State.DONE,
            note="read from Marketplacer",
            processed_at=clock(),
            lease=None,
            lease_until=None,
            unrecorded=0,
        )


def _alone(
    name: str,
    clock: Callable[[], datetime],
    run: Callable[[Callable[[], datetime], dict[str, int]], None],
) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    if feeds.held_back(name=name, at=clock()) or not work.try_lane_lock(name):
        return counts
    failure: Failure | None = None
    try:
        Feed.objects.filter(pk=feeds.get(name).pk).update(started_at=clock())
        run(clock, counts)
    except Failure as problem:
        failure = problem
    finally:
        work.release_lane_lock(name)
    feeds.told(name=name, failure=failure, at=clock(), counts=counts)
    return counts


def _count(counts: dict[str, int], what: str, many: int) -> None:
    counts[what] = counts.get(what, 0) + many


def process(*, clock: Callable[[], datetime]) -> int:
    """Mirror stored settlement nodes until none is waiting; returns how many were worked.

    A batch is one transaction: cut off, it comes back whole.
    """
    worked = 0
    while True:
        lease, messages = work.claim(
            InboxMessage.objects.filter(source=Source.NODE, state=State.NEW, typename__in=TYPES),
            at=clock(),
            limit=BATCH,
        )
        if not messages:
            return worked
        with transaction.atomic():
            at = clock()
            held = work.hold(InboxMessage, lease=lease, pks=[m.pk for m in messages])
            payout_mirror.take(messages=held, at=at)
            _settle(held, at)
        worked += len(messages)


def _settle(messages: Iterable[InboxMessage], at: datetime) -> None:
    outcomes: dict[tuple[str, str], list[int]] = {}
    for message in messages:
        outcomes.setdefault((message.state, message.note), []).append(message.pk)
    for (state, note), pks in outcomes.items():
        waiting = state == State.NEW
        InboxMessage.objects.filter(pk__in=pks).update(
            state=state,
            note=note,
            processed_at=None if waiting else at,
            not_before=at + WAIT_FOR_INVOICE if waiting else at,
            lease=None,
            lease_until=None,
            unrecorded=0,
        )
