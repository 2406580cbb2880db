"""Waking the workers: a burst of news enqueues one task for a lane, not one each."""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q
from django_q.tasks import async_task

from sync.models import Lane

# A wake whose task was lost may be repeated after this; the minutely schedule is the guarantee.
STALE = timedelta(seconds=30)


def wake(*, task: str, at: datetime, stale: timedelta = STALE) -> bool:
    """Enqueue `task` (a dotted path) unless it is already waiting; returns whether it was.

    One that has waited longer than `stale` is taken for lost: a host may have pulled it whose
    workers are all busy. So is one of a time to come, by a host whose clock was ahead.

    Inside a transaction the task goes with it: rolled back together, seen together.
    """
    # Asked at every webhook, so in plain SQL: composing the query costs more than running it.
    with connection.cursor() as cursor:
        cursor.execute("SELECT woken_at FROM sync_lane WHERE name = %s", [task])
        lane = cursor.fetchone()
    if lane is None:
        Lane.objects.get_or_create(name=task)
    elif lane[0] is not None and abs(lane[0] - at) <= stale:
        return False
    due = Q(woken_at__isnull=True) | ~Q(woken_at__range=(at - stale, at + stale))
    with transaction.atomic():
        # Somebody who holds the row is waking the lane this instant: no need to wait for him.
        if not Lane.objects.select_for_update(no_key=True, skip_locked=True).filter(due, name=task):
            return False
        Lane.objects.filter(name=task).update(woken_at=at)
        async_task(task)
    return True


def awake(*, task: str) -> None:
    """The lane's task has begun: news from now on wakes it again."""
    Lane.objects.filter(name=task).update(woken_at=None)
