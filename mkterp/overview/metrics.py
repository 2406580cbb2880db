"""Figures for Prometheus, asked of the database at each scrape: the same evidence as the screens.

Nothing is counted in a process's memory, so it does not matter which web process answers.
"""

from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from sync import selectors


class Figures:
    """Answers the registry's question with what the selectors say now."""

    def collect(self) -> Iterator[Metric]:
        at = timezone.now()
        yield from _feeds(at)
        yield from _tasks(at)
        yield from _queues(at)
        yield from _cases()


def _feeds(at: datetime) -> Iterator[Metric]:
    well = GaugeMetricFamily(
        "mkterp_feed_well", "1 when the feed's last run proves it", None, ["feed"]
    )
    age = GaugeMetricFamily(
        "mkterp_feed_success_age_seconds", "since its last success", None, ["feed"]
    )
    waits = GaugeMetricFamily("mkterp_feed_waiting", "rows queued behind it", None, ["feed"])
    oldest = GaugeMetricFamily(
        "mkterp_feed_oldest_due_seconds", "how long its oldest due message waits", None, ["feed"]
    )
    runs = GaugeMetricFamily("mkterp_feed_runs_day", "runs of the last 24 hours", None, ["feed"])
    failures = GaugeMetricFamily(
        "mkterp_feed_failures_day", "failed runs of the last 24 hours", None, ["feed"]
    )
    rows = GaugeMetricFamily("mkterp_feed_rows_day", "rows of the last 24 hours", None, ["feed"])
    for feed in selectors.feeds(at=at):
        name = [feed.name]
        well.add_metric(name, feed.state == "well")
        if feed.succeeded_at is not None:
            age.add_metric(name, (at - feed.succeeded_at).total_seconds())
        waits.add_metric(name, feed.waiting)
        runs.add_metric(name, feed.runs)
        failures.add_metric(name, feed.failures)
        rows.add_metric(name, feed.rows)
        if feed.due_since is not None:
            oldest.add_metric(name, (at - feed.due_since).total_seconds())
    yield from (well, age, waits, oldest, runs, failures, rows)


def _tasks(at: datetime) -> Iterator[Metric]:
    well = GaugeMetricFamily(
        "mkterp_task_well", "1 when a scheduled task's last runs prove it", None, ["task"]
    )
    age = GaugeMetricFamily(
        "mkterp_task_success_age_seconds", "since its last good run", None, ["task"]
    )
    for task in selectors.tasks(at=at):
        well.add_metric([task.name], task.state == "well")
        if task.succeeded_at is not None:
            age.add_metric([task.name], (at - task.succeeded_at).total_seconds())
    yield from (well, age)


def _queues(at: datetime) -> Iterator[Metric]:
    orders = GaugeMetricFamily("mkterp_orders", "orders since go-live by place", None, ["place"])
    for name, many in selectors.order_counts().items():
        orders.add_metric([name.removeprefix("orders_")], many)
    yield orders
    workers = selectors.workers(at=at)
    yield GaugeMetricFamily(
        "mkterp_workers_alive", "workers that prove it", sum(w.alive for w in workers)
    )
    heard = selectors.last_webhook()
    if heard is not None:
        silent = (at - heard.received_at).total_seconds()
        yield GaugeMetricFamily("mkterp_webhook_age_seconds", "since the last webhook", silent)
    used = GaugeMetricFamily("mkterp_calls_hour", "calls of this hour", None, ["budget"])
    allowed = GaugeMetricFamily("mkterp_calls_allowed_hour", "calls allowed", None, ["budget"])
    for budget in selectors.budgets(at=at):
        used.add_metric([budget.name], budget.calls)
        allowed.add_metric([budget.name], budget.allowed)
    yield from (used, allowed)


def _cases() -> Iterator[Metric]:
    cases = GaugeMetricFamily("mkterp_cases_open", "open exceptions by kind", None, ["kind"])
    money = GaugeMetricFamily("mkterp_cases_held_money", "what they hold up", None, ["kind"])
    at_stake = GaugeMetricFamily(
        "mkterp_cases_at_stake", "by how much the two sides differ", None, ["kind", "currency"]
    )
    late = GaugeMetricFamily("mkterp_cases_overdue", "beyond their service level", None, ["kind"])
    for row in selectors.open_by_kind():
        cases.add_metric([row["kind"]], row["many"])
        money.add_metric([row["kind"]], float(row["money"]))  # Prometheus knows floats only
        for currency, amount in row["at_stake"]:
            at_stake.add_metric([row["kind"], currency], float(amount))
        late.add_metric([row["kind"]], row["late"])
    yield from (cases, money, at_stake, late)
    closed = CounterMetricFamily("mkterp_cases_closed", "closed exceptions", None, ["how"])
    for state, many in selectors.closed_counts().items():
        closed.add_metric([state.lower()], many)
    yield closed


def text() -> bytes:
    """All figures in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(Figures())
    return generate_latest(registry)
