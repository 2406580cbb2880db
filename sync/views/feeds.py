"""A person has a scheduled task run now."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from mkterp.core.errors import Refused
from mkterp.core.roles import person, requires
from mkterp.core.screens import toasts
from sync.services import schedules


@require_POST
@requires("sync.run_feed")
def run_feed(request: HttpRequest) -> HttpResponse:
    """Queue one run more of a feed or another scheduled task."""
    task = request.POST.get("task", "")
    try:
        label = schedules.run_now(task=task, by=person(request), at=timezone.now())
    except Refused as refused:
        toasts.say(request, toasts.Toast(str(refused), "broke"))
    else:
        toasts.say(request, toasts.Toast(f"{label}: a run is queued. Health shows how it ends."))
    return HttpResponseRedirect(reverse("health"), status=303)
