"""The workbench: look, approve, take back. Each answer brings the next listing with it."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from mapping import selectors as registry
from mapping.models import Decision, SkuMapping
from mapping.services import decisions
from mkterp.core.errors import Refused
from mkterp.core.roles import person, requires
from mkterp.core.screens import serve, toasts, words
from mkterp.core.screens.actions import Outcome
from mkterp.core.screens.explained import explained_by
from mkterp.core.screens.state import ListState
from sync.forms.desk import ApproveForm, BulkForm, CarryForm, ListingForm, RejectForm
from sync.screens import EXCEPTIONS
from sync.screens.bulk import Preview
from sync.screens.workbench import Desk, mapped
from sync.services import workbench

HERE = "sync:unmapped"
GONE = "That listing or item is gone, or a pack is not 1 to 1,000 pieces. Nothing was mapped."


@require_safe
@requires("mapping.view_listing")
@explained_by("data/mappings")
def unmapped(request: HttpRequest) -> HttpResponse:
    """The queue and the open listing. htmx gets the two panes, or only the right one."""
    desk = Desk(request, request.GET, timezone.now())
    only_listing = request.headers.get("HX-Target") in ("panel", "found")
    return _draw(request, desk, only_listing=only_listing)


def _draw(
    request: HttpRequest,
    desk: Desk,
    *,
    only_listing: bool = False,
    acted: bool = False,
    status: int = 200,
) -> HttpResponse:
    fragment = serve.wants_fragment(request)
    template = "sync/unmapped.html"
    if fragment:
        template = "sync/_listing.html" if only_listing else "sync/_unmapped.html"
    context: dict[str, Any] = {"desk": desk, "acted": acted}
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    if fragment:
        response["HX-Push-Url"] = desk.here
    return response


@require_POST
@requires("mapping.confirm_skumapping")
def approve(request: HttpRequest) -> HttpResponse:
    """This listing is that item. Answers on the page it was asked from."""
    form = ApproveForm(request.POST)
    if not form.is_valid():
        return _answer(request, refused=GONE)
    listing = form.cleaned_data["listing"]
    try:
        released = workbench.confirm(
            listing=listing,
            item=form.cleaned_data["item"],
            by=person(request),
            at=timezone.now(),
            pack_quantity=form.cleaned_data["pack_quantity"] or 1,
            blind=registry.is_blind(listing),
        )
    except Refused as refused:
        return _answer(request, refused=str(refused), stay=listing.pk)
    undo = reverse("sync:unmapped-undo")
    toasts.say(request, toasts.Toast(mapped(released), "done", undo, [str(released.mapping.pk)]))
    return _answer(request)


@require_POST
@requires("mapping.confirm_skumapping")
def carry(request: HttpRequest) -> HttpResponse:
    """The listing is a mapped one that got a new variant id."""
    form = CarryForm(request.POST)
    if not form.is_valid():
        return _answer(request, refused=GONE)
    try:
        released = workbench.carry_over(
            mapping=form.cleaned_data["mapping"],
            listing=form.cleaned_data["listing"],
            by=person(request),
            at=timezone.now(),
        )
    except Refused as refused:
        return _answer(request, refused=str(refused), stay=form.cleaned_data["listing"].pk)
    undo = reverse("sync:unmapped-undo")
    toasts.say(request, toasts.Toast(mapped(released), "done", undo, [str(released.mapping.pk)]))
    return _answer(request)


@require_POST
@requires("mapping.confirm_skumapping")
def reject(request: HttpRequest) -> HttpResponse:
    """The listing is not this item, or none of those shown; it stays open."""
    form = RejectForm(request.POST)
    if not form.is_valid():
        return _answer(request, refused=GONE)
    listing, item = form.cleaned_data["listing"], form.cleaned_data["reject"]
    try:
        decision = decisions.reject(
            listing=listing,
            item=item,
            by=person(request),
            at=timezone.now(),
            blind=registry.is_blind(listing),
        )
    except Refused as refused:
        return _answer(request, refused=str(refused), stay=listing.pk)
    what = f"{listing} is not {item.sku}." if item else f"{listing} is none of those suggested."
    _taken_back(request, f"{what} Not suggested again.", decision)
    return _answer(request, stay=listing.pk)


@require_POST
@requires("mapping.confirm_skumapping")
def later(request: HttpRequest) -> HttpResponse:
    """Not now: the next listing, please."""
    form = ListingForm(request.POST)
    if not form.is_valid():
        return _answer(request, refused=GONE)
    decisions.skip(
        listing=form.cleaned_data["listing"],
        by=person(request),
        at=timezone.now(),
    )
    return _answer(request)


@require_POST
@requires("mapping.confirm_skumapping")
def missing(request: HttpRequest) -> HttpResponse:
    """The ERP has no such item: it is asked for, and the next listing comes."""
    form = ListingForm(request.POST)
    if not form.is_valid():
        return _answer(request, refused=GONE)
    listing = form.cleaned_data["listing"]
    decision = decisions.no_such_item(
        listing=listing,
        by=person(request),
        at=timezone.now(),
        note=form.cleaned_data["note"],
        blind=registry.is_blind(listing),
    )
    _taken_back(request, f"An item for {listing} is on the list for the ERP team.", decision)
    return _answer(request)


def _taken_back(request: HttpRequest, sentence: str, decision: Decision) -> None:
    undo = reverse("sync:unmapped-take-back")
    toasts.say(request, toasts.Toast(sentence, "done", undo, [str(decision.pk)]))


@require_POST
@requires("mapping.confirm_skumapping")
def take_back(request: HttpRequest) -> HttpResponse:
    """A rejection or a request is taken back; its listing is open again."""
    decision = Decision.objects.select_related("listing").filter(pk__in=_keys(request)[:1]).first()
    if decision is None:
        return _answer(request, refused="There is nothing to take back.")
    try:
        decisions.undo(
            decision=decision,
            by=person(request),
            at=timezone.now(),
        )
    except Refused as refused:
        return _answer(request, refused=str(refused), stay=decision.listing_id)
    toasts.say(request, toasts.Toast(f"Taken back: {decision.listing} is as it was."))
    return _answer(request, stay=decision.listing_id)


@require_POST
@requires("mapping.confirm_skumapping")
def undo(request: HttpRequest) -> HttpResponse:
    """Take confirmations back; their orders wait again, and the first listing is open again."""
    found = SkuMapping.objects.select_related("listing__seller", "item").filter(
        pk__in=_keys(request)
    )
    mappings = list(found.order_by("pk"))
    if not mappings:
        return _answer(request, refused="That mapping is gone.")
    first = mappings[0]
    try:
        held = workbench.undo_many(
            mappings_=mappings,
            by=person(request),
            at=timezone.now(),
        )
    except Refused as refused:
        return _answer(request, refused=str(refused), stay=first.listing_id)
    again = f" {words.things(held, 'order waits', 'orders wait')} again." if held else ""
    what = f"{first.listing} is" if len(mappings) == 1 else f"{len(mappings)} listings are"
    toasts.say(request, toasts.Toast(f"{what} unmapped again.{again}"))
    return _answer(request, stay=first.listing_id)


def _keys(request: HttpRequest) -> list[str]:
    given = request.POST.getlist("pk")
    return [key for key in given if key.isascii() and key.isdigit() and len(key) < 19]


@require_safe
@requires("mapping.view_listing")
@explained_by("data/mappings")
def bulk(request: HttpRequest) -> HttpResponse:
    """What would be mapped above a chosen confidence, before anything is."""
    form = BulkForm(request.GET if "at_least" in request.GET else None)
    page = Preview(request, form, timezone.now())
    fragment = serve.wants_fragment(request)
    template = "sync/_bulk.html" if fragment else "sync/bulk.html"
    response = render(request, template, {"page": page})
    patch_vary_headers(response, ["HX-Request"])
    if fragment:
        response["HX-Push-Url"] = page.here
    return response


@require_POST
@requires("mapping.confirm_skumapping")
def bulk_approve(request: HttpRequest) -> HttpResponse:
    """Map the pairs that were shown and stayed ticked; what changed meanwhile is left out."""
    form = BulkForm(request.POST)
    page = Preview(request, form, timezone.now())
    pairs = page.chosen(request.POST.getlist("pair"))
    if not pairs:
        page.refused = "Nothing is ticked, or what was shown has changed. Nothing was mapped."
        return render(request, "sync/bulk.html", {"page": page}, status=422)
    released = workbench.confirm_many(
        pairs=pairs,
        by=person(request),
        at=timezone.now(),
    )
    keys = [str(mapping.pk) for mapping in released.mappings]
    left = len(released.refused)
    sentence = mapped(released) + (f" {left} left as they were." if left else "")
    toasts.say(request, toasts.Toast(sentence, "done", reverse("sync:unmapped-undo"), keys))
    return HttpResponseRedirect(reverse(HERE), status=303)


def _answer(request: HttpRequest, *, refused: str = "", stay: int = 0) -> HttpResponse:
    """The page the deed was done on, as it is now; the next listing when that is the workbench."""
    path, query = serve.origin(request)
    if path == EXCEPTIONS.url() and (refused or serve.wants_fragment(request)):
        state = ListState(EXCEPTIONS, request, query)
        status = 422 if refused else 200
        return serve.list_answer(request, state, Outcome(sentence=refused), status)
    if path not in ("", reverse(HERE)):
        if refused:
            toasts.say(request, toasts.Toast(refused, "broke"))
        back = f"{path}?{query.urlencode()}" if query else path
        return HttpResponseRedirect(back, status=303)
    given = QueryDict(mutable=True)
    for name in ("seller", "q", "show", "asked"):
        given[name] = query.get(name, "")
    following = [] if stay else [int(k) for k in request.POST.getlist("then") if k.isdigit()]
    if stay:
        given["listing"] = str(stay)
    desk = Desk(request, given, timezone.now(), refused=refused, prefer=following)
    if refused or serve.wants_fragment(request):
        return _draw(request, desk, acted=not refused, status=422 if refused else 200)
    return HttpResponseRedirect(desk.here, status=303)
