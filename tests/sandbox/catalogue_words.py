"""Invented words of the sandbox marketplace: sellers, brands, products, sizes and colours.

Nothing here names a real company. Kept apart from the generator so that the generator reads as
rules and this file as data.
"""

from __future__ import annotations

# name, own, treatment ("" = none), dispatch country, city, postcode, size habit, SKU habit
SELLERS: tuple[tuple[str, bool, str, str, str, str, str, str], ...] = (
    ("Marlowe & Quay", True, "principal", "GB", "Leeds", "LS10 1NA", "letter", "erp"),
    ("Quay Outlet", True, "principal", "GB", "Leeds", "LS10 1NA", "letter", "erp"),
    ("Little Quay", True, "principal", "GB", "Leeds", "LS10 1NA", "letter", "erp"),
    ("Northfell Outdoor", False, "agent", "GB", "Kendal", "LA9 4QH", "letter", "erp"),
    ("Harrow Workwear", False, "agent", "GB", "Walsall", "WS2 8TQ", "word", "erp"),
    ("Brae & Moor", False, "agent", "GB", "Perth", "PH1 5XA", "letter", "mixed"),
    ("Tansy Lane", False, "agent", "GB", "Bath", "BA2 3RB", "letter", "mixed"),
    ("Alder & Finch", False, "agent", "GB", "Norwich", "NR3 1AB", "word", "own"),
    ("Solent Sole Co", False, "agent", "GB", "Southampton", "SO15 1HJ", "eu", "own"),
    ("Pip and Bramble", False, "agent", "GB", "Cardiff", "CF11 8LD", "letter", "mixed"),
    ("Quillon Sport", False, "agent", "GB", "Sheffield", "S9 2YZ", "letter", "erp"),
    ("Velour & Vine", False, "agent", "GB", "London", "E8 4RU", "eu", "own"),
    ("Liffey Knitwear", False, "agent", "IE", "Dublin", "D08 X2A7", "letter", "mixed"),
    ("Fen & Furrow", False, "", "GB", "Ely", "CB7 4EE", "letter", "mixed"),
)

# Which brands a seller lists, by position in SELLERS. A brand that several sellers list gives the
# same item, and often the same SKU, at more than one seller.
BRANDS: tuple[tuple[str, ...], ...] = (
    ("Marlowe", "Quayside", "Alder & Finch"),
    ("Marlowe", "Quayside", "Northfell"),
    ("Little Quay", "Pip"),
    ("Northfell", "Skerry"),
    ("Harrow Workwear",),
    ("Brae & Moor",),
    ("Tansy Lane", "Halcyon"),
    ("Alder & Finch", "Oakham"),
    ("Solent", "Skerry"),
    ("Pip", "Bramble"),
    ("Quillon", "Terra Nine"),
    ("Velour", "Vine Street"),
    ("Liffey",),
    ("Fen & Furrow", "Oakham"),
)

STYLES: tuple[str, ...] = (
    "Terra", "Haven", "Juno", "Drift", "Flint", "Quest", "Ember", "Larch", "Otter", "Sorrel",
    "Tarn", "Wren", "Cove", "Heath", "Indigo", "Kestrel", "Linden", "Maple", "Nimbus", "Orchard",
    "Poppy", "Ridge", "Sable", "Thistle", "Umber", "Vale", "Willow", "Yarrow", "Zephyr", "Bracken",
    "Clover", "Dune", "Fern", "Gale", "Hazel", "Iris", "Jasper", "Knoll", "Lark", "Mist",
)  # fmt: skip

# category, product, ERP short name, size kind, net pence from and to, weight, genders
PRODUCTS: tuple[tuple[str, str, str, str, int, int, int, str], ...] = (
    ("Tops", "Crew Neck T-Shirt", "TSHIRT CREW", "letter", 900, 2600, 10, "MW"),
    ("Tops", "V-Neck T-Shirt", "TSHIRT VN", "letter", 900, 2600, 6, "MW"),
    ("Tops", "Polo Shirt", "POLO", "letter", 1600, 4200, 6, "MW"),
    ("Tops", "Oxford Shirt", "SHIRT OXF", "letter", 2400, 6500, 5, "M"),
    ("Tops", "Silk Blouse", "BLOUSE SLK", "dress", 3200, 9000, 4, "W"),
    ("Knitwear", "Merino Jumper", "JMPR MRN", "letter", 3800, 9900, 7, "MW"),
    ("Knitwear", "Cable Cardigan", "CRDGN CBL", "letter", 3500, 9500, 4, "MW"),
    ("Outerwear", "Insulated Down Jacket", "JKT DWN", "letter", 7900, 19900, 4, "MW"),
    ("Outerwear", "Waterproof Parka", "PARKA WP", "letter", 8900, 22900, 3, "MW"),
    ("Trousers", "Slim Jeans", "JEANS SLM", "waist", 3200, 8500, 6, "MW"),
    ("Trousers", "Chino Trousers", "CHINO", "waist", 2900, 6900, 4, "M"),
    ("Trousers", "Work Trousers", "TRS WRK", "waist", 2600, 6200, 3, "M"),
    ("Dresses", "Midi Dress", "DRS MIDI", "dress", 3200, 11900, 7, "W"),
    ("Dresses", "Wrap Skirt", "SKRT WRP", "dress", 2400, 6900, 4, "W"),
    ("Underwear", "Crew Socks", "SOCK CREW", "sock", 400, 1200, 3, "MW"),
    ("Underwear", "Jersey Trunks", "TRUNKS JRS", "letter", 700, 1900, 3, "M"),
    ("Footwear", "Leather Chelsea Boots", "BOOT CHLS", "shoe", 6900, 17900, 4, "MW"),
    ("Footwear", "Canvas Trainers", "TRNR CNV", "shoe", 2900, 7900, 6, "MW"),
    ("Footwear", "Suede Loafers", "LOAFER SDE", "shoe", 4900, 11900, 3, "MW"),
    ("Accessories", "Wool Scarf", "SCARF WL", "one", 1400, 4900, 3, "U"),
    ("Accessories", "Leather Belt", "BELT LTH", "letter", 1600, 5500, 3, "M"),
    ("Accessories", "Canvas Tote Bag", "BAG TOTE", "one", 1200, 4500, 3, "U"),
    ("Children", "Kids' Graphic T-Shirt", "KD TSHIRT", "age", 500, 1400, 8, "K"),
    ("Children", "Kids' Pull-On Joggers", "KD JGGR", "age", 800, 2000, 6, "K"),
    ("Children", "Kids' Rain Jacket", "KD JKT RN", "age", 1800, 4200, 4, "K"),
    ("Children", "Baby Sleepsuit", "KD SLPST", "baby", 700, 1800, 4, "K"),
    ("Children", "Kids' Wellington Boots", "KD WELLY", "kidshoe", 1100, 2400, 3, "K"),
)

CHILDREN_ONLY = frozenset({"Little Quay", "Pip", "Bramble"})

# colour as the ERP knows it, ERP code, other spellings sellers use
COLOURS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Black", "BLK", ("Jet Black", "BLK", "Noir")),
    ("White", "WHT", ("Bright White", "WHT", "Optic White")),
    ("Navy", "NVY", ("NVY", "Navy Blue", "Dark Navy")),
    ("Grey Marl", "GRM", ("Grey", "Gray Marl", "Heather Grey")),
    ("Charcoal", "CHA", ("Char", "Dark Grey", "Charcoal Grey")),
    ("Burgundy", "BUR", ("Wine", "Bordeaux", "Maroon")),
    ("Olive", "OLV", ("Khaki", "Olive Green", "OLV")),
    ("Stone", "STN", ("Beige", "Sand", "Stone/Ecru")),
    ("Red", "RED", ("Scarlet", "Bright Red", "Chilli")),
    ("Sky Blue", "SKY", ("Light Blue", "Pale Blue", "Sky")),
    ("Forest", "FOR", ("Forest Green", "Dark Green", "Bottle")),
    ("Blush", "BLS", ("Pink", "Dusty Pink", "Rose")),
)

SIZES: dict[str, tuple[str, ...]] = {
    "letter": ("XS", "S", "M", "L", "XL", "XXL"),
    "dress": ("8", "10", "12", "14", "16", "18"),
    "waist": ("28", "30", "32", "34", "36", "38"),
    "shoe": ("3", "4", "5", "6", "7", "8", "9", "10", "11"),
    "sock": ("4-7", "8-11"),
    "age": ("2-3Y", "3-4Y", "5-6Y", "7-8Y", "9-10Y"),
    "baby": ("0-3M", "3-6M", "6-9M", "9-12M"),
    "kidshoe": ("8", "9", "10", "11", "12", "13"),
    "one": ("One Size",),
}

SIZE_WORDS = {
    "XS": "Extra Small", "S": "Small", "M": "Medium", "L": "Large", "XL": "X-Large",
    "XXL": "2XL",
}  # fmt: skip
EU_SHOES = {"3": "36", "4": "37", "5": "38", "6": "39", "7": "41", "8": "42", "9": "43",
            "10": "44", "11": "46"}  # fmt: skip
EU_DRESSES = {"8": "36", "10": "38", "12": "40", "14": "42", "16": "44", "18": "46"}

GENDERS = {"M": "men", "W": "women", "U": "unisex", "K": "children"}
GENDER_TITLES = {"M": "Men's", "W": "Women's", "U": "", "K": ""}
