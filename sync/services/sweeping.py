"""Ask both far sides for every order of a day: what completeness is proved with.

Marketplacer's list is read from the day on, in order of creation, until it is past the day; the
ERP is asked for each of these orders and for each of ours. Nothing is decided here.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db import transaction

from sync import connections
from sync.domain.delivery import Failure
from sync.domain.documents import OrderState
from sync.domain.marketplace import InvoiceValue
from sync.marketplacer import parse
from sync.models import DaySweep, Invoice, SweptOrder
from sync.services import feeds, work

FEED = "completeness"
ERP_BATCH = 100


def bounds(day: date) -> tuple[datetime, datetime]:
    """The first moment of the day and of the next, in the company's time zone."""
    zone = settings.COMPANY_TIME_ZONE
    start = datetime.combine(day, time(), tzinfo=zone)
    return start, datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)


def ask(*, day: date, clock: Callable[[], datetime]) -> DaySweep | None:
    """Ask both sides for a day and keep their answers; None when one of them did not answer.

    A second run replaces the first. One day is asked at a time.
    """
    if feeds.held_back(name=FEED, at=clock()) or not work.try_lane_lock(FEED):
        return None
    try:
        failure: Failure | None = None
        sweep = None
        try:
            there = _at_marketplacer(day)
            start, end = bounds(day)
            ours = Invoice.objects.filter(placed_at__gte=start, placed_at__lt=end)
            keys = {value.marketplacer_id for value in there} | set(
                ours.order_by("pk").values_list("marketplacer_id", flat=True)
            )
            held = _in_erp(sorted(keys))
        except Failure as problem:
            failure = problem
        else:
            sweep = _keep(day, there, keys, held, clock())
        feeds.told(name=FEED, failure=failure, at=clock(), counts={"days": int(sweep is not None)})
        return sweep
    finally:
        work.release_lane_lock(FEED)


def _at_marketplacer(day: date) -> list[InvoiceValue]:
    start, end = bounds(day)
    client = connections.marketplacer()
    found: dict[str, InvoiceValue] = {}
    page: str | None = None
    while True:
        nodes = client.invoice_page(updated_since=start, after=page)
        values = [value for node in nodes.nodes if (value := _read(node)) is not None]
        for value in values:
            if start <= value.created_at < end:
                found[value.marketplacer_id] = value
        page = nodes.next_page
        # In order of creation: once past the day, nothing of it follows.
        if page is None or (values and values[-1].created_at >= end):
            return list(found.values())


def _read(node: object) -> InvoiceValue | None:
    try:
        return parse.invoice(node)
    except parse.Unreadable:
        return None  # it has a case of its own (UNREADABLE_MESSAGE)


def _in_erp(keys: Sequence[str]) -> dict[str, OrderState]:
    erp = connections.erp()
    held: dict[str, OrderState] = {}
    for start in range(0, len(keys), ERP_BATCH):
        held |= erp.find_orders(keys[start : start + ERP_BATCH])
    return held


@transaction.atomic
def _keep(
    day: date,
    there: Sequence[InvoiceValue],
    keys: Iterable[str],
    held: dict[str, OrderState],
    at: datetime,
) -> DaySweep:
    values = {value.marketplacer_id: value for value in there}
    SweptOrder.objects.filter(day=day).delete()
    rows = []
    for key in sorted(keys):
        value, state = values.get(key), held.get(key)
        rows.append(
            SweptOrder(
                day=day,
                marketplacer_id=key,
                seller_key=value.seller_id if value else "",
                at_marketplacer=value is not None,
                gross_minor=value.total_minor if value else None,
                currency=settings.COMPANY_CURRENCY,
                erp_phase=state.phase.value if state else "",
                asked_at=at,
            )
        )
    SweptOrder.objects.filter(marketplacer_id__in=values).delete()
    SweptOrder.objects.bulk_create(rows)
    sweep, _ = DaySweep.objects.update_or_create(
        day=day,
        defaults={"asked_at": at, "at_marketplacer": len(values), "in_erp": len(held)},
    )
    return sweep
