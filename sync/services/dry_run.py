"""The end of a dry run: what was queued in it never leaves as it stands, it is decided anew.

Days may lie between the decision and the first write, and the go-live moment is usually set in
between: an order from before it is history by then.
"""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from sync.models import Invoice, ListingStock, OutboxMessage
from sync.services import lanes, orders, outbox

State = OutboxMessage.State
REASON = "The dry run ended; it was decided anew."
_CHUNK = 500
HISTORY = "Dated before go-live: the opening balances hold it."
# What is decided anew. All else was queued for documents that the far sides hold for real, because
# the installation had been live before: it goes out, but for entries dated before go-live.
_ANEW = ("post_order", "set_stock")


def end(*, at: datetime) -> int:
    """Decide anew on what a dry run has queued; returns how many messages there were.

    Does nothing while the dry run lasts. A second run finds nothing to do.
    """
    ended = 0
    while found := end_some(at=at):
        ended += found
    return ended


@transaction.atomic
def end_some(*, at: datetime) -> int:
    """The oldest few of them, as `end`; for the sweeper."""
    if settings.DRY_RUN:
        return 0
    waiting = OutboxMessage.objects.filter(dry=True, state=State.PENDING)
    rows = list(
        waiting.select_for_update(no_key=True, of=("self",), skip_locked=True)
        .order_by("pk")
        .values_list("pk", "operation", "lane", "payload__listing", "payload__entry__posting_date")[
            :_CHUNK
        ]
    )
    anew = [pk for pk, operation, *_ in rows if operation in _ANEW]
    first = settings.GO_LIVE_AT.astimezone(settings.COMPANY_TIME_ZONE).date().isoformat()
    history = [
        pk for pk, operation, _, _, day in rows if operation not in _ANEW and (day or first) < first
    ]
    OutboxMessage.objects.filter(pk__in=history).update(state=State.SUPERSEDED, last_error=HISTORY)
    OutboxMessage.objects.filter(pk__in=anew).update(state=State.SUPERSEDED, last_error=REASON)
    OutboxMessage.objects.filter(pk__in=[row[0] for row in rows]).update(dry=False)
    invoices = Invoice.objects.filter(posting__in=anew).order_by("pk")
    orders.decide_again(pks=list(invoices.values_list("pk", flat=True)), at=at)
    listings = [listing for _, operation, _, listing, _ in rows if operation == "set_stock"]
    ListingStock.objects.filter(pk__in=listings, refusal="", hold=None).update(due_at=at)
    for lane in sorted({lane for _, operation, lane, *_ in rows if operation not in _ANEW}):
        lanes.wake(task=outbox.TASKS[OutboxMessage.Lane(lane)], at=at)
    return len(rows)
