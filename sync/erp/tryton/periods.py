"""Accounting periods in Tryton; its people open and close them, we only read."""

from datetime import date

from sync.domain.delivery import PeriodClosed
from sync.domain.documents import Period, PeriodState
from sync.erp.tryton.client import TrytonClient


def periods(client: TrytonClient, company: int) -> tuple[Period, ...]:
    """See ErpPort.periods. Adjustment periods lie across the others and are left out."""
    rows = client.rows(
        "account.period",
        [["company", "=", company], ["type", "=", "standard"]],
        ["name", "start_date", "end_date", "state"],
        order=[["start_date", "ASC"]],
    )
    return tuple(
        Period(row["name"], row["start_date"], row["end_date"], PeriodState(row["state"]))
        for row in rows
    )


def period_of(client: TrytonClient, company: int, day: date) -> int:
    """The open period that day lies in. Raises PeriodClosed when there is none."""
    domain = [
        ["company", "=", company],
        ["type", "=", "standard"],
        ["start_date", "<=", day],
        ["end_date", ">=", day],
    ]
    rows = client.rows("account.period", domain, ["state", "name"], limit=1)
    if not rows:
        raise PeriodClosed(f"Tryton has no accounting period for {day}.", "posting_date")
    if rows[0]["state"] != "open":
        name = rows[0]["name"]
        raise PeriodClosed(f"The period {name} is closed in Tryton.", "posting_date")
    found: int = rows[0]["id"]
    return found
