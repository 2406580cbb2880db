"""Mixed retail: groceries, household, beauty, toys, tools; and clothes and shoes."""

import random
from collections.abc import Sequence

from mapping.domain.matching.worlds import style as styles
from mapping.domain.matching.worlds.article import Article

_GOODS: tuple[tuple[tuple[str, ...], str, tuple[str, ...], tuple[float, float]], ...] = (
    (("Shampoo", "Shmp"), "ml", ("Moisturizing", "Volume", "Anti-Dandruff", "Color Care", "Repair"), (3, 20)),
    (("Hand Soap", "Liquid Soap"), "ml", ("Lavender", "Lemon", "Aloe", "Sea Breeze", "Unscented"), (2, 12)),
    (("Body Lotion", "Lotion"), "ml", ("Cocoa Butter", "Shea", "Sensitive", "Aloe"), (4, 25)),
    (("Eau de Toilette", "EDT Spray"), "ml", ("for Men", "for Women", "Sport", "Intense"), (20, 90)),
    (("Ground Coffee", "Coffee", "Cof Grnd"), "g", ("Dark Roast", "Medium Roast", "Decaf", "Hazelnut", "Espresso"), (5, 20)),
    (("Green Tea", "Tea"), "ct", ("Jasmine", "Mint", "Honey Lemon", "Classic"), (3, 12)),
    (("Dog Food", "Dry Dog Food"), "kg", ("Chicken", "Lamb & Rice", "Puppy", "Senior", "Beef"), (10, 70)),
    (("Cat Litter", "Litter"), "kg", ("Clumping", "Scented", "Unscented"), (6, 30)),
    (("Laundry Detergent", "Detergent", "Lndry Det"), "ml", ("Fresh Scent", "Free & Clear", "Spring Meadow"), (6, 30)),
    (("Paper Towels", "Kitchen Rolls", "Ppr Twl"), "rolls", ("White", "Prints", "Select-a-Size"), (5, 30)),
    (("Potato Chips", "Chips"), "g", ("Original", "Barbecue", "Sour Cream & Onion", "Salt & Vinegar"), (2, 7)),
    (("Protein Bar", "Bar"), "ct", ("Chocolate", "Peanut Butter", "Vanilla", "Cookie Dough"), (8, 35)),
    (("Olive Oil", "Extra Virgin Olive Oil", "EVOO"), "ml", ("Organic", "Classic", "Robust"), (6, 30)),
    (("Wall Paint", "Interior Paint"), "l", ("Matte", "Eggshell", "Semi-Gloss", "Satin"), (15, 60)),
    (("LED Bulb", "Light Bulb", "Lamp LED"), "watt", ("Soft White", "Daylight", "Dimmable", "Warm White"), (4, 25)),
    (("Drill Bit Set", "Drill Bits"), "pc", ("Titanium", "Masonry", "Cobalt"), (10, 60)),
    (("Storage Container", "Food Container"), "ml", ("Round", "Square", "with Lid"), (4, 30)),
    (("Frying Pan", "Skillet", "Fry Pan"), "cm", ("Nonstick", "Cast Iron", "Stainless"), (15, 90)),
    (("Bath Towel", "Towel"), "cm", ("Cotton", "Quick Dry", "Luxury"), (8, 40)),
    (("Building Blocks", "Block Set", "Playset"), "pcs", ("Castle", "Space", "Farm", "Police", "Pirate"), (15, 120)),
    (("Doll", "Fashion Doll"), "", ("Princess", "Doctor", "Mermaid", "Ballerina"), (10, 40)),
    (("Board Game", "Game"), "", ("Junior", "Travel", "Classic", "Deluxe"), (12, 60)),
    (("Diapers", "Nappies"), "ct", ("Size 1", "Size 2", "Size 3", "Size 4", "Size 5"), (10, 50)),
    (("Notebook A5", "Ruled Notebook", "Spiral Notebook"), "sheets", ("Lined", "Dotted", "Plain"), (2, 20)),
    (("Ballpoint Pens", "Pens"), "ct", ("Fine", "Medium", "Gel"), (3, 20)),
    (("Bicycle Tire", "Bike Tyre"), "inch", ("Road", "Mountain", "Slick"), (12, 60)),
    (("Yoga Mat", "Exercise Mat"), "mm", ("Eco", "Travel", "Extra Thick"), (12, 70)),
    (("Car Wax", "Polish"), "ml", ("Carnauba", "Ceramic", "Spray"), (8, 35)),
    (("Novel Hardcover", "Hardcover", "Book"), "", ("Mystery", "Romance", "History"), (8, 30)),
    (("Vitamin C Tablets", "Vitamin C", "Tabs Vit C"), "ct", ("500 mg", "1000 mg", "Chewable"), (5, 25)),
)  # fmt: skip
_AMOUNTS = {
    "ml": (100, 200, 250, 330, 400, 500, 750, 1000, 1500), "g": (40, 100, 150, 200, 250, 340, 500),
    "kg": (1, 2, 3, 5, 7, 12, 15), "ct": (10, 20, 25, 40, 50, 100), "rolls": (2, 4, 6, 8, 12),
    "l": (1, 2, 5, 10), "watt": (5, 7, 9, 12, 15, 60, 75, 100), "pc": (5, 10, 13, 29),
    "cm": (20, 24, 28, 30), "pcs": (50, 120, 250, 500, 800), "sheets": (50, 80, 100, 200),
    "inch": (20, 24, 26, 28), "mm": (4, 6, 8, 10),
}  # fmt: skip
_HUES = (
    ("Black", "Jet Black", "BLK"), ("White", "Optic White", "WHT"), ("Navy", "Navy Blue", "NVY"),
    ("Grey", "Gray", "GRY"), ("Grey Marl", "Heather Grey", "GRY MRL"), ("Charcoal", "Dark Grey", "CHAR"),
    ("Red", "Bright Red", "RED"), ("Burgundy", "Wine", "BURG"), ("Pink", "Dusty Pink", "PNK"),
    ("Olive", "Khaki Green", "OLV"), ("Dark Green", "Bottle Green", "DK GRN"), ("Teal", "Petrol", "TEAL"),
    ("Light Blue", "Sky Blue", "LT BLU"), ("Royal Blue", "Cobalt Blue", "ROYAL"), ("Purple", "Violet", "PRP"),
    ("Beige", "Sand", "BGE"), ("Brown", "Dark Brown", "BRN"), ("Tan", "Cognac", "TAN"), ("Orange", "ORNG"),
    ("Yellow", "YLW"), ("Mustard", "Ochre", "MUST"), ("Cream", "Ecru", "CRM"), ("Mint", "Mint Green", "MNT"),
    ("Turquoise", "Aqua", "TURQ"), ("Coral", "CRL"), ("Lilac", "Lavender", "LIL"), ("Blue", "BLU"),
    ("Green", "Kelly Green", "GRN"), ("Rust", "Terracotta", "RUST"),
)  # fmt: skip
_CLOTHES: tuple[tuple[tuple[str, ...], str, tuple[float, float]], ...] = (
    (("Crew Neck T-Shirt", "T-Shirt", "Crewneck Tee", "TEE CREW NK"), "alpha", (12, 35)),
    (("V-Neck T-Shirt", "V Neck Tee", "TEE V NK"), "alpha", (12, 35)),
    (("Polo Shirt", "Polo", "POLO SS"), "alpha", (20, 60)),
    (("Hooded Sweatshirt", "Pullover Hoodie", "Hoodie", "HDY OTH"), "alpha", (30, 80)),
    (("Rain Jacket", "Waterproof Jacket", "JKT RAIN"), "alpha", (50, 160)),
    (("Fleece Jacket", "Fleece", "JKT FLC"), "alpha", (40, 110)),
    (("Slim Fit Jeans", "Slim Jeans", "JEAN SLIM"), "waist", (40, 130)),
    (("Chino Trousers", "Chinos", "CHINO"), "waist", (35, 95)),
    (("Running Shoes", "Road Running Trainers", "SHOE RUN"), "shoe", (60, 160)),
    (("Leather Boots", "Ankle Boots", "BOOT ANK"), "shoe", (80, 220)),
    (("Sneakers", "Low Trainers", "SNKR LOW"), "shoe", (50, 120)),
    (("Sandals", "Flat Sandals", "SNDL"), "shoe", (25, 80)),
    (("Crew Socks", "Ribbed Socks", "SOCK CREW"), "range", (5, 15)),
    (("Boxer Briefs", "Trunks", "BOXER BRF"), "alpha", (10, 30)),
    (("Leggings", "7/8 Tights", "LEGGING"), "alpha", (25, 70)),
    (("Summer Dress", "Dress", "DRS SMR"), "alpha", (30, 110)),
    (("Beanie Hat", "Beanie", "HAT BNE"), "one", (10, 30)),
    (("Leather Gloves", "Gloves", "GLV LTH"), "alpha", (20, 60)),
)  # fmt: skip
_ALPHA = (
    ("XS", "X-Small", "Extra Small"), ("S", "Small", "Sml"), ("M", "Medium", "Med"),
    ("L", "Large"), ("XL", "X-Large", "Extra Large"), ("XXL", "2XL", "XX-Large"), ("3XL", "XXXL"),
)  # fmt: skip
_GENDERS = (
    ("Men's", "Mens", "for Men", "M"),
    ("Women's", "Ladies", "Womens", "W"),
    ("Kids'", "Junior", "Kids", "K"),
)
_MEN = {
    40: ("7", "6.5"),
    41: ("8", "7.5"),
    42: ("8.5", "8"),
    43: ("9.5", "9"),
    44: ("10", "9.5"),
    45: ("11", "10.5"),
}
_WOMEN = {
    36: ("5.5", "3.5"),
    37: ("6.5", "4"),
    38: ("7.5", "5"),
    39: ("8", "6"),
    40: ("9", "6.5"),
    41: ("9.5", "7.5"),
}
_KIDS = {
    30: ("12.5", "12"),
    31: ("13", "12.5"),
    32: ("1", "13.5"),
    33: ("2", "1"),
    34: ("3", "2"),
    35: ("3.5", "2.5"),
}


def retail(rng: random.Random, count: int) -> list[Article]:
    """Shelf goods in families of scents, amounts and multi-packs."""
    made: list[Article] = []
    makers = [styles.brand(rng) for _ in range(max(12, count // 30))]
    family = 0
    while len(made) < count:
        family += 1
        noun, unit, kinds, (low, high) = rng.choice(_GOODS)
        maker = rng.choice(makers)
        line = styles.name(rng, rng.choice([1, 2])) if rng.random() < 0.6 else ""
        price = rng.uniform(low, high)
        amounts = rng.sample(_AMOUNTS[unit], min(rng.choice([1, 1, 2, 3]), 3)) if unit else [0]
        for flavour in rng.sample(kinds, rng.randint(1, min(4, len(kinds)))):
            for amount in amounts:
                pack = rng.choice([1, 1, 1, 1, 1, 2, 3, 6, 12])
                ways: Sequence[str] = ()
                if amount:
                    ways = (f"{amount} {unit}", f"{amount}{unit}", f"{amount}{unit.upper()}")
                    if unit == "ml" and amount >= 1000:
                        ways = (f"{amount / 1000:g} L", f"{amount}ml", f"{amount / 1000:g}L")
                number = f"{maker[:2].upper()}{rng.randint(1000, 99999)}"
                made.append(
                    Article(
                        brand=maker,
                        line=line,
                        noun=noun,
                        model=number if rng.random() < 0.25 else "",
                        price=price * pack**0.9 * rng.uniform(0.9, 1.2),
                        gtin=styles.gtin(rng),
                        family=family,
                        words=[(flavour,), (rng.choice(("Family Size", "Value", "Premium", "Gentle", "New Formula")),)],
                        size=ways,
                        pack=pack,
                        colour=rng.choice(_HUES) if rng.random() < 0.1 else (),
                        category=noun[-1],
                        vendor_sku=number,
                    )
                )  # fmt: skip
    return made[:count]


def _sizes(rng: random.Random, system: str, gender: int) -> list[Sequence[str]]:
    if system == "alpha":
        return list(_ALPHA[: rng.randint(4, 7)])
    if system == "waist":
        return [(f"{w}/{leg}", f"W{w} L{leg}", f"{w}W x {leg}L", f"{w}/{leg}")
                for w in rng.sample((28, 30, 31, 32, 33, 34, 36), 3) for leg in (30, 32, 34)]  # fmt: skip
    if system == "shoe":
        chart = (_MEN, _WOMEN, _KIDS)[gender]
        return [(f"EU {eu}", f"US {us}", f"UK {uk}", f"{eu}", f"EU {eu} / US {us}", f"EU {eu}")
                for eu, (us, uk) in chart.items()]  # fmt: skip
    if system == "range":
        return [("36-38", "36 - 38"), ("39-42", "39–42"), ("43-46", "43 - 46")]
    return [("One Size", "OS", "OSFA")]


def apparel(rng: random.Random, count: int) -> list[Article]:
    """Styles in colours and sizes; a second generation has the same name and a number."""
    made: list[Article] = []
    makers = [styles.brand(rng) for _ in range(rng.randint(6, 20))]
    lines = [styles.name(rng, rng.choice([1, 2])) for _ in range(rng.randint(12, 40))]
    family = 0
    while len(made) < count:
        noun, system, (low, high) = rng.choice(_CLOTHES)
        maker, line, gender = rng.choice(makers), rng.choice(lines), rng.randrange(3)
        price = rng.uniform(low, high)
        generations = rng.choice([(0,), (0,), (2,), (0, 2), (2, 3)])
        shades = rng.sample(_HUES, rng.randint(1, 6))
        options = _sizes(rng, system, gender)
        packs = rng.choice([(1,), (1,), (1, 3), (1, 2)]) if system in {"alpha", "range"} else (1,)
        for generation in generations:
            family += 1
            number = f"{maker[:2].upper()}{rng.randint(1000, 99999)}"
            version = (f"{generation}", f"v{generation}", f"{generation}") if generation else ()
            for shade in shades:
                for size in rng.sample(
                    options, rng.randint(max(1, len(options) - 3), len(options))
                ):
                    for pack in packs:
                        code = f"{number}-{shade[-1][:3].strip()}-{size[0].replace('/', '').replace(' ', '')}"
                        made.append(
                            Article(
                                brand=maker,
                                line=line,
                                noun=noun,
                                model="",
                                price=price * pack**0.85 * rng.choice([1, 1, 1.05]),
                                gtin=styles.gtin(rng),
                                family=family,
                                size=size,
                                colour=shade,
                                pack=pack,
                                gender=_GENDERS[gender],
                                version=version,
                                category=noun[-1],
                                vendor_sku=code + (f"-{pack}P" if pack > 1 else ""),
                            )
                        )  # fmt: skip
    return made[:count]
