"""How shipping is taxed: finance's word for a country."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from mapping.forms import ShippingForm
from mapping.services import shipping
from mkterp.core.errors import Refused
from mkterp.core.roles import person, requires
from mkterp.core.screens import toasts


@require_POST
@requires("mapping.change_taxcodemapping")
def set_shipping(request: HttpRequest) -> HttpResponse:
    """Shipping to this country is taxed like this from a moment on."""
    form = ShippingForm(request.POST)
    where = HttpResponseRedirect(reverse("mapping:shipping-tax"), status=303)
    if not form.is_valid():
        words = "; ".join(f"{name}: {' '.join(map(str, e))}" for name, e in form.errors.items())
        toasts.say(request, toasts.Toast(f"Nothing was set. {words}", "broke"))
        return where
    try:
        made = shipping.set_policy(
            **form.cleaned_data,
            by=person(request),
            at=timezone.now(),
        )
    except Refused as refused:
        toasts.say(request, toasts.Toast(str(refused), "broke"))
        return where
    toasts.say(request, toasts.Toast(f"{made}."))
    return where
