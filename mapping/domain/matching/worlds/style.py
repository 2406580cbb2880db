"""How a world's sellers and its ERP write: drawn once for each world."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from mapping.domain.matching.gtins import check_digit

_ONSET = [
    "b",
    "br",
    "c",
    "ch",
    "cl",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gl",
    "gr",
    "h",
    "j",
    "k",
    "kl",
    "l",
    "m",
    "n",
    "p",
    "pl",
    "qu",
    "r",
    "s",
    "sh",
    "sk",
    "sp",
    "st",
    "t",
    "tr",
    "v",
    "w",
    "z",
]
_VOWEL = ["a", "e", "i", "o", "u", "ea", "ai", "io", "ou", "a", "e", "o"]
_CODA = ["n", "r", "l", "s", "m", "x", "nd", "rt", "ck", "st", "t", "d", "ll", "v", "sk"]
_TAIL = [
    " Systems",
    " Industries",
    " Co",
    " Group",
    "tec",
    "ware",
    " Labs",
    " Brands",
    " & Sons",
    "line",
    "ora",
    "ix",
    "",
    "",
    "",
    "",
    "",
    "",
]


@dataclass(frozen=True)
class Style:
    """Rates in 0..1. What a title or a column lacks, garbles or adds."""

    gtin_left: float
    gtin_right: float
    gtin_sibling: float  # a variant that carries its sibling's valid barcode
    gtin_broken: float
    brand_left: float
    brand_right: float
    brand_in_left: float  # the brand stands in the title
    brand_in_right: float
    sku_left: float  # the seller uses the vendor's number
    sku_right: float
    model_in_left: float
    model_in_right: float
    model_changed: float  # hyphens, dropped or added suffixes
    columns_left: float  # size, colour and pack as columns
    columns_right: float
    facts_in_left: float  # size, colour, pack in the title
    facts_in_right: float
    description_left: float
    description_right: float
    price_left: float
    price_right: float
    price_noise: float
    typos: float
    dropped: float  # words left out
    synonyms: float  # another word for the same thing
    extras: float  # words only one side has
    noise: float  # NEW, SALE, genuine
    capitals: float
    abbreviated: float  # the ERP's short words
    hidden: float  # variants whose item is missing from the ERP
    sellers: int  # listings of one article
    doubled: float  # articles the ERP holds twice
    short_numbers: float  # numbers like 12-345 that look alike


def draw(rng: random.Random, **fixed: float) -> Style:
    """A random style; `fixed` sets single rates."""
    u = rng.uniform

    def sometimes(low: float, high: float, never: float = 0.3) -> float:
        return 0.0 if rng.random() < never else u(low, high)

    style = {
        "gtin_left": sometimes(0.3, 0.95, 0.35),
        "gtin_right": sometimes(0.5, 0.98, 0.25),
        "gtin_sibling": u(0.0, 0.07),
        "gtin_broken": u(0.0, 0.06),
        "brand_left": sometimes(0.4, 1.0, 0.35),
        "brand_right": sometimes(0.6, 1.0, 0.2),
        "brand_in_left": u(0.6, 1.0),
        "brand_in_right": u(0.2, 0.95),
        "sku_left": sometimes(0.1, 0.6, 0.6),
        "sku_right": sometimes(0.4, 1.0, 0.5),
        "model_in_left": u(0.15, 0.95),
        "model_in_right": u(0.3, 0.95),
        "model_changed": u(0.05, 0.4),
        "columns_left": sometimes(0.5, 0.97, 0.35),
        "columns_right": sometimes(0.6, 1.0, 0.35),
        "facts_in_left": u(0.4, 0.95),
        "facts_in_right": u(0.3, 0.95),
        "description_left": sometimes(0.3, 1.0, 0.4),
        "description_right": sometimes(0.3, 0.9, 0.5),
        "price_left": sometimes(0.3, 1.0, 0.15),
        "price_right": sometimes(0.5, 1.0, 0.15),
        "price_noise": u(0.02, 0.35),
        "typos": u(0.0, 0.06),
        "dropped": u(0.0, 0.2),
        "synonyms": u(0.05, 0.6),
        "extras": u(0.1, 0.8),
        "noise": u(0.0, 0.15),
        "capitals": u(0.0, 0.6),
        "abbreviated": sometimes(0.2, 0.9, 0.5),
        "hidden": rng.choice([0.0, 0.05, 0.15, 0.25, 0.4, 0.6]),
        "sellers": rng.choice([1, 1, 1, 2, 5]),
        "doubled": rng.choice([0.0, 0.02, 0.06]),
        "short_numbers": rng.choice([0.0, 0.3]),
    }
    if rng.random() < 0.8:  # without a size nobody can buy a shirt: most sellers state it
        style["columns_left"] = max(style["columns_left"], u(0.75, 0.98))
    if rng.random() < 0.85:
        style["columns_right"] = max(style["columns_right"], u(0.8, 1.0))
    if style["columns_right"] < 0.5:
        style["facts_in_right"] = max(style["facts_in_right"], u(0.7, 0.98))
    if style["columns_left"] < 0.5:
        style["facts_in_left"] = max(style["facts_in_left"], u(0.7, 0.98))
    style.update(fixed)
    return Style(**style)  # type: ignore[arg-type]


def name(rng: random.Random, parts: int = 2) -> str:
    """A word that could be a brand or a line."""
    syllables = "".join(rng.choice(_ONSET) + rng.choice(_VOWEL) for _ in range(parts - 1))
    return (syllables + rng.choice(_ONSET) + rng.choice(_VOWEL) + rng.choice(_CODA)).capitalize()


def brand(rng: random.Random) -> str:
    """A brand, at times with a tail that sellers leave out."""
    first = name(rng, rng.choice([1, 2, 2, 3]))
    if rng.random() < 0.15:
        return f"{first} {name(rng, 1)}"
    return first + rng.choice(_TAIL)


def brand_as_written(rng: random.Random, text: str) -> str:
    """An alias: without its tail, in capitals, in two words, with a legal form."""
    roll = rng.random()
    if roll < 0.45:
        return text
    if roll < 0.6:
        return text.upper()
    if roll < 0.75:
        return text.split()[0]
    if roll < 0.85:
        return text + rng.choice([" Inc.", " Ltd", " GmbH", " International", " Corp.", " Sport"])
    middle = max(2, len(text) // 2)
    return f"{text[:middle]} {text[middle:].capitalize()}" if roll < 0.92 else text.replace(" ", "")


def gtin(rng: random.Random) -> str:
    """A valid 13-digit number of an article."""
    first = rng.choice(["50", "40", "87", "76", "00", "07", "08", "06", "88"])
    body = first + "".join(rng.choice("0123456789") for _ in range(10))
    return body + check_digit(body)


def gtin_as_written(rng: random.Random, code: str) -> str:
    """As UPC-A, as GTIN-14, or with the zeros a spreadsheet drops."""
    roll = rng.random()
    if code[0] == "0" and roll < 0.6:
        return code.lstrip("0") if roll < 0.1 else code[1:]
    return "0" + code if roll > 0.95 else code


def gtin_broken(rng: random.Random, code: str) -> str:
    """A wrong digit, a case's number, or a spreadsheet's 5.00005E+12."""
    roll = rng.random()
    if roll < 0.4:
        place = rng.randrange(2, 12)
        return code[:place] + str((int(code[place]) + rng.randint(1, 8)) % 10) + code[place + 1 :]
    if roll < 0.75:
        body = rng.choice("1235") + code[:12]
        return body + check_digit(body)
    return f"{code.lstrip('0')[0]}.{code.lstrip('0')[1:6]}E+12"


def typo(rng: random.Random, text: str, rate: float) -> str:
    """Swapped, doubled or lost letters, in each word with this chance."""
    words = text.split(" ")
    for n, w in enumerate(words):
        if len(w) > 3 and w.isalpha() and rng.random() < rate:
            place = rng.randrange(1, len(w) - 1)
            roll = rng.random()
            if roll < 0.4:
                w = w[:place] + w[place + 1] + w[place] + w[place + 2 :]
            elif roll < 0.7:
                w = w[:place] + w[place] + w[place:]
            else:
                w = w[:place] + w[place + 1 :]
            words[n] = w
    return " ".join(words)


def pick(rng: random.Random, options: Sequence[str]) -> str:
    return options[rng.randrange(len(options))]
