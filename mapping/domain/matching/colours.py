"""Colours: about forty families, the words for each, and which families are neighbours."""

import re
from collections.abc import Mapping
from functools import lru_cache

from mapping.domain.matching.records import Agreement

Colours = tuple[str, ...]

_FAMILIES = {
    "black": "black blk bk blck schwarz noir nero negro onyx ebony|jet black|core black|"
    "matte black|dark black|triple black|pitch black|night black|piano black|gloss black",
    "white": "white wht wh whi weiss blanc bianco blanco|optic white|bright white|pure white|"
    "snow white|core white|arctic white|glacier white",
    "offwhite": "ecru|off white|off-white|ivory|cream|natural|nature|oatmeal|eggshell|"
    "vanilla|antique white|winter white|bone",
    "grey": "grey gray gry gr grau gris grigio|mid grey|medium grey|steel grey|stone grey",
    "greymarl": "|grey marl|gray marl|heather grey|heather gray|grey heather|gray heather|gry mrl|"
    "marl grey|marl gray|grey melange|gray melange|athletic heather|sport grey|ash heather|"
    "gry htr|htr gry|gris chine|graumeliert|grau meliert",
    "charcoal": "charcoal char chr anthracite anthrazit graphite slate|dark grey|dark gray|"
    "dk grey|dk gry|dk gray|charcoal grey|charcoal gray|dunkelgrau|gris fonce|drk gry|asphalt|"
    "gunmetal",
    "lightgrey": "|light grey|light gray|lt grey|lt gry|lt gray|hellgrau|pale grey|ash grey|"
    "gris clair|silver grey|silver gray|ash",
    "silver": "silver slv slvr silber argent|metallic silver|silver metallic|platinum",
    "gold": "gold gld golden|rose gold excluded|metallic gold",
    "rosegold": "rosegold|rose gold|rose-gold",
    "bronze": "bronze brnz copper kupfer",
    "navy": "navy nvy nav marineblau|navy blue|dark navy|dark blue|dk blue|dk blu|marine blue|"
    "dunkelblau|bleu marine|night blue|deep navy|true navy|french navy|midnight navy|"
    "midnight blue|midnight|blue navy|drk blu|dress blues",
    "blue": "blue blu blau bleu azul|mid blue|medium blue|classic blue|true blue",
    "royal": "royal cobalt|royal blue|cobalt blue|electric blue|bright blue|king blue|royalblau",
    "lightblue": "hellblau|light blue|lt blue|lt blu|sky blue|baby blue|pale blue|powder blue|"
    "ice blue|sky|soft blue|bleu clair|azure|celeste",
    "teal": "teal petrol peacock|dark teal|blue green|deep teal",
    "turquoise": "turquoise trq aqua cyan turkis tuerkis",
    "green": "green grn gruen grun vert verde|mid green|kelly green|emerald|emerald green|"
    "grass green|bright green",
    "darkgreen": "|dark green|forest green|for grn|forest|dk green|dk grn|bottle green|"
    "hunter green|racing green|dunkelgruen|vert fonce|pine green|drk grn|deep green|moss green",
    "lightgreen": "mint sage|light green|lt green|lt grn|mint green|sage green|pistachio|"
    "pale green|apple green|lime green|lime|neon green",
    "olive": "olive olv khaki army|olive green|khaki green|military green|army green|"
    "olive drab|dusty olive|dark olive|dark khaki",
    "red": "red rd rot rouge rosso rojo|bright red|true red|scarlet|crimson|fire red|"
    "racing red|cherry red|signal red|ruby|ruby red|classic red",
    "burgundy": "burgundy bur burg burgandy bordeaux bordo maroon wine oxblood claret merlot|"
    "wine red|dark red|dk red|weinrot|bordeauxrot|port royale|deep red",
    "pink": "pink pnk rosa|dusty pink|light pink|lt pink|baby pink|pale pink|soft pink|blush|"
    "blush pink|powder pink|rose|rose pink|dusty rose|old rose|pastel pink|lt pnk",
    "hotpink": "fuchsia magenta|hot pink|bright pink|neon pink",
    "orange": "orange orng org oran|bright orange|neon orange|tangerine",
    "coral": "coral salmon apricot|peach",
    "rust": "rust terracotta|burnt orange|brick|brick red",
    "yellow": "yellow ylw yel gelb jaune giallo amarillo|bright yellow|lemon|neon yellow|canary",
    "mustard": "mustard ochre ocher|dark yellow|mustard yellow|curry",
    "purple": "purple prp ppl violet lila viola morado|dark purple|deep purple|plum|aubergine|"
    "grape|eggplant",
    "lilac": "lilac lavender mauve|light purple|lavendel",
    "brown": "brown brn braun brun marrone marron chocolate choc|dark brown|dk brown|dk brn|"
    "coffee|espresso|mocha|walnut|chestnut|chocolate brown",
    "tan": "tan cognac camel caramel|light brown|lt brown|toffee|saddle",
    "beige": "beige bge sand snd stone taupe nude|light beige|sandstone|"
    "sand beige|pale sand|desert sand|dune|champagne|latte",
    "stainless": "|stainless steel|stainless|inox|edelstahl|brushed steel",
    "clear": "clear transparent klar|crystal clear",
    "multi": "multi multicolour multicolor multicoloured multicolored assorted mehrfarbig mix "
    "mixed asst|multi-colour|multi-color|multi colour|rainbow",
}
_NEIGHBOURS = (
    "grey greymarl charcoal lightgrey silver", "navy blue", "royal blue", "lightblue blue",
    "teal turquoise", "teal blue", "teal green", "turquoise blue", "turquoise lightblue",
    "darkgreen green", "lightgreen green", "olive green", "olive darkgreen", "burgundy red",
    "pink hotpink", "coral pink", "coral orange", "rust orange", "rust brown", "mustard yellow",
    "mustard gold", "yellow gold", "purple lilac", "tan brown", "tan beige", "offwhite white",
    "offwhite beige", "bronze brown", "gold bronze", "rosegold gold", "rosegold pink",
    "stainless silver", "stainless grey", "clear white", "olive beige", "lilac pink", "tan rust",
)  # fmt: skip


def _table() -> dict[str, str]:
    table: dict[str, str] = {}
    for family, text in _FAMILIES.items():
        singles, *phrases = text.split("|")
        for name in (*singles.split(), *phrases):
            if not name.endswith("excluded"):
                table.setdefault(name.replace("-", " "), family)
    return table


TABLE = _table()
# Words that mean a colour only where a colour is expected, never inside a title.
_COLUMN_ONLY_WORDS = (
    "gr bk wh rd org char bur nav natural nature stone sand rose wine bone ash sky forest mix "
    "mixed lime mint sage lemon plum grape coffee peach brick coral camel copper champagne "
    "latte chocolate caramel vanilla clear saddle army slate royal aqua mocha walnut chestnut "
    "cream curry salmon ruby emerald cherry crystal dune celeste marine multi assorted "
    "midnight asphalt petrol toffee gold platinum marron espresso"
)
_COLUMN_ONLY = frozenset(_COLUMN_ONLY_WORDS.split())  # fmt: skip
_NEAR = {frozenset((a, b)) for line in _NEIGHBOURS for a in line.split() for b in line.split()}
# Whole words of letters: the GLD of GLD4355RF is no gold.
_WORDS = re.compile(r"(?<!\w)[^\W\d_]+(?!\w)")
MAX_PHRASE = 3


def _scan(text: str, *, column: bool, extra: Mapping[str, str]) -> Colours:
    words = _WORDS.findall(text)
    found: dict[str, None] = {}
    n = 0
    while n < len(words):
        for length in range(min(MAX_PHRASE, len(words) - n), 0, -1):
            phrase = " ".join(words[n : n + length])
            family = extra.get(phrase) or TABLE.get(phrase)
            if family and (column or length > 1 or phrase not in _COLUMN_ONLY):
                found.setdefault(family)
                n += length
                break
        else:
            n += 1
    return tuple(sorted(found))


@lru_cache(maxsize=50_000)
def _column(text: str, extra: tuple[tuple[str, str], ...]) -> Colours:
    found = _scan(text, column=True, extra=dict(extra))
    if not found and (words := " ".join(_WORDS.findall(text))):
        return (f"?{words}",)
    return found


def parse_column(text: str, extra: tuple[tuple[str, str], ...] = ()) -> Colours:
    """The families a colour column names. A word nobody knows stands for itself, marked '?'."""
    return _column(text, extra) if text else ()


def parse_title(text: str, extra: Mapping[str, str]) -> Colours:
    """The families a title names; words that are colours only sometimes are left alone."""
    return _scan(text, column=False, extra=extra)


def parse_whole(text: str, extra: Mapping[str, str]) -> Colours:
    """The families of a text that says nothing but a colour: 'sand', 'char', 'wine red'."""
    words = _WORDS.findall(text)
    if not words or len(words) > MAX_PHRASE or any(c.isdigit() for c in text):
        return ()
    phrase = " ".join(words)
    family = extra.get(phrase) or TABLE.get(phrase)
    return (family,) if family else ()


def parse_last(text: str, extra: Mapping[str, str]) -> Colours:
    """The colour in which a text ends: what stands before the size in 'JKT RAIN W CHAR'."""
    words = _WORDS.findall(text)
    for length in range(min(MAX_PHRASE, len(words) - 1), 0, -1):
        if family := parse_whole(" ".join(words[-length:]), extra):
            return family
    return ()


@lru_cache(maxsize=50_000)
def compare(left: Colours, right: Colours) -> Agreement:
    """Equal families agree; neighbours, overlaps and words nobody knows decide nothing."""
    if not left or not right:
        return Agreement.UNKNOWN
    if left == right:
        return Agreement.AGREE
    if set(left) & set(right) or any(c[0] == "?" for c in (*left, *right)):
        return Agreement.UNKNOWN
    if any(frozenset((a, b)) in _NEAR for a in left for b in right):
        return Agreement.UNKNOWN
    if "multi" in left or "multi" in right:
        return Agreement.UNKNOWN
    return Agreement.CONFLICT


def near(left: Colours, right: Colours) -> bool:
    """Whether they are neighbours or overlap without being the same."""
    return bool(left and right) and left != right and compare(left, right) is Agreement.UNKNOWN
