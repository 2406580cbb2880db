"""The month in the books: documents compared, cents approved, the clearing account, the close."""

from collections.abc import Iterable
from datetime import timedelta

from mkterp.core.errors import Refused
from mkterp.core.models import AccountingPeriod
from mkterp.core.money import to_minor
from reconciliation.models import Discrepancy, TaxAdjustment
from reconciliation.selectors import clearing, facts
from reconciliation.services import (
    adjustments,
    booking,
    calendar,
    comparing,
    completeness,
    tolerances,
)
from reconciliation.services import close as closing
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase
from sync.services import books, cases, deliveries, documents, postings
from tests.month.world import ERP, World

CLEARING_UP_TO = 5_000  # pence


def set_rules(world: World) -> None:
    """What finance allow on the clearing account; rounding is left to the standard."""
    tolerances.set_tolerance(
        wanted=tolerances.Wanted("CLEARING", "GBP", "", CLEARING_UP_TO, 0, True, None),
        by=world.finance,
        at=world.now(),
        reason="go-live",
    )


def book(world: World) -> None:
    """Entries of the settlement, and what they need, until nothing more is on its way."""
    for _ in range(3):
        booking.prepare(at=world.now())
        deliveries.deliver(lane=ERP, clock=world.now)
        world.go_to(world.at + timedelta(minutes=10))


def compare(world: World) -> None:
    """Read the ERP's books and compare every document."""
    documents.pull_documents(clock=world.now)
    postings.read_back(clock=world.now)
    books.read(clock=world.now)
    books.pull_account_lines(clock=world.now)
    comparing.run(clock=world.now)


def standing() -> list[tuple[str, str, str]]:
    """(order, cause, sentence) of every difference that is not allowed."""
    rows = Discrepancy.objects.filter(cleared_at=None, allowed=False).select_related("invoice")
    return [(r.invoice.marketplacer_id, r.cause, r.sentence) for r in rows.order_by("pk")]


def approve(world: World) -> int:
    """Finance approves every adjustment that the system prepared; how many."""
    rows = list(TaxAdjustment.objects.filter(state=TaxAdjustment.State.PREPARED))
    if rows:
        adjustments.approve(rows=rows, by=world.finance, at=world.now())
        deliveries.deliver(lane=ERP, clock=world.now)
    return len(rows)


def dismiss_edits(world: World, refs: Iterable[str]) -> int:
    """The controller has seen that these documents were edited, and why; how many cases that was.

    A case about any other document stays open and spoils the proof.
    """
    rows = ExceptionCase.objects.filter(
        kind=CaseKind.DOCUMENT_EDITED,
        key__in=[f"edited:{ref}" for ref in refs],
        state=ExceptionCase.State.OPEN,
    )
    found = list(rows.order_by("pk"))
    for case in found:
        cases.dismiss(case=case, by=world.controller, at=world.now(), reason="put right there")
    return len(found)


def unexplained(world: World) -> int:
    """Pence on the clearing accounts that nothing explains."""
    period = _period(world)
    return sum(
        abs(to_minor(one.unexplained, "GBP")) + abs(to_minor(one.missing, "GBP"))
        for one in clearing.explain(on=period.end)
    )


def broken(world: World) -> dict[str, dict[str, str]]:
    """By period: the facts of its close board that do not hold, each in its own words."""
    calendar.extend(at=world.now())
    at = world.now()
    return {
        period.name: {
            code: one.words for code, one in facts.findings(period, at).items() if not one.holds
        }
        for period in AccountingPeriod.objects.order_by("start")
    }


def count_the_days(world: World) -> None:
    """The nightly proof that every order is accounted for, for each day of the month."""
    period = _period(world)
    for number in range((period.end - period.start).days + 1):
        completeness.state(day=period.start + timedelta(days=number), clock=world.now)


def close(world: World) -> str:
    """Finance sign each fact of the month, the controller closes it; what was refused, if any."""
    period = _period(world)
    try:
        for fact in facts.FACTS:
            closing.sign(period=period, fact=fact.code, by=world.finance, at=world.now())
        closing.close(period=period, by=world.controller, at=world.now())
    except Refused as refused:
        return str(refused)
    return ""


def _period(world: World) -> AccountingPeriod:
    calendar.extend(at=world.now())
    return AccountingPeriod.objects.get(start__lte=world.first, end__gte=world.first)
