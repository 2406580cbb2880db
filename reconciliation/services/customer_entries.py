"""Customers' money in the books: the gateway's lines clear receivables, its payouts reach the bank.

A line is booked when the ERP has booked its order's invoice, because only then is there a
receivable. Orders that were cancelled before get no invoice: their money came and went, and only
the gateway's fee is booked.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby, islice
from typing import Any

from django.db import transaction
from django.db.models import Q

from mkterp.core.money import from_minor
from reconciliation.domain import entries as domain
from reconciliation.domain.entries import Role
from reconciliation.models import BankLine, GatewayLine, SettlementEntry
from reconciliation.services.entries import Accounts, Event, Wanted, book
from sync.models import Invoice

ROWS = 50  # of one entry: each row's receivable is settled by a call of its own


def prepare(*, accounts: Accounts, at: datetime) -> int:
    """Book the lines whose orders are booked, and payouts at the bank; returns how many entries."""
    made = 0
    for payout, lines in groupby(_due().iterator(chunk_size=500), key=lambda line: line.payout):
        while batch := list(islice(lines, ROWS)):
            made += _book_lines(payout, batch, accounts, at)
    return made + _book_payouts(accounts, at)


def _due() -> Any:
    """Lines that can be booked now, payout by payout, day by day."""
    booked = Q(invoice__erp_document__booked_date__isnull=False)
    never = Q(invoice__state=Invoice.State.CANCELLED)
    withdrawn = Q(invoice__erp_document__isnull=False) & Q(
        invoice__corrections__kind="CANCELLATION", invoice__corrections__state="DONE",
        invoice__corrections__credit_ref="",
    )  # fmt: skip
    fee = Q(kind=GatewayLine.Kind.FEE)
    return (
        GatewayLine.objects.filter(booked | never | withdrawn | fee, entry=None)
        .select_related("invoice__erp_document")
        .distinct()
        .order_by("payout", "day", "pk")
    )


@transaction.atomic
def _book_lines(payout: str, lines: Sequence[GatewayLine], accounts: Accounts, at: datetime) -> int:
    wanted = [_entry(payout, list(same)) for _, same in groupby(sorted(lines, key=_of), key=_of)]
    made = book(wanted=[one for one, _ in wanted], accounts=accounts, at=at)
    of_day = {(one.day, one.currency): lines for one, lines in wanted}
    for row in made:
        same_day = of_day[row.posting_date, row.currency]
        GatewayLine.objects.filter(pk__in=[line.pk for line in same_day]).update(entry=row)
    return len(made)


def _of(line: GatewayLine) -> tuple[date, str]:
    return line.day, line.currency


def _entry(payout: str, lines: list[GatewayLine]) -> tuple[Wanted, list[GatewayLine]]:
    first = lines[0]
    name = payout or first.account
    memo = f"{name}, {len(lines)} lines of {first.day:%d %b %Y}"
    amount = sum(line.amount_minor for line in lines if _has_receivable(line))
    # A fee on a line of its own is an amount that left.
    fee = sum(_fee(line) for line in lines)
    return (
        Wanted(
            key=f"gateway:{first.account}:{first.pk}",
            event=Event.MONEY,
            day=first.day,
            currency=first.currency,
            memo=memo,
            lines=domain.customers_money(amount, fee),
            seller=None,
            links={},
            parcel=("clear_receivables", _payload(memo, lines)),
        ),
        lines,
    )


def _has_receivable(line: GatewayLine) -> bool:
    if line.invoice is None or line.kind == GatewayLine.Kind.FEE:
        return False
    document = getattr(line.invoice, "erp_document", None)
    return document is not None and document.booked_date is not None


def _fee(line: GatewayLine) -> int:
    alone = -line.amount_minor if line.kind == GatewayLine.Kind.FEE else 0
    return line.fee_minor + alone


def _payload(memo: str, lines: Iterable[GatewayLine]) -> Callable[[Accounts], dict[str, Any]]:
    rows = [
        {
            "order_key": line.invoice.marketplacer_id
            if line.invoice is not None and _has_receivable(line)
            else "",
            "amount": _text(line.amount_minor if _has_receivable(line) else 0, line.currency),
            "fee": _text(_fee(line), line.currency),
            "memo": f"{line.invoice or line.get_kind_display()}, {line.identity}",
        }
        for line in lines
    ]
    first = next(iter(lines))

    def made(accounts: Accounts) -> dict[str, Any]:
        return {
            "posting_date": first.day.isoformat(),
            "currency": first.currency,
            "memo": memo,
            "gateway": accounts.of(Event.MONEY, Role.GATEWAY),
            "fee": accounts.of(Event.MONEY, Role.GATEWAY_FEE),
            "receivable": accounts.of(Event.MONEY, Role.CUSTOMER_CLEARING),
            "rows": rows,
        }

    return made


def _text(minor: int, currency: str) -> str:
    amount: Decimal = from_minor(minor, currency)
    return str(amount)


def _book_payouts(accounts: Accounts, at: datetime) -> int:
    """Bank lines that bear a payout's number."""
    numbers = GatewayLine.objects.exclude(payout="").values("payout")
    booked = SettlementEntry.objects.standing().filter(event=Event.MONEY, bank_line__isnull=False)
    rows = (
        BankLine.objects.filter(reference__in=numbers)
        .exclude(pk__in=booked.values("bank_line"))
        .exclude(amount_minor=0)
        .order_by("pk")
    )
    wanted = [
        Wanted(
            key=f"payout:{line.account}:{line.pk}",
            event=Event.MONEY,
            day=line.booked_date,
            currency=line.currency,
            memo=f"{line.reference} reached the bank",
            lines=domain.payout_received(line.amount_minor),
            seller=None,
            links={"bank_line": line},
        )
        for line in rows
    ]
    return len(book(wanted=wanted, accounts=accounts, at=at)) if wanted else 0
