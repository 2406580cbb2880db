"""An ERP item beside a listing: how sure, what agrees, what conflicts, what is not known."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings

from mapping.domain.text import search_text
from mapping.models import ErpItem, Listing
from mapping.selectors import Offer
from mkterp.core.screens import words

WORDS_SHOWN = 8
PUNCTUATION = ".,;:/()[]'\"&+"
# How sure a calibrated confidence reads; the number stands beside the word.
SURE = ((0.97, "almost certain"), (0.85, "likely"), (0.6, "possible"), (0.0, "doubtful"))
# What evidence is called where its own name is a code.
NAMES = {"gtin": "barcode", "sku": "SKU", "color": "colour", "title": "words"}


@dataclass(frozen=True)
class Mark:
    """One fact of both sides. `kind`: ok agrees, no conflicts, un is not known."""

    kind: str
    word: str  # "same", "differs", "not known"
    name: str
    sides: str = ""  # "M | L", where they differ
    sentence: str = ""


@dataclass(frozen=True)
class Candidate:
    """An ERP item that the open listing may be, and what speaks for it."""

    number: int  # the key that approves it; 0: none
    item: ErpItem
    marks: list[Mark]
    ranked: bool = False  # by the suggestions, not by a search
    sure: str = ""
    percent: int = 0  # of confidence when ranked, else of shared trigrams
    vetoes: list[str] = field(default_factory=list)  # why it would not be confirmed by itself
    cheaper: Decimal | None = None  # item's price less the listing's; None when one is unknown
    warning: str = ""  # about a duplicate
    hint: str = ""  # what separates it from the next

    @property
    def cheaper_text(self) -> str:
        text, _ = words.difference_text(self.cheaper or Decimal(0), settings.COMPANY_CURRENCY)
        return text

    @property
    def conflicts(self) -> bool:
        return any(mark.kind == "no" for mark in self.marks)


def offered(
    listing: Listing, offer: Offer, number: int, *, warning: str = "", hint: str = ""
) -> Candidate:
    """A candidate of the suggestions."""
    return Candidate(
        number=number,
        item=offer.item,
        marks=_in_order([mark(one) for one in offer.evidence]),
        ranked=True,
        sure=next(word for least, word in SURE if offer.confidence >= least),
        percent=min(99, int(offer.confidence * 100)),  # nobody is a hundred per cent sure
        vetoes=offer.vetoes,
        cheaper=_cheaper(listing, offer.item),
        warning=warning,
        hint=hint,
    )


def mark(one: dict[str, Any]) -> Mark:
    """One stored piece of evidence, as a chip."""
    kind, word = {"agree": ("ok", "same"), "conflict": ("no", "differs")}.get(
        one["verdict"], ("un", "not known")
    )
    name = NAMES.get(one["name"], str(one["name"]).replace("_", " "))
    sides = ""
    if name == "Price" and kind == "ok" and one["left"] != one["right"]:
        word, sides = "close", f"{one['left']} | {one['right']}"
    elif kind == "no" and one["left"] and one["right"]:
        sides = f"{one['left']} | {one['right']}"
    elif kind == "ok":
        sides = one["right"] or one["left"]
    return Mark(kind, word, name, sides, one["sentence"])


def _in_order(marks: list[Mark]) -> list[Mark]:
    """What conflicts is read first, what is not known last."""
    order = {"no": 0, "ok": 1, "un": 2}
    return sorted(marks, key=lambda mark: order[mark.kind])


def found(
    listing: Listing, item: ErpItem, number: int, similarity: float, *, warning: str = ""
) -> Candidate:
    """An item that a search brought: what a person needs to see of it beside the listing."""
    ours = plain_words(listing.title, listing.brand, listing.label)
    theirs = plain_words(item.name, *(str(value) for value in item.options.values()))
    shared = list(dict.fromkeys(word for word in ours if word in theirs))[:WORDS_SHOWN]
    foreign = list(dict.fromkeys(word for word in theirs if word not in ours))[:WORDS_SHOWN]
    marks = [_barcode(listing, item)]
    if listing.sku and listing.sku.casefold() == item.sku.casefold():
        marks.append(Mark("ok", "same", "SKU"))
    if shared:
        marks.append(Mark("ok", "same", "words", " ".join(shared)))
    if foreign:
        marks.append(Mark("un", "only the item says", "", " ".join(foreign)))
    return Candidate(
        number=number,
        item=item,
        marks=_in_order(marks),
        percent=round(similarity * 100),
        cheaper=_cheaper(listing, item),
        warning=warning,
    )


def _barcode(listing: Listing, item: ErpItem) -> Mark:
    ours = listing.barcode.lstrip("0")
    theirs = {code.lstrip("0") for code in item.barcodes}
    if not ours or not theirs:
        return Mark("un", "not known", "barcode")
    if ours in theirs:
        return Mark("ok", "same", "barcode")
    return Mark("no", "differs", "barcode")


def _cheaper(listing: Listing, item: ErpItem) -> Decimal | None:
    if listing.price is None or item.price is None:
        return None
    return item.price - listing.price


def plain_words(*texts: str) -> list[str]:
    """The words of names and options, without codes and punctuation: what people compare."""
    return [word for part in search_text(*texts).split() if (word := part.strip(PUNCTUATION))]
