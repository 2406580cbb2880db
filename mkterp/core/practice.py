"""Practice: when a person began an exercise. How far it is follows from facts, never from ticks."""

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from mkterp.core.errors import Refused
from mkterp.core.models import PracticeBegun, User

# Where real Marketplacer instances live.
REAL = "marketplacer.com"


def offered() -> bool:
    """Whether this installation is there to practise on: told so, and not beside the real thing."""
    host = (urlsplit(settings.MARKETPLACER_URL).hostname or "").lower()
    real = host == REAL or host.endswith(f".{REAL}")
    return settings.PRACTICE and not real


@transaction.atomic
def begin(*, exercise: str, by: User, at: datetime) -> PracticeBegun:
    """Begin an exercise, or begin it again: from now on only what happens now counts.

    Refused where there is nothing to practise on.
    """
    if not offered():
        raise Refused("There is nothing to practise on here: this is not the sandbox company.")
    begun, _ = PracticeBegun.objects.update_or_create(
        person=by, exercise=exercise, defaults={"begun_at": at}
    )
    return begun
