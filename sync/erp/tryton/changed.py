"""How Tryton is asked what changed."""

from collections.abc import Sequence
from datetime import datetime


def changed(since: datetime, marks: Sequence[str]) -> list[object]:
    """A clause: something changed at or after `since`, on the record ("") or beside it ("lines.").

    Both dates, because `write_date` stays empty until the first change after creation. Tryton says
    nothing of what was deleted.
    """
    clauses = [
        [f"{mark}{name}", ">=", since] for mark in marks for name in ("write_date", "create_date")
    ]
    return ["OR", *clauses]
