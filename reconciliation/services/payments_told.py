"""Marketplacer is told that an advice was paid: the sum, the day and the bank's reference."""

from datetime import datetime, time

from django.conf import settings
from django.db.models import F, Max, Min, Sum

from sync.models import OutboxMessage, RemittanceAdvice
from sync.services import outbox
from sync.services.outbox import Parcel


def tell(*, at: datetime) -> int:
    """Queue the news of each advice that is paid in full and not known as paid there.

    What is paid short or over is told by nobody until it is right: its residue waits for a person.
    A second run queues nothing new.
    """
    told = OutboxMessage.objects.exclude(
        state__in=[OutboxMessage.State.SUPERSEDED, OutboxMessage.State.ABANDONED]
    ).filter(operation="record_payment")
    rows = (
        RemittanceAdvice.objects.filter(paid_at=None, total_minor__gt=0)
        .annotate(paid=Sum("payments__amount_minor"), day=Max("payments__bank_line__booked_date"))
        .annotate(reference=Min("payments__bank_line__reference"))
        .annotate(identity=Min("payments__bank_line__identity"))
        .filter(paid=F("total_minor"))
        .exclude(marketplacer_id__in=told.values("key"))
        .order_by("pk")
    )
    parcels = [
        Parcel(
            lane=OutboxMessage.Lane.MARKETPLACER,
            operation="record_payment",
            key=advice.marketplacer_id,
            stream=f"advice:{advice.marketplacer_id}",
            reference=f"{advice} paid",
            payload={
                "advice": advice.marketplacer_id,
                "paid_minor": advice.paid,
                "paid_at": datetime.combine(
                    advice.day, time(12), tzinfo=settings.COMPANY_TIME_ZONE
                ).isoformat(),
                "reference": (advice.reference or advice.identity)[:200],
            },
        )
        for advice in rows
    ]
    if parcels:
        outbox.enqueue(parcels=parcels, at=at)
    return len(parcels)
