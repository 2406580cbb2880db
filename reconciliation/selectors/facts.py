"""What must hold before a period is closed: each fact computed from what is there, never ticked.

A fact is a function of the period and the moment. To add one, write its function (`look`) and put
a line into FACTS; it then has a row on the board, an owner, a due date and a sign-off.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Count, Max, Min, Q, Sum
from django.urls import reverse

from mapping import selectors as registry
from mapping.models import AccountRole
from mkterp.core.models import AccountingPeriod
from mkterp.core.money import from_minor
from mkterp.core.screens.words import things
from reconciliation.models import (
    BankLine,
    CompletenessStatement,
    DifferenceRule,
    Discrepancy,
    DocumentMatch,
    DocumentRun,
    GatewayLine,
    Journal,
    Residue,
    SettlementEntry,
    TaxAdjustment,
)
from reconciliation.selectors import clearing
from sync import selectors
from sync.domain.cases import CaseKind
from sync.models import (
    Correction,
    DaySweep,
    ExceptionCase,
    Feed,
    Invoice,
    LateChoice,
    LedgerDocument,
    OutboxMessage,
)
from sync.services.sweeping import bounds

# A reading older than this proves nothing about now.
FRESH = timedelta(hours=1)
_MINE = Invoice.State


@dataclass(frozen=True)
class Finding:
    """What a fact amounts to for a period. `count` things stand against it."""

    holds: bool
    words: str
    count: int = 0
    amount: Decimal | None = None  # major units of the company's currency
    url: str = ""  # the list that blocks it


@dataclass(frozen=True)
class FactRule:
    code: str
    title: str
    meaning: str  # one line for whoever has to sign it
    look: Callable[[AccountingPeriod, datetime], Finding]


def span(period: AccountingPeriod) -> tuple[datetime, datetime]:
    """The period's first moment, and the first one after it, in the company's time zone."""
    return bounds(period.start)[0], bounds(period.end)[1]


def _orders(period: AccountingPeriod) -> Q:
    start, end = span(period)
    return Q(placed_at__gte=start, placed_at__lt=end)


def _list(name: str, **query: object) -> str:
    pairs = urlencode(query, doseq=True)
    return f"{reverse(name)}?{pairs}" if pairs else reverse(name)


def _days(period: AccountingPeriod) -> dict[str, object]:
    return {"day_after": period.start.isoformat(), "day_before": period.end.isoformat()}


def _until(period: AccountingPeriod) -> dict[str, object]:
    return {"day_before": period.end.isoformat()}


def _placed(period: AccountingPeriod) -> dict[str, object]:
    """The list's filter for orders of the period."""
    return {f"placed_at_{end.removeprefix('day_')}": day for end, day in _days(period).items()}


def read(period: AccountingPeriod, at: datetime) -> Finding:
    """The mirrors are fresh: what is not read cannot be closed."""
    names = {"invoices": "orders", "erp_documents": "ERP documents", "erp_books": "ERP balances"}
    rows = {feed.name: feed for feed in Feed.objects.filter(name__in=names)}
    stale = []
    for name, what in names.items():
        feed = rows.get(name)
        if feed is None or feed.succeeded_at is None or at - feed.succeeded_at > FRESH:
            stale.append(what)
    run = DocumentRun.objects.order_by("-pk").first()
    if run is None or at - run.finished_at > FRESH:
        stale.append("the comparison")
    if stale:
        words = f"Not up to date: {', '.join(stale)}. See Health."
        return Finding(False, words, len(stale), url=reverse("health"))
    return Finding(True, "Orders, ERP documents and balances were read within the hour.")


def posted(period: AccountingPeriod, at: datetime) -> Finding:
    """Every order and every refund that is to be posted is accepted by the ERP."""
    waiting = [_MINE.PARKED, _MINE.QUEUED, _MINE.FAILED]
    sent_on = Q(late_choice__choice=LateChoice.Choice.NEXT)
    # A late one that finance sent to the next period is that one's business.
    mine = _orders(period) & ~sent_on | Q(placed_at__lt=span(period)[0]) & sent_on
    rows = Invoice.objects.filter(mine, state__in=waiting)
    left = rows.aggregate(many=Count("pk"), money=Sum("gross"), first=Min("placed_at"))
    if left["many"]:
        placed = _placed(period)
        if left["first"] < span(period)[0]:
            del placed["placed_at_after"]
        return Finding(
            False,
            f"{things(left['many'], 'order is', 'orders are')} parked, refused or on the way.",
            left["many"],
            left["money"],
            _list("sync:orders", state=[state.value for state in waiting], **placed),
        )
    return _refunded(period)


def _refunded(period: AccountingPeriod) -> Finding:
    """Money that went back is in the ERP; of an order that is not booked there is none to take."""
    state = Correction.State
    stuck = Q(state__in=[state.QUEUED, state.PARKED])
    behind = Q(state=state.WAITING, invoice__erp_document__booked_date__lte=period.end)
    rows = Correction.objects.filter(stuck | behind, completed_date__lte=period.end)
    left = rows.aggregate(many=Count("pk"), money=Sum("amount_minor"))
    if not left["many"]:
        return Finding(True, "Every order and refund of the period is in the ERP.")
    return Finding(
        False,
        f"{things(left['many'], 'refund is', 'refunds are')} parked or on the way.",
        left["many"],
        from_minor(left["money"], settings.COMPANY_CURRENCY),
        _list(
            "sync:refunds",
            stage=[state.WAITING.value, state.QUEUED.value, state.PARKED.value],
            completed_date_before=period.end.isoformat(),
        ),
    )


def booked(period: AccountingPeriod, at: datetime) -> Finding:
    """Accepted, not yet booked: a line of its own. It informs; goods may leave next month."""
    rows = Invoice.objects.filter(selectors.unbooked(), _orders(period))
    left = rows.aggregate(many=Count("pk"), money=Sum("erp_document__gross"))
    words = (
        f"{left['many']} orders are accepted and not in the ledger yet; they carry over."
        if left["many"]
        else "Every accepted order is in the ledger."
    )
    url = _list("sync:orders", unbooked="true", **_placed(period))
    return Finding(True, words, left["many"], left["money"] or None, url)


def exceptions(period: AccountingPeriod, at: datetime) -> Finding:
    """No open case touches an order of the period or its books."""
    start, end = span(period)
    about = selectors.touching(start=start, end=end)
    opened = ExceptionCase.objects.filter(about, state=ExceptionCase.State.OPEN).count()
    if not opened:
        return Finding(True, "No open exception touches the period.")
    money = Invoice.objects.filter(
        _orders(period), cases__state=ExceptionCase.State.OPEN
    ).distinct()
    amount = Invoice.objects.filter(pk__in=money).aggregate(sum=Sum("gross"))["sum"]
    words = f"{things(opened, 'open exception touches', 'open exceptions touch')} the period."
    url = _list("sync:exceptions", state=ExceptionCase.State.OPEN.value, touches=period.pk)
    return Finding(False, words, opened, amount, url)


def _blocked_by(kinds: Sequence[CaseKind], period: AccountingPeriod) -> tuple[int, Decimal | None]:
    rows = ExceptionCase.objects.filter(kind__in=kinds, state=ExceptionCase.State.OPEN)
    blocked = Invoice.objects.filter(_orders(period), cases__in=rows).distinct()
    money = Invoice.objects.filter(pk__in=blocked).aggregate(many=Count("pk"), sum=Sum("gross"))
    return money["many"], money["sum"]


def skus(period: AccountingPeriod, at: datetime) -> Finding:
    """Every SKU that sold in the period is mapped."""
    many, amount = _blocked_by([CaseKind.UNMAPPED_SKU], period)
    if not many:
        return Finding(True, "Every SKU that sold is mapped.")
    words = f"{things(many, 'order waits', 'orders wait')} for unmapped SKUs."
    return Finding(False, words, many, amount, reverse("sync:unmapped"))


def codes(period: AccountingPeriod, at: datetime) -> Finding:
    """Every tax rate that was charged is mapped to a code that the ERP has."""
    many, amount = _blocked_by([CaseKind.UNMAPPED_TAX_CODE], period)
    gone = ExceptionCase.objects.filter(
        kind=CaseKind.TAX_CODE_GONE, state=ExceptionCase.State.OPEN
    ).count()
    if not many and not gone:
        return Finding(True, "Every tax rate is mapped to a code that the ERP has.")
    said = [f"{things(many, 'order waits', 'orders wait')} for a tax code"] if many else []
    said += [f"{gone} mapped codes are gone from the ERP"] if gone else []
    words = f"{'; '.join(said)}."
    return Finding(False, words, many + gone, amount, reverse("sync:unmapped-taxes"))


def differences(period: AccountingPeriod, at: datetime) -> Finding:
    """The ERP's documents hold what was sold, within finance's tolerance."""
    # Also those of closed periods: what surfaced later is nobody's otherwise.
    rows = Discrepancy.objects.filter(cleared_at=None, allowed=False, day__lte=period.end)
    left = rows.aggregate(
        many=Count("pk"), tax=Sum("tax_minor"), gross=Sum("gross_minor"),
        orders=Count("invoice", distinct=True),
    )  # fmt: skip
    if left["many"]:
        amount = from_minor(left["gross"] or left["tax"] or 0, settings.COMPANY_CURRENCY)
        words = (
            f"{things(left['orders'], 'document differs', 'documents differ')} beyond tolerance."
        )
        url = _list("reconciliation:discrepancies", standing="BEYOND", **_until(period))
        return Finding(False, words, left["orders"], amount, url)
    behind = LedgerDocument.objects.filter(
        dated__range=(period.start, period.end), invoice__erp_document__booked_at__isnull=False,
        invoice__match=None, kind="invoice", state__in=["posted", "paid"],
    ).count()  # fmt: skip
    if behind:
        words = f"{things(behind, 'document is', 'documents are')} not compared yet."
        return Finding(False, words, behind, url=reverse("reconciliation:discrepancies"))
    same = DocumentMatch.objects.filter(day__range=(period.start, period.end)).count()
    return Finding(
        True,
        f"{things(same, 'document agrees', 'documents agree')}, line by line or within tolerance.",
        url="",
    )


def adjustments(period: AccountingPeriod, at: datetime) -> Finding:
    """Every tax adjustment is decided, and what was approved stands in the ledger as approved."""
    prepared = TaxAdjustment.objects.filter(
        state=TaxAdjustment.State.PREPARED, day__lte=period.end
    ).aggregate(many=Count("pk"), money=Sum("amount_minor"))
    currency = settings.COMPANY_CURRENCY
    if many := prepared["many"]:
        return Finding(
            False,
            f"{things(many, 'tax adjustment waits', 'tax adjustments wait')} for approval.",
            many,
            from_minor(prepared["money"], currency),
            _list(
                "reconciliation:adjustments", state="PREPARED", day_before=period.end.isoformat()
            ),
        )
    journals = Journal.objects.filter(posting_date__lte=period.end)
    moving = journals.exclude(posting__state=OutboxMessage.State.DELIVERED).count()
    if moving:
        words = (
            f"{things(moving, 'approved journal is', 'approved journals are')} not in the ERP yet."
        )
        url = _list("reconciliation:journals", posting_date_before=period.end.isoformat())
        return Finding(False, words, moving, url=url)
    gone = [OutboxMessage.State.SUPERSEDED, OutboxMessage.State.ABANDONED]
    entries = SettlementEntry.objects.filter(posting_date__lte=period.end).exclude(
        posting__state__in=[OutboxMessage.State.DELIVERED, *gone]
    )
    if moving := entries.count():
        words = f"{things(moving, 'settlement entry is', 'settlement entries are')} not in the ERP."
        url = _list("reconciliation:entries", posting_date_before=period.end.isoformat())
        return Finding(False, words, moving, url=url)
    if registry.account(event="", role=AccountRole.TAX_ADJUSTMENT, at=at) is None:
        words = "No ERP account is mapped for tax adjustments: nothing could be prepared."
        return Finding(False, words, 1, url=reverse("mapping:accounts"))
    return Finding(True, "Every adjustment is decided and stands in the ledger as approved.")


def clearing_account(period: AccountingPeriod, at: datetime) -> Finding:
    """The clearing balance is zero, or explained to the cent and under finance's threshold."""
    found = clearing.explain(on=period.end)
    url = reverse("reconciliation:clearing")
    if not found:
        return Finding(False, "No Tax Adjustment account is mapped.", 1, url=url)
    balance = sum((one.told or one.lines for one in found), Decimal())
    dirty = [one for one in found if not one.clean]
    if dirty:
        unexplained = sum((one.unexplained + one.missing for one in dirty), Decimal())
        never = any(one.told is None for one in dirty)
        words = (
            "The ERP has not been asked for the balance yet."
            if never
            else f"{sum(one.unexplained_lines for one in dirty)} ledger lines are unexplained."
        )
        return Finding(False, words, len(dirty), unexplained, url)
    threshold = _threshold(period.end)
    if abs(balance) > threshold:
        words = f"Explained to the cent, and above the threshold of {threshold:.2f}."
        return Finding(False, words, 1, balance, url)
    return Finding(True, "Explained to the cent and under the threshold.", 0, balance, url)


def _threshold(day: date) -> Decimal:
    """Up to which balance finance call the account clean; without a rule: zero."""
    currency = settings.COMPANY_CURRENCY
    rule = (
        DifferenceRule.objects.filter(about="CLEARING", currency=currency, country="")
        .filter(Q(valid_from=None) | Q(valid_from__lte=day))
        .filter(Q(valid_until=None) | Q(valid_until__gt=day))
        .order_by("-pk")
        .first()
    )
    return from_minor(rule.base_minor, currency) if rule else Decimal()


def complete(period: AccountingPeriod, at: datetime) -> Finding:
    """Both sides were asked for every day, and no order is unaccounted for."""
    url = _list("reconciliation:completeness", **_days(period))
    first = max(period.start, settings.GO_LIVE_AT.astimezone(settings.COMPANY_TIME_ZONE).date())
    yesterday = at.astimezone(settings.COMPANY_TIME_ZONE).date() - timedelta(days=1)
    last = min(period.end, yesterday)
    wanted = max(0, (last - first).days + 1)
    asked = DaySweep.objects.filter(day__range=(first, last)).count() if wanted else 0
    gaps = CompletenessStatement.objects.filter(day__range=(first, last)).aggregate(
        many=Sum("gaps"), money=Sum("gaps_minor")
    )
    if gaps["many"]:
        amount = from_minor(gaps["money"], settings.COMPANY_CURRENCY)
        words = f"{things(gaps['many'], 'order is', 'orders are')} unaccounted for."
        return Finding(False, words, gaps["many"], amount, f"{url}&has_gaps=true")
    if asked < wanted:
        words = f"{wanted - asked} of {wanted} days have not been asked for on both sides."
        return Finding(False, words, wanted - asked, url=url)
    return Finding(True, f"{asked} days, every order accounted for.", url=url)


def late(period: AccountingPeriod, at: datetime) -> Finding:
    """No late order waits for a choice."""
    rows = ExceptionCase.objects.filter(kind=CaseKind.LATE_ORDER, state=ExceptionCase.State.OPEN)
    left = Invoice.objects.filter(_orders(period), cases__in=rows, late_choice=None).aggregate(
        many=Count("pk"), money=Sum("gross")
    )
    if not left["many"]:
        return Finding(True, "No late order waits for a choice.")
    words = f"{left['many']} late orders wait for a choice: reopen, or the next period."
    below = f"{reverse('reconciliation:close-period', args=[period.pk])}#late"
    return Finding(False, words, left["many"], left["money"], below)


def residues(period: AccountingPeriod, at: datetime) -> Finding:
    """No residue of the settlement up to the period's end is unexplained."""
    left = Residue.objects.filter(cleared_at=None, day__lte=period.end).aggregate(
        many=Count("pk"), money=Sum("amount_minor")
    )
    if not left["many"]:
        return Finding(True, _agreed(period))
    amount = from_minor(left["money"], settings.COMPANY_CURRENCY)
    words = f"{things(left['many'], 'residue', 'residues')} of the settlement left."
    url = _list("reconciliation:residues", standing="true", **_until(period))
    return Finding(False, words, left["many"], amount, url)


def _agreed(period: AccountingPeriod) -> str:
    """What agrees, and how far the files reach by which it was judged: beyond them nobody knows."""
    known = []
    for model, day, what in (
        (BankLine, "booked_date", "the bank"),
        (GatewayLine, "day", "the gateway"),
    ):
        last = model.objects.aggregate(last=Max(day))["last"]
        if last is None:
            known.append(f"no line of {what} is loaded")
        elif last < period.end:
            known.append(f"lines of {what} reach {last:%d %b %Y}")
    if not known:
        return "What was expected, remitted, advised and paid agrees."
    return f"What is known agrees; {' and '.join(known)}."


FACTS: tuple[FactRule, ...] = (
    FactRule("read", "Both sides are read", "What is not read cannot be closed.", read),
    FactRule("posted", "Orders are posted", "Refunds too; parked and refused ones block.", posted),
    FactRule("booked", "Accepted, not yet booked", "Informs; carried to the next period.", booked),
    FactRule("exceptions", "No open exceptions", "Cases that touch the period.", exceptions),
    FactRule("skus", "SKUs are mapped", "Only those that sold in the period.", skus),
    FactRule("codes", "Tax codes are mapped", "And still usable in the ERP.", codes),
    FactRule("differences", "Documents agree", "Beyond tolerance blocks.", differences),
    FactRule("adjustments", "Adjustments are decided", "And stand in the ledger.", adjustments),
    FactRule("clearing", "Clearing account explains itself", "To the cent.", clearing_account),
    FactRule("complete", "Every order is accounted for", "Per day, both sides asked.", complete),
    FactRule("residues", "Settlement agrees", "To the cent, in both directions.", residues),
    FactRule("late", "Late orders are decided", "Reopen, or the next period.", late),
)


def rule_of(code: str) -> FactRule | None:
    return next((fact for fact in FACTS if fact.code == code), None)


def findings(period: AccountingPeriod, at: datetime) -> dict[str, Finding]:
    """Every fact of a period, as of the moment."""
    return {fact.code: fact.look(period, at) for fact in FACTS}


def has_ended(period: AccountingPeriod, at: datetime) -> bool:
    """Whether the period's last day is over in the company's time zone."""
    return at.astimezone(settings.COMPANY_TIME_ZONE).date() > period.end
