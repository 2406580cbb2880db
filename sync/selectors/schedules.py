"""What the clock starts: the feeds, and the tasks that are none, each in the words of Health."""

from django.conf import settings

# What each feed brings, and the task that runs it.
FEEDS = {
    "sellers": ("Sellers", "sync.tasks.pull_sellers"),
    "listings": ("Listings", "sync.tasks.pull_listings"),
    "items": ("ERP items", "sync.tasks.pull_items"),
    "invoices": ("Orders in", "sync.tasks.poll_invoices"),
    "fetch_hinted": ("Orders named by webhooks", "sync.tasks.fetch_hinted"),
    "deliver_erp": ("Orders to the ERP", "sync.tasks.deliver_erp"),
    "deliver_marketplacer": ("ERP numbers to Marketplacer", "sync.tasks.deliver_marketplacer"),
    "read_back": ("ERP documents read back", "sync.tasks.read_back"),
    "erp_documents": ("Posted ERP documents", "sync.tasks.pull_documents"),
    "erp_books": ("ERP periods and balances", "sync.tasks.read_books"),
    "erp_shipments": ("Shipments in the ERP", "sync.tasks.pull_erp_shipments"),
    "shipments": ("Shipments at Marketplacer", "sync.tasks.pull_shipments"),
    "returns": ("Goods that come back", "sync.tasks.pull_returns"),
    "corrections": ("Refunds to the ERP", "sync.tasks.look_at_corrections"),
    "carriers": ("Carriers", "sync.tasks.pull_carriers"),
    "stock": ("Stock levels in", "sync.tasks.pull_stock"),
    "push_stock": ("Stock levels out", "sync.tasks.push_stock"),
    "look_at_stock": ("Stock levels read back", "sync.tasks.look_at_stock"),
    "refunds": ("Refunds in", "sync.tasks.pull_refunds"),
    "remittances": ("Remittances", "sync.tasks.sweep_remittances"),
    "advices": ("Remittance advices", "sync.tasks.pull_advices"),
    "deliver_notices": ("Notifications out", "sync.tasks.deliver_notices"),
}
# These record a run only when there was work for it, so that silence says nothing.
WHEN_NEEDED = (
    "fetch_hinted",
    "deliver_erp",
    "deliver_marketplacer",
    "read_back",
    "corrections",
    "push_stock",
    "look_at_stock",
    "deliver_notices",
)
# The scheduled tasks that are no feed: what each of them does.
TASKS = {
    "mkterp.core.tasks.seal_audit": "Seal the audit trail",
    "sync.tasks.canary": "Prove that a worker executes",
    "sync.tasks.process_payouts": "Work what was read of payouts",
    "sync.tasks.process_inbox": "Translate orders that were read",
    "sync.tasks.pull_all_stock": "Read every stock level, at night",
    "sync.tasks.compare_stock": "Compare changed stock levels",
    "sync.tasks.compare_all_stock": "Compare all stock levels",
    "sync.tasks.look_at_all_stock": "Have all told levels read back",
    "sync.tasks.plan_stock": "Plan how often each seller is told",
    "sync.tasks.prune_promises": "Clear away what orders held back",
    "mapping.tasks.rank": "Suggest and confirm mappings",
    "mapping.tasks.learn": "Learn from decisions about mappings",
    "mapping.tasks.find_duplicates": "Find items that are there twice",
    "mapping.tasks.sweep_files": "Take up mapping files again",
    "sync.tasks.recheck_mappings": "Recheck after changed mappings",
    "sync.tasks.compare_catalogues": "Compare both catalogues, at night",
    "reconciliation.tasks.match_settlement": "Match settlement",
    "reconciliation.tasks.match_all_settlement": "Match all of settlement, at night",
    "reconciliation.tasks.book_settlement": "Prepare settlement entries",
    "reconciliation.tasks.compare_documents": "Compare documents and their tax",
    "reconciliation.tasks.sweep_days": "Prove that each day is complete",
    "reconciliation.tasks.watch_close": "Gather the facts of the close",
    "sync.tasks.sweep": "Pick up what fell between",
    "sync.tasks.tend_cases": "Raise alarms, tend exceptions",
    "sync.tasks.notify": "Decide who is told of what",
    "sync.tasks.prune": "Clear away spent tasks",
    "sync.tasks.redact_personal_data": "Redact personal data that is too old",
}


def other_tasks() -> list[str]:
    """What no feed answers for: every schedule of the settings is one or the other."""
    of_feeds = {task for _, task in FEEDS.values()}
    return [task for task in settings.SCHEDULES if task not in of_feeds]


def label_of(task: str) -> str:
    """What people call a scheduled task: by its feed, where it has one."""
    named = {path: label for label, path in FEEDS.values()} | TASKS
    return named.get(task, task)
