"""Sizes: a system and a value each, and whether two of them are one size."""

import re
from functools import lru_cache

from mapping.domain.matching.records import Agreement
from mapping.domain.matching.shoes import TOLERANCE, to_eu

# A size is the set of ways it was stated: (("eu", 43.0), ("us", 9.5)).
Atom = tuple[str, float | str]
Size = tuple[Atom, ...]

_ALPHA = {
    "one": "one size|onesize|one-size|os|osfa|osfm|o/s|uni|universal|einheitsgrösse|taille unique|"
    "tu|one size fits all|one size fits most|free size",
    "3xs": "3xs|xxxs|xxx-small",
    "2xs": "2xs|xxs|xx-small|xx small|extra extra small|double extra small",
    "xs": "xs|x-small|x small|xsmall|extra small|extra-small|extrasmall|x-sm",
    "s": "s|small|sm|sml|klein|petit",
    "m": "m|medium|med|md|mdm|mittel|moyen",
    "l": "l|large|lg|lrg|lge|gross|grand",
    "xl": "xl|x-large|x large|xlarge|extra large|extra-large|extralarge|x-lg|xlg|1xl|1x",
    "2xl": "2xl|xxl|xx-large|xx large|xxlarge|extra extra large|double extra large|2x-large|2x|"
    "2 xl|2x large",
    "3xl": "3xl|xxxl|xxx-large|xxx large|3x-large|3x|3 xl|triple extra large",
    "4xl": "4xl|xxxxl|4x-large|4x|4 xl",
    "5xl": "5xl|xxxxxl|5x-large|5x|5 xl",
    "6xl": "6xl|6x-large|6x",
    "s/m": "s/m|s-m|small/medium|small-medium",
    "m/l": "m/l|m-l|medium/large|medium-large",
    "l/xl": "l/xl|l-xl|large/x-large|large/xl",
    "xs/s": "xs/s|xs-s|x-small/small",
}
ALPHA = {name: key for key, names in _ALPHA.items() for name in names.split("|")}
_LONG_ALPHA = sorted((n for n in ALPHA if len(n) > 3 or n in {"xxl", "xxs", "2xl", "3xl", "4xl",
                      "5xl", "2xs", "xxxl"}), key=len, reverse=True)  # fmt: skip
_N = r"(\d{1,3}(?:[.,]\d{1,2})?|\d{1,2} ?1/2|½)"
_SYSTEM = re.compile(rf"\b(eu|eur|it|fr|de|uk|gb|us|usa)\.? ?(?:size )?{_N}(?![\d/])")
_SYSTEM_AFTER = re.compile(rf"(?<![\d/.]){_N} ?(eu|eur|uk|us)\b")
_WAIST = (
    re.compile(r"\bw ?(\d{2}) ?[/x-]? ?l ?(\d{2})\b"),
    re.compile(r"\b(\d{2}) ?w ?[/x-]? ?(\d{2}) ?l\b"),
    re.compile(r"(?<![\d.])(2[3-9]|3\d|4\d|50) ?[/x] ?(2[6-9]|3[0-8])(?![\d.])"),
    re.compile(r"\bwaist ?(\d{2}).{0,12}(?:leg|length|inseam) ?(\d{2})\b"),
)
_RANGE = re.compile(r"(?<![\d.\-])(\d{2,3}) ?- ?(\d{2,3})(?![\d.\-])")
_AGE = re.compile(
    r"\b(\d{1,2})(?: ?(?:-|to|/) ?(\d{1,2}))? ?(y|yr|yrs|year|years|jahre|ans|mo|mth|mths"
    r"|month|months|monate|mois)\b(?! pack)|\b(\d{1,2})(?:-(\d{1,2}))?(m)\b"
)
_BRA = re.compile(r"^(\d{2,3}) ?(aa|a|b|c|d|dd|e|f|g|h)$")
_BARE = re.compile(r"^(?:size|sz|gr|grosse|taille)?[. ]*(\d{1,3}(?:[.,]5)?|\d{1,2} ?1/2)$")
_TITLE_SIZE = re.compile(r"\b(?:size|sz|taille|grosse)[.: ]+([a-z0-9/.]{1,5})\b")
# "2 m" and "3 l" are measures.
_LAST = re.compile(r"(?:[ ,/(-](x{0,3}s|x{1,4}l|[2-6]xl)|(?<!\d)[ ,/(-]([ml]))\)?$")
# What sellers hang on to a title: it hides the size or colour that stood last.
_TAIL_NOISE = re.compile(
    r"[\s,*(\[|-]+(?:new|sale|genuine|oem|original|authentic|bestseller|hot|clearance|brand new|"
    r"in box|free shipping|new in box|(?:ss|fw|aw|sp|fa)\d\d|20[0-4]\d)[\s*)\]!]*$"
)
_SEGMENT = re.compile(r"\s+[-|/]\s+|\s*[,;()\[\]|]\s*")
_TAIL_PACK = re.compile(r"[ ,(]*(\d+ ?(pk|pack|er pack|pcs?)|pack of \d+|new|sale|genuine)\)?$")
_EDGE = r"(?:^|[\s,(/|-])"


def _number(text: str) -> float:
    text = text.replace(",", ".")
    if "½" in text or "1/2" in text:
        return float(text.replace("½", "").replace("1/2", "").strip() or 0) + 0.5
    return float(text)


def _numeric(text: str) -> list[Atom]:
    for pattern in _WAIST:
        if found := pattern.search(text):
            return [("wl", f"{found[1]}/{found[2]}")]
    atoms: list[Atom] = []
    for found in _SYSTEM.finditer(text):
        name = {"eur": "eu", "it": "it", "fr": "fr", "de": "eu", "gb": "uk", "usa": "us"}.get(
            found[1], found[1]
        )
        atoms.append((name, _number(found[2])))
    if not atoms:
        atoms = [
            ({"eur": "eu"}.get(f[2], f[2]), _number(f[1])) for f in _SYSTEM_AFTER.finditer(text)
        ]
    if not atoms and (age := _AGE.search(text)):
        first, last, unit = age.group(1, 2, 3) if age[1] else age.group(4, 5, 6)
        months = 1 if unit.startswith("m") else 12
        low, high = int(first) * months, int(last or first) * months
        atoms.append(("age", f"{low}-{high}"))
    return atoms


@lru_cache(maxsize=20_000)
def parse_column(text: str) -> Size:
    """A size as a column holds it, cleaned already; () when there is nothing to read."""
    text = text.strip(" .,;:")
    if not text:
        return ()
    if text in ALPHA:
        return (("alpha", ALPHA[text]),)
    if atoms := _numeric(text):
        return tuple(sorted(set(atoms), key=str))
    if found := _RANGE.search(text):
        return (("range", f"{found[1]}-{found[2]}"),)
    if found := _BRA.match(text):
        return (("bra", found[1] + found[2]),)
    if found := _BARE.match(text):
        return (("num", _number(found[1])),)
    bare = re.sub(r"^(?:size|sz|mens|womens|adult|kids?|youth)[.: ]+", "", text)
    if bare in ALPHA:
        return (("alpha", ALPHA[bare]),)
    words = re.split(r"[\s(),/]+", text)
    alphas = {ALPHA[w] for w in words if w in ALPHA}
    if len(alphas) == 1:
        return (("alpha", alphas.pop()),)
    return (("text", re.sub(r"[\W_]+", " ", text).strip()),)


_ALPHA_WORDS = re.compile(
    _EDGE + "(" + "|".join(re.escape(n) for n in _LONG_ALPHA) + r")(?=$|[\s,)/|-])"
)


def without_noise(text: str) -> str:
    """A clean title without 'NEW', 'Sale' or '(2024)' at its end."""
    while (shorter := _TAIL_NOISE.sub("", text)) != text:
        text = shorter
    return text


def segments(text: str) -> list[str]:
    """What stands behind the dashes, commas and brackets of a clean title, in order."""
    return [part for part in _SEGMENT.split(text)[1:] if part]


@lru_cache(maxsize=4_000)
def parse_title(text: str) -> Size:
    """A size a title states; cautious, for a title has many numbers that are no size."""
    if atoms := _numeric(text):
        return tuple(sorted(set(atoms), key=str))
    if found := _TITLE_SIZE.search(text):
        return parse_column(found[1])
    tail = _TAIL_PACK.sub("", without_noise(text))
    if (last := segments(tail)) and last[-1] in ALPHA:
        return (("alpha", ALPHA[last[-1]]),)
    if found := _LAST.search(tail):
        return (("alpha", ALPHA[found[1] or found[2]]),)
    words = [ALPHA[m] for m in _ALPHA_WORDS.findall(text) if m not in {"universal"}]
    if words:
        return (("alpha", words[-1]),)
    if found := _RANGE.search(tail[-12:]):
        low, high = int(found[1]), int(found[2])
        if 0 < high - low <= 6:
            return (("range", f"{low}-{high}"),)
    return ()


@lru_cache(maxsize=200_000)
def compare(left: Size, right: Size, gender: str) -> Agreement:
    """Whether two sizes are one. `gender` (m, w, k or empty) chooses the shoe table."""
    if not left or not right:
        return Agreement.UNKNOWN
    a, b = dict(left), dict(right)
    shared = a.keys() & b.keys()
    if shared:
        return Agreement.AGREE if any(a[k] == b[k] for k in shared) else Agreement.CONFLICT
    verdicts = {_across(one, other, gender) for one in left for other in right}
    for verdict in (Agreement.AGREE, Agreement.CONFLICT):
        if verdict in verdicts:
            return verdict
    return Agreement.UNKNOWN


def _across(one: Atom, other: Atom, gender: str) -> Agreement:
    """Two statements in different systems."""
    (system, value), (with_system, with_value) = sorted((one, other), key=str)
    systems = {system, with_system}
    if systems <= {"eu", "us", "uk", "num"} and not isinstance(value, str):
        return _shoes(_eu(system, value, gender), _eu(with_system, float(with_value), gender))
    if systems == {"num", "range"} or systems == {"eu", "range"}:
        number, span = (value, with_value) if system != "range" else (with_value, value)
        low, high = (float(x) for x in str(span).split("-"))
        if not isinstance(number, str) and low <= number <= high:
            return Agreement.UNKNOWN
        return Agreement.CONFLICT
    if systems == {"num", "wl"}:
        number, span = (value, with_value) if system == "num" else (with_value, value)
        same = float(str(span).split("/")[0]) == number
        return Agreement.UNKNOWN if same else Agreement.CONFLICT
    return Agreement.UNKNOWN


def _eu(system: str, value: float | str, gender: str) -> tuple[float, ...]:
    number = float(value)
    if system == "eu" or (system == "num" and number >= 20):
        return (number,)
    if system == "num":
        return to_eu("us", number, gender) + to_eu("uk", number, gender)
    return to_eu(system, number, gender)


def _shoes(left: tuple[float, ...], right: tuple[float, ...]) -> Agreement:
    """A size that may be two whole EU sizes agrees with neither: it only does not conflict."""
    if not left or not right:
        return Agreement.UNKNOWN
    gap = min(abs(x - y) for x in left for y in right)
    if gap == 0 and max(*left, *right) - min(*left, *right) <= TOLERANCE:
        return Agreement.AGREE
    return Agreement.UNKNOWN if gap <= TOLERANCE else Agreement.CONFLICT


def show(size: Size) -> str:
    """For a person: 'EU 43 / US 9.5', 'XL', 'W30 L32'."""
    words = []
    for system, value in size:
        text = f"{value:g}" if isinstance(value, float) else str(value)
        if system in {"eu", "uk", "us", "it", "fr"}:
            words.append(f"{system.upper()} {text}")
        elif system == "wl":
            waist, leg = text.split("/")
            words.append(f"W{waist} L{leg}")
        elif system == "age":
            words.append(f"{text} months")
        elif system == "alpha":
            words.append("one size" if text == "one" else text.upper())
        else:
            words.append(text)
    return " / ".join(words)


def token(size: Size) -> str:
    """One word for the indexes; shoe sizes as EU where that is plain."""
    for system, value in size:
        if system in {"eu", "num"} and isinstance(value, float):
            return f"zs{value:g}".replace(".", "h")
    system, value = size[0]
    return "zs" + str(system) + re.sub(r"\W", "x", str(value))
