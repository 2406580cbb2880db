"""The doors of practice: the exercises, and beginning one."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from mkterp.core import practice as begun
from mkterp.core.errors import Refused
from mkterp.core.roles import person, signed_in
from mkterp.core.screens import toasts
from mkterp.overview import handbook, practice


@require_safe
@signed_in
def exercises(request: HttpRequest) -> HttpResponse:
    """What can be practised, and how far one is."""
    offered = begun.offered()
    standings = practice.standings(person(request), at=timezone.now()) if offered else []
    explained = [(one, handbook.page(one.exercise.handbook)) for one in standings]
    context = {"offered": offered, "standings": explained}
    return render(request, "overview/practice.html", context)


@require_POST
@signed_in
def begin(request: HttpRequest) -> HttpResponse:
    """Begin an exercise, or begin it again."""
    wanted = practice.exercise(request.POST.get("exercise", ""))
    if wanted is None:
        raise Http404("There is no such exercise.")
    try:
        begun.begin(exercise=wanted.key, by=person(request), at=timezone.now())
    except Refused as refused:
        toasts.say(request, toasts.Toast(str(refused), "broke"))
    return HttpResponseRedirect(reverse("practice"), status=303)
