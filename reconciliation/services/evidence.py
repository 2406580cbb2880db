"""The evidence of a period as one zip: figures, lists, approvals, audit, and a manifest of hashes.

Each list is a function that yields rows; to add one, put a line into LISTS. Files are written row
by row, so that a large month needs no more memory than a small one.
"""

import csv
import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from django.db import connection, transaction
from django.db.models import Q

from mkterp.core import audit
from mkterp.core.models import AccountingPeriod, AuditEntry, User
from mkterp.core.money import from_minor
from mkterp.core.screens.words import csv_cell
from reconciliation.models import CloseSignOff, EvidencePack, TaxAdjustment
from reconciliation.selectors import board, books, clearing, facts
from sync.models import ExceptionCase, Invoice, LedgerDocumentTax

Row = Sequence[object]
MEMORY = 8 * 1024 * 1024  # above that the zip goes to a temporary file


@dataclass(frozen=True)
class List:
    name: str
    columns: tuple[str, ...]
    rows: Callable[[AccountingPeriod, datetime], Iterable[Row]]


def _board(period: AccountingPeriod, at: datetime) -> Iterator[Row]:
    for step in board.board(period, at=at).steps:
        yield (step.rule.title, step.state, step.finding.words, step.finding.amount, step.owner,
               step.due, step.signed.signed_by if step.signed else "")  # fmt: skip


def _sign_offs(period: AccountingPeriod, at: datetime) -> Iterator[Row]:
    rows = CloseSignOff.objects.filter(period=period).select_related("signed_by").order_by("pk")
    for row in rows:
        yield (row.fact, row.said, row.signed_by, row.signed_at, row.suspended_at,
               row.suspended_because)  # fmt: skip


_TOTALS = """
SELECT coalesce(s.business_name, ''), m.currency, count(*), sum(m.theirs_gross_minor),
       sum(m.theirs_tax_minor), sum(m.ours_gross_minor), sum(m.ours_tax_minor)
  FROM reconciliation_documentmatch m JOIN sync_invoice i ON i.id = m.invoice_id
  LEFT JOIN mapping_seller s ON s.id = i.seller_id
 WHERE m.day BETWEEN %s AND %s GROUP BY 1, 2 ORDER BY 1, 2
"""


def _totals(period: AccountingPeriod, at: datetime) -> Iterator[Row]:
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, [period.start, period.end])
        for name, currency, many, *amounts in cursor.fetchall():
            yield (name, currency, many, *(from_minor(int(n), currency) for n in amounts))


def _taxes(period: AccountingPeriod, at: datetime) -> Iterator[Row]:
    rows = (
        LedgerDocumentTax.objects.filter(
            document__dated__range=(period.start, period.end),
            document__state__in=["posted", "paid"],
        )
        .order_by("tax_code", "account", "document__pk")
        .values_list("tax_code", "account", "document__number", "base", "amount")
    )
    yield from rows.iterator(chunk_size=2000)


def _adjustments(period: AccountingPeriod, at: datetime) -> Iterator[Row]:
    rows = TaxAdjustment.objects.filter(day__range=(period.start, period.end))
    for row in (
        rows.select_related("invoice", "prepared_by", "decided_by").order_by("pk").iterator(2000)
    ):
        yield (
            row, books.subject(row), row.document, row.day, row.get_kind_display(),
            row.get_cause_display(), row.tax_code, row.account, row.clearing_account,
            from_minor(row.theirs_minor, row.currency), from_minor(row.ours_minor, row.currency),
            from_minor(row.amount_minor, row.currency), row.currency, row.rule,
            row.get_state_display(), row.prepared_by or "system", row.decided_by, row.decided_at,
            row.decided_why, row.journal_id and f"TJ-{row.journal_id}",
        )  # fmt: skip


def _journals(period: AccountingPeriod, at: datetime) -> Iterator[Row]:
    rows = books.journals().filter(
        Q(posting_date__range=(period.start, period.end))
        | Q(booked_date__range=(period.start, period.end))
    )
    for row in rows.order_by("pk").prefetch_related("lines").iterator(500):
        for line in row.lines.all():
            yield (row, row.erp_number, row.posting_date, row.booked_date, row.stage,
                   line.account, line.party, line.debit, line.credit, line.memo, row.approved_by,
                   row.approved_at, row.reverses)  # fmt: skip


def _clearing(period: AccountingPeriod, at: datetime) -> Iterator[Row]:
    rows = clearing.lines().filter(posting_date__lte=period.end)
    for row in rows.order_by("pk").iterator(2000):
        order = f"INV-{row.order_number}" if row.order_number else ""
        yield (row.account, row.posting_date, row.move_number, row.amount, row.reason, order,
               row.document_number, row.memo)  # fmt: skip


def _explained(period: AccountingPeriod, at: datetime) -> Iterator[Row]:
    for one in clearing.explain(on=period.end):
        yield (one.account, one.on, one.told, one.lines, one.rounding, one.passed, one.adjusted,
               one.unexplained, one.missing)  # fmt: skip


def _differences(period: AccountingPeriod, at: datetime) -> Iterator[Row]:
    rows = books.discrepancies().filter(day__range=(period.start, period.end))
    for row in rows.order_by("pk").iterator(2000):
        yield (
            row.invoice,
            row.document,
            row.day,
            row.line_key,
            row.get_cause_display(),
            row.tax_code,
            ", ".join(row.fits),
            from_minor(row.gross_minor, row.currency),
            from_minor(row.tax_minor, row.currency),
            row.currency,
            row.standing,
            row.sentence,
        )  # fmt: skip


def _complete(period: AccountingPeriod, at: datetime) -> Iterator[Row]:
    rows = books.completeness().filter(day__range=(period.start, period.end))
    for row in rows.order_by("pk").iterator(2000):
        yield (row.day, row.seller or row.seller_key, row.currency, row.orders, row.booked,
               row.accepted, row.moving, row.parked, row.unpaid, row.cancelled, row.historic,
               row.gaps, from_minor(row.orders_minor, row.currency),
               from_minor(row.booked_minor, row.currency),
               from_minor(row.gaps_minor, row.currency), row.asked_at)  # fmt: skip


def _cases(period: AccountingPeriod, at: datetime) -> Iterator[Row]:
    start, end = facts.span(period)
    about = Invoice.objects.filter(placed_at__gte=start, placed_at__lt=end)
    rows = ExceptionCase.objects.filter(
        Q(invoices__in=about) | Q(opened_at__gte=start, opened_at__lt=end)
    ).distinct()
    for row in rows.select_related("closed_by").order_by("pk").iterator(2000):
        yield (row, row.kind, row.cause, row.get_state_display(), row.opened_at, row.closed_at,
               row.closed_by, row.resolution)  # fmt: skip


def _audit(period: AccountingPeriod, at: datetime) -> Iterator[Row]:
    """Everything done to adjustments, journals, periods and rules since the period began."""
    start, _ = facts.span(period)
    rows = AuditEntry.objects.filter(
        Q(subject__startswith="reconciliation.") | Q(subject__startswith="core.accountingperiod"),
        at__gte=start,
    )
    for row in rows.select_related("by").order_by("pk").iterator(2000):
        yield (row.pk, row.at, row.by or "system", row.action, row.subject,
               json.dumps(row.before), json.dumps(row.after), row.reason)  # fmt: skip


LISTS: tuple[List, ...] = (
    List("board", ("fact", "state", "words", "amount", "owner", "due", "signed by"), _board),
    List("sign-offs", ("fact", "said", "by", "at", "suspended at", "because"), _sign_offs),
    List(
        "totals by seller",
        ("seller", "currency", "documents", "marketplace gross", "marketplace tax", "ERP gross",
         "ERP tax"), _totals,
    ),
    List("ERP tax by code", ("code", "account", "document", "base", "tax"), _taxes),
    List(
        "tax adjustments",
        ("adjustment", "order", "document", "day", "kind", "cause", "tax code", "account",
         "against", "marketplace", "ERP", "debit on account", "currency", "rule", "state",
         "prepared by", "decided by", "decided at", "why", "journal"), _adjustments,
    ),
    List(
        "journals",
        ("journal", "ERP number", "posting date", "booked", "state", "account", "party", "debit",
         "credit", "memo", "approved by", "approved at", "takes back"), _journals,
    ),
    List(
        "clearing account",
        ("account", "day", "entry", "debit less credit", "reason", "order", "document", "memo"),
        _clearing,
    ),
    List(
        "clearing balance",
        ("account", "on", "ERP balance", "lines", "pennies", "passed on", "adjusted",
         "unexplained", "not read"), _explained,
    ),
    List(
        "differences",
        ("order", "document", "day", "line", "cause", "ERP code", "would fit", "gross", "tax",
         "currency", "state", "sentence"), _differences,
    ),
    List(
        "completeness",
        ("day", "seller", "currency", "orders", "booked", "not booked yet", "on the way",
         "parked", "unpaid", "cancelled", "before go-live", "unaccounted", "money",
         "booked money", "unaccounted money", "asked at"), _complete,
    ),
    List(
        "exceptions",
        ("case", "kind", "cause", "state", "opened", "closed", "by", "resolution"), _cases,
    ),
    List("audit", ("entry", "at", "by", "action", "subject", "before", "after", "why"), _audit),
)  # fmt: skip


def pack(*, period: AccountingPeriod, by: User, at: datetime) -> IO[bytes]:
    """Write the pack, record that it was made, and return it open at its beginning.

    In one transaction with the record of it.
    """
    target: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=MEMORY)  # noqa: SIM115
    with transaction.atomic():
        hashes = _write(target, period, at)
        manifest = json.dumps(
            {
                "period": str(period),
                "from": period.start.isoformat(),
                "to": period.end.isoformat(),
                "state": period.state,
                "made_at": at.isoformat(),
                "made_by": by.get_username(),
                "files": hashes,
            },
            indent=2,
            sort_keys=True,
        )
        with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("manifest.json", manifest)
        digest = hashlib.sha256(manifest.encode()).hexdigest()
        made = EvidencePack.objects.create(
            period=period, manifest_sha256=digest, files=len(hashes), made_by=by, made_at=at
        )
        audit.record(
            action="close.evidence", subject=made, by=by, at=at, after={"manifest": digest}
        )
    target.seek(0)
    return target


def _write(target: IO[bytes], period: AccountingPeriod, at: datetime) -> dict[str, dict[str, Any]]:
    hashes: dict[str, dict[str, Any]] = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in LISTS:
            name = f"{one.name.replace(' ', '-')}.csv"
            digest, many = hashlib.sha256(), 0
            with archive.open(name, "w") as file:
                for line in _lines(one, period, at):
                    data = line.encode()
                    digest.update(data)
                    file.write(data)
                    many += 1
            hashes[name] = {"sha256": digest.hexdigest(), "rows": many - 1}
    return hashes


def _lines(one: List, period: AccountingPeriod, at: datetime) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for row in _with_head(one, period, at):
        writer.writerow([csv_cell(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _with_head(one: List, period: AccountingPeriod, at: datetime) -> Iterator[Row]:
    yield one.columns
    yield from one.rows(period, at)
