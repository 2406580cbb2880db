"""Electronics, appliances and accessories; software and other titles with editions."""

import random
from collections.abc import Callable, Sequence

from mapping.domain.matching.worlds import style as styles
from mapping.domain.matching.worlds.article import Article

# noun ways (the ERP's last), typical features, price
_THINGS: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[float, float]], ...] = (
    (("LCD TV", "Flat Panel HDTV", "Television", "LCD HDTV"), ("inch", "1080p", "hdmi"), (200, 2500)),
    (("Digital Camera", "Compact Camera", "Camera"), ("mp", "zoom", "lcd"), (80, 900)),
    (("Camcorder", "Digital Camcorder", "High Definition Camcorder"), ("gb", "zoom", "lcd"), (150, 1300)),
    (("Speaker System", "Speakers", "Bookshelf Speakers", "Loudspeaker"), ("watt", "way"), (40, 900)),
    (("Headphones", "Earbuds", "Stereo Headset", "Headphone"), ("wireless", "noise"), (15, 350)),
    (("Laser Printer", "Printer", "Monochrome Laser Printer"), ("ppm", "dpi", "usb"), (80, 900)),
    (("Ink Cartridge", "Ink Tank", "Print Cartridge"), ("page",), (8, 60)),
    (("Toner Cartridge", "Toner"), ("page",), (40, 200)),
    (("Notebook Computer", "Laptop", "Notebook"), ("inch", "gb", "ghz"), (400, 2800)),
    (("External Hard Drive", "Portable Hard Disk", "HDD"), ("tb", "usb"), (50, 300)),
    (("Memory Card", "Flash Card", "SD Card"), ("gb", "class"), (8, 120)),
    (("Wireless Router", "Broadband Router", "Router"), ("port", "mbps"), (30, 250)),
    (("Ethernet Switch", "Switch", "Desktop Switch"), ("port", "gigabit"), (20, 400)),
    (("GPS Navigation System", "Navigator", "GPS Receiver", "Automobile Navigator"), ("inch", "voice"), (90, 600)),
    (("Cordless Phone", "Phone System", "Expandable Cordless Phone"), ("ghz", "handset"), (30, 180)),
    (("Bluetooth Headset", "Handsfree Headset", "Headset"), ("hours",), (20, 150)),
    (("Car Stereo", "CD Receiver", "In-Dash Receiver"), ("watt", "mp3"), (70, 500)),
    (("DVD Player", "DVD Recorder", "DVD"), ("1080p", "hdmi"), (30, 300)),
    (("Dishwasher", "Built-In Dishwasher", "DW"), ("inch", "cycles"), (300, 1500)),
    (("Refrigerator", "Side by Side Refrigerator", "Fridge"), ("cuft",), (500, 3000)),
    (("Microwave Oven", "Countertop Microwave", "Microwave"), ("cuft", "wattcook"), (60, 600)),
    (("Washer", "Front Load Washer", "Washing Machine"), ("cuft", "cycles"), (400, 1500)),
    (("Vacuum Cleaner", "Canister Vacuum", "Vacuum"), ("ampere", "bag"), (60, 600)),
    (("Coffee Maker", "Coffeemaker", "Espresso Machine"), ("cup", "program"), (30, 400)),
    (("Blender", "Countertop Blender"), ("wattcook", "speed"), (30, 200)),
    (("Camera Case", "Soft Case", "Carrying Case", "Case"), ("leather", "strap"), (8, 60)),
    (("Wall Mount", "Mounting Kit", "TV Bracket"), ("lbs", "tilt"), (25, 250)),
    (("USB Cable", "Cable", "HDMI Cable", "Patch Cable"), ("ft",), (5, 60)),
    (("Battery Pack", "Rechargeable Battery", "Li-Ion Battery"), ("mah", "volt"), (15, 120)),
    (("Keyboard", "Desktop Keyboard", "Multimedia Keyboard"), ("wireless", "usb"), (15, 150)),
    (("Mouse", "Optical Mouse", "Laser Mouse"), ("wireless", "dpi"), (12, 90)),
    (("Monitor", "LCD Monitor", "Widescreen Monitor", "Flat Panel Display"), ("inch", "ms"), (120, 900)),
)  # fmt: skip
_SHADES = (
    ("Black", "Blk", "BLK"), ("White", "Wht", "WHT"), ("Silver", "Slv"), ("Red", "RED"),
    ("Blue", "Blu"), ("Stainless Steel", "Stainless"), ("Pink", "PNK"), ("Titanium",),
    ("Graphite", "Charcoal"), ("Green", "GRN"), ("Purple",), ("Gray", "Grey"),
)  # fmt: skip
_FLUFF = (
    ("Deluxe",), ("Premium",), ("Professional", "Pro"), ("Ultra Slim", "Slim"), ("Portable",),
    ("Compact",), ("High Definition", "HD"), ("Energy Star",), ("Refurbished",), ("Kit",),
    ("with Remote Control", "w/ Remote"), ("with Case",), ("Universal",), ("Home",), ("Digital",),
    ("Series", "Ser."), ("Dual",), ("Advanced",), ("Mini",), ("Multimedia",), ("Office",),
)  # fmt: skip


def _feature(rng: random.Random, kind: str, step: int) -> Sequence[str]:
    """One measured feature; siblings differ by `step`."""
    r = rng.choice
    makers: dict[str, Callable[[], Sequence[object]]] = {
        "inch": lambda: [(n := [15, 19, 22, 26, 32, 37, 40, 42, 46, 50, 52][(r(range(8)) + step) % 11]),
                         f"{n}'", f'{n}"', f"{n}-inch", f"{n} in."][1:],
        "1080p": lambda: r([["1080p", "Full HD"], ["720p"]]),
        "hdmi": lambda: [f"{r([2, 3, 4])} HDMI"],
        "mp": lambda: [(n := [6, 7, 8, 10, 12, 14][(r(range(5)) + step) % 6]),
                       f"{n}.1 Megapixel", f"{n}MP", f"{n}.1 MP"][1:],
        "zoom": lambda: [(n := r([3, 4, 5, 10, 12, 18, 20])), f"{n}x Optical Zoom", f"{n}x Zoom"][1:],
        "lcd": lambda: [(n := r(["2.5", "2.7", "3.0"])), f"{n}' LCD", f'{n}" LCD'][1:],
        "gb": lambda: [(n := [1, 2, 4, 8, 16, 32, 64, 120, 250, 320][(r(range(6)) + step) % 10]),
                       f"{n}GB", f"{n} GB", f"{n}gb"][1:],
        "tb": lambda: r([["1TB", "1 TB"], ["500GB", "500 GB"], ["2TB", "2 TB"], ["750GB"]]),
        "watt": lambda: [(n := [50, 75, 100, 150, 200, 300][(r(range(6)) + step) % 6]),
                         f"{n} Watts", f"{n}W", f"{n}-Watt"][1:],
        "port": lambda: [(n := [4, 5, 8, 16, 24, 48][(r(range(4)) + step) % 6]),
                         f"{n}-Port", f"{n} Port", f"{n}port"][1:],
        "ghz": lambda: [(n := r(["1.6", "2.0", "2.4", "5.8"])), f"{n} GHz", f"{n}GHz"][1:],
        "ft": lambda: [(n := [3, 6, 10, 12, 25, 50][(r(range(5)) + step) % 6]),
                       f"{n} ft", f"{n}'", f"{n}-foot", f"{n}FT"][1:],
        "cuft": lambda: [(n := r(["0.8", "1.1", "1.6", "3.5", "4.2", "18.2", "25.4"])),
                         f"{n} Cu. Ft.", f"{n} cu ft"][1:],
        "ppm": lambda: [(n := r([16, 20, 24, 30])), f"{n} ppm", f"{n}ppm"][1:],
        "page": lambda: [(n := r([300, 600, 1500, 3000])), f"{n} page yield", f"{n} pages"][1:],
        "mah": lambda: [(n := r([700, 1200, 2200, 5000])), f"{n}mAh", f"{n} mAh"][1:],
    }  # fmt: skip
    if kind in makers:
        return [str(x) for x in makers[kind]()]
    return [kind.capitalize()] if rng.random() < 0.7 else [f"{rng.randint(2, 30)} {kind}"]


def _number(rng: random.Random, prefix: str, short: bool) -> str:
    digits = rng.randint(2, 3) if short else rng.randint(2, 5)
    body = "".join(rng.choice("0123456789") for _ in range(digits))
    roll = rng.random()
    if roll < 0.15:
        return str(rng.randint(10**4, 10**7))
    if roll < 0.3:
        return f"{rng.randint(100, 999)}-{rng.randint(10000, 99999)}-{rng.randint(0, 20):02d}"
    if roll < 0.55:
        return f"{prefix}-{body}" if roll < 0.42 else f"{body}{prefix}"
    return prefix + body


def electronics(rng: random.Random, count: int, *, short: float = 0.0) -> list[Article]:
    """Articles in families: one model in several colours, capacities or digits."""
    made: list[Article] = []
    brands = [styles.brand(rng) for _ in range(max(8, count // 45))]
    family = 0
    while len(made) < count:
        family += 1
        noun, kinds, (low, high) = rng.choice(_THINGS)
        maker = rng.choice(brands)
        letters = "".join(rng.choice("ABCDEFGHKLMNPRSTVWXZ") for _ in range(rng.randint(1, 4)))
        base = _number(rng, letters, rng.random() < short)
        line = styles.name(rng, rng.choice([1, 2])) if rng.random() < 0.5 else ""
        fluff = rng.sample(_FLUFF, rng.randint(1, 5))
        price = rng.uniform(low, high) ** 0.5 * low**0.5
        seed = rng.randrange(10**9)
        members = rng.choice([1, 1, 1, 2, 2, 3, 5])
        mode = rng.choice(["colour", "step", "number"])
        shade = rng.choice(_SHADES) if rng.random() < 0.6 else ()
        for step in range(members):
            own = random.Random(seed)
            words = [_feature(own, k, step if mode == "step" else 0) for k in kinds]
            own_shade = rng.choice(_SHADES) if mode == "colour" and members > 1 else shade
            model = base
            if mode == "colour" and own_shade and members > 1:
                model = base + rng.choice([own_shade[0][0].upper(), own_shade[0][:2].upper(), ""])
            elif step:
                digits = [n for n, c in enumerate(base) if c.isdigit()]
                at = rng.choice(digits)
                model = base[:at] + str((int(base[at]) + step) % 10) + base[at + 1 :]
            version: Sequence[str] = ()
            if mode == "number" and members > 1 and rng.random() < 0.3:
                version = (f"{step + 1}", f"v{step + 1}", f"Gen {step + 1}")
            made.append(
                Article(
                    brand=maker,
                    line=line,
                    noun=noun,
                    model=model,
                    price=price * (1 + 0.25 * step),
                    gtin=styles.gtin(rng),
                    family=family,
                    words=[*words, *fluff],
                    colour=own_shade,
                    version=version,
                    category=noun[-1],
                    vendor_sku=model if rng.random() < 0.6 else str(rng.randrange(10**6, 10**8)),
                    pack=rng.choice([1] * 12 + [2, 3, 5]),
                )
            )
    return made[:count]


_PROGRAMS = (
    "Photo Studio", "Office Suite", "Antivirus", "Internet Security", "Accounting", "Tax Planner",
    "Video Editor", "Language Tutor", "Typing Teacher", "Encyclopedia", "Home Designer",
    "Web Builder", "Disk Utility", "Backup Manager", "Database Server", "Page Layout",
    "Music Composer", "Family Tree", "Landscape Designer", "Math Adventure", "Reading Program",
    "Racing Game", "Strategy Game", "PDF Converter", "Project Planner", "Mail Server",
    "Graphics Collection", "Font Library", "Legal Forms", "Spelling Games",
)  # fmt: skip
_EDITIONS = (
    ("Standard", "Std"), ("Professional", "Pro"), ("Premium", "Premier"), ("Deluxe", "DLX"),
    ("Home",), ("Small Business", "SB"), ("Enterprise", "Ent"), ("Basic",), ("Gold",), ("Academic", "Education"),
    ("Student",), ("Extended",), ("Home & Student",),
)  # fmt: skip
_TERMS = (
    ("Upgrade", "Upg"), ("Full Version", "Complete Package", "Full"), ("License", "Lic"),
    ("3 Users", "3-User", "3 PC"), ("1 User", "Single User"), ("5 Users", "5-User"),
    ("Media Only", "Media"), ("Competitive Upgrade", "Comp Upg"),
)  # fmt: skip
_PLATFORMS = (("for Windows", "Win"), ("for Mac", "Mac"), ("Win/Mac",), ("PC",), ("CD-ROM", "CD"))


def software(rng: random.Random, count: int) -> list[Article]:
    """Titles whose editions, versions, platforms and licences differ by one word."""
    made: list[Article] = []
    houses = [styles.brand(rng) for _ in range(max(10, count // 20))]
    family = 0
    while len(made) < count:
        family += 1
        house = rng.choice(houses)
        line = styles.name(rng, rng.choice([1, 2]))
        program = rng.choice(_PROGRAMS)
        start = rng.randint(1, 14)
        yearly = rng.random() < 0.3
        price = rng.choice([15.0, 20, 30, 40, 50, 80, 100, 150, 300, 500, 900])
        for member in range(rng.choice([1, 1, 2, 3, 5, 7])):
            number = start + member % 3
            shown: Sequence[str] = (f"{number}.0", f"v{number}", f"{number}", f"Version {number}")
            if yearly:
                shown = (f"{1998 + number}", f"{1998 + number}")
            elif rng.random() < 0.15:
                shown = ()
            words: list[Sequence[str]] = [w for w in (rng.choice(_EDITIONS), rng.choice(_TERMS), rng.choice(_PLATFORMS))
                     if rng.random() < 0.6]  # fmt: skip
            made.append(
                Article(
                    brand=house,
                    line=line,
                    noun=(program, program.split()[-1]) if rng.random() < 0.5 else (program,),
                    model=str(rng.randint(10**5, 10**8)) if rng.random() < 0.4 else "",
                    price=price * rng.uniform(0.7, 1.6),
                    gtin=styles.gtin(rng),
                    family=family,
                    words=words,
                    version=shown,
                    category="Software",
                    vendor_sku=f"{rng.randint(10**5, 10**8)}",
                )
            )
    return made[:count]
