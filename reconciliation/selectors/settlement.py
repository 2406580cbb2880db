"""The settlement as people look at it: advices, what does not agree, drift, payments, entries."""

from datetime import date
from typing import Any

from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    CharField,
    Count,
    Exists,
    F,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from reconciliation.models import (
    BankFile,
    BankLine,
    CashMatch,
    GatewayLine,
    MatchRun,
    PayoutMatch,
    Residue,
    SettlementEntry,
)
from sync.models import AdviceLine, OutboxMessage, RemittanceAdvice

DISPUTES = [Residue.Level.PAYOUT, Residue.Level.ADVICE]


def _sum(rows: QuerySet[Any], by: str, field: str) -> Coalesce:
    summed = rows.order_by().values(by).annotate(sum=Sum(field)).values("sum")
    return Coalesce(Subquery(summed, output_field=BigIntegerField()), Value(0))


def advices() -> QuerySet[Any]:
    """Advices with what was expected, remitted and paid for each, and its stage.

    `expected`, `remitted`, `paid` and `residue` in whole minor units; `stage` DISPUTED, DIFFERS,
    PAID, OWED or OPEN; `booked` whether its entry stands.
    """
    pairs = PayoutMatch.objects.filter(remittance__advice_lines__advice=OuterRef("pk"))
    on_it = AdviceLine.objects.filter(advice=OuterRef(OuterRef("pk"))).values("remittance")
    mine = Residue.objects.filter(
        Q(advice=OuterRef("pk")) | Q(remittance__in=on_it), cleared_at=None
    )
    booked = SettlementEntry.objects.standing().filter(
        advice=OuterRef("pk"), event=SettlementEntry.Event.ADVICE
    )
    return (
        RemittanceAdvice.objects.select_related("seller")
        .annotate(
            expected=_sum(
                pairs.exclude(state=PayoutMatch.State.SURPLUS),
                "remittance__advice_lines__advice",
                "expectation__amount_minor",
            ),
            remitted=_sum(
                RemittanceAdvice.objects.filter(pk=OuterRef("pk")),
                "pk",
                "lines__remittance__amount_minor",
            ),
            paid=_sum(CashMatch.objects.filter(advice=OuterRef("pk")), "advice", "amount_minor"),
            residue=_sum(mine.annotate(one=Value(1)), "one", "amount_minor"),
            disputed=Exists(mine.filter(level__in=DISPUTES)),
            differs=Exists(mine.exclude(level__in=DISPUTES)),
            booked=Exists(booked),
        )
        .annotate(
            stage=Case(
                When(disputed=True, then=Value("DISPUTED")),
                When(differs=True, then=Value("DIFFERS")),
                When(Exists(CashMatch.objects.filter(advice=OuterRef("pk"))), then=Value("PAID")),
                When(total_minor__lt=0, then=Value("OWED")),
                default=Value("OPEN"),
                output_field=CharField(),
            )
        )
        .order_by("-issued_date", "-pk")
    )


def pairs_of(advice: RemittanceAdvice) -> list[dict[str, Any]]:
    """An advice's remittances with the payouts they were paired with, worst first."""
    rows = (
        advice.lines.select_related(
            "remittance__match__expectation__invoice", "remittance__match__expectation__amendment"
        )
        .order_by("pk")
        .iterator(chunk_size=500)
    )
    found = []
    for line in rows:
        told = line.remittance
        match = getattr(told, "match", None)
        found.append(
            {
                "remittance": told,
                "match": match,
                "expectation": match.expectation if match else None,
                "expected": match.expectation.amount_minor if match and match.state != 3 else 0,
                "state": match.state if match else None,
            }
        )
    return sorted(found, key=lambda x: (x["state"] in (0, 1), x["remittance"].pk))


def residues() -> QuerySet[Any]:
    """Every difference, the latest first; `standing` says whether it still stands."""
    return (
        Residue.objects.select_related(
            "seller", "case", "advice", "remittance", "expectation__invoice", "bank_line"
        )
        .annotate(
            standing=Case(
                When(cleared_at=None, then=Value(True)),
                default=Value(False),
                output_field=BooleanField(),
            )
        )
        .order_by("-day", "-pk")
    )


def residues_of(advice: RemittanceAdvice) -> QuerySet[Any]:
    """What stands on an advice or one of its remittances."""
    on_it = AdviceLine.objects.filter(advice=advice).values("remittance")
    return residues().filter(Q(advice=advice) | Q(remittance__in=on_it), cleared_at=None)


def drift(*, seller_id: int | None, first: date) -> list[Any]:
    """Standing differences by day and cause: what is too much, what too little, how many.

    `over` and `under` in whole minor units (under is negative), `since` when the oldest was found.
    """
    rows = Residue.objects.filter(cleared_at=None, day__gte=first)
    if seller_id is not None:
        rows = rows.filter(seller=seller_id)
    return list(
        rows.values("day", "cause", "currency")
        .annotate(
            over=Coalesce(Sum("amount_minor", filter=Q(amount_minor__gt=0)), Value(0)),
            under=Coalesce(Sum("amount_minor", filter=Q(amount_minor__lt=0)), Value(0)),
            many=Count("pk"),
            since=Min("found_at"),
        )
        .order_by("-day", "cause")
    )


def drift_by_seller(*, first: date) -> list[Any]:
    """Standing differences of each seller, the greatest sum of both directions first."""
    rows = (
        Residue.objects.filter(cleared_at=None, day__gte=first)
        .values("seller", "seller__business_name", "currency")
        .annotate(
            over=Coalesce(Sum("amount_minor", filter=Q(amount_minor__gt=0)), Value(0)),
            under=Coalesce(Sum("amount_minor", filter=Q(amount_minor__lt=0)), Value(0)),
            many=Count("pk"),
            oldest=Min("day"),
        )
        .annotate(weight=F("over") - F("under"))
        .order_by("-weight", "seller")
    )
    return list(rows)


def bank_lines() -> QuerySet[Any]:
    """The bank's lines with what of each is matched (`matched`, minor units) and its `stage`."""
    payout = GatewayLine.objects.filter(payout=OuterRef("reference")).exclude(payout="")
    return (
        BankLine.objects.select_related("file")
        .annotate(
            matched=_sum(CashMatch.objects.filter(bank_line=OuterRef("pk")), "bank_line",
                         "amount_minor"),
            paying=Exists(CashMatch.objects.filter(bank_line=OuterRef("pk"))),
            is_payout=Exists(payout),
            wrong=Exists(Residue.objects.filter(cleared_at=None, bank_line=OuterRef("pk"))),
        )
        .annotate(
            stage=Case(
                When(wrong=True, then=Value("DIFFERS")),
                When(paying=True, then=Value("MATCHED")),
                When(is_payout=True, then=Value("GATEWAY")),
                default=Value("FREE"),
                output_field=CharField(),
            )
        )
        .order_by("-booked_date", "-pk")
    )  # fmt: skip


def free_lines(advice: RemittanceAdvice) -> list[BankLine]:
    """Bank lines that could pay an advice by hand: unmatched money that left, likely ones first."""
    rows = bank_lines().filter(stage="FREE", amount_minor__lt=0, currency=advice.currency)
    exact = rows.filter(amount_minor=-advice.total_minor)[:20]
    near = rows.filter(booked_date__gte=advice.issued_date).order_by("booked_date", "pk")[:20]
    return list({line.pk: line for line in (*exact, *near)}.values())


def gateway_lines() -> QuerySet[Any]:
    """The gateway's lines with their `stage`: BOOKED, UNKNOWN, WAITING (for their order)."""
    return (
        GatewayLine.objects.select_related("invoice", "entry__posting", "file")
        .annotate(
            stage=Case(
                When(entry__isnull=False, then=Value("BOOKED")),
                When(Q(invoice=None) & ~Q(kind=GatewayLine.Kind.FEE), then=Value("UNKNOWN")),
                default=Value("WAITING"),
                output_field=CharField(),
            )
        )
        .order_by("-day", "-pk")
    )


def bank_files() -> QuerySet[BankFile]:
    return BankFile.objects.select_related("taken_by").order_by("-pk")


def entries() -> QuerySet[Any]:
    """Entries of the settlement with the `stage` of their posting and whether they stand."""
    back = SettlementEntry.objects.filter(reverses=OuterRef("pk"))
    gone = [OutboxMessage.State.SUPERSEDED, OutboxMessage.State.ABANDONED]
    return (
        SettlementEntry.objects.select_related(
            "posting", "invoice", "advice__seller", "bank_line", "reverses"
        )
        .annotate(
            back=Exists(back),
            stage=Case(
                When(posting__state__in=gone, then=Value("WITHDRAWN")),
                When(Exists(back), then=Value("REVERSED")),
                default=F("posting__state"),
                output_field=CharField(),
            ),
        )
        .order_by("-pk")
    )


def last_run() -> MatchRun | None:
    return MatchRun.objects.order_by("-pk").first()


def disputed_advices() -> QuerySet[RemittanceAdvice]:
    """The advices that wait because something of them is in dispute.

    Asked from the few differences that stand, not from all the advices there ever were.
    """
    standing = Residue.objects.filter(cleared_at=None, level__in=DISPUTES).order_by()
    on_it = AdviceLine.objects.filter(remittance__in=standing.values("remittance")).order_by()
    named = standing.exclude(advice=None).values("advice")
    return RemittanceAdvice.objects.filter(pk__in=named.union(on_it.values("advice")))


def standing_residues() -> QuerySet[Residue]:
    """The differences that stand."""
    return Residue.objects.filter(cleared_at=None)
