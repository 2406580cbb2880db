"""Saying which carrier is which: one at a time beside the list, or many from a file."""

import csv
import io
from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from mkterp.core.errors import Refused
from mkterp.core.roles import person, requires
from mkterp.core.screens import toasts, words
from mkterp.core.screens.explained import explained_by
from sync.forms.carriers import CarrierFileForm, CarrierForm
from sync.services import shipments_desk

LIST = "sync:carriers"


@require_POST
@requires("sync.map_carrier")
def choose_carrier(request: HttpRequest) -> HttpResponse:
    """This carrier of the ERP is that one of Marketplacer's; what waited for it goes."""
    form = CarrierForm(request.POST)
    form.is_valid()
    mapping, carrier = form.cleaned_data.get("mapping"), form.cleaned_data.get("carrier")
    if mapping is None or carrier is None:
        toasts.say(request, toasts.Toast("Choose one of Marketplacer's carriers.", "broke"))
        back = f"?open={mapping.pk}" if mapping is not None else ""
        return HttpResponseRedirect(f"{reverse(LIST)}{back}", status=303)
    try:
        sent = shipments_desk.choose(
            mapping=mapping,
            carrier=carrier,
            by=person(request),
            at=timezone.now(),
        )
    except Refused as refused:
        toasts.say(request, toasts.Toast(str(refused), "broke"))
    else:
        toasts.say(request, toasts.Toast(_done(f"{mapping} is mapped.", sent), "done"))
    return HttpResponseRedirect(f"{reverse(LIST)}?open={mapping.pk}", status=303)


def _done(what: str, sent: int) -> str:
    return f"{what} {words.things(sent, 'shipment', 'shipments')} sent." if sent else what


@require_http_methods(["GET", "POST"])
@requires("sync.map_carrier")
@explained_by("data/fulfilment")
def import_carriers(request: HttpRequest) -> HttpResponse:
    """A dry run with a verdict for each row; the second step maps them."""
    if request.method == "POST" and "apply" in request.POST:
        return _apply(request)
    form = CarrierFileForm(request.POST or None, request.FILES or None)
    if request.method == "GET" or not form.is_valid():
        status = 200 if request.method == "GET" else 422
        return _draw(request, form, None, "", status)
    text = form.cleaned_data["file"]
    return _draw(request, form, shipments_desk.verdicts(rows=_rows(text)), text, 200)


def _apply(request: HttpRequest) -> HttpResponse:
    text = request.POST.get("text", "")
    try:
        many, sent = shipments_desk.import_rows(
            rows=_rows(text),
            by=person(request),
            at=timezone.now(),
        )
    except Refused as refused:
        toasts.say(request, toasts.Toast(str(refused), "broke"))
        return HttpResponseRedirect(reverse("sync:carriers-import"), status=303)
    said = _done(f"{words.things(many, 'carrier', 'carriers')} mapped.", sent)
    toasts.say(request, toasts.Toast(said, "done"))
    return HttpResponseRedirect(reverse(LIST), status=303)


def _rows(text: str) -> Sequence[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(text))
    return [{key: value or "" for key, value in row.items() if key} for row in reader]


def _draw(
    request: HttpRequest,
    form: CarrierFileForm,
    verdicts: Sequence[tuple[int, str, bool]] | None,
    text: str,
    status: int,
) -> HttpResponse:
    bad = sum(not good for _, _, good in verdicts or ())
    context = {"form": form, "verdicts": verdicts, "bad": bad, "text": text}
    return render(request, "sync/carriers_import.html", context, status=status)
