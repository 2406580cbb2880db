"""The budget of calls for stock, and how many levels a document carries: both survive a restart."""

from typing import Any

from django.db import connection, transaction

from sync.domain.cadence import most_saved
from sync.domain.stock import BATCH
from sync.models import CallPace, StockPolicy

NAME = "stock"
_SAVED = """LEAST(%(cap)s, CASE WHEN saved_at IS NULL THEN %(cap)s ELSE saved
    + extract(epoch FROM clock_timestamp() - saved_at)::float * %(hour)s / 3600 END)"""
_TAKE = f"""
UPDATE sync_callpace AS pace
   SET saved = full_.saved - 1, saved_at = clock_timestamp()
  FROM (SELECT id, {_SAVED} AS saved FROM sync_callpace WHERE name = %(name)s FOR UPDATE) AS full_
 WHERE pace.id = full_.id AND full_.saved >= 1
RETURNING pace.saved
"""


def policy() -> StockPolicy:
    """What an administrator has chosen; made with its defaults when nobody has yet."""
    found, _ = StockPolicy.objects.get_or_create(pk=1)
    return found


def take_call(*, calls_per_hour: int) -> bool:
    """Take one call of the hourly budget; False when it is spent for now."""
    CallPace.objects.get_or_create(name=NAME)
    if calls_per_hour <= 0:
        return False
    given = _given(calls_per_hour)
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, given)
        return cursor.fetchone() is not None


def saved_calls(*, calls_per_hour: int) -> float:
    """How many calls of the budget are left now: those not used for an hour at most."""
    if calls_per_hour <= 0:
        return 0.0
    CallPace.objects.get_or_create(name=NAME)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_SAVED} FROM sync_callpace WHERE name = %(name)s",
                       _given(calls_per_hour))  # fmt: skip
        return float(cursor.fetchone()[0])


def _given(calls_per_hour: int) -> dict[str, Any]:
    return {"name": NAME, "hour": calls_per_hour, "cap": most_saved(calls_per_hour)}


def batch_size() -> int:
    """How many levels the next document carries."""
    pace, _ = CallPace.objects.get_or_create(name=NAME)
    return min(max(pace.batch, BATCH.least), BATCH.most)


@transaction.atomic
def learn(*, sent: int, seconds: float, failed: bool) -> int:
    """Remember how a document of `sent` levels went; returns the next size."""
    pace, _ = CallPace.objects.select_for_update(no_key=True).get_or_create(name=NAME)
    pace.batch = BATCH.after(pace.batch, sent=sent, seconds=seconds, failed=failed)
    pace.save(update_fields=["batch"])
    return pace.batch
