"""The Tax Adjustment account explained: every cent with its order, its line and its reason."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Exists,
    F,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
    When,
)

from reconciliation.models import Journal, SettlementEntry, TaxAdjustment
from sync.models import AccountBalance, AccountLine, Invoice, LedgerDocument
from sync.services.books import watched_accounts


@dataclass(frozen=True)
class Explanation:
    """One account up to and with a day. `told`: what the ERP itself says; None: never asked."""

    account: str
    on: date
    told: Decimal | None
    read_at: datetime | None
    lines: Decimal  # the sum of the mirrored lines
    rounding: Decimal  # pennies on invoices and credit notes, each on its order
    adjusted: Decimal  # approved adjustments
    passed: Decimal  # pennies of agents' sales, passed on to their sellers (ADR 0012)
    unexplained: Decimal  # entries of others, and what a document's lines do not make up for
    unexplained_lines: int

    @property
    def missing(self) -> Decimal:
        """What the ERP says and the mirrored lines do not."""
        return Decimal() if self.told is None else self.told - self.lines

    @property
    def clean(self) -> bool:
        """Whether every cent is explained, and the ERP's own balance is the sum of them."""
        return self.told is not None and not (
            self.missing or self.unexplained or self.unexplained_lines
        )


# A move is explained when the lines of its document on that account, or of our journal, make up
# the same sum: then each cent has a line with an order and a reason.
_SQL = """
WITH moves AS (
    SELECT move_ref, max(journal_key) AS key, max(document_ref) AS document,
           sum(debit - credit) AS amount, count(*) AS many
      FROM sync_accountline WHERE account = %(account)s AND posting_date <= %(on)s
     GROUP BY move_ref
), known AS (
    SELECT m.*,
           (SELECT -sum(l.net * CASE WHEN d.move_ref = m.move_ref OR d.move_ref = '' THEN 1
                                     ELSE -1 END)
              FROM sync_ledgerdocumentline l JOIN sync_ledgerdocument d ON d.id = l.document_id
             WHERE d.erp_ref = m.document AND l.account = %(account)s
               AND d.invoice_id IS NOT NULL AND l.line_key <> '') AS rounding,
           (SELECT sum(l.debit - l.credit)
              FROM reconciliation_journalline l JOIN reconciliation_journal j ON j.id = l.journal_id
             WHERE j.key = m.key AND m.key <> '' AND l.account = %(account)s) AS adjusted,
           EXISTS (SELECT FROM reconciliation_settlemententry e
                    WHERE e.key = m.key AND m.key <> '' AND e.invoice_id IS NOT NULL) AS passed
      FROM moves m
)
SELECT coalesce(sum(amount), 0),
       coalesce(sum(amount) FILTER (WHERE rounding = amount), 0),
       coalesce(sum(amount) FILTER (WHERE adjusted = amount), 0),
       coalesce(sum(amount) FILTER (WHERE passed), 0),
       coalesce(sum(amount) FILTER (WHERE rounding IS DISTINCT FROM amount
                                      AND adjusted IS DISTINCT FROM amount AND NOT passed), 0),
       coalesce(sum(many) FILTER (WHERE rounding IS DISTINCT FROM amount
                                    AND adjusted IS DISTINCT FROM amount AND NOT passed), 0)
  FROM known
"""


def explain(*, on: date) -> list[Explanation]:
    """Each clearing account as of a day, from the mirrors; one statement an account."""
    return [_explain(account, on) for account in watched_accounts()]


def _explain(account: str, on: date) -> Explanation:
    told = (
        AccountBalance.objects.filter(account=account, on_date__lte=on).order_by("-on_date").first()
    )
    with connection.cursor() as cursor:
        cursor.execute(_SQL, {"account": account, "on": told.on_date if told else on})
        lines, rounding, adjusted, passed, unexplained, many = cursor.fetchone()
    return Explanation(
        account=account,
        on=told.on_date if told else on,
        told=told.amount if told else None,
        read_at=told.read_at if told else None,
        lines=lines,
        rounding=rounding,
        adjusted=adjusted,
        passed=passed,
        unexplained=unexplained,
        unexplained_lines=many,
    )


def lines() -> QuerySet[Any]:
    """The lines of the clearing accounts, each with its `reason` and what it comes from."""
    document = LedgerDocument.objects.filter(
        erp_ref=OuterRef("document_ref"), invoice__isnull=False
    )
    journal = Journal.objects.filter(key=OuterRef("journal_key"))
    invoice = Invoice.objects.filter(ledger_documents__erp_ref=OuterRef("document_ref"))
    passed = SettlementEntry.objects.filter(key=OuterRef("journal_key"), invoice__isnull=False)
    rows: QuerySet[Any] = AccountLine.objects.annotate(
        amount=F("debit") - F("credit"),
        order_id=Subquery(invoice.values("pk")[:1], output_field=BigIntegerField()),
        order_number=Subquery(invoice.values("legacy_id")[:1], output_field=BigIntegerField()),
        document_number=Subquery(document.values("number")[:1]),
        journal_id=Subquery(journal.values("pk")[:1], output_field=BigIntegerField()),
        reason=Case(
            When(Exists(document), then=Value("ROUNDING")),
            When(Exists(journal), then=Value("ADJUSTED")),
            When(Exists(passed), then=Value("PASSED")),
            default=Value("UNEXPLAINED"),
            output_field=CharField(),
        ),
    )
    return rows.order_by("-posting_date", "-pk")


def adjustments_of(line: AccountLine) -> QuerySet[TaxAdjustment]:
    """The approved adjustments behind a line of one of our journals."""
    return TaxAdjustment.objects.filter(journal__key=line.journal_key).select_related("invoice")
