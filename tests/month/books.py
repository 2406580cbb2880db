"""The month in the books: documents compared, cents approved, the clearing account."""

from collections.abc import Iterable
from datetime import timedelta

from mkterp.core.models import AccountingPeriod
from mkterp.core.money import to_minor
from reconciliation.models import DifferenceRule, Discrepancy, TaxAdjustment
from reconciliation.selectors import clearing
from reconciliation.services import (
    adjustments,
    booking,
    calendar,
    comparing,
)
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase
from sync.services import books, cases, deliveries, documents
from tests.month.world import ERP, World


def set_rules(world: World) -> None:
    """What finance allows: a cent a line, and a clearing balance of fifty pounds."""
    for about, base, per_line in (("ROUNDING", 2, 1), ("CLEARING", 5_000, 0)):
        DifferenceRule.objects.create(
            about=about,
            currency="GBP",
            base_minor=base,
            per_line_minor=per_line,
            reason="go-live",
            set_by=world.finance,
            set_at=world.now(),
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


def _period(world: World) -> AccountingPeriod:
    calendar.extend(at=world.now())
    return AccountingPeriod.objects.get(start__lte=world.first, end__gte=world.first)
