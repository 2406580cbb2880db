"""The audit trail: one function, called by services inside their transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import models

from mkterp.core.models import AuditEntry, User


def record(
    *,
    action: str,
    subject: models.Model,
    by: User | None,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> AuditEntry:
    """Add one entry about `subject`; `by` is None when the system acted by itself.

    It rolls back with the change it describes, so call it in the same transaction. A second run
    adds a second entry: the caller is the one who knows whether anything changed.
    """
    return AuditEntry.objects.create(
        at=at,
        by=by,
        action=action,
        subject=f"{subject._meta.label_lower}:{subject.pk}",
        before=dict(before) if before is not None else None,
        after=dict(after) if after is not None else None,
        reason=reason,
    )
