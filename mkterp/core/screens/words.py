"""How values read on a screen and in a file. Pure: no Django, no clock."""

from datetime import datetime
from decimal import Decimal

from mkterp.core.money import digits

COUNT_LIMIT = 10_000
BADGE_LIMIT = 1_000  # beside a place to go: there the list itself says how many

_SIGNS = {"GBP": "£", "EUR": "€", "USD": "$", "AUD": "A$", "NZD": "NZ$", "CAD": "C$", "JPY": "¥"}
_MINUS = "\N{MINUS SIGN}"
# Spreadsheets run a cell that begins with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}")


def currency_sign(currency: str) -> str:
    """ "£" for GBP; the code and a space for a currency without a sign people know."""
    return _SIGNS.get(currency, f"{currency} " if currency else "")


def amount_text(amount: Decimal, currency: str) -> str:
    """The amount without its sign and currency: "1,284.50". More digits than the currency has
    are shown, never rounded away."""
    places = max(digits(currency), -int(amount.normalize().as_tuple().exponent))
    return f"{abs(amount):,.{places}f}"


def money_text(amount: Decimal, currency: str) -> str:
    """ "£1,284.50", "−£20.00"."""
    minus = _MINUS if amount < 0 else ""
    return f"{minus}{currency_sign(currency)}{amount_text(amount, currency)}"


def difference_text(amount: Decimal, currency: str) -> tuple[str, str]:
    """A difference with its sign, and the word that goes with it: ("+£0.02", "over")."""
    if not amount:
        return money_text(amount, currency), "equal"
    if amount < 0:
        return money_text(amount, currency), "short"
    return f"+{money_text(amount, currency)}", "over"


def age_text(moment: datetime, now: datetime) -> str:
    """The distance in its largest unit: "41 s", "38 min", "3 h", "2 d"; "in 3 h" for the future."""
    seconds = int((now - moment).total_seconds())
    ahead, seconds = seconds < 0, abs(seconds)
    if seconds < 60:
        text = f"{seconds} s"
    elif seconds < 3600:
        text = f"{seconds // 60} min"
    elif seconds < 48 * 3600:
        text = f"{seconds // 3600} h"
    else:
        text = f"{seconds // 86400:,} d"
    return f"in {text}" if ahead else text


def count_text(count: int, limit: int | None = None) -> str:
    """ "31", "9,412", and "10,000+" for what was not counted to its end."""
    limit = COUNT_LIMIT if limit is None else limit
    return f"{limit:,}+" if count > limit else f"{count:,}"


def things(count: int, one: str, many: str) -> str:
    """ "1 order", "14 orders", "10,000+ orders"."""
    return f"{count_text(count)} {one if count == 1 else many}"


def csv_cell(value: object) -> str:
    """A value as a CSV cell that no spreadsheet takes for a formula.

    Numbers stay numbers, a negative one too; a text that looks like a formula is led by an
    apostrophe, which spreadsheets take as "this is text".
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
