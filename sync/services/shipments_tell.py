"""Shipments on the wire to Marketplacer: looked for before they are sent, under our own key.

Marketplacer keeps no key of a shipment unique, so ours travels in its note. One worker works the
lane; a call whose answer was lost is looked for before it is tried again.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sync import connections
from sync.domain.delivery import Failure, Rejected, Throttled
from sync.domain.documents import WriteStatus, Written
from sync.domain.fulfilment import InvoiceShipments, find_told
from sync.marketplacer.client import MarketplacerClient
from sync.marketplacer.parse import Unreadable
from sync.models import ExceptionCase, Invoice, OutboxMessage, Shipment
from sync.services import cases

Answer = Written | Failure | None
Deed = Callable[[MarketplacerClient, Mapping[str, Any], InvoiceShipments], Written]


def create(messages: Sequence[OutboxMessage]) -> Sequence[Answer]:
    """Tell of parcels. One that Marketplacer holds under our key is not sent again."""
    return _each(messages, _create)


def update(messages: Sequence[OutboxMessage]) -> Sequence[Answer]:
    """Correct carrier and tracking number of parcels told before."""
    return _each(messages, _update)


def collect(messages: Sequence[OutboxMessage]) -> Sequence[Answer]:
    """Move click-and-collect orders on; one that is there already stays."""
    return _each(messages, _collect)


def _each(messages: Sequence[OutboxMessage], deed: Deed) -> Sequence[Answer]:
    client = connections.marketplacer()
    try:
        held = client.shipments_of({message.payload["invoice"] for message in messages})
    except Unreadable as problem:
        return [Rejected(f"Marketplacer's answer cannot be read: {problem}")] * len(messages)
    answers: list[Answer] = []
    waiting: Throttled | None = None
    for message in messages:
        there = held.get(message.payload["invoice"])
        try:
            if waiting is not None:
                raise waiting
            if there is None:
                raise Rejected("Marketplacer no longer knows this order.")
            answers.append(deed(client, message.payload, there))
        except Failure as failure:
            waiting = failure if isinstance(failure, Throttled) else waiting
            answers.append(failure)
    return answers


def _create(
    client: MarketplacerClient, payload: Mapping[str, Any], there: InvoiceShipments
) -> Written:
    found = find_told(there, payload)
    if found is not None:
        return Written(found.marketplacer_id, str(found.legacy_id), WriteStatus.EXISTED)
    _check(payload, there)
    client.create_shipment(
        invoice=payload["invoice"],
        pieces=payload["pieces"],
        carrier=payload["carrier"],
        tracking=payload["tracking"],
        dispatched_at=payload["dispatched_at"],
        note=payload["note"],
    )
    return Written(None, None, WriteStatus.CREATED)


def _check(payload: Mapping[str, Any], there: InvoiceShipments) -> None:
    if "CANCELLED" in there.status_flags:
        raise Rejected("The order was cancelled at Marketplacer before its goods left.")
    for line, many in payload["pieces"].items():
        if many > there.left(line):
            raise Rejected(
                f"Marketplacer has {there.left(line)} of line {line} left to ship, the ERP sent "
                f"{many}. Somebody may have entered this parcel in the portal."
            )


def _update(
    client: MarketplacerClient, payload: Mapping[str, Any], there: InvoiceShipments
) -> Written:
    found = find_told(there, payload)
    if found is None:
        raise Rejected("Marketplacer does not hold this shipment.")
    client.update_shipment(
        shipment=found.marketplacer_id, carrier=payload["carrier"], tracking=payload["tracking"]
    )
    return Written(found.marketplacer_id, str(found.legacy_id), WriteStatus.CREATED)


def _collect(
    client: MarketplacerClient, payload: Mapping[str, Any], there: InvoiceShipments
) -> Written:
    if there.status_flags & {payload["status"], "COLLECTED"}:
        return Written(payload["invoice"], None, WriteStatus.EXISTED)
    client.move_collection(invoice=payload["invoice"], status=payload["status"])
    return Written(payload["invoice"], None, WriteStatus.CREATED)


def arrived(arrivals: Sequence[tuple[OutboxMessage, Answer]], at: datetime) -> None:
    """Keep the id of a shipment that was found there; a new one's comes with the next reading."""
    for message, answer in arrivals:
        if isinstance(answer, Written) and answer.ref:
            Shipment.objects.filter(posting=message, marketplacer_id=None).update(
                marketplacer_id=answer.ref,
                legacy_id=int(answer.number) if answer.number else None,
                seen_at=at,
            )


def refused(message: OutboxMessage, case: ExceptionCase) -> None:
    """The order shows the case of what Marketplacer refused."""
    invoice = Invoice.objects.filter(marketplacer_id=message.payload["invoice"]).first()
    if invoice is not None:
        cases.hold(invoice=invoice, case=case)
