"""News from below: what this room queued has arrived."""

from datetime import datetime
from typing import Any

from reconciliation.services import journals
from sync.models import OutboxMessage


def journal_delivered(sender: object, *, message: OutboxMessage, at: datetime, **_: Any) -> None:
    """A tax journal is in the ERP's ledger."""
    if message.key.startswith(journals.PREFIX):
        journals.delivered(message=message, at=at)
