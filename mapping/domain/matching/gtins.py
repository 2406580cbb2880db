"""Barcodes: one 14-digit form, and what is wrong with those that have none."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

_SPLIT = re.compile(r"[;,|\n\t]+")
_MANGLED = re.compile(r"^\d+(?:[.,]\d+)?e\+?\d+$", re.IGNORECASE)
_JUNK = re.compile(r"[\s\-'\"=.\u200b\ufeff]+")


class State(StrEnum):
    VALID = "valid"
    CASE = "case"  # a GTIN-14 with indicator 1-8: a case of the article, not the article
    IN_STORE = "in_store"  # a number a shop gave itself: means nothing elsewhere
    MANGLED = "mangled"  # a spreadsheet kept only the first digits
    INVALID = "invalid"  # wrong length or check digit


@dataclass(frozen=True, slots=True)
class Gtin:
    """`code` has 14 digits; for a case it is the article's own code. Empty unless VALID or CASE.

    `digits` are what can be read of a number that is not valid; `indicator` the case's first
    digit.
    """

    state: State
    code: str
    text: str
    digits: str = ""
    indicator: int = 0


def check_digit(body: str) -> str:
    """The GS1 check digit of all digits before it."""
    weighted = sum(int(c) * (3 if n % 2 == 0 else 1) for n, c in enumerate(reversed(body)))
    return str(-weighted % 10)


def is_valid(code: str) -> bool:
    return code.isascii() and code.isdigit() and check_digit(code[:-1]) == code[-1]


def parse(text: str) -> Gtin | None:
    """Read one barcode as found; None when there is nothing to read.

    Zeros a spreadsheet dropped are put back when the check digit then agrees. `5.00005E+12` keeps
    too few digits and is MANGLED; `5000050024310.0` and full exponents are read.
    """
    text = text.strip()
    raw = text.lstrip("'\u200e\ufeff ").strip()
    if not raw or raw.lower() in {"n/a", "na", "none", "null", "nan", "-", "0", "does not apply"}:
        return None
    if _MANGLED.match(raw):
        return _from_exponent(text, raw)
    if raw.endswith((".0", ",0", ".00")):
        raw = raw.replace(",", ".").split(".", 1)[0]
    digits = _JUNK.sub("", raw)
    if not (digits.isascii() and digits.isdigit()):
        return Gtin(State.INVALID, "", text)
    return _from_digits(text, digits)


def _from_exponent(text: str, raw: str) -> Gtin:
    mantissa = raw.lower().split("e")[0].replace(",", ".").replace(".", "")
    try:
        value = format(Decimal(raw.replace(",", ".")), "f").split(".")[0]
    except InvalidOperation:
        return Gtin(State.INVALID, "", text)
    if len(mantissa) >= len(value) - 1 and len(mantissa) >= 11:
        found = _from_digits(text, value)
        if found.state != State.INVALID:
            return found
    return Gtin(State.MANGLED, "", text, digits=mantissa.rstrip("0"))


def _from_digits(text: str, digits: str) -> Gtin:
    stripped = digits.lstrip("0")
    if not 6 <= len(stripped) <= 14 or len(digits) > 14 or len(set(stripped)) == 1:
        return Gtin(State.INVALID, "", text, digits=digits)
    code = digits.zfill(14)
    if not is_valid(code):
        return Gtin(State.INVALID, "", text, digits=digits)
    if code[0] not in "09":
        core = "0" + code[1:13]
        return Gtin(State.CASE, core + check_digit(core), text, digits, int(code[0]))
    ean = code[1:]
    # 2x as EAN-13, 02 and 04 as EAN-13 are a shop's own. An EAN-8 starts with 2 likewise.
    if ean[0] == "2" or ean[:2] in {"02"} or (len(stripped) <= 8 and stripped[0] in "02"):
        return Gtin(State.IN_STORE, "", text, digits=digits)
    if ean[:2] == "04" and not ean.startswith("040000000"):
        return Gtin(State.IN_STORE, "", text, digits=digits)
    return Gtin(State.VALID, code, text, digits)


def parse_all(texts: tuple[str, ...]) -> tuple[Gtin, ...]:
    """All barcodes of a record, each once, in the order found."""
    found: dict[tuple[State, str], Gtin] = {}
    for text in texts:
        for piece in _SPLIT.split(text):
            if (gtin := parse(piece)) is not None:
                found.setdefault((gtin.state, gtin.code or gtin.digits), gtin)
    return tuple(found.values())
