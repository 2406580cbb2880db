"""The close of a period: signed fact by fact, suspended by the facts themselves, locked, reopened.

Nothing here is ticked: a sign-off is a person's word about a fact that held at that moment, and
it stands only as long as the fact does.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.urls import reverse

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import AccountingPeriod, User
from reconciliation.models import CloseSignOff, CloseStep
from reconciliation.selectors import facts
from reconciliation.selectors.facts import Finding
from reconciliation.services import calendar
from sync.domain.cases import CaseKind
from sync.domain.notices import Topic
from sync.models import ExceptionCase, Invoice, LateChoice
from sync.services import notices, orders
from sync.services.notices import News

State = AccountingPeriod.State


@transaction.atomic
def sign(*, period: AccountingPeriod, fact: str, by: User, at: datetime) -> CloseSignOff:
    """Sign that a fact holds; refused while it does not, and before the period is over.

    Signing a fact that is signed already changes nothing.
    """
    locked = _locked(period)
    rule = facts.rule_of(fact)
    if rule is None:
        raise Refused("There is no such step.")
    if not facts.has_ended(locked, at):
        raise Refused(f"{locked} ends on {locked.end:%d %b %Y}; it is signed after that.")
    finding = rule.look(locked, at)
    if not finding.holds:
        raise Refused(f"{rule.title}: {finding.words} It is not signed while that stands.")
    standing = CloseSignOff.objects.filter(period=locked, fact=fact, suspended_at=None).first()
    if standing is not None:
        return standing
    made = CloseSignOff.objects.create(
        period=locked, fact=fact, said=finding.words, signed_by=by, signed_at=at
    )
    if locked.state == State.OPEN:
        locked.state = State.CLOSING
        locked.save(update_fields=["state"])
    audit.record(
        action="close.sign",
        subject=locked,
        by=by,
        at=at,
        after={"fact": fact, "said": finding.words},
    )
    return made


def watch(*, clock: Callable[[], datetime]) -> int:
    """Suspend every sign-off whose fact no longer holds; returns how many.

    Closed periods are watched too: a fact that breaks after the close is shown, not hidden.
    """
    suspended = 0
    for period in AccountingPeriod.objects.filter(sign_offs__suspended_at=None).distinct():
        suspended += suspend(period=period, at=clock())
    return suspended


@transaction.atomic
def suspend(*, period: AccountingPeriod, at: datetime) -> int:
    """Suspend the period's sign-offs that no longer hold, each with what changed."""
    many = 0
    rows = CloseSignOff.objects.select_for_update(no_key=True, of=("self",)).filter(
        period=period, suspended_at=None
    )
    for row in rows.order_by("pk"):
        rule = facts.rule_of(row.fact)
        finding = rule.look(period, at) if rule else Finding(False, "The step is gone.")
        # What was not read lately is no news about the books: the next reading decides.
        if finding.holds or row.fact == "read":
            continue
        _suspend(row, finding.words, at)
        many += 1
    return many


def _suspend(row: CloseSignOff, because: str, at: datetime, by: User | None = None) -> None:
    row.suspended_at, row.suspended_because = at, because
    row.save(update_fields=["suspended_at", "suspended_because"])
    audit.record(
        action="close.suspend",
        subject=row.period,
        by=by,
        at=at,
        before={"fact": row.fact, "said": row.said},
        after={"suspended_because": because},
    )
    rule = facts.rule_of(row.fact)
    news = News(
        f"sign-off:{row.pk}:suspended",
        Topic.CLOSE,
        3,
        f"{row.period}: the sign-off of “{rule.title if rule else row.fact}” is suspended.",
        reverse("reconciliation:close-period", kwargs={"key": row.period_id}),
    )
    notices.announce(news=[news], at=at)


@transaction.atomic
def close(*, period: AccountingPeriod, by: User, at: datetime) -> AccountingPeriod:
    """Close and lock a period; refused unless every fact holds now and is signed.

    Refused too while the period before it is open: periods are closed in their order.
    """
    locked = _locked(period)
    if locked.state == State.CLOSED:
        raise Refused(f"{locked} is closed already.")
    if not facts.has_ended(locked, at):
        raise Refused(f"{locked} ends on {locked.end:%d %b %Y}; it cannot be closed before.")
    earlier = (
        AccountingPeriod.objects.filter(end__lt=locked.start)
        .exclude(state=State.CLOSED)
        .order_by("start")
        .first()
    )
    if earlier is not None:
        raise Refused(f"{earlier} is still open; periods are closed in their order.")
    suspend(period=locked, at=at)
    found = facts.findings(locked, at)
    broken = [fact for fact in facts.FACTS if not found[fact.code].holds]
    if broken:
        first = broken[0]
        raise Refused(
            f"{len(broken)} of {len(facts.FACTS)} facts do not hold. {first.title}: "
            f"{found[first.code].words}"
        )
    signed = set(
        CloseSignOff.objects.filter(period=locked, suspended_at=None).values_list("fact", flat=True)
    )
    unsigned = [fact.title for fact in facts.FACTS if fact.code not in signed]
    if unsigned:
        raise Refused(f"Not signed yet: {', '.join(unsigned)}.")
    locked.state, locked.closed_at, locked.closed_by = State.CLOSED, at, by
    locked.save(update_fields=["state", "closed_at", "closed_by"])
    audit.record(
        action="period.close",
        subject=locked,
        by=by,
        at=at,
        before={"state": "CLOSING"},
        after={"state": "CLOSED", "facts": {f.code: found[f.code].words for f in facts.FACTS}},
    )
    return locked


@transaction.atomic
def reopen(*, period: AccountingPeriod, by: User, at: datetime, reason: str) -> AccountingPeriod:
    """Open a closed period again, with a reason; every sign-off is suspended by it.

    Refused while a later period is closed: the books are opened from the latest backwards.
    """
    if not reason.strip():
        raise Refused("Say why the period is reopened.")
    locked = _locked(period)
    if locked.state != State.CLOSED:
        raise Refused(f"{locked} is not closed.")
    later = (
        AccountingPeriod.objects.filter(start__gt=locked.end, state=State.CLOSED)
        .order_by("-start")
        .first()
    )
    if later is not None:
        raise Refused(f"{later} is closed; reopen that one first.")
    locked.state, locked.reopened_at, locked.reopened_why = State.OPEN, at, reason
    locked.closed_at = locked.closed_by = None
    locked.save(update_fields=["state", "reopened_at", "reopened_why", "closed_at", "closed_by"])
    for row in CloseSignOff.objects.select_for_update(no_key=True, of=("self",)).filter(
        period=locked, suspended_at=None
    ):
        _suspend(row, f"The period was reopened: {reason}", at, by)
    audit.record(
        action="period.reopen",
        subject=locked,
        by=by,
        at=at,
        before={"state": "CLOSED"},
        after={"state": "OPEN"},
        reason=reason,
    )
    _release_late(locked, by, at, reason)
    return locked


def _release_late(period: AccountingPeriod, by: User, at: datetime, reason: str) -> None:
    """Late orders of a reopened period need no choice any more: they post into it."""
    waiting = late_orders(period)
    for invoice in waiting:
        LateChoice.objects.get_or_create(
            invoice=invoice,
            defaults={
                "choice": LateChoice.Choice.REOPEN,
                "period": period.start,
                "reason": reason,
                "made_by": by,
                "made_at": at,
            },
        )
    orders.decide_again(pks=[invoice.pk for invoice in waiting], at=at)


def late_orders(period: AccountingPeriod) -> list[Invoice]:
    """Orders of the period that wait because it is closed."""
    start, end = facts.span(period)
    rows = Invoice.objects.filter(
        placed_at__gte=start,
        placed_at__lt=end,
        late_choice=None,
        cases__kind=CaseKind.LATE_ORDER,
        cases__state=ExceptionCase.State.OPEN,
    )
    return list(rows.select_related("seller").order_by("placed_at", "pk"))


@transaction.atomic
def post_next(*, invoice: Invoice, by: User, at: datetime, reason: str) -> LateChoice:
    """Let a late order go to the next open period; the choice is recorded and the order released.

    Refused when it does not wait for a choice.
    """
    if not reason.strip():
        raise Refused("Say why it goes to the next period.")
    locked = Invoice.objects.select_for_update(no_key=True, of=("self",)).get(pk=invoice.pk)
    if LateChoice.objects.filter(invoice=locked).exists():
        raise Refused(f"What becomes of {locked.number} is decided already.")
    waiting = locked.cases.filter(kind=CaseKind.LATE_ORDER, state=ExceptionCase.State.OPEN).exists()
    if not waiting:
        raise Refused(f"{locked.number} does not wait for a choice.")
    period = AccountingPeriod.objects.filter(
        start__lte=calendar.company_day(locked.placed_at),
        end__gte=calendar.company_day(locked.placed_at),
    ).first()
    choice = LateChoice.objects.create(
        invoice=locked,
        choice=LateChoice.Choice.NEXT,
        period=period.start if period else calendar.company_day(locked.placed_at),
        reason=reason,
        made_by=by,
        made_at=at,
    )
    audit.record(
        action="late.post_next", subject=locked, by=by, at=at, after={"choice": "NEXT"},
        reason=reason,
    )  # fmt: skip
    orders.decide_again(pks=[locked.pk], at=at)
    return choice


@transaction.atomic
def assign(
    *, fact: str, owner: User | None, due_after_days: int, by: User, at: datetime
) -> CloseStep:
    """Say who answers for a step and how many days after the period's end it is due."""
    if facts.rule_of(fact) is None:
        raise Refused("There is no such step.")
    if not 0 <= due_after_days <= 60:
        raise Refused("A step is due 0 to 60 days after the period's end.")
    step, _ = CloseStep.objects.select_for_update(no_key=True).get_or_create(fact=fact)
    before = {"owner": step.owner_id, "due_after_days": step.due_after_days}
    step.owner, step.due_after_days = owner, due_after_days
    step.save(update_fields=["owner", "due_after_days"])
    audit.record(
        action="close.assign", subject=step, by=by, at=at, before=before,
        after={"owner": owner.pk if owner else None, "due_after_days": due_after_days},
    )  # fmt: skip
    return step


def _locked(period: AccountingPeriod) -> AccountingPeriod:
    return AccountingPeriod.objects.select_for_update(no_key=True, of=("self",)).get(pk=period.pk)
