"""The close board of a period: facts with owner, due date and sign-off, as one person sees it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from mkterp.core.models import AccountingPeriod, User
from reconciliation.models import CloseSignOff, CloseStep
from reconciliation.selectors import facts
from reconciliation.selectors.facts import FactRule, Finding
from sync.models import ErpPeriod

# Days after a period's end until a step is due that nobody gave another day.
DUE_AFTER = 5


@dataclass(frozen=True)
class Step:
    """One row of the board."""

    rule: FactRule
    finding: Finding
    owner: str
    owner_id: int | None
    due_after_days: int
    due: date
    overdue: bool
    signed: CloseSignOff | None  # in force
    suspended: CloseSignOff | None  # the last one, when none is in force

    @property
    def state(self) -> str:
        """broken, suspended, signed or holds."""
        if not self.finding.holds:
            return "broken"
        if self.signed is not None:
            return "signed"
        return "suspended" if self.suspended is not None else "holds"


@dataclass(frozen=True)
class Board:
    period: AccountingPeriod
    steps: tuple[Step, ...]
    ended: bool
    erp: str  # the ERP's word for its period; empty: not read
    disagreement: str  # in words, when our lock and the ERP's period do not fit

    @property
    def holding(self) -> int:
        return sum(step.finding.holds for step in self.steps)

    @property
    def signed(self) -> int:
        return sum(step.state == "signed" for step in self.steps)

    @property
    def green(self) -> bool:
        """Whether every fact holds and nothing contradicts it."""
        return self.holding == len(self.steps)

    @property
    def may_close(self) -> bool:
        closed = self.period.state == AccountingPeriod.State.CLOSED
        return self.ended and not closed and self.signed == len(self.steps)


def board(period: AccountingPeriod, *, at: datetime) -> Board:
    """Every fact of the period as of the moment; computes, writes nothing."""
    assigned = {step.fact: step for step in CloseStep.objects.select_related("owner")}
    in_force: dict[str, CloseSignOff] = {}
    suspended: dict[str, CloseSignOff] = {}
    rows = CloseSignOff.objects.filter(period=period).select_related("signed_by").order_by("pk")
    for row in rows:
        (in_force if row.suspended_at is None else suspended)[row.fact] = row
    today = at.astimezone(settings.COMPANY_TIME_ZONE).date()
    steps = []
    for rule in facts.FACTS:
        step = assigned.get(rule.code)
        days = step.due_after_days if step else DUE_AFTER
        due = period.end + timedelta(days=days)
        finding = rule.look(period, at)
        signed = in_force.get(rule.code)
        steps.append(
            Step(
                rule,
                finding,
                str(step.owner) if step and step.owner else "",
                step.owner_id if step else None,
                days,
                due,
                overdue=today > due and not (finding.holds and signed),
                signed=signed,
                suspended=suspended.get(rule.code),
            )
        )
    erp, words = _against_erp(period)
    return Board(period, tuple(steps), facts.has_ended(period, at), erp, words)


def _against_erp(period: AccountingPeriod) -> tuple[str, str]:
    """The ERP is the authority for its periods; our lock must not contradict it."""
    row = ErpPeriod.objects.filter(start__lte=period.start, end__gte=period.end).first()
    if row is None:
        return "", ""
    closed_here = period.state == AccountingPeriod.State.CLOSED
    if closed_here and row.state == "open":
        return row.state, (
            f"{period} is closed here and {row.name} is open in the ERP: have it closed there, or "
            "reopen it here."
        )
    if not closed_here and row.state != "open":
        return row.state, (
            f"{row.name} is {row.state} in the ERP and {period} is not closed here: what is "
            "dated into it goes to the first open day."
        )
    return row.state, ""


def people() -> QuerySet[User]:
    """Who may answer for a step: whoever may sign one."""
    return (
        User.objects.filter(is_active=True, groups__permissions__codename="sign_closesignoff")
        .distinct()
        .order_by("username")
    )


def recent_periods() -> list[AccountingPeriod]:
    """The last year and a bit, newest first."""
    return list(AccountingPeriod.objects.order_by("-start")[:14])


def current(*, at: datetime) -> AccountingPeriod | None:
    """The period to work on: the oldest that is over and not closed, else the running one.

    One query: every page asks, and there are twelve a year.
    """
    today = at.astimezone(settings.COMPANY_TIME_ZONE).date()
    periods = list(AccountingPeriod.objects.order_by("start"))
    over = (one for one in periods if one.end < today and one.state != one.State.CLOSED)
    running = (one for one in periods if one.start <= today <= one.end)
    return next(over, None) or next(running, None) or (periods[-1] if periods else None)
