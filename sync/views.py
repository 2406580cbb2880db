"""The workbench: look, approve, take back. Each answer brings the next listing with it."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from mapping.models import SkuMapping
from mkterp.core.errors import Refused
from mkterp.core.roles import requires
from mkterp.core.screens import serve, toasts, words
from mkterp.core.screens.actions import Outcome
from mkterp.core.screens.state import ListState
from sync.forms import ApproveForm
from sync.screens import EXCEPTIONS
from sync.screens.workbench import Desk, mapped
from sync.services import workbench

HERE = "sync:unmapped"
GONE = "That listing or item is gone, or a pack is not 1 to 1,000 pieces. Nothing was mapped."


@require_safe
@requires("mapping.view_listing")
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
            by=request.user,  # type: ignore[arg-type]
            at=timezone.now(),
            pack_quantity=form.cleaned_data["pack_quantity"] or 1,
        )
    except Refused as refused:
        return _answer(request, refused=str(refused), stay=listing.pk)
    undo = reverse("sync:unmapped-undo")
    toasts.say(request, toasts.Toast(mapped(released), "done", undo, [str(released.mapping.pk)]))
    return _answer(request)


@require_POST
@requires("mapping.confirm_skumapping")
def undo(request: HttpRequest) -> HttpResponse:
    """Take a confirmation back; its orders wait again, and its listing is open again."""
    keys = [key for key in request.POST.getlist("pk") if key.isascii() and key.isdigit()]
    mapping = SkuMapping.objects.select_related("listing").filter(pk__in=keys[:1]).first()
    if mapping is None:
        return _answer(request, refused="That mapping is gone.")
    try:
        held = workbench.undo(
            mapping=mapping,
            by=request.user,  # type: ignore[arg-type]
            at=timezone.now(),
        )
    except Refused as refused:
        return _answer(request, refused=str(refused), stay=mapping.listing_id)
    again = f" {words.things(held, 'order waits', 'orders wait')} again." if held else ""
    toasts.say(request, toasts.Toast(f"{mapping.listing} is unmapped again.{again}"))
    return _answer(request, stay=mapping.listing_id)


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
    for name in ("seller", "q", "show"):
        given[name] = query.get(name, "")
    following = [] if stay else [int(k) for k in request.POST.getlist("then") if k.isdigit()]
    if stay:
        given["listing"] = str(stay)
    desk = Desk(request, given, timezone.now(), refused=refused, prefer=following)
    if refused or serve.wants_fragment(request):
        return _draw(request, desk, acted=not refused, status=422 if refused else 200)
    return HttpResponseRedirect(desk.here, status=303)
