"""Going live: the balances of the day before are stated, and the dry run's work is decided anew.

History is never posted: orders placed before the moment are mirrored only, and what the ERP's books
hold of them is what stands here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction

from mapping import selectors as registry
from mkterp.core import audit
from mkterp.core.errors import Refused
from sync import connections
from sync.domain.documents import AccountKind, Balance
from sync.models import OpeningBalance
from sync.services import dry_run

# Income and expense start anew each year and open nothing.
_STANDING = {AccountKind.RECEIVABLE, AccountKind.PAYABLE, AccountKind.BALANCE_SHEET}


@dataclass(frozen=True)
class Statement:
    """What was stated, and what was stated before and is not so any more."""

    on: date
    balances: Sequence[OpeningBalance]
    differs: Sequence[str]
    ended: int  # messages of the dry run, decided anew


def last_day_before() -> date:
    """The day before the go-live moment's, in the company's time zone."""
    moment = settings.GO_LIVE_AT.astimezone(settings.COMPANY_TIME_ZONE)
    return moment.date() - timedelta(days=1)


def go_live(*, at: datetime) -> Statement:
    """State the opening balances of every mapped account that stands, and end the dry run.

    Refused while MKTERP_DRY_RUN is set. A second run changes nothing that was stated: where the
    ERP tells another balance for that day by now, it says so.
    """
    if settings.DRY_RUN:
        raise Refused("Take MKTERP_DRY_RUN away first, and start the product again.")
    on = last_day_before()
    told = _ask(on, at)
    rows, differs = _state(told, on, at)
    return Statement(on, rows, differs, dry_run.end(at=at))


def _ask(on: date, at: datetime) -> Sequence[Balance]:
    erp = connections.erp()
    mapped = set(registry.accounts_at(at=at).values())
    known = erp.reference_data().accounts
    standing = sorted(a.code for a in known if a.code in mapped and a.group in _STANDING)
    if not standing:
        return ()
    able = erp.capabilities()
    return erp.balances(on, standing, by_party=able.balances_by_party)


@transaction.atomic
def _state(
    told: Sequence[Balance], on: date, at: datetime
) -> tuple[list[OpeningBalance], list[str]]:
    held = {(row.account, row.party): row for row in OpeningBalance.objects.filter(on=on)}
    stated_before = bool(held)
    differs: list[str] = []
    for balance in told:
        row = held.get((balance.account, balance.party))
        if row is None and not stated_before:
            row = OpeningBalance.objects.create(
                account=balance.account,
                party=balance.party,
                currency=settings.COMPANY_CURRENCY,
                amount=balance.amount,
                on=on,
                stated_at=at,
            )
            audit.record(
                action="opening.state",
                subject=row,
                by=None,
                at=at,
                after={"account": str(row), "amount": f"{row.amount:f}"},
            )
        elif row is None or row.amount != balance.amount:
            was = "nothing" if row is None else f"{row.amount:.2f}"
            name = f"{balance.account} {balance.party}".strip()
            differs.append(f"{name}: stated {was}, the ERP says {balance.amount:.2f} now")
    return list(OpeningBalance.objects.filter(on=on).order_by("account", "party")), differs
