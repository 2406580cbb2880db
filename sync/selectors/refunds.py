"""Money that went back, and what the ERP made of it."""

from django.db.models import Case, CharField, F, Q, QuerySet, Value, When

from sync.models import Correction, GoodsReturn, OutboxMessage

MOVING = [OutboxMessage.State.PENDING, OutboxMessage.State.IN_FLIGHT]


def corrections() -> QuerySet[Correction]:
    """Corrections with `stage`: a parked one whose message was sent again is on its way."""
    again = Q(closing__state__in=MOVING) | Q(crediting__state__in=MOVING)
    return Correction.objects.select_related(
        "invoice", "invoice__seller", "refund", "refund__goods_return", "case", "closing"
    ).annotate(
        stage=Case(
            When(Q(state=Correction.State.PARKED) & again, then=Value("QUEUED")),
            default=F("state"),
            output_field=CharField(),
        ),
    )


def parked_corrections() -> QuerySet[Correction]:
    return Correction.objects.filter(state=Correction.State.PARKED)


def goods_return(correction: Correction) -> GoodsReturn | None:
    """The goods that come back with a refund, if any do."""
    if correction.refund is None:
        return None
    return GoodsReturn.objects.filter(refund=correction.refund).select_related("posting").first()
