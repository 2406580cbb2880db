"""Model numbers, part numbers and SKUs, and how alike two of them are."""

import math
import re
from functools import lru_cache

from mapping.domain.matching.words import COMPOUND, compact

_MEASURE = re.compile(
    r"^\d+(?:\.\d+)?(?:x\d+)*(?:ml|cl|l|g|kg|oz|lb|lbs|mm|cm|m|in|inch|ft|gb|mb|tb|kb|w|mah|v|mhz|"
    r"ghz|hz|mp|p|i|k|x|st|nd|rd|th|pk|er|pcs|ct|yr|hr|h|d|rpm|dpi|ppm|bit|ch|mbps|gbps|watt|"
    r"way|port|pack|disc|user|users|pc|inches|megapixel|megapixels|btu|db|ohm|volt|a|cc)$"
)
_DATE = re.compile(r"^(?:19|20)\d\d$")
_WAIST = re.compile(r"^(?:w?\d\d/l?\d\d|\d\dw|\d\dl)$")
_SYSTEM = re.compile(r"^(?:eu|us|uk|v|w|l|mk|size|series)\d{1,3}$")
_RESOLUTION = re.compile(r"^\d{3,4}x\d{3,4}$|^\d+/\d+$|^\d{2,3}-\d{2,3}$")
_MARK = re.compile(r"^(?=.{2,5}$)(?:[a-z]{1,3}\d{1,3}|\d{1,3}[a-z]{1,2}|[a-z]\d{1,3}[a-z])$")
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")
MIN = 4


def is_code(token: str) -> bool:
    """Whether a compact token looks like a model number: a digit, four characters, no measure."""
    if len(token) < MIN or len(token) > 24 or not _DIGIT.search(token):
        return False
    if _MEASURE.match(token) or _DATE.match(token) or _SYSTEM.match(token):
        return False
    return bool(_LETTER.search(token)) or len(token) >= 5


def models(text: str) -> tuple[str, ...]:
    """The model numbers in a text, compact, in order; compounds whole: 'DSC-W170' -> 'dscw170'."""
    found: dict[str, None] = {}
    for token in COMPOUND.findall(text):
        if not _DIGIT.search(token) or _WAIST.match(token) or _RESOLUTION.match(token):
            continue
        if is_code(whole := compact(token)):
            found.setdefault(whole)
    return tuple(found)


def marks(text: str) -> frozenset[str]:
    """The short names in a text that are no measure and no size: 'G10', 'S-450', 'X50'."""
    found = set()
    for token in COMPOUND.findall(text):
        for part in (token, *re.split(r"[-/.]", token)):
            name = compact(part)
            if _MARK.match(name) and not any(no.match(name) for no in (_MEASURE, _SYSTEM, _WAIST)):
                found.add(name)
    return frozenset(found)


def sku_parts(sku: str) -> tuple[str, ...]:
    """A cleaned SKU whole and its parts that are codes: 'tdw57362-snd-2830' -> also 'tdw57362'."""
    if not sku:
        return ()
    parts = [compact(p) for p in re.split(r"[\s\-_/.|:]+", sku)]
    kept = [p for p in parts if is_code(p) or (len(p) >= 5 and p.isdigit())]
    return tuple(dict.fromkeys((compact(sku), *kept)))


def similarity(one: str, other: str) -> float:
    """0 to 1. One inside the other or a long common start counts; anything else does not."""
    if one == other:
        return 1.0
    short, long = sorted((one, other), key=len)
    if len(short) >= MIN and short in long:
        return 0.6 + 0.4 * len(short) / len(long)
    same = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        same += 1
    return 0.9 * same / len(long) if same >= 3 else 0.0


def start_inside(own: tuple[str, ...], letters: str) -> float:
    """The largest share of one of these codes whose start stands in the other side's letters.

    'coolpixs710bk' in '...coolpixs71014megapixel...' -> 11 / 13: makers put a colour or a country
    behind a model number. No number without a code; a start of fewer than MIN characters is none.
    """
    shares = []
    for code in own:
        if len(code) < MIN:
            continue
        low, high = 0, len(code)  # a start that is there has every shorter start there too
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if code[:middle] in letters else (low, middle - 1)
        shares.append(low / len(code) if low >= MIN else 0.0)
    return max(shares, default=math.nan)


@lru_cache(maxsize=300_000)
def best(left: tuple[str, ...], right: tuple[str, ...]) -> float:
    """The closest two codes of both sides."""
    return max((similarity(a, b) for a in left for b in right), default=0.0)
