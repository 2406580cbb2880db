"""Claim and record: how a worker takes rows of the inbox or outbox without holding a lock.

A claim is counted and committed before the work begins, and leased: a worker that dies loses its
lease and the row is claimed again. The lease is also a fencing token, so that a worker which woke
up late cannot record over the one that took its place.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import connection, models, transaction
from django.db.models import F, Q

from sync.domain.delivery import POISON_ATTEMPTS

Row = TypeVar("Row", bound=models.Model)

# Longer than any call may take (client and adapter time out well below), shorter than patience.
LEASE = timedelta(minutes=5)


def claim(
    due: models.QuerySet[Row], *, at: datetime, limit: int, **changes: Any
) -> tuple[uuid.UUID, list[Row]]:
    """Lease up to `limit` of the due rows and commit; returns the lease and the rows, oldest first.

    Rows that another worker is claiming this instant are skipped, not waited for. A row that came
    back unrecorded is claimed alone, so that it cannot take good rows down with it again.
    """
    token = uuid.uuid4()
    with transaction.atomic():
        rows = list(
            due.filter(
                Q(lease_until__isnull=True) | Q(lease_until__lt=at),
                not_before__lte=at,
                unrecorded__lt=POISON_ATTEMPTS,
            )
            .order_by("id")
            .select_for_update(no_key=True, skip_locked=True, of=("self",))[:limit]
        )
        suspect = next((row for row in rows if row.unrecorded), None)  # type: ignore[attr-defined]
        if suspect is not None:
            rows = [suspect]
        due.model._default_manager.filter(pk__in=[row.pk for row in rows]).update(
            attempts=F("attempts") + 1,
            unrecorded=F("unrecorded") + 1,
            lease=token,
            lease_until=at + LEASE,
            **changes,
        )
    for row in rows:
        row.attempts += 1  # type: ignore[attr-defined]
    return token, rows


def hold(model: type[Row], *, lease: uuid.UUID, pks: Sequence[int]) -> list[Row]:
    """The rows of a claim that are still ours, locked until the transaction ends."""
    return list(
        model._default_manager.select_for_update(no_key=True, of=("self",))
        .filter(pk__in=pks, lease=lease)
        .order_by("id")
    )


def release(rows: Sequence[models.Model], *, at: datetime) -> None:
    """Give up a lease after its outcome is set on the rows; the caller saves them."""
    for row in rows:
        row.lease = None  # type: ignore[attr-defined]
        row.lease_until = None  # type: ignore[attr-defined]
        row.unrecorded = 0  # type: ignore[attr-defined]


def poisoned(due: models.QuerySet[Row], *, at: datetime) -> list[Row]:
    """Rows whose last claims never came back, too often to try again; locked."""
    return list(
        due.filter(unrecorded__gte=POISON_ATTEMPTS, lease_until__lt=at)
        .order_by("id")
        .select_for_update(no_key=True, skip_locked=True, of=("self",))
    )


def try_lane_lock(name: str) -> bool:
    """Take this lane for this session unless another worker has it (see `release_lane_lock`).

    A session lock: it goes with the connection when the worker dies.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [f"lane:{name}"])
        return bool(cursor.fetchone()[0])


def release_lane_lock(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [f"lane:{name}"])
