"""Settlement entries on their way to the ERP: accounts found, frozen, queued once under a key."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from mapping import selectors as registry
from mapping.models import AccountRole, Seller
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from mkterp.core.money import from_minor
from reconciliation.domain.entries import PAYABLES, Role, RoleLine
from reconciliation.models import GatewayLine, SettlementEntry
from sync.domain.cases import CaseKind
from sync.domain.documents import JournalEntry, JournalLine
from sync.models import ExceptionCase, OutboxMessage
from sync.services import cases, frozen, go_live, outbox
from sync.services.outbox import Parcel

Event = SettlementEntry.Event
State = OutboxMessage.State
NO_ACCOUNT = "settlement-account:"


class NoAccount(Exception):
    """No ERP account plays a role in an event; the entry waits until one does."""

    def __init__(self, role: str) -> None:
        super().__init__(role)
        self.role = role


@dataclass(frozen=True)
class Wanted:
    """An entry that is to be booked. `links` are the row's own foreign keys."""

    key: str
    event: str
    day: date
    currency: str
    memo: str
    lines: Sequence[RoleLine]
    seller: Seller | None
    links: Mapping[str, Any]
    # Of a document of the ERP that is passed on: its order, kind and ref.
    document: Mapping[str, str] | None = None
    # An operation of its own and what makes its payload but the key, where the lines alone do not
    # say it.
    parcel: tuple[str, Callable[["Accounts"], dict[str, Any]]] | None = None


class Accounts:
    """The accounts of every role as of one moment, and what of a run could not be booked."""

    def __init__(self, moment: datetime) -> None:
        self.held = registry.accounts_at(at=moment)
        self.missing: dict[str, int] = {}
        # Entries of the time before go-live, left out: the opening balances hold them.
        self.before_go_live = 0

    def of(self, event: str, role: str) -> str:
        """The account of a role; a row for the event comes before one for every event."""
        account = self.held.get((event.lower(), role)) or self.held.get(("", role))
        if not account:
            self.missing[role] = self.missing.get(role, 0) + 1
            raise NoAccount(role)
        return account


def party_of(seller: Seller | None) -> str:
    """The ERP's code of the party that a seller is there."""
    if seller is None or seller.legacy_id is None:
        raise Refused("The seller has no number at Marketplacer yet.")
    return str(settings.ERP_SELLER_PARTY).format(seller.legacy_id)


def placed(lines: Sequence[RoleLine], wanted: Wanted, accounts: Accounts) -> list[dict[str, Any]]:
    """The lines with account and party. Raises NoAccount."""
    return [
        {
            "role": line.role.value,
            "account": accounts.of(wanted.event, line.role) if line.role else "",
            "party": party_of(wanted.seller) if line.role in PAYABLES else "",
            "amount": line.amount,
        }
        for line in lines
    ]


def unheld(wanted: Sequence[Wanted]) -> list[Wanted]:
    """Those of which no entry stands, each under a key that the ERP does not hold yet.

    An entry that was taken back keeps its key, under which the ERP holds it and its reversal; what
    is booked in its stead is the same key's first, second, … time anew. Until the ERP holds the
    reversal the entry stands there: one more beside it would count twice.
    """
    back = Exists(
        SettlementEntry.objects.filter(reverses=OuterRef("pk"), posting__state=State.DELIVERED)
    )
    found: list[Wanted] = []
    left, times = {one.key: one for one in wanted}, 0
    while left:
        names = {f"{key}:{times}" if times else key: key for key in left}
        rows = SettlementEntry.objects.filter(key__in=names).annotate(back=back)
        taken_back = dict(rows.values_list("key", "back"))
        found += [
            replace(left[key], key=name) for name, key in names.items() if name not in taken_back
        ]
        left = {key: left[key] for name, key in names.items() if taken_back.get(name)}
        times += 1
    return found


@transaction.atomic
def book(
    *, wanted: Sequence[Wanted], accounts: Accounts, at: datetime, by: User | None = None
) -> list[SettlementEntry]:
    """Write entries down and queue them, each once under its key; those that are new.

    An entry of which an account is missing, or that is dated before go-live, is left out and
    counted in `accounts`. A second run finds the rows that the first one made; one that was taken
    back since is booked anew.
    """
    last_stated = go_live.last_day_before()
    wanted = unheld(wanted)
    parcels: dict[str, Parcel] = {}
    lines: dict[str, list[dict[str, Any]]] = {}
    for one in wanted:
        if one.day <= last_stated:
            accounts.before_go_live += 1
            continue
        try:
            lines[one.key] = placed(one.lines, one, accounts)
            parcels[one.key] = _parcel(one, lines[one.key], accounts)
        except NoAccount:
            lines.pop(one.key, None)
    if not parcels:
        return []
    queued = outbox.enqueue(parcels=list(parcels.values()), at=at)
    rows = SettlementEntry.objects.bulk_create(
        [
            SettlementEntry(
                key=one.key,
                event=one.event,
                posting_date=one.day,
                currency=one.currency,
                memo=one.memo[:300],
                lines=lines[one.key],
                debit_minor=sum(max(line.amount, 0) for line in one.lines),
                credit_minor=sum(max(-line.amount, 0) for line in one.lines),
                posting=queued[parcels[one.key].operation, one.key],
                prepared_at=at,
                **one.links,
            )
            for one in wanted
            if one.key in parcels
        ]
    )
    if by is not None:
        for row in rows:
            after = {"memo": row.memo, "debit": row.debit_minor}
            audit.record(action="settlement.book", subject=row, by=by, at=at, after=after)
    return rows


def _parcel(wanted: Wanted, lines: Sequence[Mapping[str, Any]], accounts: Accounts) -> Parcel:
    if wanted.parcel is not None:
        payload = {"key": wanted.key, **wanted.parcel[1](accounts)}
        return parcel_of(wanted.parcel[0], wanted, payload)
    if wanted.document is None:
        entry = frozen.freeze(journal(wanted, lines))
        return parcel_of("post_journal", wanted, {"entry": entry})
    # What the document booked is passed on by its own figures; the rest is said here.
    passed = sum(line["amount"] for line in lines if line["role"] == Role.PASSED_ON)
    rest = [line for line in lines if line["role"] != Role.PASSED_ON]
    if passed:
        counter = (Role.SELLER_PENDING, -passed)
        rest.remove(next(x for x in rest if (x["role"], x["amount"]) == counter))
    payload = {
        "key": wanted.key,
        **wanted.document,
        "payable": accounts.of(wanted.event, Role.SELLER_PENDING),
        "party": party_of(wanted.seller),
        "posting_date": wanted.day.isoformat(),
        "currency": wanted.currency,
        "memo": wanted.memo,
        "lines": [frozen.freeze(_line(line, wanted)) for line in rest],
    }
    return parcel_of("pass_on", wanted, payload)


def parcel_of(operation: str, wanted: Wanted, payload: dict[str, Any]) -> Parcel:
    """A message to the ERP's lane; entries do not wait for each other."""
    return Parcel(
        lane=OutboxMessage.Lane.ERP,
        operation=operation,
        key=wanted.key,
        stream=f"entry:{wanted.key}"[:200],
        reference=wanted.memo[:200],
        payload=payload,
    )


def journal(wanted: Wanted, lines: Sequence[Mapping[str, Any]]) -> JournalEntry:
    """The entry as the ERP gets it. Raises ValueError when it does not balance."""
    return JournalEntry(
        key=wanted.key,
        posting_date=wanted.day,
        currency=wanted.currency,
        memo=wanted.memo,
        lines=tuple(_line(line, wanted) for line in lines),
    )


def _line(line: Mapping[str, Any], wanted: Wanted) -> JournalLine:
    amount: Decimal = from_minor(line["amount"], wanted.currency)
    nothing = Decimal(0)
    return JournalLine(
        line["account"], max(amount, nothing), max(-amount, nothing), wanted.memo, line["party"]
    )


@transaction.atomic
def take_back(
    *, entry: SettlementEntry, by: User | None, at: datetime, reason: str, day: date
) -> SettlementEntry | None:
    """Take an entry back: out of the queue when it never left, else by a reversal in the ERP.

    Returns the reversing entry, None when nothing had to be reversed. Refused when it is taken
    back already or still on its way.
    """
    if not reason.strip():
        raise Refused("Say why the entry is taken back.")
    row = SettlementEntry.objects.select_for_update(no_key=True, of=("self",)).get(pk=entry.pk)
    if row.reverses_id is not None:
        raise Refused("This entry takes another one back.")
    if SettlementEntry.objects.filter(reverses=row).exists():
        raise Refused("This entry is taken back already.")
    message = row.posting
    audit.record(action="settlement.take_back", subject=row, by=by, at=at, reason=reason, after={})
    GatewayLine.objects.filter(entry=row).update(entry=None)  # theirs to be booked anew
    if message.state != State.DELIVERED:
        if not outbox.withdraw(message=message, reason=reason, at=at):
            raise Refused("The entry is on its way to the ERP; try again when it has arrived.")
        # Its key is free again for the entry that is right.
        row.key = f"{row.key[:170]}#{row.pk}"
        row.save(update_fields=["key"])
        return None
    lines = [{**line, "amount": -line["amount"]} for line in row.lines]
    key = f"{row.key[:180]}:back"
    parcel = Parcel(
        lane=OutboxMessage.Lane.ERP,
        operation="reverse_journal",
        key=key,
        stream=f"entry:{row.key}"[:200],
        reference=f"{row.memo} taken back"[:200],
        payload={
            "key": row.key,
            "as_key": key,
            "posting_date": day.isoformat(),
            "memo": f"{row.memo} taken back"[:200],
        },
    )
    queued = outbox.enqueue(parcels=[parcel], at=at)
    return SettlementEntry.objects.create(
        key=key,
        event=row.event,
        posting_date=day,
        currency=row.currency,
        memo=f"{row.memo} taken back"[:300],
        lines=lines,
        debit_minor=row.credit_minor,
        credit_minor=row.debit_minor,
        invoice=row.invoice,
        amendment=row.amendment,
        advice=row.advice,
        bank_line=row.bank_line,
        reverses=row,
        posting=queued[parcel.operation, parcel.key],
        prepared_at=at,
    )


def tell_missing(*, accounts: Accounts, at: datetime) -> int:
    """A case for each role without an account, resolved when it has one; returns how many."""
    labels = dict(AccountRole.choices)
    wanted = [
        cases.Cause(
            CaseKind.JOURNAL_REFUSED,
            f"{NO_ACCOUNT}{role}",
            f"No ERP account plays “{labels.get(role, role)}”; {many} entries wait.",
        )
        for role, many in sorted(accounts.missing.items())
    ]
    open_now = ExceptionCase.objects.filter(
        key__startswith=NO_ACCOUNT, state=ExceptionCase.State.OPEN
    )
    held = {case.key: case for case in open_now}
    news = [c for c in wanted if c.key not in held or held[c.key].cause != c.sentence]
    cases.open_cases(causes=news, at=at)
    keys = {cause.key for cause in wanted}
    for key, case in held.items():
        if key not in keys:
            cases.resolve(case=case, resolution="The role has an account now.", at=at)
    return len(wanted)
