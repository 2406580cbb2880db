"""Reading the ERP's set-up and the accounts we explain: periods, tax codes, lines, balances."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from mapping.models import AccountMapping, AccountRole, TaxCodeMapping
from mkterp.core.models import AccountingPeriod
from sync import connections
from sync.domain.cases import CaseKind
from sync.domain.delivery import Failure, Rejected
from sync.domain.documents import LedgerLine, LedgerQuery, Period, ReferenceData
from sync.models import (
    AccountBalance,
    AccountLine,
    ErpPeriod,
    ErpTaxCode,
    ExceptionCase,
)
from sync.services import cases, feeds, work
from sync.services.cases import Cause
from sync.services.documents import BEGINNING
from sync.services.pulls import Batch, pull

FEED, LINES_FEED = "erp_books", "erp_account_lines"


def watched_accounts() -> list[str]:
    """The accounts whose every cent is explained: all that ever played Tax Adjustment."""
    rows = AccountMapping.objects.filter(role=AccountRole.TAX_ADJUSTMENT).order_by("erp_account")
    return list(rows.values_list("erp_account", flat=True).distinct())


@dataclass(frozen=True)
class Reading:
    """What the ERP said of itself in one go."""

    periods: Sequence[Period]
    reference: ReferenceData
    balances: Mapping[tuple[str, date], Decimal]


def read(*, clock: Callable[[], datetime]) -> Mapping[str, int]:
    """Read periods, tax codes and the balances of watched accounts, today's and each month end's.

    Overwrites the last reading. A failure is recorded on the feed, and the old reading stays.
    """
    if feeds.held_back(name=FEED, at=clock()) or not work.try_lane_lock(FEED):
        return {}
    try:
        failure: Failure | None = None
        counts: dict[str, int] = {}
        try:
            found = _ask(clock())
        except Failure as problem:
            failure = problem
        else:
            counts = store(found, at=clock())
        feeds.told(name=FEED, failure=failure, at=clock(), counts=counts)
        return counts
    finally:
        work.release_lane_lock(FEED)


def _ask(at: datetime) -> Reading:
    erp = connections.erp()
    periods, reference = erp.periods(), erp.reference_data()
    known = {account.code for account in reference.accounts}
    # An account that is mapped and not in the ERP is the mapping screen's business to say.
    accounts = [account for account in watched_accounts() if account in known]
    today = at.astimezone(settings.COMPANY_TIME_ZONE).date()
    go_live = settings.GO_LIVE_AT.astimezone(settings.COMPANY_TIME_ZONE).date()
    ended = [p.end for p in periods if go_live <= p.end < today]
    to_close = AccountingPeriod.objects.exclude(state=AccountingPeriod.State.CLOSED)
    waiting = set(to_close.filter(end__in=ended).values_list("end", flat=True))
    days = sorted(waiting | set(ended[-MONTHS_READ:]))
    balances = {
        (row.account, day): row.amount
        for day in [*days, today]
        for row in (erp.balances(day, accounts) if accounts else ())
    }
    return Reading(periods, reference, balances)


# How many ended periods have their balances read again, closed here or not: a back-dated entry
# shows there.
MONTHS_READ = 3


@transaction.atomic
def store(found: Reading, *, at: datetime) -> dict[str, int]:
    """Keep a reading; tax codes that are mapped and cannot be used any more open a case each."""
    ErpPeriod.objects.exclude(start__in=[p.start for p in found.periods]).delete()
    ErpPeriod.objects.bulk_create(
        [ErpPeriod(name=p.name, start=p.start, end=p.end, state=p.state.value, read_at=at)
         for p in found.periods],
        update_conflicts=True,
        unique_fields=["start"],
        update_fields=["name", "end", "state", "read_at"],
    )  # fmt: skip
    AccountBalance.objects.bulk_create(
        [AccountBalance(account=account, on_date=day, amount=amount, read_at=at)
         for (account, day), amount in found.balances.items()],
        update_conflicts=True,
        unique_fields=["account", "on_date"],
        update_fields=["amount", "read_at"],
    )  # fmt: skip
    _store_codes(found.reference, at)
    return {"periods": len(found.periods), "balances": len(found.balances)}


def _store_codes(reference: ReferenceData, at: datetime) -> None:
    usable = {tax.code for tax in reference.taxes}
    codes = {tax.code: tax for tax in (*reference.retired_taxes, *reference.taxes)}
    ErpTaxCode.objects.bulk_create(
        [
            ErpTaxCode(
                code=tax.code,
                rate=tax.rate,
                account=tax.account,
                usable=tax.code in usable,
                gone_at=None,
                read_at=at,
            )
            for tax in codes.values()
        ],
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["rate", "account", "usable", "gone_at", "read_at"],
    )
    ErpTaxCode.objects.filter(gone_at=None).exclude(code__in=codes).update(gone_at=at, usable=False)
    _name_missing_codes(usable, set(codes) - usable, at)


def _name_missing_codes(usable: set[str], retired: set[str], at: datetime) -> None:
    """A case for each code that is mapped now and that the ERP would refuse."""
    mapped = TaxCodeMapping.objects.in_force(at).order_by("erp_code", "country")
    countries: dict[str, list[str]] = {}
    for code, country in mapped.values_list("erp_code", "country"):
        if country not in countries.setdefault(code, []):
            countries[code].append(country)
    missing = {code: places for code, places in countries.items() if code not in usable}
    cases.open_cases(
        causes=[
            Cause(
                CaseKind.TAX_CODE_GONE,
                f"code:{code}",
                f"The tax code {code}, mapped for {', '.join(places)}, "
                f"{'is retired' if code in retired else 'is no longer'} in the ERP.",
            )
            for code, places in missing.items()
            if not _told(code)
        ],
        at=at,
    )
    for case in ExceptionCase.objects.filter(
        kind=CaseKind.TAX_CODE_GONE, state=ExceptionCase.State.OPEN
    ).exclude(key__in=[f"code:{code}" for code in missing]):
        cases.resolve(
            case=case, resolution="The code can be used in the ERP, or is not mapped.", at=at
        )


def _told(code: str) -> bool:
    """Whether its case is open: an hourly reading is no new occurrence."""
    return ExceptionCase.objects.filter(
        kind=CaseKind.TAX_CODE_GONE, key=f"code:{code}", state=ExceptionCase.State.OPEN
    ).exists()


def pull_account_lines(*, clock: Callable[[], datetime]) -> Mapping[str, int]:
    """Ledger lines on the watched accounts, from where the last reading of each stopped."""
    accounts = watched_accounts()
    if not accounts:
        return {}
    counts: dict[str, int] = {}
    for account in accounts:
        # A feed of its own for each: an account watched anew is read from its beginning.
        name = f"{LINES_FEED}:{account}"

        def read_page(since: datetime | None, page: str | None, account: str = account) -> Batch:
            query = LedgerQuery(accounts=(account,), changed_since=since or BEGINNING)
            try:
                found = connections.erp().ledger_lines(query, page)
            except Rejected:
                return Batch(lambda at: {"unknown account": 1}, None, None)
            return Batch(
                lambda at: {"read": mirror_lines(lines=found.rows, at=at)},
                found.cursor,
                max((row.modified_at for row in found.rows if row.modified_at), default=None),
            )

        for what, many in pull(name=name, read=read_page, clock=clock, start=BEGINNING).items():
            counts[what] = counts.get(what, 0) + many
    return counts


@transaction.atomic
def mirror_lines(*, lines: Sequence[LedgerLine], at: datetime) -> int:
    """Keep ledger lines as the ERP holds them; posted ones never change but for being settled."""
    AccountLine.objects.bulk_create(
        [
            AccountLine(
                erp_ref=line.ref,
                move_ref=line.move_ref,
                move_number=line.move_number,
                posting_date=line.posting_date,
                account=line.account,
                party=line.party,
                debit=line.debit,
                credit=line.credit,
                memo=line.memo,
                journal_key=line.journal_key,
                document_ref=line.document_ref,
                read_at=at,
            )
            for line in {line.ref: line for line in lines}.values()
        ],
        update_conflicts=True,
        unique_fields=["erp_ref"],
        update_fields=["memo", "journal_key", "document_ref", "read_at"],
    )
    return len(lines)
