"""Make the styles, ERP items and listings of the seeded catalogue, before anything is spoiled."""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal

from tests.sandbox import catalogue_words as words
from tests.sandbox.catalogue_types import (
    FIRST_ADVERT,
    FIRST_SELLER,
    FIRST_VARIANT,
    STANDARD,
    ZERO,
    SandboxErpItem,
    SandboxSeller,
    SandboxVariant,
)


def ean13(body: str) -> str:
    """The 12 digits followed by their GS1 check digit."""
    total = sum(map(int, body[::2])) + 3 * sum(map(int, body[1::2]))
    return body + str(-total % 10)


@dataclass(slots=True)
class Style:
    """A product family in the making: one ERP template, and the adverts that sell it."""

    code: str
    name: str
    template_name: str
    brand: str
    product: tuple[str, str, str, str, int, int, int, str]
    gender: str
    net_cents: int
    items: dict[tuple[str, str], SandboxErpItem]


class Builder:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"catalogue-{seed}")
        self.sellers = make_sellers()
        self.styles: dict[str, list[Style]] = {}
        self.items: list[SandboxErpItem] = []
        self.variants: list[SandboxVariant] = []
        self.truth: dict[int, str | None] = {}
        self.next_code = 40_000
        self.next_barcode = 11_000

    def style(self, brand: str) -> Style:
        """A new style of a brand, or, sometimes, one that another seller lists already."""
        known = self.styles.setdefault(brand, [])
        if known and self.rng.random() < 0.12:
            return self.rng.choice(known)
        style = self.new_style(brand)
        known.append(style)
        return style

    def new_style(self, brand: str) -> Style:
        """A style nobody lists yet."""
        products = [p for p in words.PRODUCTS if (p[7] == "K") == (brand in words.CHILDREN_ONLY)]
        product = self.rng.choices(products, [p[6] for p in products])[0]
        gender = self.rng.choice(product[7])
        self.next_code += self.rng.randint(3, 19)
        prefix = "".join(part[0] for part in brand.replace("&", " ").split())[:2].upper()
        code = f"{prefix:Q<2}{self.next_code}"
        word = self.rng.choice(words.STYLES)
        short = f"{word} {product[2]} {gender}"
        net = round(self.rng.randint(product[4], product[5]) / 50) * 50
        name = f"{word} {product[1]}"
        return Style(code, name, short.upper(), brand, product, gender, net, {})

    def item(
        self, style: Style, colour: tuple[str, str, tuple[str, ...]], size: str
    ) -> SandboxErpItem:
        """The ERP item for one colour and size of a style; made on first use."""
        found = style.items.get((colour[0], size))
        if found is not None:
            return found
        self.next_barcode += self.rng.randint(1, 7)
        prefix = "0649" if self.rng.random() < 0.2 else "5060"
        barcode = ean13(f"{prefix}{self.next_barcode:08d}")
        kids = style.product[0] == "Children"
        size_code = size.replace("One Size", "OS").replace(" ", "")
        noise = self.rng.random()
        shown = style.template_name if noise < 0.5 else style.template_name.title()
        item = SandboxErpItem(
            sku=f"{style.code}-{colour[1]}-{size_code}",
            name=f"{shown} {colour[1] if noise < 0.3 else colour[0]} {size}",
            template_code=style.code,
            template_name=style.template_name,
            barcode=barcode,
            list_price=Decimal(style.net_cents).scaleb(-2),
            tax_class="zero" if kids else "standard",
            active=True,
            size=size,
            colour=colour[0],
            brand=style.brand.upper() if self.rng.random() < 0.3 else style.brand,
            gender=words.GENDERS[style.gender],
            category=style.product[0],
        )
        style.items[(colour[0], size)] = item
        return item


def make_sellers() -> tuple[SandboxSeller, ...]:
    rows = []
    for index, row in enumerate(words.SELLERS):
        name, own, treatment, country, city, postcode, _, _ = row
        mail = "".join(c for c in name.lower() if c.isalnum())
        rate = Decimal("0") if own else Decimal(("12.5", "15", "18")[index % 3])
        rows.append(
            SandboxSeller(
                legacy_id=FIRST_SELLER + index,
                business_name=name,
                own=own,
                treatment=treatment or None,
                dispatch_country=country,
                city=city,
                postcode=postcode,
                email=f"orders@{mail}.example.test",
                commission_rate=rate,
            )
        )
    return tuple(rows)


def _shown_size(builder: Builder, habit: str, kind: str, size: str) -> str:
    if habit == "word":
        return words.SIZE_WORDS.get(size, size)
    if habit == "eu" and kind == "shoe":
        return f"EU {words.EU_SHOES[size]}"
    if habit == "eu" and kind == "dress":
        return f"EU {words.EU_DRESSES[size]}"
    if kind in ("shoe", "dress", "kidshoe") and builder.rng.random() < 0.5:
        return f"UK {size}"
    return size


def _shown_sku(builder: Builder, habit: str, item: SandboxErpItem, shown_size: str) -> str:
    """The seller's own idea of a SKU; `erp` sellers took over the ERP's."""
    if habit == "erp" or (habit == "mixed" and int(item.template_code[2:]) % 2):
        return item.sku
    if habit == "own":
        tail = "".join(c for c in shown_size if c.isalnum())
        return f"{item.brand[:3].upper()}{item.template_code[2:]}/{item.colour[:3].upper()}{tail}"
    return f"MKT-{builder.rng.randint(100_000, 999_999)}"


def _shown_barcode(builder: Builder, item: SandboxErpItem) -> tuple[str | None, tuple[str, ...]]:
    roll = builder.rng.random()
    code = item.barcode
    if code is None or roll < 0.29:
        return None, ("barcode_missing",)
    if roll < 0.31:
        at = builder.rng.randrange(3, 12)
        wrong = str((int(code[at]) + builder.rng.randint(1, 9)) % 10)
        return code[:at] + wrong + code[at + 1 :], ("barcode_mistyped",)
    if code.startswith("0") and roll < 0.75:
        return code[1:], ("barcode_upc_a",)
    return code, ()


def odd_sku(builder: Builder, sku: str) -> str:
    return builder.rng.choice(
        (sku.lower(), sku.replace("-", "_"), sku.replace("-", " ").lower(), f"{sku} ", f"#{sku}")
    )


def list_style(builder: Builder, seller_index: int, style: Style, room: int) -> None:
    """One advert of a seller: some colours and sizes of the style, as the seller types them."""
    rng = builder.rng
    seller = builder.sellers[seller_index]
    size_habit, sku_habit = words.SELLERS[seller_index][6:8]
    advert = FIRST_ADVERT + (builder.variants[-1].advert_legacy_id - FIRST_ADVERT + 1
                             if builder.variants else 0)  # fmt: skip
    kind = style.product[3]
    sizes = words.SIZES[kind]
    if len(sizes) > 4 and rng.random() < 0.4:
        sizes = sizes[1:-1]
    colours = rng.sample(words.COLOURS, rng.choice((1, 2, 2, 3, 3, 4)))
    pack = 3 if style.product[0] == "Underwear" and not seller.own and rng.random() < 0.3 else 1
    kids = style.product[0] == "Children"
    rate = ZERO if kids else STANDARD
    net = style.net_cents * pack
    gross = int((Decimal(net) * (1 + rate) / 100).to_integral_value()) * 100 - 1
    possessive = words.GENDER_TITLES[style.gender]
    title = " ".join(part for part in (style.brand, possessive, style.name) if part)
    title = f"{title} ({pack} Pack)" if pack > 1 else title
    for colour in colours:
        shown_colour = rng.choice(colour[2]) if rng.random() < 0.25 else colour[0]
        for size in sizes:
            if room <= 0:
                return
            room -= 1
            item = builder.item(style, colour, size)
            shown_size = _shown_size(builder, size_habit, kind, size)
            sku = _shown_sku(builder, sku_habit, item, shown_size)
            sku = f"{sku}-{pack}P" if pack > 1 else sku
            barcode, mistakes = _shown_barcode(builder, item)
            legacy_id = FIRST_VARIANT + len(builder.variants)
            builder.variants.append(
                SandboxVariant(
                    legacy_id=legacy_id,
                    advert_legacy_id=advert,
                    seller_legacy_id=seller.legacy_id,
                    sku=sku,
                    barcode=barcode,
                    title=title,
                    brand=style.brand,
                    size=shown_size,
                    colour=shown_colour,
                    gender=words.GENDERS[style.gender],
                    category=style.product[0],
                    price_cents=gross,
                    tax_rate=rate,
                    tax_code="GB-ZERO" if kids else "GB-STD",
                    stock=rng.choice((0, 1, 3, 8, 20, 40, 75, 120)),
                    published=rng.random() > 0.02,
                    popularity=0,
                    pack_quantity=pack,
                    mistakes=mistakes,
                )
            )
            builder.truth[legacy_id] = item.sku
