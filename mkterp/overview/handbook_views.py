"""The handbook's doors: contents, a page (whole, or beside what it explains), the checklists."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from mkterp.core import checks
from mkterp.core.roles import person, requires, signed_in
from mkterp.core.screens.explained import explained_by
from mkterp.core.screens.serve import wants_fragment
from mkterp.overview import handbook


@require_safe
@signed_in
@explained_by("")
def contents(request: HttpRequest) -> HttpResponse:
    """The first page; every page's title stands beside it."""
    return show(request, handbook.START)


@require_safe
@signed_in
@explained_by("")
def show(request: HttpRequest, slug: str) -> HttpResponse:
    """One page: for htmx the fragment that the side panel holds, else with the contents."""
    page = handbook.page(slug)
    if page is None:
        raise Http404(f"The handbook has no page {slug}.")
    if wants_fragment(request):
        response = render(request, "overview/_handbook.html", {"page": page})
    else:
        context = {"page": page, "groups": handbook.contents()}
        response = render(request, "overview/handbook.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
@signed_in
def checklists(request: HttpRequest) -> HttpResponse:
    """What to check today, this week, this month, and who has."""
    context = {"lists": handbook.checklists(at=timezone.now())}
    return render(request, "overview/checks.html", context)


@require_POST
@requires("core.tick_check")
def tick(request: HttpRequest) -> HttpResponse:
    """Tick one check or take the tick back; the check must stand in the handbook."""
    at = timezone.now()
    wanted = (request.POST.get("rhythm", ""), request.POST.get("key", ""))
    for one in handbook.checklists(at=at):
        for check in one.checks:
            if (one.rhythm, check.key) == wanted:
                checks.tick(
                    rhythm=one.rhythm,
                    page=check.page.slug,
                    text=check.text,
                    done=request.POST.get("done") == "1",
                    by=person(request),
                    at=at,
                )
                return HttpResponseRedirect(reverse("checks"), status=303)
    refused = "The handbook has no such check any more. Nothing was ticked; this is the list now."
    context = {"lists": handbook.checklists(at=at), "refused": refused}
    return render(request, "overview/checks.html", context, status=422)
