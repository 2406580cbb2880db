"""What django-q2 runs: each task says "work until empty" and makes one service call.

Every task may run twice and at the same time as itself; the services see to that.
"""

from django.utils import timezone

from sync.models import OutboxMessage
from sync.services import (
    agreement,
    books,
    comparison,
    deliveries,
    documents,
    inbox,
    lanes,
    payouts,
    personal,
    postings,
    pulls,
    refunds_goods,
    refunds_look,
    shipments,
    shipments_carriers,
    shipments_hear,
    shipments_mirror,
    stock,
    stock_cadence,
    stock_look,
    stock_orders,
    stock_pull,
    stock_push,
    upkeep,
)
from sync.services import (
    notify as notifying,
)

now = timezone.now


def canary() -> None:
    """Every executed task is its worker's heartbeat; this one sees to it that there is one."""


def pull_sellers() -> None:
    pulls.pull_sellers(clock=now)


def pull_listings() -> None:
    pulls.pull_listings(clock=now)


def pull_items() -> None:
    pulls.pull_items(clock=now)


def poll_invoices() -> None:
    pulls.pull_invoices(clock=now)


def pull_refunds() -> None:
    payouts.pull_refunds(clock=now)


def sweep_remittances() -> None:
    payouts.sweep_remittances(clock=now)


def pull_advices() -> None:
    lanes.awake(task="sync.tasks.pull_advices")
    payouts.pull_advices(clock=now)


def process_payouts() -> None:
    lanes.awake(task="sync.tasks.process_payouts")
    payouts.process(clock=now)


def fetch_hinted() -> None:
    lanes.awake(task="sync.tasks.fetch_hinted")
    inbox.fetch_hinted(clock=now)


def process_inbox() -> None:
    lanes.awake(task="sync.tasks.process_inbox")
    inbox.process(clock=now)


def deliver_erp() -> None:
    lanes.awake(task="sync.tasks.deliver_erp")
    deliveries.deliver(lane=OutboxMessage.Lane.ERP, clock=now)


def deliver_marketplacer() -> None:
    lanes.awake(task="sync.tasks.deliver_marketplacer")
    deliveries.deliver(lane=OutboxMessage.Lane.MARKETPLACER, clock=now)


def notify() -> None:
    notifying.notify(clock=now)


def deliver_notices() -> None:
    lanes.awake(task="sync.tasks.deliver_notices")
    deliveries.deliver(lane=OutboxMessage.Lane.NOTICES, clock=now)


def pull_erp_shipments() -> None:
    shipments_hear.pull_erp(clock=now)
    shipments.release_waiting(at=now())


def pull_shipments() -> None:
    shipments_mirror.pull(clock=now)


def look_at_corrections() -> None:
    lanes.awake(task="sync.tasks.look_at_corrections")
    refunds_goods.announce_waiting(at=now())
    refunds_look.look(clock=now)


def pull_returns() -> None:
    refunds_goods.pull(clock=now)


def pull_carriers() -> None:
    shipments_carriers.pull(clock=now)


def read_back() -> None:
    postings.read_back(clock=now)


def pull_stock() -> None:
    stock_pull.pull(clock=now)


def pull_all_stock() -> None:
    stock_pull.pull(clock=now, full=True)


def compare_stock() -> None:
    lanes.awake(task="sync.tasks.compare_stock")
    stock.tell_changes(clock=now)


def compare_all_stock() -> None:
    stock.tell_changes(clock=now, everything=True)


def push_stock() -> None:
    lanes.awake(task="sync.tasks.push_stock")
    stock_push.push(clock=now)


def look_at_stock() -> None:
    stock_look.look(clock=now)


def look_at_all_stock() -> None:
    stock_look.look_at_all(at=now())


def prune_promises() -> None:
    stock_orders.prune(at=now())


def plan_stock() -> None:
    stock_cadence.plan(clock=now)


def compare_catalogues() -> None:
    comparison.compare_listings(clock=now)
    comparison.compare_items(clock=now)


def recheck_mappings() -> None:
    agreement.recheck_changed(clock=now)
    agreement.resolve_ended(at=now())


def sweep() -> None:
    upkeep.sweep(at=now())


def tend_cases() -> None:
    upkeep.tend_cases(at=now())


def prune() -> None:
    upkeep.prune(at=now())


def redact_personal_data() -> None:
    personal.redact_old(at=now())


def pull_documents() -> None:
    documents.pull_documents(clock=now)


def read_books() -> None:
    books.read(clock=now)
    books.pull_account_lines(clock=now)
