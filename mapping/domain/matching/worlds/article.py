"""An article that exists once, and the two ways it is written down."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from mapping.domain.matching.records import Record
from mapping.domain.matching.training import World
from mapping.domain.matching.worlds import style as styles
from mapping.domain.matching.worlds.style import Style


@dataclass
class Article:
    """The truth behind a variant and an item. Each entry of `facts` and `words` is a list of
    ways to say one thing, the ERP's own way last.
    """

    brand: str
    line: str
    noun: Sequence[str]
    model: str
    price: float
    gtin: str
    family: int  # siblings share it
    words: list[Sequence[str]] = field(default_factory=list)  # features and adjectives
    size: Sequence[str] = ()
    colour: Sequence[str] = ()
    pack: int = 1
    gender: Sequence[str] = ()
    version: Sequence[str] = ()
    category: str = ""
    vendor_sku: str = ""


NOISE = (
    "NEW", "Sale", "Genuine", "- Free Shipping", "(2024)", "OEM", "Brand New", "Original", "*HOT*",
    "Bestseller", "in Box", "Authentic", "SS25", "- Clearance",
)  # fmt: skip
PACKS = ("{n}-pack", "Pack of {n}", "({n}er Pack)", "{n} Pack", "{n}PK", "x{n}", "Set of {n}")


def _say(rng: random.Random, ways: Sequence[str], synonyms: float, *, erp: bool) -> str:
    if not ways:
        return ""
    if erp:
        return ways[-1] if rng.random() < synonyms else ways[0]
    return rng.choice(list(ways[:-1]) or list(ways)) if rng.random() < synonyms else ways[0]


def _model(rng: random.Random, style: Style, model: str) -> str:
    """The number with other hyphens, a suffix more or less."""
    if rng.random() > style.model_changed:
        return model
    roll = rng.random()
    if roll < 0.45:
        return model.replace("-", "") if "-" in model else f"{model[:3]}-{model[3:]}"
    if roll < 0.65:
        return model + rng.choice(["B", "/B", "W", "-R", "US", "SS", "K", "A", "-2"])
    if roll < 0.8 and len(model) > 6:
        return model[:-1]
    return model.replace("-", " ").replace("/", "")


def _title(rng: random.Random, style: Style, a: Article, *, erp: bool) -> str:
    """A title in one of several orders, with parts missing, added and abbreviated."""
    p = rng.random
    facts = style.facts_in_right if erp else style.facts_in_left
    syn = style.abbreviated if erp else style.synonyms
    brand_rate = style.brand_in_right if erp else style.brand_in_left
    brand = styles.brand_as_written(rng, a.brand) if p() < brand_rate else ""
    line = a.line if p() > style.dropped * 0.4 else ""
    version = _say(rng, a.version, 0.8, erp=erp) if p() > style.dropped * 0.3 else ""
    noun = _say(rng, a.noun, syn, erp=erp)
    said = style.extras if erp else 1 - style.dropped
    words = [_say(rng, w, syn, erp=erp) for w in a.words if p() < said]
    gender = _say(rng, a.gender, 0.7, erp=erp) if p() > style.dropped * 0.5 else ""
    size = _say(rng, a.size, 0.5, erp=erp) if p() < facts else ""
    colour = _say(rng, a.colour, 0.5, erp=erp) if p() < facts else ""
    rate = style.model_in_right if erp else style.model_in_left
    model = _model(rng, style, a.model) if a.model and p() < rate else ""
    rng.shuffle(words)
    half = len(words) // 2
    order = rng.choice((0, 0, 0, 1, 2, 3) if not erp else (0, 1, 1, 2, 3))
    if order == 0:
        parts = [brand, gender, line, version, *words[:half], noun, *words[half:]]
        parts += [f"- {model}" if model and p() < 0.7 else model]
    elif order == 1:
        parts = [brand, line, version, model, *words[:half], noun, gender, *words[half:]]
    elif order == 2:
        parts = [model, brand, *words[:half], line, version, gender, noun, *words[half:]]
    else:
        parts = [brand, *words, noun, line, version, model, gender]
    if colour:
        parts.append(f"- {colour}" if p() < 0.5 else colour)
    if size:
        parts.append(f", {size}" if p() < 0.4 and not erp else size)
    if a.pack > 1 and (p() < 0.9 or not erp):
        text = f"{a.pack}PK" if erp and p() < 0.6 else rng.choice(PACKS).format(n=a.pack)
        parts.insert(0 if p() < 0.2 else len(parts), text)
    if not erp and p() < style.noise:
        parts.append(rng.choice(NOISE))
    text = " ".join(x for x in parts if x).replace(" ,", ",")
    text = styles.typo(rng, text, style.typos * (0.3 if erp else 1.0))
    if erp and p() < style.capitals:
        text = text.upper()
    return text if text.strip() else noun


def _description(rng: random.Random, style: Style, a: Article, *, erp: bool) -> str:
    rate = style.description_right if erp else style.description_left
    if rng.random() > rate:
        return ""
    said = [_say(rng, w, 0.5, erp=False) for w in a.words if rng.random() < 0.8]
    if rng.random() < 0.4:
        said.append(a.model)
    if a.colour and rng.random() < 0.5:
        said.append(f"{a.colour[0]} finish")
    said += [styles.name(rng) for _ in range(rng.randrange(4))]
    rng.shuffle(said)
    head = f"{a.brand} {a.line} {a.noun[0]}" if rng.random() < 0.5 else ""
    return " / ".join(x for x in (head, *said) if x)


def _price(rng: random.Random, style: Style, a: Article, *, erp: bool) -> Decimal | None:
    if rng.random() > (style.price_right if erp else style.price_left):
        return None
    noise = 1.0 if erp else rng.gauss(1.0, style.price_noise)
    if not erp and rng.random() < 0.03:
        noise *= rng.choice([0.3, 0.5, 2.0, 3.0])
    return Decimal(str(round(max(a.price * max(noise, 0.2), 0.5), 2)))


def _column(rng: random.Random, rate: float, ways: Sequence[str], *, erp: bool) -> str:
    return _say(rng, ways, 0.4 if not erp else 0.2, erp=erp) if rng.random() < rate else ""


def left(rng: random.Random, style: Style, a: Article, key: str, sibling: Article | None) -> Record:
    """The article as a seller lists it; its barcode may be its sibling's."""
    p = rng.random
    gtin = ""
    if p() < style.gtin_left:
        code = sibling.gtin if sibling and p() < style.gtin_sibling else a.gtin
        broken = p() < style.gtin_broken
        gtin = styles.gtin_broken(rng, code) if broken else styles.gtin_as_written(rng, code)
    vendor = p() < style.sku_left
    return Record(
        id=key,
        title=_title(rng, style, a, erp=False),
        brand=styles.brand_as_written(rng, a.brand) if p() < style.brand_left else "",
        sku=a.vendor_sku.split("-")[0] if vendor else f"S{rng.randrange(10**5, 10**6)}",
        gtins=(gtin,) if gtin else (),
        size=_column(rng, style.columns_left, a.size, erp=False),
        colour=_column(rng, style.columns_left, a.colour, erp=False),
        pack=str(a.pack) if p() < style.columns_left * 0.35 else "",
        description=_description(rng, style, a, erp=False),
        price=_price(rng, style, a, erp=False),
    )


def right(rng: random.Random, style: Style, a: Article, key: str) -> Record:
    """The article as the ERP holds it."""
    p = rng.random
    return Record(
        id=key,
        title=_title(rng, style, a, erp=True),
        brand=(a.brand.upper() if p() < 0.2 else a.brand) if p() < style.brand_right else "",
        sku=a.vendor_sku if p() < style.sku_right else "",
        gtins=(a.gtin,) if p() < style.gtin_right else (),
        size=_column(rng, style.columns_right, a.size, erp=True),
        colour=_column(rng, style.columns_right, a.colour, erp=True),
        pack=str(a.pack) if p() < style.columns_right else "",
        category=a.category if p() < 0.7 else "",
        description=_description(rng, style, a, erp=True),
        price=_price(rng, style, a, erp=True),
    )


def write(
    rng: random.Random, name: str, kind: str, style: Style, articles: Sequence[Article], lefts: int
) -> World:
    """Both sides of a world: `lefts` variants of some articles, items of those that are not
    hidden.
    """
    families: dict[int, list[Article]] = {}
    for a in articles:
        families.setdefault(a.family, []).append(a)
    listed = rng.sample(range(len(articles)), min(lefts, len(articles)))
    hidden = {n for n in listed if rng.random() < style.hidden}
    rights: list[Record] = []
    items: dict[int, list[str]] = {}
    for n, a in enumerate(articles):
        if n in hidden:
            continue
        copies = 2 if rng.random() < style.doubled else 1
        for copy in range(copies):
            key = f"I{n}-{copy}"
            rights.append(right(rng, style, a, key))
            items.setdefault(n, []).append(key)
    out: list[Record] = []
    answers: dict[str, frozenset[str]] = {}
    for n in listed:
        for seller in range(rng.randint(1, style.sellers)):
            if len(out) >= lefts:
                break
            a = articles[n]
            others = [b for b in families[a.family] if b is not a]
            key = f"V{n}-{seller}"
            out.append(left(rng, style, a, key, rng.choice(others) if others else None))
            if n in items:
                answers[key] = frozenset(items[n])
    rng.shuffle(rights)
    return World(name, kind, out, rights, answers)
