"""Gender and age group, versions and generations, measured quantities."""

import re
from functools import lru_cache

_GENDER = {
    "m": "men mens man male herren homme uomo hombre gents gent him guys",
    "w": "women womens woman female ladies lady damen femme donna mujer wmns her wmn dames",
    "k": "kid kids child children childrens boys boy girls girl junior juniors jnr youth kinder "
    "enfant enfants toddler toddlers baby babies infant infants newborn bambino",
    "u": "unisex adult adults",
}
_GENDERS = {word: key for key, words in _GENDER.items() for word in words.split()}
_COLUMN = {**_GENDERS, "m": "m", "w": "w", "f": "w", "k": "k", "u": "u", "j": "k"}
_LETTER = re.compile(r"(?<![\w'&])([MWKFU])(?![\w'&])")

_ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9"}
_ORDINAL = {"first": "1", "second": "2", "third": "3", "fourth": "4", "fifth": "5", "sixth": "6"}
_EXPLICIT = (
    re.compile(r"\b(?:v|ver|version|vers|release|rel)[. ]?(\d{1,4}(?:\.\d{1,3})*)(?:\.x)?\b"),
    re.compile(
        r"\b(?:mk|mark|gen|generation|series|edition)[. -]?(\d{1,2}|i{1,3}|iv|vi{0,3}|ix)\b"
    ),
    re.compile(r"\b(\d{1,2})(?:st|nd|rd|th) (?:gen|generation|ed|edition)\b"),
)
_ORDINAL_GEN = re.compile(r"\b(" + "|".join(_ORDINAL) + r") (?:gen|generation|edition)\b")
_ROMAN_WORD = re.compile(r"(?<=[a-z] )(ii|iii|iv|vi|vii|viii|ix)\b")
_YEAR = re.compile(r"(?<![\w.-])(19[89]\d|20[0-4]\d)(?![\w-])")
_DECIMAL = re.compile(r"(?<=[a-z] )(\d{1,2}\.\d{1,2})(?![\w.'\"-])(?! ?(?:@)(?![a-z]))")
_BARE = re.compile(r"(?<=[a-z] )(\d{1,2})(?![\w.,/'\"%-])(?! ?(?:x |(?:@)(?![a-z])))")

_UNITS = {
    "ml": ("vol", 1.0), "cl": ("vol", 10.0), "dl": ("vol", 100.0), "l": ("vol", 1000.0),
    "ltr": ("vol", 1000.0), "litre": ("vol", 1000.0), "litres": ("vol", 1000.0),
    "liter": ("vol", 1000.0), "liters": ("vol", 1000.0), "floz": ("vol", 29.57),
    "fl oz": ("vol", 29.57), "fl. oz": ("vol", 29.57), "gallon": ("vol", 3785.0),
    "gal": ("vol", 3785.0), "quart": ("vol", 946.0), "qt": ("vol", 946.0),
    "mg": ("mass", 0.001), "g": ("mass", 1.0), "gr": ("mass", 1.0), "gram": ("mass", 1.0),
    "grams": ("mass", 1.0), "kg": ("mass", 1000.0), "oz": ("mass", 28.35),
    "ounce": ("mass", 28.35), "ounces": ("mass", 28.35), "lb": ("mass", 453.6),
    "lbs": ("mass", 453.6), "pound": ("mass", 453.6),
    "mm": ("len", 1.0), "cm": ("len", 10.0), "m": ("len", 1000.0), "inch": ("len", 25.4),
    "inches": ("len", 25.4), "in": ("len", 25.4), "in.": ("len", 25.4), "'": ("len", 25.4),
    '"': ("len", 25.4), "''": ("len", 25.4), "ft": ("len", 304.8), "ft.": ("len", 304.8),
    "foot": ("len", 304.8), "feet": ("len", 304.8),
    "kb": ("mem", 0.001), "mb": ("mem", 1.0), "gb": ("mem", 1024.0), "gig": ("mem", 1024.0),
    "tb": ("mem", 1048576.0), "w": ("watt", 1.0), "watt": ("watt", 1.0), "watts": ("watt", 1.0),
    "kw": ("watt", 1000.0), "mah": ("charge", 1.0), "v": ("volt", 1.0), "volt": ("volt", 1.0),
    "mhz": ("freq", 1.0), "ghz": ("freq", 1000.0), "mp": ("pixel", 1.0),
    "megapixel": ("pixel", 1.0), "megapixels": ("pixel", 1.0), "mpix": ("pixel", 1.0),
    "user": ("users", 1.0), "users": ("users", 1.0), "pc": ("users", 1.0), "port": ("port", 1.0),
    "ports": ("port", 1.0), "disc": ("disc", 1.0), "discs": ("disc", 1.0),
    "cu ft": ("cuft", 1.0), "cu. ft": ("cuft", 1.0), "cu.ft": ("cuft", 1.0), "btu": ("btu", 1.0),
}  # fmt: skip
_UNIT = "|".join(re.escape(u) for u in sorted(_UNITS, key=len, reverse=True))
_QUANTITY = re.compile(rf"(?<![\w.])(\d{{1,6}}(?:[.,]\d{{1,3}})?|\.\d+)[ -]?({_UNIT})(?![\w])")
_DECIMAL = re.compile(_DECIMAL.pattern.replace("@", _UNIT))
_BARE = re.compile(_BARE.pattern.replace("@", _UNIT))

Versions = tuple[frozenset[str], frozenset[str]]
Units = tuple[tuple[str, float], ...]


@lru_cache(maxsize=4_000)
def gender_column(text: str) -> str:
    for word in re.split(r"[^\w]+", text):
        if found := _COLUMN.get(word):
            return found
    return ""


def gender_words(words: list[str]) -> str:
    """m, w, k or u by the words of a title; a child's words win over 'boys' men's' mixes."""
    found = {_GENDERS[w] for w in words if w in _GENDERS}
    if "k" in found:
        return "k"
    if {"m", "w"} <= found:
        return "u"
    return min(found) if found else ""


def gender_letter(title: str) -> str:
    """An ERP's single capital: 'SNKR LOW W GRY EU 38'. Never the last word: that is a size."""
    found = _LETTER.search(title.rstrip(), 0, max(0, len(title.rstrip()) - 1))
    return _COLUMN[found[1].lower()] if found else ""


def versions(text: str) -> Versions:
    """(stated as a version, bare small numbers after a word): 'v2', 'Mk II', '2007'; 'Juno 3'."""
    if not any(c.isdigit() for c in text) and " i" not in text and " v" not in text:
        found = _ORDINAL_GEN.search(text)
        return (frozenset((_ORDINAL[found[1]],)) if found else frozenset(), frozenset())
    stated = {_ROMAN.get(m, m) for pattern in _EXPLICIT for m in pattern.findall(text)}
    stated |= {_ROMAN[m] for m in _ROMAN_WORD.findall(text)}
    stated |= {_ORDINAL[m] for m in _ORDINAL_GEN.findall(text)}
    stated |= {f"y{year}" for year in _YEAR.findall(text)}
    stated |= set(_DECIMAL.findall(text))
    stated = {s.rstrip("0").rstrip(".") if "." in s else s for s in stated}
    return frozenset(stated), frozenset(_BARE.findall(text))


def compare_versions(left: Versions, right: Versions) -> float:
    """1 agree, 0 nothing stated, -0.5 one side alone states one, -1 they differ."""
    (a, a_bare), (b, b_bare) = left, right
    ours, theirs = {v for v in a if v[0] == "y"}, {v for v in b if v[0] == "y"}
    if not ours or not theirs:  # a year on one side is a season or a reprint, no version
        a, b = a - ours, b - theirs
    if not a and not b:
        if not a_bare and not b_bare:
            return 0.0
        if a_bare & b_bare:
            return 0.5 if a_bare != b_bare else 1.0
        return -1.0 if a_bare and b_bare else -0.5
    if a & (b | b_bare) or b & a_bare:
        extra = (a - b - b_bare) and (b - a - a_bare)
        return 0.0 if extra else 1.0
    if a and b:
        return -1.0
    return -1.0 if (a and b_bare) or (b and a_bare) else -0.5


def units(text: str) -> Units:
    """Every measured quantity: ('mem', 61440.0) for 60GB."""
    if not any(c.isdigit() for c in text):
        return ()
    found = {
        (_UNITS[unit][0], round(float(number.replace(",", ".")) * _UNITS[unit][1], 2))
        for number, unit in _QUANTITY.findall(text)
    }
    return tuple(sorted(found))


@lru_cache(maxsize=200_000)
def compare_units(left: Units, right: Units) -> tuple[int, int]:
    """(quantities that agree within 3 %, kinds of quantity in which nothing agrees)."""
    agree = conflict = 0
    for kind in {k for k, _ in left} & {k for k, _ in right}:
        ours = [v for k, v in left if k == kind]
        theirs = [v for k, v in right if k == kind]
        if any(abs(x - y) <= 0.03 * max(x, y) for x in ours for y in theirs):
            agree += 1
        else:
            conflict += 1
    return agree, conflict


_SHOWN = {
    "vol": "ml", "mass": "g", "len": "mm", "mem": "MB",
    "watt": "W", "charge": "mAh", "volt": "V", "freq": "MHz",
    "pixel": "megapixel", "users": "users", "port": "ports",
    "disc": "discs", "cuft": "cu ft", "btu": "BTU",
}  # fmt: skip


def show_units(found: Units) -> str:
    """For a person: '500 ml, 24 W'."""
    return ", ".join(f"{value:g} {_SHOWN[kind]}" for kind, value in found)
