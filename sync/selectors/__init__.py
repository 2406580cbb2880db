"""What crossed the wire, what waits, and how we know: read only, always in a stated order."""

from sync.selectors.counts import (
    MOST_COUNTED,
    last_webhook,
    open_case_count,
    parked_count,
    refused_count,
)
from sync.selectors.exceptions import (
    blocked_money,
    cases,
    history,
    money_held_by,
    open_cases,
)
from sync.selectors.health import (
    FEEDS,
    FeedHealth,
    Stall,
    WorkerHealth,
    feeds,
    stalled,
    status,
    workers,
)
from sync.selectors.invoices import (
    Event,
    causes_of,
    heard_of,
    lines_of,
    order_counts,
    orders,
    posted_tax,
    timeline,
)
from sync.selectors.payouts import (
    advices,
    amendments,
    refunds,
    remittances,
    sold,
)
from sync.selectors.queues import (
    inbox,
    outbox,
)
from sync.selectors.refunds import corrections, goods_return, parked_corrections
from sync.selectors.shipments import (
    carriers,
    shipments,
    story,
    unmapped_carriers,
    waiting_shipments,
)
from sync.selectors.workbench import (
    Held,
    Unmapped,
    blocked_by,
    held,
    unmapped_cases,
    unmapped_listings,
)

__all__ = [
    "FEEDS",
    "MOST_COUNTED",
    "Event",
    "FeedHealth",
    "Held",
    "Stall",
    "Unmapped",
    "WorkerHealth",
    "advices",
    "amendments",
    "blocked_by",
    "blocked_money",
    "carriers",
    "cases",
    "causes_of",
    "corrections",
    "feeds",
    "goods_return",
    "heard_of",
    "held",
    "history",
    "inbox",
    "last_webhook",
    "lines_of",
    "money_held_by",
    "open_case_count",
    "open_cases",
    "order_counts",
    "orders",
    "outbox",
    "parked_corrections",
    "parked_count",
    "posted_tax",
    "refunds",
    "refused_count",
    "remittances",
    "shipments",
    "sold",
    "stalled",
    "status",
    "story",
    "timeline",
    "unmapped_carriers",
    "unmapped_cases",
    "unmapped_listings",
    "waiting_shipments",
    "workers",
]
