"""The doors of search: the page, the palette, and one page for one SKU."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.module_loading import import_string
from django.views.decorators.http import require_safe

from mkterp.core.roles import requires, signed_in
from mkterp.core.screens.explained import explained_by
from mkterp.core.screens.frame import FrameForPerson, Place
from mkterp.overview import search
from mkterp.overview.sku import facts as sku_facts
from sync.screens.exception_table import label_of


@require_safe
@signed_in
def results(request: HttpRequest) -> HttpResponse:
    """What the text means; straight to its page when only one thing has that number or code."""
    text = request.GET.get("q", "").strip()
    hits = search.find(text, request.user)
    only = search.only_exact(hits)
    if only is not None:
        return HttpResponseRedirect(only.url)
    context = {"text": text, "hits": hits, "orders_url": _orders(request, text)}
    return render(request, "overview/search.html", context)


def _orders(request: HttpRequest, text: str) -> str:
    """The list of orders, searched for the same: it also knows lines and sellers."""
    if not (text and request.user.has_perm("sync.view_invoice")):
        return ""
    return f"{reverse('sync:orders')}?{urlencode({'view': 'all', 'q': text})}"


def _answering(places: list[Place], text: str) -> list[Place]:
    """Those that the text may mean; first those whose own name holds it."""
    found = [place for place in places if place.answers(text)]
    return sorted(found, key=lambda place: text.lower() not in place.label.lower())


@require_safe
@signed_in
def palette(request: HttpRequest) -> HttpResponse:
    """Pages and commands by their words, then things: what Ctrl K shows while one types."""
    text = request.GET.get("q", "").strip()
    frame = FrameForPerson(request, import_string(settings.FRAME))
    pages = _answering(frame.places, text)
    hits = search.find(text, request.user)
    context = {
        "text": text,
        "hits": hits,
        "pages": pages[:8] if hits else pages,
        "commands": _answering(frame.commands, text),
    }
    return render(request, "overview/_palette.html", context)


@require_safe
@requires("mapping.view_listing")
@explained_by("data/mappings")
def sku_page(request: HttpRequest, sku: str) -> HttpResponse:
    """Everything about one SKU in the order of the flow."""
    at = timezone.now()
    facts = sku_facts(sku=sku, at=at)
    if facts is None:
        raise Http404(f"Neither side knows the SKU {sku}.")
    for case in facts.cases:
        case.label = label_of(case)  # type: ignore[attr-defined]
    context = {"facts": facts, "currency": settings.COMPANY_CURRENCY}
    return render(request, "overview/sku.html", context)
