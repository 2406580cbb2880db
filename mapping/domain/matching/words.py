"""One form for text: entities, full-width letters, case, accents, and words for one thing."""

import html
import re
import unicodedata

# A word with what may join its parts: DSC-W170, 1.5, don't, VGNZ591U/B.
COMPOUND = re.compile(r"[^\W_]+(?:[.\-/'+&][^\W_]+)*")
PART = re.compile(r"[^\W_]+")
NOT_ALNUM = re.compile(r"[\W_]+")
_SPACES = re.compile(r"\s+")
_TAGS = re.compile(r"<[a-zA-Z/][^<>]{0,80}>")
_QUOTES = str.maketrans(
    {"’": "'", "‘": "'", "`": "'", "´": "'", "′": "'", "“": '"', "”": '"', "″": '"',
     "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "×": "x", "®": " ", "™": " ", "©": " "}
)  # fmt: skip

# What different shops call one thing, ERP abbreviations among them. Trade words, no brands.
SAME = {
    word: key
    for key, words in {
        "tshirt": "tee tees tshirts tshirt",
        "sneaker": "snkr snkrs sneakers trainer trainers trnr sneaker",
        "jacket": "jkt jckt jackets jacke veste blouson",
        "boxer": "boxers bxr boxer",
        "brief": "briefs brf trunk trunks underpants",
        "hoodie": "hoody hoodies hooded hdy",
        "pullover": "overhead oth jumper pullovers",
        "sweatshirt": "sweatshirts swtshrt swt sweat",
        "trouser": "trousers trsr trs pants pant chino chinos hose",
        "jean": "jeans jns",
        "short": "shorts shrt",
        "sock": "socks sck socken",
        "shoe": "shoes schuh schuhe chaussure chaussures",
        "boot": "boots bt stiefel",
        "chelsea": "chel chls",
        "legging": "leggings tight tights lgg",
        "shirt": "shirts shrts hemd chemise",
        "dress": "dresses drs kleid robe",
        "skirt": "skirts skt rock",
        "sweater": "sweaters swtr knitwear",
        "coat": "coats mantel",
        "crew": "crewneck crewnk",
        "neck": "nk",
        "straight": "str strt",
        "zip": "zipped zipper fullzip",
        "insulated": "ins",
        "waterproof": "wtrprf wp rain",
        "run": "running runner",
        "glove": "gloves glv",
        "headphone": "headphones hdphn headset headsets earphone earphones earbuds",
        "speaker": "speakers spkr spkrs loudspeaker loudspeakers",
        "camera": "cameras cam",
        "camcorder": "camcorders",
        "television": "televisions tv tvs hdtv hdtvs",
        "notebook": "notebooks laptop laptops",
        "charger": "chargers chrgr",
        "battery": "batteries batt btry",
        "cable": "cables cbl kabel",
        "adapter": "adapters adaptor adaptors adptr",
        "printer": "printers prntr",
        "cartridge": "cartridges cart crtg",
        "keyboard": "keyboards kybd kbd",
        "monitor": "monitors mntr",
        "wireless": "wrls cordless wifi",
        "stainless": "stnls inox",
        "refrigerator": "refrigerators fridge fridges",
        "dishwasher": "dishwashers",
        "professional": "pro prof",
        "edition": "editions edn",
        "upgrade": "upg upgrd",
        "license": "licence lic licences licenses licensing",
        "user": "users usr",
        "academic": "acad student education edu",
        "windows": "win",
        "macintosh": "mac",
        "deluxe": "dlx",
        "standard": "std",
        "premium": "prem",
        "bottle": "bottles btl",
        "shampoo": "shmp",
        "conditioner": "cond",
        "organic": "org bio",
        "and": "und et",
        "with": "w/ mit avec",
        "for": "fur fuer pour",
    }.items()
    for word in words.split()
}  # fmt: skip
_FILLERS_WORDS = (
    "the a an of for with and in on to by from new genuine original sale item brand authentic "
    "free shipping official oem"
)
FILLERS = frozenset(_FILLERS_WORDS.split())


def clean(text: str) -> str:
    """NFKC, entities and tags resolved, lower case, Latin accents gone, plain quotes and dashes."""
    if not text:
        return ""
    if "&" in text or "<" in text:
        text = _TAGS.sub(" ", html.unescape(text))
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_QUOTES)).translate(_QUOTES)
        folded = unicodedata.normalize("NFKD", text.casefold())
        text = "".join(c for c in folded if not "̀" <= c <= "ͯ")
        text = unicodedata.normalize("NFC", text)
    return _SPACES.sub(" ", text.lower()).strip()


def compact(text: str) -> str:
    """Letters and digits alone: 'DSC-W170/B' -> 'dscw170b'. The text is `clean` already."""
    return NOT_ALNUM.sub("", text)


def word(token: str) -> str:
    """A token's canonical spelling: possessives and plain plurals go, trade words are unified."""
    if token in SAME:
        return SAME[token]
    if token.endswith("'s"):
        token = token[:-2]
    elif len(token) > 4 and token.endswith("s") and token[-2] not in "sui" and token.isalpha():
        token = token[:-1]
    return SAME.get(token, token)
