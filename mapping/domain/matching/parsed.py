"""A record read once: everything the comparisons need, in normal form."""

import re
from dataclasses import dataclass

from mapping.domain.matching import brands, codes, colours, gtins, packs, sizes, traits
from mapping.domain.matching.records import Record, Synonyms
from mapping.domain.matching.words import COMPOUND, PART, clean, compact, word

# Words that say "this is worn": such items have a size and a colour, whether stated or not.
WORN = frozenset(
    word(w)
    for line in (
        "tshirt sneaker jacket boxer brief hoodie pullover sweatshirt trouser jean sock shoe boot",
        "legging shirt dress skirt sweater coat polo blouse cardigan bra swimsuit bikini glove hat",
        "beanie cap scarf sandal slipper loafer heel vest tank jersey jogger tracksuit pyjama",
        "pajama underwear lingerie romper onesie bodysuit suit blazer tie belt apparel clothing",
        "footwear kleidung vetement short",
    )
    for w in line.split()
)
MAX_DESCRIPTION = 60
MAX_DETAIL = 720
LOOSE = frozenset({gtins.State.INVALID, gtins.State.IN_STORE})
# A size and a pack at the end of an ERP's title, behind the colour.
_SIZE_LAST = re.compile(
    r"(?:[\s,(-]+(?:\d+ ?(?:pk|pack|p|er pack)|pack of \d+|x\d+|(?:eu|us|uk|it|fr)? ?\d{1,3}"
    r"(?:[.,]5)?(?:[/x-]\d{2,3})?|w\d\d ?l\d\d|x{0,4}[sl]|[2-6]xl|m|xs|xl|one size|osfa|os)\)?)+$"
)
_NUMBER_WORD = re.compile(r"^\d+$")


@dataclass(slots=True)
class Parsed:
    """A record in normal form. Empty means unknown; `pack` 0 means that nothing is said."""

    record: Record
    text: str  # the clean title
    glued: str  # letters and digits of title, model and SKU: to find a code written apart
    brand: tuple[str, ...]
    gtins: tuple[gtins.Gtin, ...]
    codes: frozenset[str]  # valid 14-digit forms, no cases
    cases: frozenset[str]  # the articles' codes of GTIN-14 cases
    skus: tuple[str, ...]  # the SKU whole, then its parts that look like codes
    models: tuple[str, ...]
    marks: frozenset[str]  # short names of a letter and a number that are no measure: "g10"
    size: sizes.Size
    colours: colours.Colours
    pack: int
    gender: str
    versions: traits.Versions
    units: traits.Units
    worn: bool
    loose: frozenset[str]  # 14 digits of barcodes that prove nothing: mistyped, or a shop's own
    detail_models: frozenset[str]  # model numbers the description names
    detail_marks: frozenset[str]  # `marks`, and those of the description
    detail_units: traits.Units


class Parser:
    """Reads records; holds the installation's own synonyms."""

    def __init__(self, synonyms: Synonyms | None = None) -> None:
        synonyms = synonyms or Synonyms()
        self._brands = brands.aliases(synonyms.brands)
        self._colours = tuple(
            sorted(
                (clean(k), colours.TABLE.get(clean(v), clean(v)))
                for k, v in synonyms.colours.items()
            )
        )
        self._colour_table = dict(self._colours)

    def parse(self, record: Record) -> Parsed:
        """Read one record; never raises, whatever the text."""
        text = clean(record.title)
        sku = clean(record.sku)
        own_words = PART.findall(text.replace("'", ""))
        category = clean(record.category)
        found = gtins.parse_all(record.gtins)
        pack = _pack(record, text, sku)
        size, units = _size(record, text)
        worn = any(word(w) in WORN for w in own_words) or any(
            word(w) in WORN for w in PART.findall(category)
        )
        colour = colours.parse_column(clean(record.colour), self._colours)
        if not colour:
            colour = self._title_colour(text, worn=worn)
        brand = brands.parse(record.brand, self._brands) if record.brand else ()
        named = [w for w in own_words if w not in brand]  # "Pippin Kids" sells to men too
        gender = traits.gender_column(clean(record.gender)) or traits.gender_words(named)
        if not gender and category:
            gender = traits.gender_words(PART.findall(category.replace("'", "")))
        if not gender and (worn or size):
            gender = traits.gender_letter(record.title)
        model = clean(record.model)
        parts = codes.sku_parts(sku)
        marks = codes.marks(text)
        own_models = dict.fromkeys((*codes.models(text), *codes.models(model)))
        if len(whole := compact(model)) >= codes.MIN:
            own_models.setdefault(whole)
        details = clean(record.description[:MAX_DETAIL]) if record.description else ""
        return Parsed(
            record=record,
            text=text,
            glued=compact(f"{text}{model}{sku}"),
            brand=brand,
            gtins=found,
            codes=frozenset(g.code for g in found if g.state is gtins.State.VALID),
            cases=frozenset(g.code for g in found if g.state is gtins.State.CASE),
            skus=parts,
            models=tuple(own_models),
            marks=marks,
            size=size,
            colours=colour,
            pack=pack,
            gender=gender,
            versions=traits.versions(_without(text, size)),
            units=units,
            worn=worn,
            loose=frozenset(
                g.digits.zfill(14) for g in found if g.state in LOOSE and len(g.digits) >= 8
            ),
            detail_models=frozenset(codes.models(details)),
            detail_marks=marks | codes.marks(details) if details else marks,
            detail_units=traits.units(details),
        )

    def _title_colour(self, text: str, *, worn: bool) -> colours.Colours:
        """A colour in a title. Where it stands alone or last, 'sand' and 'char' are colours too."""
        if found := colours.parse_title(text, self._colour_table):
            return found
        ending = sizes.without_noise(text)
        for part in reversed(sizes.segments(ending)):
            if found := colours.parse_whole(part, self._colour_table):
                return found
        if not worn:
            return ()
        return colours.parse_last(_SIZE_LAST.sub("", ending), self._colour_table)


def _pack(record: Record, text: str, sku: str) -> int:
    """The pack as stated anywhere; a column that says 1 does not silence a title that says 3."""
    column = packs.parse_column(clean(record.pack))
    stated = packs.parse_title(text) or packs.parse_sku(sku)
    if column and column > 1:
        return column
    return stated or column or packs.parse_title(clean(record.size)) or 0


def _size(record: Record, text: str) -> tuple[sizes.Size, traits.Units]:
    """Size and measured quantities: '500 ml' in a size column is a quantity, not a size."""
    column = clean(record.size)
    quantities = traits.units(f"{text} {column}" if column else text)
    size = sizes.parse_column(column)
    if size and size[0][0] == "text" and traits.units(column):
        size = ()
    size = size or sizes.parse_title(text)
    if size and size[0][0] == "wl":  # the W and the L are no watts and litres
        quantities = tuple(q for q in quantities if q[0] not in {"watt", "vol"})
    return size, quantities


def _without(text: str, size: sizes.Size) -> str:
    """The title without a size at its end, whose number is no version."""
    if not size:
        return text
    return re.sub(r"[ ,]+(?:eu|us|uk|size)? ?\d{1,3}(?:[.,/-]\d+)?$", "", text)


def canonical_words(item: Parsed) -> list[str]:
    """The words both indexes see: the title's in canonical spelling, and the typed facts."""
    words: dict[str, None] = {}
    for token in COMPOUND.findall(item.text):
        parts = PART.findall(token)
        for part in parts if len(parts) > 1 and not token.endswith("'s") else [token]:
            words.setdefault(word(part))
        if len(parts) > 1 and any(c.isdigit() for c in token):
            words.setdefault(compact(token))
    for part in item.brand:
        words.setdefault(word(part))
    for model in item.models:
        words.setdefault(model)
    for family in item.colours:
        words.setdefault("zc" + family.strip("?"))
    if item.size:
        words.setdefault(sizes.token(item.size))
    if item.gender:
        words.setdefault("zg" + item.gender)
    if item.pack > 1:
        words.setdefault(f"zp{item.pack}")
    return list(words)


def description_words(record: Record) -> list[str]:
    """The first words of a description, canonical."""
    if not record.description:
        return []
    text = clean(record.description[:MAX_DETAIL])
    words: dict[str, None] = {}
    for token in COMPOUND.findall(text):
        for part in PART.findall(token):
            words.setdefault(word(part))
        if any(c.isdigit() for c in token):
            words.setdefault(compact(token))
        if len(words) >= MAX_DESCRIPTION:
            break
    return list(words)
