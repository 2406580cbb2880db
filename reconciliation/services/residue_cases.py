"""Cases for what does not agree: one a cause and seller, worth what stands under it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Min, Sum
from django.db.models.functions import Abs

from mapping.models import Seller
from mkterp.core.money import Money, from_minor
from reconciliation.domain.payout import Cause
from reconciliation.models import Expectation, Residue
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase, Remittance, RemittanceAdvice
from sync.services import cases

# What a person does about a cause decides the kind of its case, and so its handbook page.
KINDS: dict[Cause, CaseKind] = {
    Cause.COMMISSION_WRONG: CaseKind.PAYOUT_DIFFERS,
    Cause.POSTAGE_MISSING: CaseKind.PAYOUT_DIFFERS,
    Cause.TAX_WITHHELD: CaseKind.PAYOUT_DIFFERS,
    Cause.DISCOUNT_FUNDING: CaseKind.PAYOUT_DIFFERS,
    Cause.ROUNDING: CaseKind.PAYOUT_DIFFERS,
    Cause.AMOUNT_WRONG: CaseKind.PAYOUT_DIFFERS,
    Cause.CURRENCY_DIFFERS: CaseKind.PAYOUT_DIFFERS,
    Cause.WRONG_SELLER: CaseKind.PAYOUT_DIFFERS,
    Cause.DUPLICATE_REMITTANCE: CaseKind.REMITTANCE_DOUBLED,
    Cause.ADVISED_TWICE: CaseKind.REMITTANCE_DOUBLED,
    Cause.UNKNOWN_INVOICE: CaseKind.REMITTANCE_UNKNOWN,
    Cause.SALE_NOT_REMITTED: CaseKind.REMITTANCE_MISSING,
    Cause.REFUND_NOT_DEDUCTED: CaseKind.REMITTANCE_MISSING,
    Cause.NOT_ADVISED: CaseKind.REMITTANCE_MISSING,
    Cause.ADVICE_TOTAL_WRONG: CaseKind.ADVICE_DIFFERS,
    Cause.ADVICE_WITHOUT_REMITTANCE: CaseKind.ADVICE_DIFFERS,
    Cause.ADVICE_NEGATIVE: CaseKind.ADVICE_DIFFERS,
    Cause.PAID_TWICE: CaseKind.PAYMENT_DIFFERS,
    Cause.PAID_SHORT: CaseKind.PAYMENT_DIFFERS,
    Cause.PAID_OVER: CaseKind.PAYMENT_DIFFERS,
    Cause.NOT_PAID: CaseKind.PAYMENT_DIFFERS,
    Cause.UNKNOWN_ADVICE: CaseKind.PAYMENT_DIFFERS,
    Cause.CUSTOMER_PAYMENT_MISSING: CaseKind.CUSTOMER_MONEY_DIFFERS,
    Cause.CUSTOMER_PAYMENT_WRONG: CaseKind.CUSTOMER_MONEY_DIFFERS,
    Cause.CUSTOMER_PAYMENT_UNKNOWN: CaseKind.CUSTOMER_MONEY_DIFFERS,
    Cause.GATEWAY_PAYOUT_WRONG: CaseKind.CUSTOMER_MONEY_DIFFERS,
}
_PREFIX = "settlement:"


@transaction.atomic
def bring_up_to_date(*, at: datetime) -> dict[str, int]:
    """Open a case for each cause and seller with standing residues, resolve those with none left.

    A case is counted up only when what stands under it changed; a second run changes nothing.
    """
    standing = Residue.objects.filter(cleared_at=None)
    groups = list(
        standing.values("cause", "seller", "currency")
        .annotate(
            many=Count("pk"),
            total=Sum("amount_minor"),
            # Without signs: what is too much here does not make good what is too little there.
            at_stake=Sum(Abs("amount_minor")),
            oldest=Min("day"),
            example=Max("sentence"),
        )
        .order_by("cause", "seller", "currency")
    )
    sellers = Seller.objects.in_bulk([g["seller"] for g in groups if g["seller"]])
    wanted: dict[tuple[CaseKind, str], cases.Cause] = {}
    stakes: dict[tuple[CaseKind, str], cases.Stake] = {}
    members: dict[tuple[CaseKind, str], tuple[str, int | None, str]] = {}
    for group in groups:
        cause = Cause(group["cause"])
        seller = sellers.get(group["seller"])
        key = f"{_PREFIX}{cause}:{group['seller'] or 0}:{group['currency']}"
        identity = KINDS[cause], key
        stakes[identity] = stake = cases.Stake(int(group["at_stake"]), group["currency"])
        wanted[identity] = cases.Cause(
            KINDS[cause], key, _sentence(group, seller), seller=seller, stake=stake
        )
        members[identity] = (group["cause"], group["seller"], group["currency"])
    held = {
        (CaseKind(case.kind), case.key): case
        for case in ExceptionCase.objects.filter(
            key__startswith=_PREFIX, state=ExceptionCase.State.OPEN
        )
    }
    news = [
        cause
        for identity, cause in wanted.items()
        if identity not in held or held[identity].cause != cause.sentence
    ]
    opened = cases.open_cases(causes=news, at=at)
    # Of those too whose sentence stayed: an open case whose sum was never said learns it so.
    cases.put_at_stake(
        stakes={case.pk: stakes[known] for known, case in held.items() if known in stakes}, at=at
    )
    for identity, case in (held | dict(opened)).items():
        if identity in members:
            name, seller_id, currency = members[identity]
            standing.filter(cause=name, seller=seller_id, currency=currency).exclude(
                case=case
            ).update(case=case)
    gone = [case for identity, case in held.items() if identity not in wanted]
    for case in gone:
        proof = _agreed(case)
        cases.resolve(case=case, resolution="The two sides agree again.", at=at, proof=proof)
    return {"cases opened": len(set(opened) - set(held)), "cases resolved": len(gone)}


def _agreed(case: ExceptionCase) -> dict[str, str]:
    """What both sides say now about what the case was about; and how much had differed."""
    about = Residue.objects.filter(case=case).order_by()
    proof: dict[str, str] = {"differences left": str(about.filter(cleared_at=None).count())}
    expected = Expectation.objects.filter(pk__in=about.values("expectation"))
    remitted = Remittance.objects.filter(origin__in=expected.values("origin"), gone_at=None)
    told = RemittanceAdvice.objects.filter(pk__in=about.values("advice"))
    for name, rows, field in (
        ("expected", expected, "amount_minor"),
        ("remitted", remitted, "amount_minor"),
        ("advised", told, "total_minor"),
    ):
        sums = rows.order_by().values_list("currency").annotate(minor=Sum(field))
        said = [str(Money(from_minor(int(minor), code), code)) for code, minor in sorted(sums)]
        if said:
            proof[name] = " and ".join(said)
    return proof


def _sentence(group: Mapping[str, Any], seller: Seller | None) -> str:
    """What the case is about: the one difference, or how many there are and what they add up to."""
    who = f"{seller}: " if seller is not None else ""
    if group["many"] == 1:
        return f"{who}{group['example']}"
    total = from_minor(group["total"], group["currency"])
    what = Cause(group["cause"]).words
    return (
        f"{who}{group['many']} differences since {group['oldest']:%d %b %Y}, {what}: "
        f"{total:+,.2f} {group['currency']} in all."
    )
