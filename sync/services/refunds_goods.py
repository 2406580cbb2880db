"""Goods that come back to our warehouse: announced once, then followed until they are shelved.

Apart from the money: a refund without goods announces nothing, and goods that never come keep no
credit note waiting.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from sync import connections
from sync.domain.documents import FulfilledBy, ReturnState, Written
from sync.models import (
    Amendment,
    ExceptionCase,
    GoodsReturn,
    Invoice,
    OutboxMessage,
    Refund,
)
from sync.services import cases, outbox, pulls, shipments

# Marketplacer waits for the goods, or has them.
COMING = {"AWAITING", "RETURNED"}


@transaction.atomic
def announce(*, refund: Refund, at: datetime) -> GoodsReturn | None:
    """Tell the ERP of a refund's goods, once, when they come to our own warehouse.

    Goods of a seller's own orders never do. Needs the order in the ERP; called again until then.
    """
    invoice = refund.invoice
    if (
        invoice.state != Invoice.State.POSTED
        or invoice.fulfilled_by != FulfilledBy.OPERATOR
        or not connections.erp_capabilities().returns
        or GoodsReturn.objects.filter(refund=refund).exists()
    ):
        return None
    lines = _coming(refund)
    if not lines:
        return None
    key = f"return:{refund.marketplacer_id}"
    row = GoodsReturn.objects.create(
        key=key, refund=refund, invoice=invoice, lines=lines, announced_at=at
    )
    reasons = dict.fromkeys(line.get("reason") or "" for line in refund.lines)
    parcel = outbox.Parcel(
        lane=OutboxMessage.Lane.ERP,
        operation="submit_return",
        key=key,
        stream=key,
        reference=f"goods of {refund} of {invoice.number}",
        payload={
            "key": key,
            "reference": str(refund),
            "order": invoice.marketplacer_id,
            "expected_on": at.astimezone(settings.COMPANY_TIME_ZONE).date().isoformat(),
            "lines": lines,
            "reason": "; ".join(reason for reason in reasons if reason)[:200],
        },
    )
    row.posting = outbox.enqueue(parcels=[parcel], at=at)["submit_return", key]
    row.save(update_fields=["posting"])
    return row


def _coming(refund: Refund) -> list[dict[str, str]]:
    """What comes back, in the ERP's units, by line."""
    awaited = {x["line_id"] for x in refund.lines if x["status"] == "AWAITING_RETURN"}
    if refund.status in COMING:
        awaited |= {x["line_id"] for x in refund.lines if x["status"] != "REFUND_DENIED"}
    amendment = Amendment.objects.filter(refund=refund).first()
    if amendment is not None:  # first heard of when it was all over
        awaited |= {x["line_id"] for x in amendment.lines if x["dispatched"] is True}
    sold = {line.key: line for line in shipments.sold_lines(refund.invoice)}
    units: dict[str, Decimal] = {}
    for line in refund.lines:
        key = line["line_id"]
        if key and key in awaited and key in sold:
            units[key] = units.get(key, Decimal(0)) + line["quantity"] * sold[key].pack
    return [
        {"line": key, "sku": sold[key].sku, "quantity": f"{many.normalize():f}"}
        for key, many in sorted(units.items())
    ]


@transaction.atomic
def announce_waiting(*, at: datetime, limit: int = 200) -> int:
    """Announce goods of refunds that were heard of before their order was in the ERP."""
    waiting = (
        Refund.objects.filter(
            goods_return=None,
            status__in=COMING,
            invoice__state=Invoice.State.POSTED,
            invoice__fulfilled_by=FulfilledBy.OPERATOR,
        )
        .select_related("invoice__posting")
        .order_by("-pk")
    )
    return sum(announce(refund=refund, at=at) is not None for refund in waiting[:limit])


def pull(*, clock: Callable[[], datetime]) -> Mapping[str, int]:
    """Returns that changed in the ERP since the last read."""
    if not connections.erp_capabilities().returns:
        return {}

    def read(since: datetime | None, page: str | None) -> pulls.Batch:
        found = connections.erp().returns(since or settings.GO_LIVE_AT, page)
        return pulls.Batch(
            lambda at: take(returns=found.rows, at=at),
            found.cursor,
            max((one.modified_at for one in found.rows if one.modified_at), default=None),
        )

    return pulls.pull(name="returns", read=read, clock=clock, start=settings.GO_LIVE_AT)


@transaction.atomic
def take(*, returns: Sequence[ReturnState], at: datetime) -> Mapping[str, int]:
    """Mirror how far our returns have come; returns counts. A second run changes nothing."""
    rows = {
        row.key: row
        for row in GoodsReturn.objects.select_for_update(no_key=True, of=("self",)).filter(
            key__in=[one.key for one in returns if one.key]
        )
    }
    for one in returns:
        if one.key in rows:
            _mirror(rows[one.key], one, at)
    return {"read": len(returns), "ours": len(rows)}


def _mirror(row: GoodsReturn, one: ReturnState, at: datetime) -> None:
    facts: dict[str, Any] = {
        "phase": one.phase.value,
        "erp_ref": one.ref,
        "number": one.number,
        "erp_state": one.erp_state,
        "received_date": one.received_on,
        "lines": [
            {"line": x.line_key, "sku": x.sku, "quantity": f"{x.quantity.normalize():f}"}
            for x in one.lines
        ],
    }
    if any(getattr(row, name) != known for name, known in facts.items()):
        for name, known in facts.items():
            setattr(row, name, known)
        row.read_at = at
        row.save()


def arrived(arrivals: Sequence[tuple[OutboxMessage, Any]], at: datetime) -> None:
    """The ERP expects the goods."""
    for message, answer in arrivals:
        row = (
            GoodsReturn.objects.select_for_update(no_key=True, of=("self",))
            .filter(posting=message)
            .first()
        )
        if row is not None and isinstance(answer, Written) and answer.returned is not None:
            _mirror(row, answer.returned, at)


def refused(message: OutboxMessage, case: ExceptionCase) -> None:
    """The order shows the case of what the ERP refused."""
    row = GoodsReturn.objects.filter(posting=message).select_related("invoice").first()
    if row is not None:
        cases.hold(invoice=row.invoice, case=case)
