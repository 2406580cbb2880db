"""Take in what the bank and the gateway say: looked at first, then stored once."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from mkterp.core.money import split, to_minor
from reconciliation.domain import camt, statements
from reconciliation.domain.statements import BadFile, GatewayRow, Problem, StatementLine
from reconciliation.models import BankFile, BankLine, BankUpload, GatewayLine
from reconciliation.services import runs
from sync.models import Invoice

LARGEST = 20_000_000
KEEP_UPLOADS = timedelta(days=1)
GATEWAY_ACCOUNT = "gateway"
Kind = BankFile.Kind


@dataclass(frozen=True)
class Preview:
    """What taking a file in would do."""

    kind: str
    account: str
    header: Sequence[str] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[StatementLine] = ()
    rows: Sequence[GatewayRow] = ()
    problems: Sequence[Problem] = ()
    refused: str = ""  # why nothing can be taken in as it stands
    new: int = 0
    known: int = 0
    unknown_invoices: int = 0

    @property
    def total_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines) + sum(
            row.amount_minor for row in self.rows
        )

    @property
    def ready(self) -> bool:
        return not self.refused and not self.problems and bool(self.new)


@transaction.atomic
def upload(*, name: str, body: bytes, by: User, at: datetime) -> BankUpload:
    """Keep a file to be looked at. Refuses an empty or huge one, and one taken in before."""
    if not body:
        raise Refused("The file is empty.")
    if len(body) > LARGEST:
        raise Refused(f"The file is larger than {LARGEST // 1_000_000} MB.")
    _refuse_known(body)
    BankUpload.objects.filter(uploaded_at__lt=at - KEEP_UPLOADS).delete()
    return BankUpload.objects.create(name=name[:300], body=body, uploaded_by=by, uploaded_at=at)


def _refuse_known(body: bytes) -> str:
    digest = hashlib.sha256(body).hexdigest()
    before = BankFile.objects.filter(sha256=digest).first()
    if before is not None:
        raise Refused(f"This file was taken in already, on {before.taken_at:%d %B %Y}: {before}.")
    return digest


def preview(
    *,
    upload: BankUpload,
    kind: str = "",
    account: str = "",
    columns: Mapping[str, str] | None = None,
    day_first: bool = True,
) -> Preview:
    """What the file holds, read with these columns (or as last time, or as they look)."""
    body = bytes(upload.body)
    kind = kind or (Kind.CAMT if camt.looks_like_it(body) else _guess_kind(body))
    try:
        if kind == Kind.CAMT:
            found, lines, problems = camt.read(body)
            return _counted(
                Preview(kind, account or found or "bank", lines=lines, problems=problems)
            )
        sheet = statements.read_sheet(body)
        names = statements.GATEWAY_COLUMNS if kind == Kind.GATEWAY else statements.BANK_COLUMNS
        account = account or (GATEWAY_ACCOUNT if kind == Kind.GATEWAY else "bank")
        given = columns if columns is not None else _as_last_time(kind, account, sheet.header)
        used = {
            k: v for k, v in (given or statements.guess_columns(sheet.header, names)).items() if v
        }
    except BadFile as problem:
        return Preview(kind, account, refused=str(problem))
    shape = Preview(kind, account, header=sheet.header, columns=used)
    currency = settings.COMPANY_CURRENCY
    try:
        if kind == Kind.GATEWAY:
            rows, problems = statements.read_gateway(
                sheet, used, currency=currency, day_first=day_first
            )
            return _counted(replace(shape, rows=rows, problems=problems))
        lines, problems = statements.read_bank(sheet, used, currency=currency, day_first=day_first)
        return _counted(replace(shape, lines=lines, problems=problems))
    except BadFile as problem:
        return replace(shape, refused=str(problem))


def _guess_kind(body: bytes) -> Kind:
    head = body[:400].lower()
    return Kind.GATEWAY if b"payout" in head and b"fee" in head else Kind.CSV


def _as_last_time(kind: str, account: str, header: Sequence[str]) -> Mapping[str, str]:
    """The columns by which this account's last file was read, if this one still has them."""
    last = BankFile.objects.filter(kind=kind, account=account).order_by("-pk").first()
    columns: Mapping[str, str] = last.columns if last is not None else {}
    return columns if set(columns.values()) <= set(header) else {}


def _counted(found: Preview) -> Preview:
    """Say how many lines are news, and refuse what would be taken in twice or by halves."""
    identities = [line.identity for line in found.lines] or [row.identity for row in found.rows]
    doubled = len(identities) - len(set(identities))
    if doubled:
        return replace(
            found, refused=f"{doubled} lines bear the number of another line of the file."
        )
    model = GatewayLine if found.kind == Kind.GATEWAY else BankLine
    known = model._default_manager.filter(account=found.account, identity__in=identities).count()
    if found.rows:  # an order of several invoices has a line for each
        known = GatewayLine.objects.filter(
            account=found.account, identity__in=[f"{i}#1" for i in identities] + identities
        ).count()
    new = len(identities) - known
    refused = "" if new or found.problems else "Every line of this file is known already."
    unknown = sum(not parts and row.kind != "FEE" for row, parts in _invoices(found.rows))
    return replace(found, new=new, known=known, refused=refused, unknown_invoices=unknown)


@transaction.atomic
def take(
    *,
    upload: BankUpload,
    by: User | None,
    at: datetime,
    kind: str = "",
    account: str = "",
    columns: Mapping[str, str] | None = None,
    day_first: bool = True,
) -> BankFile:
    """Take the file in, whole or not at all; lines that are known already are left out.

    Refuses a file that was taken in before, one with a row that cannot be read, and one without a
    new line.
    """
    digest = _refuse_known(bytes(upload.body))
    found = preview(upload=upload, kind=kind, account=account, columns=columns, day_first=day_first)
    if found.refused:
        raise Refused(found.refused)
    if found.problems:
        first = found.problems[0]
        raise Refused(
            f"{len(found.problems)} rows cannot be read. Row {first.row}, {first.column}: "
            f"{first.reason}"
        )
    file = BankFile.objects.create(
        kind=found.kind,
        name=upload.name,
        sha256=digest,
        account=found.account,
        lines_read=len(found.lines) + len(found.rows),
        lines_new=found.new,
        columns=dict(found.columns),
        taken_by=by,
        taken_at=at,
    )
    _store_lines(file, found.lines)
    _store_rows(file, found.rows)
    if upload.pk is not None:
        BankUpload.objects.filter(pk=upload.pk).delete()
    after = {"name": file.name, "lines": file.lines_new, "kind": file.kind}
    runs.ask(at=at)
    audit.record(action="bankfile.take", subject=file, by=by, at=at, after=after)
    return file


def _store_lines(file: BankFile, lines: Sequence[StatementLine]) -> None:
    BankLine.objects.bulk_create(
        [BankLine(file=file, account=file.account, **vars(line)) for line in lines],
        batch_size=1000,
        ignore_conflicts=True,
    )


def _store_rows(file: BankFile, rows: Sequence[GatewayRow]) -> None:
    made: list[GatewayLine] = []
    for row, parts in _invoices(rows):
        shares = parts or [(None, row.amount_minor, row.fee_minor)]
        for place, (invoice, amount, fee) in enumerate(shares, start=1):
            made.append(
                GatewayLine(
                    file=file,
                    account=file.account,
                    identity=row.identity if len(shares) == 1 else f"{row.identity}#{place}",
                    kind=row.kind,
                    invoice_number=row.invoice or f"order {row.order}",
                    invoice=invoice,
                    day=row.day,
                    amount_minor=amount,
                    fee_minor=fee,
                    currency=row.currency,
                    payout=row.payout,
                )
            )
    GatewayLine.objects.bulk_create(made, batch_size=1000, ignore_conflicts=True)


Share = tuple[Invoice | None, int, int]


def _invoices(rows: Sequence[GatewayRow]) -> list[tuple[GatewayRow, list[Share]]]:
    """The invoices each row pays for, with its share of amount and fee; none where unknown.

    A payment for a whole order is shared by what each invoice costs.
    """
    numbers = {int(row.invoice) for row in rows if row.invoice}
    orders = {int(row.order) for row in rows if row.order and not row.invoice}
    by_number = {i.legacy_id: i for i in Invoice.objects.filter(legacy_id__in=numbers)}
    by_order: dict[int, list[Invoice]] = {}
    for invoice in Invoice.objects.filter(order__legacy_id__in=orders).select_related("order"):
        by_order.setdefault(invoice.order.legacy_id or 0, []).append(invoice)
    found: list[tuple[GatewayRow, list[Share]]] = []
    for row in rows:
        if row.invoice:
            known = [by_number[int(row.invoice)]] if int(row.invoice) in by_number else []
        else:
            known = sorted(by_order.get(int(row.order or 0), []), key=lambda i: i.pk)
        weights = [to_minor(invoice.gross, invoice.currency) for invoice in known]
        amounts = split(row.amount_minor, weights) if known else []
        fees = split(row.fee_minor, weights) if known else []
        found.append((row, list(zip(known, amounts, fees, strict=True))))
    return found
