"""Listings and items as the ranking reads them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mapping.domain.suggestions import Record, Synonyms
from mapping.models import ErpItem, Listing, Synonym

# What an option of an item or a part of a label is called, and the field of a record it fills.
NAMES = {
    "size": "size",
    "shoe size": "size",
    "colour": "colour",
    "color": "colour",
    "brand": "brand",
    "manufacturer": "brand",
    "pack": "pack",
    "pack size": "pack",
    "gender": "gender",
    "age": "gender",
    "category": "category",
    "model": "model",
    "part number": "model",
    "mpn": "model",
    "description": "description",
}
# A part of a label without a name that can only be a size.
SIZE = re.compile(
    r"(?: x{0,4}s | m | x{0,5}l | [2-6]xl | one\ size | os"
    r" | (?:eu|uk|us)?\ ?\d{1,3}(?:[.,]\d+)?(?:\ ?(?:eu|uk|us|cm|mm|m|ml|l|g|kg|oz|in|\"))?"
    r" | w?\d{2}\ ?[/x]\ ?l?\d{2} | \d{1,2}[-–]\d{1,2}(?:\ ?(?:y|m|yrs|years))? )",
    re.IGNORECASE | re.VERBOSE,
)


def of_listing(listing: Listing) -> Record:
    """A listing; `id` is its key. Its label says size and colour as Marketplacer words them."""
    named, rest = _label(listing.label)
    return Record(
        id=str(listing.pk),
        title=" ".join([listing.title, *rest]).strip(),
        brand=listing.brand,
        sku=listing.sku,
        gtins=(listing.barcode,) if listing.barcode else (),
        price=listing.price,
        parent=listing.advert_id,
        seller=str(listing.seller_id),
        **named,
    )


def _label(label: str) -> tuple[dict[str, str], list[str]]:
    """The named parts of "Sage / M" or "Size: M, Colour: Sage", and what is left of it."""
    named: dict[str, str] = {}
    rest: list[str] = []
    separator = r"\s*[/|,;]\s+|\s+/\s*" if ":" not in label else r"\s*[/|,;]\s*"
    for part in filter(None, re.split(separator, label.strip())):
        name, colon, value = part.partition(":")
        field = NAMES.get(name.strip().lower()) if colon else None
        if field is not None:
            named[field] = value.strip()
        elif SIZE.fullmatch(part.strip()) and "size" not in named:
            named["size"] = part.strip()
        else:
            rest.append(part.strip())
    if len(rest) == 1 and "colour" not in named and "size" in named:
        named["colour"] = rest[0]
    return named, rest


def of_item(item: ErpItem) -> Record:
    """An ERP item; `id` is its key. Options that have no field of their own join the title."""
    named, rest = _options(item.options)
    return Record(
        id=str(item.pk),
        title=" ".join([item.name, *rest]),
        sku=item.sku,
        gtins=tuple(item.barcodes),
        price=item.price,
        currency=item.currency,
        parent=item.parent_ref,
        **named,
    )


def _options(options: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    named: dict[str, str] = {}
    rest: list[str] = []
    for name, value in options.items():
        field = NAMES.get(name.strip().lower())
        if field is not None and field not in named:
            named[field] = str(value)
        else:
            rest.append(str(value))
    return named, rest


def items() -> Iterator[Record]:
    """Every active item, streamed in the order of their keys."""
    rows = ErpItem.objects.filter(active=True).order_by("pk")
    for item in rows.defer("search_text").iterator(chunk_size=2000):
        yield of_item(item)


def synonyms() -> Synonyms:
    """The words of this company."""
    rows = list(Synonym.objects.order_by("pk"))
    return Synonyms(
        colours={row.word: row.means for row in rows if row.kind == Synonym.Kind.COLOUR},
        brands={row.word: row.means for row in rows if row.kind == Synonym.Kind.BRAND},
    )
