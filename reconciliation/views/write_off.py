"""Writing off what stands on the clearing account: prepared here, approved by somebody else."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from mkterp.core.errors import Refused
from mkterp.core.money import to_minor
from mkterp.core.roles import person, requires
from mkterp.core.screens import toasts
from mkterp.core.screens.explained import explained_by
from reconciliation.forms import WriteOffForm
from reconciliation.selectors import clearing
from reconciliation.services import calendar
from reconciliation.services.adjustments import prepare_write_off


@requires("reconciliation.prepare_taxadjustment")
@explained_by("data/tax")
def write_off(request: HttpRequest) -> HttpResponse:
    """GET shows the balance and the form; POST prepares the write-off."""
    today = calendar.company_day(timezone.now())
    accounts = clearing.explain(on=today)
    status = 200
    if request.method == "POST":
        form = WriteOffForm(request.POST)
        if form.is_valid():
            told = form.cleaned_data
            try:
                prepare_write_off(
                    currency=settings.COMPANY_CURRENCY,
                    amount_minor=to_minor(told["amount"], settings.COMPANY_CURRENCY),
                    day=told["day"],
                    by=person(request),
                    at=timezone.now(),
                    reason=told["reason"],
                )
            except ValueError:
                form.add_error("amount", "Write whole pence.")
            except Refused as refused:
                form.add_error(None, str(refused))
            else:
                words = "The write-off is prepared. Somebody else approves it."
                toasts.say(request, toasts.Toast(words, "done"))
                back = f"{reverse('reconciliation:adjustments')}?state=PREPARED&by_person=true"
                return HttpResponseRedirect(back, status=303)
        status = 422
    else:
        balance = next((one.told for one in accounts if one.told), None)
        form = WriteOffForm(initial={"day": today, "amount": balance and balance.normalize()})
    context = {"form": form, "accounts": accounts, "currency": settings.COMPANY_CURRENCY}
    return render(request, "reconciliation/write_off.html", context, status=status)
