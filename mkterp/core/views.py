"""The keys, the preferences and a person's own views: the pages of the frame itself."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from mkterp.core import roles
from mkterp.core.errors import Refused
from mkterp.core.forms import KeepForm, PreferencesForm
from mkterp.core.models import KeptView
from mkterp.core.screens import kept, toasts

YEAR = 365 * 24 * 3600


@require_GET
@roles.signed_in
def keys(request: HttpRequest) -> HttpResponse:
    """Every key of the screens as a page: what `?` shows, for those without scripts."""
    return render(request, "core/keys.html")


@require_POST
@roles.public
def preferences(request: HttpRequest) -> HttpResponse:
    """Remembers theme and single-key shortcuts in cookies, and goes back to where it was asked."""
    form = PreferencesForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("theme is auto, light or dark; keys is on or off")
    back = roles.local_path(form.cleaned_data["next"], request) or "/"
    response = HttpResponseRedirect(back)
    for name in ("theme", "keys"):
        if value := form.cleaned_data[name]:
            response.set_cookie(
                name, value, max_age=YEAR, samesite="Lax", secure=request.is_secure(), httponly=True
            )
    return response


@require_POST
@roles.signed_in
def keep_view(request: HttpRequest) -> HttpResponse:
    """Keeps a list's filters, order and columns under a name, and shows the list by it."""
    form = KeepForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("A view needs a list and a name of at most 40 letters.")
    told = form.cleaned_data
    try:
        view = kept.keep(
            person=roles.person(request),
            list_name=told["list"],
            name=told["name"],
            query=told["query"],
            at=timezone.now(),
        )
    except Refused as refused:
        toasts.say(request, toasts.Toast(str(refused), "broke"))
        return HttpResponseRedirect(
            roles.local_path(request.headers.get("Referer", ""), request) or "/"
        )
    toasts.say(request, toasts.Toast(f"Kept as {view}: it is a tab of this list for you."))
    return HttpResponseRedirect(f"{reverse(view.list)}?{view.query}")


@require_POST
@roles.signed_in
def remove_view(request: HttpRequest, key: int) -> HttpResponse:
    """Forgets one of the person's own views."""
    view = get_object_or_404(KeptView, pk=key, person=roles.person(request))
    back = reverse(view.list)
    kept.remove(kept=view)
    toasts.say(request, toasts.Toast(f"Removed {view}. The rows it showed are untouched."))
    return HttpResponseRedirect(back)
