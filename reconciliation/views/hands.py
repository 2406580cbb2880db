"""What a person does about a payment: match it by hand, take that back, have it all matched now."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from mkterp.core.errors import Refused
from mkterp.core.roles import person, requires
from mkterp.core.screens import toasts
from reconciliation.forms import MatchForm, UnmatchForm
from reconciliation.models import BankLine, CashMatch
from reconciliation.services import hands, runs
from sync.models import RemittanceAdvice


@require_POST
@requires("reconciliation.run_matchrun")
def match_now(request: HttpRequest) -> HttpResponse:
    """Have the matching run at once."""
    runs.ask(at=timezone.now())
    toasts.say(request, toasts.Toast("Matching is on its way; the page shows it in a moment."))
    return HttpResponseRedirect(reverse("reconciliation:advices"), status=303)


@require_POST
@requires("reconciliation.make_cashmatch")
def match(request: HttpRequest, key: int) -> HttpResponse:
    """This line pays this advice."""
    advice = get_object_or_404(RemittanceAdvice, pk=key)
    form = MatchForm(request.POST)
    line = BankLine.objects.filter(pk=request.POST.get("line") or 0) if form.is_valid() else None
    found = line.first() if line is not None else None
    if found is None:
        return _back(request, advice, "Choose a bank line and say why it pays this advice.")
    try:
        hands.match(
            advice=advice,
            bank_line=found,
            by=person(request),
            at=timezone.now(),
            reason=form.cleaned_data["reason"],
        )
    except Refused as refused:
        return _back(request, advice, str(refused))
    runs.ask(at=timezone.now())
    toasts.say(request, toasts.Toast(f"{found} pays {advice}.", "done"))
    return _back(request, advice)


@require_POST
@requires("reconciliation.make_cashmatch")
def unmatch(request: HttpRequest, key: int) -> HttpResponse:
    """A match by a person ends."""
    advice = get_object_or_404(RemittanceAdvice, pk=key)
    form = UnmatchForm(request.POST)
    if not form.is_valid():
        return _back(request, advice, "Say why the match is taken back.")
    row = CashMatch.objects.filter(pk=form.cleaned_data["match"], advice=advice).first()
    if row is None:
        return _back(request, advice, "This match is gone already.")
    try:
        hands.take_back(
            match=row,
            by=person(request),
            at=timezone.now(),
            reason=form.cleaned_data["reason"],
        )
    except Refused as refused:
        return _back(request, advice, str(refused))
    runs.ask(at=timezone.now())
    toasts.say(request, toasts.Toast("Taken back. The rules match the line again in a moment."))
    return _back(request, advice)


def _back(request: HttpRequest, advice: RemittanceAdvice, problem: str = "") -> HttpResponse:
    if problem:
        toasts.say(request, toasts.Toast(problem, "broke"))
    return HttpResponseRedirect(reverse("reconciliation:advice", args=[advice.pk]), status=303)
