"""Tax adjustments: prepared by the system or a person, decided by another person, booked once."""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import transaction

from mapping import selectors as registry
from mapping.models import AccountRole
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from mkterp.core.money import from_minor
from mkterp.core.screens.words import things
from reconciliation.domain import adjusting
from reconciliation.domain.adjusting import Entry
from reconciliation.models import DocumentMatch, Journal, TaxAdjustment
from reconciliation.services import comparing, comparing_load, comparing_save, journals
from reconciliation.services.calendar import company_day, posting_day
from sync.models import Invoice

State = TaxAdjustment.State


@transaction.atomic
def approve(*, rows: Sequence[TaxAdjustment], by: User, at: datetime) -> list[Journal]:
    """Approve adjustments and send them as journals: one for each date, currency and account pair.

    All or none. Refused, and nothing changes, when one of them was decided meanwhile, was prepared
    by the same person, or when no period is open for it. Two approvers at once: the second is
    refused. Returns the journals, which are on their way to the ERP.
    """
    locked = _locked(rows)
    for row in locked:
        _may_decide(row, by)
    return [_book(group, by, at) for group in grouped(locked)]


def grouped(rows: Sequence[TaxAdjustment]) -> list[list[TaxAdjustment]]:
    """Adjustments by date, currency and account pair: what makes one journal each."""
    groups: dict[tuple[date, str, str, str], list[TaxAdjustment]] = {}
    for row in sorted(rows, key=lambda one: (one.day, one.pk)):
        key = (row.day, row.currency, row.account, row.clearing_account)
        groups.setdefault(key, []).append(row)
    return [groups[key] for key in sorted(groups)]


def entries(rows: Sequence[TaxAdjustment]) -> list[Entry]:
    """Adjustments as the journal needs them; the memo names the order and the reason."""
    return [Entry(row.account, row.party, row.amount_minor, memo(row)) for row in rows]


def memo(row: TaxAdjustment) -> str:
    """ "INV-41207 SI-9: rounding of GB-STD": what stands on the clearing account's line."""
    if row.kind == TaxAdjustment.Kind.WRITE_OFF:
        return f"Write-off: {row.prepared_why}"[:300]
    number = row.invoice.number if row.invoice is not None else ""
    about = row.get_cause_display() if row.cause else row.get_kind_display()
    code = f" of {row.tax_code}" if row.tax_code else ""
    return f"{number} {row.document}: {about}{code}"[:300]


def _locked(rows: Sequence[TaxAdjustment]) -> list[TaxAdjustment]:
    if not rows:
        raise Refused("Nothing is selected.")
    return list(
        TaxAdjustment.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk__in=[row.pk for row in rows])
        .select_related("invoice", "decided_by")
        .order_by("pk")
    )


def _may_decide(row: TaxAdjustment, by: User) -> None:
    if row.state != State.PREPARED:
        who = f" by {row.decided_by}" if row.decided_by is not None else ""
        raise Refused(
            f"{row} was {row.get_state_display()}{who} meanwhile. Nothing was done; look again."
        )
    if row.prepared_by_id == by.pk:
        raise Refused(f"{row} was prepared by you; somebody else decides on it.")


def _book(rows: Sequence[TaxAdjustment], by: User, at: datetime) -> Journal:
    first, many = rows[0], things(len(rows), "document", "documents")
    if not sum(abs(row.amount_minor) for row in rows):
        raise Refused("These adjustments book nothing.")
    journal = journals.make(
        day=first.day,
        currency=first.currency,
        account=first.account,
        clearing=first.clearing_account,
        memo=f"Tax differences of {first.day:%d %b %Y}, {many}",
        lines=adjusting.journal_lines(entries(rows), first.clearing_account, first.currency),
        by=by,
        at=at,
    )
    for row in rows:
        row.state, row.decided_by, row.decided_at, row.journal = State.APPROVED, by, at, journal
        row.save(update_fields=["state", "decided_by", "decided_at", "journal"])
        audit.record(
            action="taxadjustment.approve",
            subject=row,
            by=by,
            at=at,
            before={"state": "PREPARED"},
            after={
                "state": "APPROVED",
                "journal": journal.key,
                "amount_minor": row.amount_minor,
                "account": row.account,
            },
        )
    return journal


@transaction.atomic
def reject(*, adjustment: TaxAdjustment, by: User, at: datetime, reason: str) -> TaxAdjustment:
    """Refuse to book it, with a reason; the same amount is not prepared again by itself."""
    if not reason.strip():
        raise Refused("Say why it is rejected.")
    (row,) = _locked([adjustment])
    _may_decide(row, by)
    row.state, row.decided_by, row.decided_at, row.decided_why = State.REJECTED, by, at, reason
    row.save(update_fields=["state", "decided_by", "decided_at", "decided_why"])
    audit.record(
        action="taxadjustment.reject",
        subject=row,
        by=by,
        at=at,
        before={"state": "PREPARED"},
        after={"state": "REJECTED"},
        reason=reason,
    )
    return row


@transaction.atomic
def prepare(*, match: DocumentMatch, by: User, at: datetime, reason: str) -> list[TaxAdjustment]:
    """A person prepares what would make up for a difference beyond tolerance; another approves.

    Refused where cents cannot make up for it: another currency, or nothing that differs.
    """
    if not reason.strip():
        raise Refused("Say why the difference is to be booked.")
    invoice = Invoice.objects.select_for_update(no_key=True, of=("self",)).get(pk=match.invoice_id)
    current = DocumentMatch.objects.get(pk=match.pk)
    if current.state != DocumentMatch.State.BEYOND:
        raise Refused(f"{invoice.number} is {current.get_state_display()}: nothing to prepare.")
    if TaxAdjustment.objects.filter(invoice=invoice, state=State.PREPARED).exists():
        raise Refused(f"An adjustment of {invoice.number} is prepared already.")
    clearing = account_for(AccountRole.TAX_ADJUSTMENT, at)
    (pair,) = comparing_load.load([(invoice.pk, current.version)])
    found, _ = comparing.Judge(at).of(pair)
    wanted = adjusting.needed(
        pair.sold,
        pair.booked,
        found,
        receivable=account_for(AccountRole.CUSTOMER_CLEARING, at),
        tax_account=account_for(AccountRole.OUTPUT_TAX, at),
        rule=f"by hand: {reason}"[:300],
    )
    made = []
    for one in wanted:
        left = one.amount - pair.adjusted.get((one.kind, one.code, one.account), 0)
        if not left:
            continue
        row = comparing_save.adjustment(pair, found, one, clearing, at)
        row.amount_minor, row.prepared_by, row.prepared_why = left, by, reason
        row.save()
        _record_prepared(row, by, at, reason)
        made.append(row)
    if not made:
        raise Refused(f"No amount would make {invoice.number} agree; correct it in the ERP.")
    return made


@transaction.atomic
def prepare_write_off(
    *, currency: str, amount_minor: int, day: date, by: User, at: datetime, reason: str
) -> TaxAdjustment:
    """Prepare the write-off of a clearing balance to profit and loss; another person approves.

    `amount_minor` is the clearing balance that goes, a debit positive: write-off takes it over.
    """
    if not reason.strip():
        raise Refused("Say why it is written off.")
    if not amount_minor:
        raise Refused("There is nothing to write off.")
    if day > company_day(at):
        raise Refused("A write-off is not dated into the future.")
    posting_day(day)  # refused here already, and not to whoever approves it
    row = TaxAdjustment.objects.create(
        kind=TaxAdjustment.Kind.WRITE_OFF,
        day=day,
        currency=currency,
        account=account_for(AccountRole.WRITE_OFF, at),
        clearing_account=account_for(AccountRole.TAX_ADJUSTMENT, at),
        amount_minor=amount_minor,
        theirs_minor=0,
        ours_minor=amount_minor,
        rule=f"by hand: {reason}"[:300],
        prepared_by=by,
        prepared_at=at,
        prepared_why=reason,
    )
    _record_prepared(row, by, at, reason)
    return row


def _record_prepared(row: TaxAdjustment, by: User, at: datetime, reason: str) -> None:
    audit.record(
        action="taxadjustment.prepare",
        subject=row,
        by=by,
        at=at,
        after={
            "kind": row.kind,
            "amount": str(from_minor(row.amount_minor, row.currency)),
            "currency": row.currency,
            "account": row.account,
        },
        reason=reason,
    )


def account_for(role: AccountRole, at: datetime) -> str:
    """The ERP account of a role. Raises Refused when nobody has said."""
    found = registry.account(event="", role=role, at=at)
    if found is None:
        raise Refused(f"No ERP account is mapped for “{role.label}”. Map it under Accounts first.")
    return found
