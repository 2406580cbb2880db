"""The exercises of practice mode: steps that tick themselves by what the records say.

Each looks at what one person did since beginning it. Nothing is written, and nobody can tick.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from mapping.models import SkuMapping
from mkterp.core.models import AccountingPeriod, AuditEntry, PracticeBegun, User
from mkterp.core.screens.words import things
from reconciliation.models import CloseSignOff, TaxAdjustment
from reconciliation.selectors import board
from sync.domain.cases import CaseKind
from sync.models import ExceptionCase, Invoice, OutboxMessage


@dataclass(frozen=True)
class Step:
    """One thing to do. `seen` says in words what the records show; `url` is where it is done."""

    title: str
    done: bool
    seen: str
    url: str
    label: str


@dataclass(frozen=True)
class Exercise:
    """What is practised. `look` gives its steps for a person, from the moment it was begun."""

    key: str
    title: str
    text: str
    permission: str
    role: str  # who may do it, in words
    handbook: str
    look: Callable[[User, datetime, datetime], list[Step]]


@dataclass(frozen=True)
class Standing:
    """How far a person is with an exercise; without `begun_at` it has not been begun."""

    exercise: Exercise
    may: bool
    begun_at: datetime | None
    steps: list[Step]

    @property
    def left(self) -> int:
        return sum(not step.done for step in self.steps)

    @property
    def current(self) -> Step | None:
        return next((step for step in self.steps if not step.done), None)


def _fix_a_sku(person: User, begun_at: datetime, at: datetime) -> list[Step]:
    taken = AuditEntry.objects.filter(action="case.assign", by=person, at__gte=begun_at)
    pks = [subject.rpartition(":")[2] for subject in taken.values_list("subject", flat=True)]
    cases = ExceptionCase.objects.filter(pk__in=pks, kind=CaseKind.UNMAPPED_SKU).order_by("pk")
    case = cases.first()
    unmapped = ExceptionCase.objects.filter(kind=CaseKind.UNMAPPED_SKU, state="OPEN").count()
    mapping = (
        SkuMapping.objects.filter(
            made_by=person, made_at__gte=begun_at, state=SkuMapping.State.CONFIRMED
        )
        .select_related("listing", "item")
        .order_by("pk")
        .first()
    )
    posted = (
        Invoice.objects.filter(
            lines__listing=mapping.listing_id,
            state=Invoice.State.POSTED,
            erp_document__accepted_at__gte=mapping.made_at,
        )
        .distinct()
        .count()
        if mapping is not None
        else 0
    )
    return [
        Step(
            "Take an exception “Unmapped SKU”, so that others see who is at it",
            case is not None,
            f"You took {case}." if case else f"{things(unmapped, 'SKU is', 'SKUs are')} unmapped.",
            f"{reverse('sync:exceptions')}?view=&kind={CaseKind.UNMAPPED_SKU}&state=OPEN",
            "Exceptions",
        ),
        Step(
            "Compare the evidence, and approve the ERP item that the listing is",
            mapping is not None,
            f"{mapping.listing} is {mapping.item}." if mapping else "You have mapped none yet.",
            reverse("sync:unmapped"),
            "Unmapped SKUs",
        ),
        Step(
            "See the orders that waited for it arrive in the ERP",
            posted > 0,
            f"{things(posted, 'order is', 'orders are')} in the ERP with it."
            if mapping
            else "They go by themselves as soon as it is mapped.",
            f"{reverse('sync:orders')}?view=posted&state=POSTED",
            "Orders",
        ),
    ]


def _approve_an_adjustment(person: User, begun_at: datetime, at: datetime) -> list[Step]:
    waiting = TaxAdjustment.objects.filter(state=TaxAdjustment.State.PREPARED).count()
    mine = TaxAdjustment.objects.filter(
        decided_by=person, decided_at__gte=begun_at, state=TaxAdjustment.State.APPROVED
    ).select_related("journal__posting")
    row = mine.order_by("pk").first()
    journal = row.journal if row else None
    arrived = bool(
        journal and journal.posting and journal.posting.state == OutboxMessage.State.DELIVERED
    )
    return [
        Step(
            "Find an adjustment that waits, and read what it is about and why",
            waiting > 0 or row is not None,
            f"{things(waiting, 'adjustment waits', 'adjustments wait')} for a decision.",
            reverse("reconciliation:adjustments"),
            "Tax adjustments",
        ),
        Step(
            "Approve it, after you have seen the journal that it becomes",
            row is not None,
            f"You approved {row}." if row else "You have approved none yet.",
            reverse("reconciliation:adjustments"),
            "Tax adjustments",
        ),
        Step(
            "See its journal posted in the ERP",
            arrived,
            f"{journal} is in the ERP." if arrived else "It goes by itself once it is approved.",
            reverse("reconciliation:journals"),
            "Tax journals",
        ),
    ]


def _close_a_month(person: User, begun_at: datetime, at: datetime) -> list[Step]:
    period = board.current(at=at)
    closed = AccountingPeriod.objects.filter(closed_at__gte=begun_at).order_by("closed_at").first()
    where = reverse("reconciliation:close")
    if period is not None:
        where = reverse("reconciliation:close-period", kwargs={"key": period.pk})
    signed = CloseSignOff.objects.filter(
        signed_by=person, signed_at__gte=begun_at, suspended_at=None
    ).count()
    found = board.board(period, at=at) if period is not None else None
    holds = bool(closed) or bool(found and found.ended and found.green)
    return [
        Step(
            "Open the month that is over, and put right what breaks its facts",
            holds,
            f"{closed} is closed." if closed else _facts(found),
            where,
            "Close",
        ),
        Step(
            "Sign a fact that holds",
            signed > 0,
            f"{things(signed, 'sign-off of yours stands', 'sign-offs of yours stand')}."
            if signed
            else "You have signed none yet.",
            where,
            "Close",
        ),
        Step(
            "When all are signed, a controller closes and locks the month",
            closed is not None,
            f"{closed} was closed by {closed.closed_by}." if closed else "No month was closed yet.",
            where,
            "Close",
        ),
    ]


def _facts(found: board.Board | None) -> str:
    if found is None:
        return "There is no month yet; one comes with the first order."
    held = f"{found.holding} of {len(found.steps)} facts of {found.period} hold"
    return f"{held}." if found.ended else f"{held}; it ends on {found.period.end:%d %b}."


EXERCISES = (
    Exercise(
        "fix-a-sku",
        "Fix a SKU",
        "An order cannot go to the ERP, because nobody has said which item one of its listings is.",
        "mapping.confirm_skumapping",
        "operations",
        "exceptions/unmapped-sku",
        _fix_a_sku,
    ),
    Exercise(
        "approve-an-adjustment",
        "Approve an adjustment",
        "The ERP taxes an order by pennies otherwise than the marketplace; finance let them be "
        "booked.",
        "reconciliation.approve_taxadjustment",
        "finance",
        "data/tax",
        _approve_an_adjustment,
    ),
    Exercise(
        "close-a-month",
        "Close a month",
        "A month is closed on facts: each is computed, signed by a person, and then locked.",
        "reconciliation.sign_closesignoff",
        "finance and a controller",
        "data/close",
        _close_a_month,
    ),
)


def exercise(key: str) -> Exercise | None:
    return next((one for one in EXERCISES if one.key == key), None)


def standings(person: User, *, at: datetime) -> list[Standing]:
    """Every exercise with how far this person is; those not begun have no steps."""
    begun = dict(PracticeBegun.objects.filter(person=person).values_list("exercise", "begun_at"))
    return [
        Standing(
            one,
            person.has_perm(one.permission),
            begun.get(one.key),
            one.look(person, begun[one.key], at) if one.key in begun else [],
        )
        for one in EXERCISES
    ]
