"""The matching rules, and what another one would do before it is saved."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from mkterp.core.errors import Refused
from mkterp.core.roles import person, requires
from mkterp.core.screens import toasts
from mkterp.core.screens.explained import explained_by
from reconciliation.forms import RuleForm
from reconciliation.models import MatchingRule
from reconciliation.services import rules, runs
from reconciliation.services.rules import Effect

DEFAULTS = {
    "tolerance_minor": 0, "bank_tolerance_minor": 0, "bank_window_days": 30,
    "match_by_amount": True, "grace_days": 3,
}  # fmt: skip


@require_safe
@requires("reconciliation.view_matchingrule")
@explained_by("data/settlement")
def matching_rules(request: HttpRequest) -> HttpResponse:
    """The rules as they are."""
    current = MatchingRule.objects.filter(valid_until=None).first()
    initial = {name: getattr(current, name) for name in DEFAULTS} if current else DEFAULTS
    return _show(request, RuleForm(initial=initial))


@require_POST
@requires("reconciliation.set_matchingrule")
def set_matching_rule(request: HttpRequest) -> HttpResponse:
    """Asked without `sure`, it shows what would change over all history; with it, it is saved."""
    form = RuleForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=422)
    at = timezone.now()
    if not form.cleaned_data["sure"]:
        return _show(request, form, rules.preview(wanted=form.wanted, at=at))
    try:
        rules.set_rule(
            wanted=form.wanted,
            by=person(request),
            at=at,
            reason=form.cleaned_data["reason"],
        )
    except Refused as refused:
        form.add_error(None, str(refused))
        return _show(request, form, status=422)
    runs.ask(at=at)
    toasts.say(request, toasts.Toast("The rule is set. Everything is matched by it again.", "done"))
    return HttpResponseRedirect(reverse("reconciliation:matching-rules"), status=303)


def _show(
    request: HttpRequest, form: RuleForm, effect: Effect | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "effect": effect,
        "rows": MatchingRule.objects.select_related("set_by").order_by("-valid_from", "-pk"),
        "may": request.user.has_perm("reconciliation.set_matchingrule"),
    }
    return render(request, "reconciliation/matching_rules.html", context, status=status)
