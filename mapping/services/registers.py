"""The registries that files are read into: what their rows must say, and what becomes of each.

sellers:       seller_id, stock_owner, fulfilled_by, treatment [, dispatch_country]
mappings:      seller_id, variant_id, erp_sku [, sku, pack_quantity, valid_from, valid_until]
stock-rules:   seller_id, scope, value, owner
tax-codes:     country, marketplace_rate, erp_code, erp_rate
               [, region, origin, item_class, exemption, valid_from]
accounts:      role, erp_account [, event, valid_from]
duplicates:    erp_sku, duplicate_of

`seller_id` and `variant_id` are the numbers people see in the Marketplacer portal. A row is judged
without changing anything; what it would do is a deed, carried out later or never.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from django.conf import settings

from mapping.models import ErpItem, Seller
from mkterp.core.models import User

Row = Mapping[str, str]
# 1.23E+12: what a spreadsheet makes of a long number.
MANGLED = re.compile(r"\d(?:[.,]\d+)?e\+?\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Author:
    """Who says it, when, and why."""

    by: User | None
    at: datetime
    reason: str


Deed = Callable[[], None]


@dataclass(frozen=True)
class Verdict:
    """What an import would do with one row: a deed, nothing new, or the error and its fix."""

    row: int  # as a spreadsheet counts them: the heading is row 1
    words: str
    ok: bool
    new: bool = True  # False: it is so already
    deed: Any = None  # what the register needs to carry it out


class Register(Protocol):
    """One registry, for one reading of one file: it remembers what rows before this one said."""

    @property
    def required(self) -> Sequence[str]: ...

    @property
    def optional(self) -> Sequence[str]: ...

    def judge(self, rows: Sequence[tuple[int, Row]]) -> list[Verdict]:
        """A verdict for each row, in a fixed number of queries however many rows there are."""
        ...

    def carry_out(self, verdicts: Sequence[Verdict], author: Author) -> None:
        """Do what was judged to be right. The caller holds the transaction."""
        ...


class Wrong(Exception):
    """A row cannot be imported; the text says why and what to do."""


def bad(number: int, words: str) -> Verdict:
    return Verdict(number, words, ok=False)


# -- what cells say -----------------------------------------------------------------------------


def code(row: Row, column: str) -> str:
    """A code as people typed it; one that a spreadsheet has mangled cannot be guessed."""
    text = row.get(column, "").strip()
    if MANGLED.fullmatch(text):
        raise Wrong(
            f"{column} {text} was mangled by a spreadsheet; format that column as text and put "
            "the whole number in again."
        )
    return text


def integer(row: Row, column: str, *, default: int | None = None) -> int:
    text = row.get(column, "").strip()
    if not text and default is not None:
        return default
    text = text.removesuffix(".0")
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= 1_000_000):
        raise Wrong(f"{column} is {text!r}; it must be a whole number above zero.")
    return int(text)


def rate(row: Row, column: str) -> Decimal:
    """A tax rate as a fraction; "20%" is 0.2."""
    text = row.get(column, "").strip().replace(",", ".")
    percent = text.endswith("%")
    try:
        value = Decimal(text.removesuffix("%").strip())
    except InvalidOperation:
        value = Decimal(-1)
    if percent and value.is_finite():
        value = value / 100
    if not value.is_finite() or not 0 <= value <= 1 or value != round(value, 4):
        raise Wrong(f"{column} is {text!r}; it must be a rate between 0 and 1, such as 0.2.")
    return value


def moment(row: Row, column: str) -> datetime | None:
    """A day (its first moment in the company's zone) or a moment with its zone; empty: none."""
    text = row.get(column, "").strip()
    if not text:
        return None
    zone: ZoneInfo = settings.COMPANY_TIME_ZONE
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise Wrong(f"{column} is {text!r}; write a day as 2026-01-31.") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)


def span(row: Row) -> tuple[datetime | None, datetime | None]:
    begins, ends = moment(row, "valid_from"), moment(row, "valid_until")
    if begins is not None and ends is not None and begins >= ends:
        raise Wrong("valid_until is not after valid_from.")
    return begins, ends


def overlap(
    one: tuple[datetime | None, datetime | None], other: tuple[datetime | None, datetime | None]
) -> bool:
    """Whether two half-open spans share a moment; None is no bound. An empty span shares none."""
    for begins, ends in (one, other):
        if begins is not None and ends is not None and begins >= ends:
            return False
    starts = one[0] is None or other[1] is None or one[0] < other[1]
    return starts and (other[0] is None or one[1] is None or other[0] < one[1])


# -- whom and what cells name -------------------------------------------------------------------


def sellers(rows: Iterable[tuple[int, Row]]) -> dict[str, Seller]:
    """Sellers by the number of the portal, of those that these rows name."""
    wanted = {int(text) for _, row in rows if (text := digits(row.get("seller_id", "")))}
    found = Seller.objects.filter(legacy_id__in=wanted).order_by("pk")
    return {str(seller.legacy_id): seller for seller in found}


def digits(text: str) -> str:
    """A number of the portal, as text; "" when it is none."""
    text = text.strip().removesuffix(".0")
    return text if text.isascii() and text.isdecimal() and len(text) < 19 else ""


def seller(row: Row, known: Mapping[str, Seller]) -> Seller:
    text = code(row, "seller_id")
    found = known.get(str(int(digits(text)))) if digits(text) else None
    if found is None:
        raise Wrong(f"seller_id {text or '(empty)'} is not a seller we have read.")
    return found


class Items:
    """The ERP items that rows name, by their code."""

    def __init__(self, codes: Iterable[str]) -> None:
        wanted = {text for text in codes if text}
        # A code that has lost its zeros is looked for as well, to say so.
        bare = {text for text in wanted if text.isdecimal()}
        padded = {text.zfill(length) for text in bare for length in range(len(text) + 1, 15)}
        self.found: dict[str, list[ErpItem]] = {}
        rows = ErpItem.objects.filter(active=True, sku__in=wanted | padded).order_by("pk")
        for item in rows.defer("search_text", "options"):
            self.found.setdefault(item.sku, []).append(item)

    def one(self, row: Row, column: str) -> ErpItem:
        text = code(row, column)
        found = self.found.get(text, [])
        if len(found) > 1:
            raise Wrong(f"{column} {text} is {len(found)} items in the ERP; have that put right.")
        if found:
            return found[0]
        zeros = [text.zfill(n) for n in range(len(text) + 1, 15)] if text.isdecimal() else []
        for other in zeros:
            if other in self.found:
                raise Wrong(
                    f"{column} {text} is not an active ERP item, but {other} is: a spreadsheet "
                    "may have dropped the zeros."
                )
        raise Wrong(f"{column} {text or '(empty)'} is not an active ERP item.")
