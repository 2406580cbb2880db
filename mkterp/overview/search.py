"""Find one thing among millions by what people have in hand: a number, a code, a name.

Every question is a look-up in an index, each stops at a few rows, and a person is only shown what
their role may open (see tests/integration/core/test_search.py, which reads the plans).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, QuerySet
from django.urls import NoReverseMatch, reverse

from mapping.models import ErpItem, Listing, Seller
from sync.models import ErpDocument, ExceptionCase, Invoice, RemittanceAdvice
from sync.screens.exception_table import label_of

FEW = 6  # of each kind
SHORTEST = 2  # characters, for what is found by its beginning or a part
LONGEST_NUMBER = 18  # digits of a bigint
LONGEST = 80


@dataclass(frozen=True)
class Hit:
    """One thing found. `exact`: the text is its very number or code, not a part of it."""

    kind: str
    icon: str
    title: str
    sub: str
    url: str
    exact: bool = False


def find(text: str, user: Any) -> list[Hit]:
    """What the text means, exact hits first, at most a few of each kind. At most nine queries."""
    wanted = " ".join(text.replace("\x00", "").split())[:LONGEST]
    if not wanted:
        return []
    hits = [hit for look in LOOKS if user.has_perm(look.permission) for hit in look.find(wanted)]
    unique = {(hit.kind, hit.url): hit for hit in reversed(hits)}
    return sorted(unique.values(), key=lambda hit: (not hit.exact, KINDS.index(hit.kind)))


def only_exact(hits: list[Hit]) -> Hit | None:
    """The one thing that is meant beyond doubt, or None."""
    exact = [hit for hit in hits if hit.exact]
    return exact[0] if len(exact) == 1 else None


def number_in(text: str, prefix: str) -> int | None:
    """The number in "INV-1042", "#1042" or "1042"; None when it is something else."""
    found = re.fullmatch(rf"(?:{prefix}-?|#)?([0-9]{{1,{LONGEST_NUMBER}}})", text.upper())
    return int(found[1]) if found else None


def spellings(text: str) -> list[str]:
    return list(dict.fromkeys([text, text.upper()]))


def beginning(field: str, text: str) -> Q:
    """The rows whose field begins so, in either spelling: a range of an index."""
    either = Q()
    for spelling in spellings(text):
        either |= Q(**{f"{field}__startswith": spelling})
    return either


def few(rows: QuerySet[Any], *, newest: bool = False) -> list[Any]:
    """The first few by their keys, or the last.

    The sum keeps the planner from walking the keys' own index until it has met enough rows: it
    does so where it takes a value for frequent, and reads the whole table when there is none.
    """
    key = F("pk") + 0
    return list(rows.order_by(key.desc() if newest else key.asc())[:FEW])


def _orders(text: str) -> Iterator[Hit]:
    number = number_in(text, "INV")
    rows: list[Invoice] = []
    if number is not None:
        some = Invoice.objects.select_related("seller")
        rows += few(some.filter(legacy_id=number), newest=True)
        rows += few(some.filter(order__legacy_id=number), newest=True)
    codes = spellings(text)
    documents = ErpDocument.objects.filter(number__in=codes).union(
        ErpDocument.objects.filter(invoice_number__in=codes)
    )
    held = {document.invoice_id: document for document in documents[:FEW]}
    rows += Invoice.objects.select_related("seller").filter(pk__in=held).order_by("-pk")
    for row in rows:
        of = row.seller or row.seller_name
        sub = f"{of} · {row.get_state_display()}"
        if row.pk in held:
            sub = f"{held[row.pk]} in the ERP · {sub}"
        yield Hit("Orders", "shopping-bag", str(row), sub, url("sync:order", row.pk), exact=True)


def _exceptions(text: str) -> Iterator[Hit]:
    number = number_in(text, "EX") if text.upper().startswith("EX") else None
    for case in ExceptionCase.objects.filter(pk=number) if number is not None else ():
        sub = f"{label_of(case)}: {case.cause}"
        address = url("sync:exception", case.pk)
        yield Hit("Exceptions", "triangle-alert", str(case), sub, address, exact=True)


def _skus(text: str) -> Iterator[Hit]:
    codes = spellings(text)
    found: dict[str, tuple[str, bool]] = {}
    for item in _first(ErpItem.objects.filter(_code("barcodes__overlap", text)), ErpItem, text):
        exact = item.sku in codes or text in item.barcodes
        found.setdefault(item.sku, (item.name, exact))
    for listing in _first(Listing.objects.filter(_code("barcode__in", text)), Listing, text):
        exact = listing.sku in codes or listing.barcode == text
        name, known = found.get(listing.sku, (listing.title, False))
        found[listing.sku] = (name, exact or known)
    for sku, (name, exact) in found.items():
        if sku:
            yield Hit("SKUs", "package", sku, name, reverse("sku", kwargs={"sku": sku}), exact)


def _code(lookup: str, text: str) -> Q:
    return Q(**{lookup: [text]})


def _first(by_code: QuerySet[Any], model: Any, text: str) -> list[Any]:
    """The few with this barcode or SKU, then the few whose SKU begins so."""
    rows = few(by_code)
    rows += few(model.objects.filter(sku__in=spellings(text)))
    if len(text) >= SHORTEST and len(rows) < FEW:
        rows += model.objects.filter(beginning("sku", text)).order_by("sku", "pk")[:FEW]
    return rows[: 2 * FEW]


def _sellers(text: str) -> Iterator[Hit]:
    if len(text) < SHORTEST:
        return
    for seller in Seller.objects.filter(business_name__icontains=text)[:FEW]:
        exact = seller.business_name.lower() == text.lower()
        yield Hit("Sellers", "store", str(seller), "", url("mapping:seller", seller.pk), exact)


def _advices(text: str) -> Iterator[Hit]:
    number = number_in(text, "RA")
    if number is None:
        return
    rows = RemittanceAdvice.objects.select_related("seller").filter(legacy_id=number)
    for advice in few(rows):
        address = url("reconciliation:advice", advice.pk)
        if address:
            yield Hit("Advices", "landmark", str(advice), str(advice.seller), address, exact=True)


def url(name: str, key: int) -> str:
    """The page of a row, "" while its room has none."""
    try:
        return reverse(name, kwargs={"key": key})
    except NoReverseMatch:
        return ""


@dataclass(frozen=True)
class Look:
    permission: str
    find: Callable[[str], Iterator[Hit]]


LOOKS = (
    Look("sync.view_invoice", _orders),
    Look("sync.view_exceptioncase", _exceptions),
    Look("mapping.view_listing", _skus),
    Look("mapping.view_seller", _sellers),
    Look("sync.view_invoice", _advices),
)
KINDS = ("Orders", "Exceptions", "SKUs", "Advices", "Sellers")
