"""A bank's or gateway's CSV as values, by a mapping of columns that a person can correct.

Every row is read or refused by its number with the column and the reason; nothing is guessed from
a value that fits two ways. Amounts come out in whole minor units.
"""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from mkterp.core.money import to_minor


class BadFile(Exception):
    """The file as a whole cannot be read; the message says why, for a person."""


@dataclass(frozen=True)
class Problem:
    """A row that cannot be read: its number in the file (the header is 1), column and reason."""

    row: int
    column: str
    reason: str


@dataclass(frozen=True)
class StatementLine:
    """A movement on an account; negative is money that left."""

    identity: str
    booked_date: date
    amount_minor: int
    currency: str
    reference: str
    counterparty: str
    text: str


@dataclass(frozen=True)
class GatewayRow:
    """What the gateway settled with us; positive is money for us, the fee is what it kept."""

    identity: str
    kind: str  # PAYMENT, REFUND, FEE or CHARGEBACK
    day: date
    invoice: str
    order: str
    amount_minor: int
    fee_minor: int
    currency: str
    payout: str


@dataclass(frozen=True)
class Sheet:
    """A CSV's header and rows; `number` of the first row after the header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


# Our name of a column: what files call it, in lower case. The first that is there is taken.
BANK_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "date": ("booking date", "booked", "buchungstag", "date", "transaction date", "value date"),
    "amount": ("amount", "betrag", "value"),
    "debit": ("debit", "paid out", "money out", "soll"),
    "credit": ("credit", "paid in", "money in", "haben"),
    "currency": ("currency", "ccy", "währung"),
    "reference": ("reference", "payment reference", "end-to-end id", "verwendungszweck"),
    "counterparty": ("payee", "counterparty", "name", "beneficiary", "description party"),
    "text": ("description", "details", "narrative", "memo", "text"),
    "identity": ("transaction id", "id", "bank reference", "fitid"),
}
GATEWAY_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "identity": ("transaction", "transaction id", "balance_transaction_id", "id"),
    "kind": ("type", "reporting_category", "category"),
    "date": ("date", "created", "created_utc"),
    "invoice": ("invoice", "invoice number", "description"),
    "order": ("order", "order number", "order id"),
    "amount": ("amount", "gross"),
    "fee": ("fee", "fees"),
    "currency": ("currency",),
    "payout": ("payout", "payout id", "automatic_payout_id", "settlement"),
}
KINDS = {
    "payment": "PAYMENT", "charge": "PAYMENT", "capture": "PAYMENT", "sale": "PAYMENT",
    "refund": "REFUND", "chargeback": "CHARGEBACK", "dispute": "CHARGEBACK",
    "fee": "FEE", "adjustment": "FEE",
}  # fmt: skip


def read_sheet(body: bytes) -> Sheet:
    """Header and rows of a CSV in UTF-8 or Windows-1252. Raises BadFile."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise BadFile("This is not a text file.")
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        raise BadFile("The file holds no rows below its header.")
    delimiter = max(",;\t|", key=lines[0].count)
    if not lines[0].count(delimiter):
        raise BadFile("The first line holds only one column; is it a CSV with a header?")
    rows = [tuple(cell.strip() for cell in row) for row in csv.reader(lines, delimiter=delimiter)]
    return Sheet(rows[0], tuple(rows[1:]))


def guess_columns(header: Sequence[str], names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Our name → their header, where one of the usual names is there."""
    known = {title.strip().lower(): title for title in header}
    found = {}
    for ours, usual in names.items():
        title = next((known[word] for word in usual if word in known), None)
        if title is not None:
            found[ours] = title
    return found


def read_bank(
    sheet: Sheet, columns: Mapping[str, str], *, currency: str, day_first: bool = True
) -> tuple[list[StatementLine], list[Problem]]:
    """The statement's lines and the rows that cannot be read. Raises BadFile without columns."""
    if "date" not in columns or not ({"amount"} <= columns.keys() or _both(columns)):
        raise BadFile("Say which column is the date, and which the amount (or debit and credit).")
    lines: list[StatementLine] = []
    problems: list[Problem] = []
    for number, row in enumerate(sheet.rows, start=2):
        cells = _cells(sheet.header, row)
        try:
            lines.append(_bank_line(cells, columns, currency, day_first))
        except _Unread as problem:
            problems.append(Problem(number, problem.column, str(problem)))
    return [*_with_identities(lines)], problems


def _both(columns: Mapping[str, str]) -> bool:
    return "debit" in columns and "credit" in columns


class _Unread(Exception):
    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


def _cells(header: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    return dict(zip(header, row, strict=False))


def _bank_line(
    cells: Mapping[str, str], columns: Mapping[str, str], currency: str, day_first: bool
) -> StatementLine:
    def cell(name: str) -> str:
        return cells.get(columns.get(name, ""), "")

    money = _currency(cell("currency"), currency, columns.get("currency", ""))
    if "amount" in columns:
        amount = _minor(cell("amount"), money, columns["amount"])
    else:
        out = _minor(cell("debit") or "0", money, columns["debit"])
        amount = _minor(cell("credit") or "0", money, columns["credit"]) - abs(out)
    return StatementLine(
        identity=cell("identity"),
        booked_date=_day(cell("date"), day_first, columns["date"]),
        amount_minor=amount,
        currency=money,
        reference=cell("reference")[:300],
        counterparty=cell("counterparty")[:300],
        text=cell("text"),
    )


def _with_identities(lines: Iterable[StatementLine]) -> Iterable[StatementLine]:
    """Lines without an identity of the bank's get one from what they say.

    Two rows that say the same are two movements: the second is numbered, in every statement alike.
    """
    seen: Counter[str] = Counter()
    for line in lines:
        if line.identity:
            yield line
            continue
        facts = "|".join(str(value) for value in vars(line).values())
        digest = hashlib.sha256(facts.encode()).hexdigest()[:32]
        seen[digest] += 1
        yield replace(line, identity=f"{digest}.{seen[digest]}")


def read_gateway(
    sheet: Sheet, columns: Mapping[str, str], *, currency: str, day_first: bool = True
) -> tuple[list[GatewayRow], list[Problem]]:
    """The gateway's lines and the rows that cannot be read. Raises BadFile without columns."""
    missing = {"identity", "date", "amount"} - columns.keys()
    if missing or not {"invoice", "order"} & columns.keys():
        raise BadFile("Say which columns are transaction, date, amount, and invoice or order.")
    rows: list[GatewayRow] = []
    problems: list[Problem] = []
    for number, row in enumerate(sheet.rows, start=2):
        cells = _cells(sheet.header, row)
        try:
            rows.append(_gateway_row(cells, columns, currency, day_first))
        except _Unread as problem:
            problems.append(Problem(number, problem.column, str(problem)))
    return rows, problems


def _gateway_row(
    cells: Mapping[str, str], columns: Mapping[str, str], currency: str, day_first: bool
) -> GatewayRow:
    def cell(name: str) -> str:
        return cells.get(columns.get(name, ""), "")

    identity = cell("identity")
    if not identity:
        raise _Unread(columns["identity"], "The transaction has no number.")
    kind = KINDS.get(cell("kind").strip().lower() or "payment")
    if kind is None:
        raise _Unread(columns.get("kind", ""), f"{cell('kind')!r} is no kind of movement we know.")
    money = _currency(cell("currency"), currency, columns.get("currency", ""))
    return GatewayRow(
        identity=identity,
        kind=kind,
        day=_day(cell("date"), day_first, columns["date"]),
        invoice=_number(cell("invoice")),
        order=_number(cell("order")),
        amount_minor=_minor(cell("amount"), money, columns["amount"]),
        fee_minor=_minor(cell("fee") or "0", money, columns.get("fee", "")),
        currency=money,
        payout=cell("payout")[:120],
    )


def _number(text: str) -> str:
    """The digits of "INV-40001" or "40001"."""
    found = re.search(r"\d+", text)
    return found.group() if found else ""


def _currency(text: str, default: str, column: str) -> str:
    given = text.strip().upper() or default
    if not re.fullmatch(r"[A-Z]{3}", given):
        raise _Unread(column, f"{text!r} is no currency.")
    return given


def _minor(text: str, currency: str, column: str) -> int:
    """Whole minor units of "1,234.56", "1.234,56", "(12.00)", "-£12". Raises _Unread."""
    plain = re.sub(r"[\s\u00a0'£$€¥]", "", text.replace("\u2212", "-"))
    found = re.fullmatch(r"([-+(]?)([0-9][0-9.,]*|[.,][0-9]+)([-)]?)", plain)
    if found is None or (found[1] == "(") != (found[3] == ")") or (found[1] and found[3] == "-"):
        raise _Unread(column, f"{text!r} is no amount.")
    digits, negative = found[2], found[1] in ("-", "(") or found[3] == "-"
    point, comma = digits.rfind("."), digits.rfind(",")
    if point >= 0 and comma >= 0:
        mark = "," if comma > point else "."
        digits = digits.replace("." if mark == "," else ",", "").replace(mark, ".")
    elif comma >= 0:
        tail = len(digits) - comma - 1
        if tail == 3 and digits.count(",") == 1:
            raise _Unread(column, f"{text!r} may be thousands or decimals; write two decimals.")
        digits = digits.replace(",", "." if digits.count(",") == 1 else "")
    elif digits.count(".") > 1:
        digits = digits.replace(".", "")
    try:
        amount = to_minor(Decimal(digits), currency)
    except (InvalidOperation, ValueError):
        raise _Unread(column, f"{text!r} is finer than {currency} allows.") from None
    if amount >= 10**15:
        raise _Unread(column, f"{text!r} is beyond any amount.")
    return -amount if negative else amount


def _day(text: str, day_first: bool, column: str) -> date:
    """A day in ISO form, or with day or month first as told. Raises _Unread."""
    given = text.strip()[:10]
    orders = ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y") if day_first else ("%m/%d/%Y", "%m-%d-%Y")
    for form in ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", *orders):
        try:
            return datetime.strptime(given, form).date()  # noqa: DTZ007 - a day, not a moment
        except ValueError:
            continue
    raise _Unread(column, f"{text!r} is no date.")
