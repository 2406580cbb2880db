"""Notices: what happened is written down with it, in its transaction; whom it concerns comes later.

Nothing is sent from here, and nothing here waits for anybody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.urls import reverse

from mkterp.core.models import User
from sync.domain.cases import KINDS, CaseKind
from sync.domain.notices import TOLD_IN_FULL, Topic, topic_of
from sync.models import ExceptionCase, Notice


@dataclass(frozen=True)
class News:
    """One happening. `key` names it for good: told twice, it is one notice.

    The sentence goes out of the house: no buyer, and no words of a far side but names of sellers
    and SKUs.
    """

    key: str
    topic: Topic
    severity: int
    sentence: str
    path: str
    case: ExceptionCase | None = None


@transaction.atomic
def announce(*, news: Iterable[News], at: datetime) -> None:
    """Write notices; what was announced before under the same key changes nothing."""
    Notice.objects.bulk_create(
        [
            Notice(
                key=one.key,
                topic=one.topic,
                severity=one.severity,
                sentence=one.sentence,
                path=one.path,
                case=one.case,
                raised_at=at,
            )
            for one in news
        ],
        ignore_conflicts=True,
    )


def opened(case: ExceptionCase) -> News:
    """That a case was opened."""
    kind = CaseKind(case.kind)
    return News(
        f"case:{case.pk}:opened",
        topic_of(kind),
        KINDS[kind].severity,
        _told(case),
        _path(case),
        case,
    )


def overdue(case: ExceptionCase) -> News:
    """That a case is past its service level."""
    hands = f"it is with {case.assigned_to}" if case.assigned_to else "nobody has taken it"
    return News(
        f"case:{case.pk}:overdue",
        Topic.OVERDUE,
        KINDS[CaseKind(case.kind)].severity,
        f"Overdue: {_told(case)} Past its service level, and {hands}.",
        _path(case),
        case,
    )


def given(case: ExceptionCase, *, by: User, deed: int) -> News:
    """That somebody put a case into another person's hands. `deed` is the number of that time: a
    case may be given to the same person twice."""
    return News(
        f"case:{case.pk}:given:{deed}",
        Topic.GIVEN,
        KINDS[CaseKind(case.kind)].severity,
        f"Given to {case.assigned_to} by {by}: {_told(case)}",
        _path(case),
        case,
    )


def _told(case: ExceptionCase) -> str:
    """A case in words that may leave the house."""
    kind = CaseKind(case.kind)
    if kind in TOLD_IN_FULL:
        return f"{case}: {case.cause}"
    about = [case.listing.sku if case.listing else "", str(case.seller) if case.seller else ""]
    of = ", ".join(filter(None, about))
    return f"{case}: {KINDS[kind].label}{f' ({of})' if of else ''}."


def _path(case: ExceptionCase) -> str:
    return reverse("sync:exception", kwargs={"key": case.pk})
