"""The checklists of the handbook: who ticked which check, for which day, week or month."""

import hashlib
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import CheckDone, User

RHYTHMS = ("daily", "weekly", "month-end")


def begins(rhythm: str, at: datetime) -> date:
    """The first day of the day, week or month that `at` falls into, where the company is."""
    today = at.astimezone(settings.COMPANY_TIME_ZONE).date()
    if rhythm == "weekly":
        return today - timedelta(days=today.weekday())
    return today.replace(day=1) if rhythm == "month-end" else today


def key_of(page: str, text: str) -> str:
    """What names a check: its page and its words. Other words are another check."""
    return hashlib.sha256(f"{page}\n{text}".encode()).hexdigest()[:16]


@transaction.atomic
def tick(
    *, rhythm: str, page: str, text: str, done: bool, by: User, at: datetime
) -> CheckDone | None:
    """Tick a check for the span that `at` falls into, or take the tick back.

    Ticking what is ticked keeps the first name. Both are kept in the audit trail.
    """
    if rhythm not in RHYTHMS:
        raise Refused(f"A check is {', '.join(RHYTHMS)}, not {rhythm}.")
    identity = {"rhythm": rhythm, "begins": begins(rhythm, at), "key": key_of(page, text)}
    there = CheckDone.objects.select_for_update(no_key=True, of=("self",))
    found = there.filter(**identity).first()  # unique
    if done and found is None:
        found, made = CheckDone.objects.get_or_create(
            **identity, defaults={"page": page, "text": text, "by": by, "at": at}
        )
        if made:
            _record("check.tick", found, by, at)
    elif not done and found is not None:
        _record("check.take-back", found, by, at)
        found.delete()
        return None
    return found


def _record(action: str, check: CheckDone, by: User, at: datetime) -> None:
    after = {"rhythm": check.rhythm, "begins": f"{check.begins}", "page": check.page}
    audit.record(action=action, subject=check, by=by, at=at, after=after, reason=check.text)
