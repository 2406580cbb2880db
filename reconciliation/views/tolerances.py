"""The tolerances, and the form on which finance set one."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from mkterp.core.errors import Refused
from mkterp.core.money import from_minor
from mkterp.core.roles import person, requires
from mkterp.core.screens import toasts
from mkterp.core.screens.explained import explained_by
from reconciliation.domain.adjusting import STANDARD
from reconciliation.forms import ToleranceForm
from reconciliation.models import DifferenceRule
from reconciliation.selectors import books
from reconciliation.services.tolerances import set_tolerance


@require_safe
@requires("reconciliation.view_discrepancy")
@explained_by("data/tax")
def tolerances(request: HttpRequest) -> HttpResponse:
    """The tolerances as they are."""
    initial = {
        "currency": settings.COMPANY_CURRENCY,
        "base_minor": STANDARD.base,
        "per_line_minor": STANDARD.per_line,
        "books_tax": True,
        "valid_from": timezone.now().astimezone(settings.COMPANY_TIME_ZONE).date(),
    }
    return _show(request, ToleranceForm(initial=initial))


@require_POST
@requires("reconciliation.set_differencerule")
def tolerance_set(request: HttpRequest) -> HttpResponse:
    """Set one; a refusal stands above the form, with nothing changed."""
    form = ToleranceForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=422)
    try:
        set_tolerance(
            wanted=form.wanted,
            by=person(request),
            at=timezone.now(),
            reason=form.cleaned_data["reason"],
        )
    except Refused as refused:
        form.add_error(None, str(refused))
        return _show(request, form, status=422)
    words = "The tolerance is set. Every document is judged by it within minutes."
    toasts.say(request, toasts.Toast(words, "done"))
    return HttpResponseRedirect(reverse("reconciliation:tolerances"), status=303)


def _show(request: HttpRequest, form: ToleranceForm, status: int = 200) -> HttpResponse:
    rules = DifferenceRule.objects.select_related("set_by").order_by(
        "about", "currency", "country", "-valid_from", "-pk"
    )
    rows = [
        {
            "rule": rule,
            "base": from_minor(rule.base_minor, rule.currency),
            "per_line": from_minor(rule.per_line_minor, rule.currency),
        }
        for rule in rules
    ]
    currency = settings.COMPANY_CURRENCY
    context = {
        "form": form,
        "rows": rows,
        "currency": currency,
        "standard_base": from_minor(STANDARD.base, currency),
        "standard_per_line": from_minor(STANDARD.per_line, currency),
        "beyond": books.beyond_count(),
        "may": request.user.has_perm("reconciliation.set_differencerule"),
    }
    return render(request, "reconciliation/tolerances.html", context, status=status)
