"""The keys and the preferences: the pages of the frame itself."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from mkterp.core import roles
from mkterp.core.forms import PreferencesForm

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
