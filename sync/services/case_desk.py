"""What people do with an open case, and what happens when nobody does."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from mkterp.core.periods import month_end
from sync.models import ExceptionCase
from sync.services import notices

MOST_AT_ONCE = 500


def _open(case: ExceptionCase) -> ExceptionCase:
    """The case under lock. Refused when it is closed."""
    locked = ExceptionCase.objects.select_for_update(no_key=True, of=("self",)).get(pk=case.pk)
    if locked.state != ExceptionCase.State.OPEN:
        raise Refused(f"{locked} is already {locked.get_state_display()}.")
    return locked


@transaction.atomic
def take(*, case: ExceptionCase, by: User, at: datetime) -> ExceptionCase:
    """It is yours from now on, whoever had it before. Taking it again changes nothing."""
    return _assign(_open(case), by, by, at)


@transaction.atomic
def assign(*, case: ExceptionCase, person: User, by: User, at: datetime) -> ExceptionCase:
    """Give a case to a person, who is told of it unless it is oneself.

    Refused for somebody who could do nothing about it.
    """
    if not (person.is_active and person.has_perm("sync.assign_exceptioncase")):
        raise Refused(f"{person} may not work on exceptions; give it to somebody who may.")
    return _assign(_open(case), person, by, at)


@transaction.atomic
def give_back(*, case: ExceptionCase, by: User, at: datetime) -> ExceptionCase:
    """It is nobody's again. Giving back what nobody has changes nothing."""
    return _assign(_open(case), None, by, at)


def _assign(case: ExceptionCase, person: User | None, by: User, at: datetime) -> ExceptionCase:
    before, after = case.assigned_to_id, person.pk if person else None
    if before != after:
        case.assigned_to = person
        case.save(update_fields=["assigned_to"])
        entry = audit.record(
            action="case.assign" if person else "case.give-back",
            subject=case,
            by=by,
            at=at,
            before={"assigned_to": before},
            after={"assigned_to": after} | ({"name": str(person)} if person else {}),
        )
        if person is not None and person != by:
            notices.announce(news=[notices.given(case, by=by, deed=entry.pk)], at=at)
    return case


@transaction.atomic
def snooze(
    *, case: ExceptionCase, until: datetime, by: User, at: datetime, note: str = ""
) -> ExceptionCase:
    """Out of the queue until then; its service level goes on running.

    Refused beyond the end of the accounting month: what is open then stands in the close.
    """
    locked = _open(case)
    end = month_end(at, settings.COMPANY_TIME_ZONE)
    if until <= at:
        raise Refused("Snooze until a time that is still to come.")
    if until > end:
        day = end.strftime("%d %b %H:%M")
        raise Refused(f"The period ends {day}; nothing sleeps past it. Choose an earlier time.")
    before = locked.snoozed_until
    locked.snoozed_until = until
    locked.save(update_fields=["snoozed_until"])
    audit.record(
        action="case.snooze",
        subject=locked,
        by=by,
        at=at,
        before={"until": before and before.isoformat()},
        after={"until": until.isoformat()},
        reason=note.strip(),
    )
    return locked


@transaction.atomic
def wake(*, case: ExceptionCase, by: User, at: datetime) -> ExceptionCase:
    """Back in the queue now. Waking what does not sleep changes nothing."""
    locked = _open(case)
    if locked.snoozed_until is not None and locked.snoozed_until > at:
        before = {"until": locked.snoozed_until.isoformat()}
        locked.snoozed_until = None
        locked.save(update_fields=["snoozed_until"])
        audit.record(
            action="case.wake", subject=locked, by=by, at=at, before=before, after={"until": None}
        )
    return locked


@transaction.atomic
def comment(*, case: ExceptionCase, text: str, by: User, at: datetime) -> ExceptionCase:
    """Say something about a case, open or closed. It is kept in the audit trail, for good."""
    if not text.strip():
        raise Refused("Write the comment first.")
    locked = ExceptionCase.objects.select_for_update(no_key=True, of=("self",)).get(pk=case.pk)
    audit.record(action="case.comment", subject=locked, by=by, at=at, reason=text.strip())
    return locked


@transaction.atomic
def escalate(*, at: datetime) -> list[ExceptionCase]:
    """Mark the open cases whose service level has run out, and tell it; each once.

    Returns the newly marked.
    """
    late = list(
        ExceptionCase.objects.select_for_update(no_key=True, of=("self",), skip_locked=True)
        .filter(state=ExceptionCase.State.OPEN, escalated_at=None, due_at__lte=at)
        .select_related("listing", "seller", "assigned_to")
        .order_by("due_at", "pk")[:MOST_AT_ONCE]
    )
    for case in late:
        case.escalated_at = at
        case.save(update_fields=["escalated_at"])
        assert case.due_at is not None  # the filter
        audit.record(
            action="case.escalate",
            subject=case,
            by=None,
            at=at,
            after={"due_at": case.due_at.isoformat(), "assigned_to": case.assigned_to_id},
        )
    notices.announce(news=map(notices.overdue, late), at=at)
    return late
