"""How many are in the pack: '3-pack', 'pack of 3', '(3er Pack)', '6 x 330 ml', '3PK', '-3P'."""

import re
from functools import lru_cache

_WORDS = {
    "single": 1, "twin": 2, "double": 2, "duo": 2, "two": 2, "triple": 3, "three": 3, "four": 4,
    "five": 5, "six": 6, "eight": 8, "ten": 10, "twelve": 12, "dozen": 12,
}  # fmt: skip
_NUMBER = r"(\d{1,4}|" + "|".join(_WORDS) + ")"
_UNIT = r"(?:ml|cl|l|ltr|litre|liter|g|gr|kg|oz|fl|lb|lbs|rolls?|sheets?)"
_PATTERNS = (
    re.compile(rf"\b(?:pack|set|lot|case|box|bundle|carton) (?:of|de|von) {_NUMBER}\b"),
    re.compile(
        rf"(?<![\d.]){_NUMBER}[ -]?(?:er[ -]?)?(?:pk|pck|packs?|pce|pcs|pieces?|stuck|stk|ct|count|"
        r"units?|pairs?|pr)\b(?! ?(?:of|de|von) \d)"
    ),
    re.compile(rf"^\(?(\d{{1,3}}) ?x (?=[a-z(])(?!{_UNIT}\b)"),
    re.compile(rf"(?<![\d.x])(\d{{1,3}}) ?x ?\d+(?:[.,]\d+)? ?{_UNIT}\b"),
    re.compile(r"(?<!\d)[ (]x ?(\d{1,2})\)?$"),
    re.compile(r"(?<=[a-z] )(\d{1,2}) ?x(?= ?(?:[-,(]|new\b|sale\b|genuine\b|$))"),
    re.compile(r"\b(\d{1,3})er\b"),
    re.compile(r"\(qty:? ?(\d{1,4})\)"),
)
_SKU = re.compile(r"[-_/](\d{1,3})(?:p|pk|pck|pack)$")
_BARE = re.compile(r"^(?:x ?)?(\d{1,4})(?:[.,]0+)?(?: ?(?:x|st|stk|pc|pcs|ea|each|unit|units))?$")
_SINGLE_WORDS = "ea each single unit piece pc stk st stuck pce 1er"
_SINGLE = frozenset(_SINGLE_WORDS.split())


def _value(text: str) -> int | None:
    number = _WORDS.get(text) or int(text)
    return number if 0 < number <= 5000 else None


@lru_cache(maxsize=10_000)
def parse_column(text: str) -> int | None:
    if not text:
        return None
    if text in _SINGLE:
        return 1
    if found := _BARE.match(text):
        return _value(found[1])
    return parse_title(text)


def parse_title(text: str) -> int | None:
    """The pack a title or size states, None when it states none."""
    if not any(c.isdigit() for c in text) and "pack" not in text and "set" not in text:
        return None
    for pattern in _PATTERNS:
        if found := pattern.search(text):
            return _value(found[1])
    return None


def parse_sku(text: str) -> int | None:
    found = _SKU.search(text)
    return _value(found[1]) if found else None
