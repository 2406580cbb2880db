"""How often stock is told, and what is kept back: two pages that an administrator writes on."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from mapping.models import Listing
from mkterp.core.errors import Refused
from mkterp.core.roles import person, requires
from mkterp.core.screens import toasts
from mkterp.core.screens.explained import explained_by
from sync.forms.stock import CadenceForm, SafetyForm
from sync.models import StockPolicy
from sync.selectors import stock as levels
from sync.services import stock_rules
from sync.services.stock_rules import CHOICES

# The curve's drawing, in its own units.
WIDTH, HEIGHT, LEFT, BOTTOM = 560, 220, 46, 28


@require_safe
@requires("sync.view_listingstock")
@explained_by("data/stock")
def cadence(request: HttpRequest) -> HttpResponse:
    """Calls an hour against expected oversold units, today's choice and its neighbours."""
    policy = levels.policy()
    form = CadenceForm(initial={name: getattr(policy, name) for name in CHOICES})
    return _cadence(request, policy, form)


@require_POST
@requires("sync.choose_cadence")
def choose_cadence(request: HttpRequest) -> HttpResponse:
    """Take what an administrator chose; 422 with the page when it cannot be."""
    form = CadenceForm(request.POST)
    if form.is_valid():
        given = dict(form.cleaned_data)
        reason = given.pop("reason")
        try:
            stock_rules.choose(
                by=person(request),
                at=timezone.now(),
                reason=reason,
                **given,
            )
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            toasts.say(request, toasts.Toast("Chosen. The next plan goes by it.", "done"))
            return HttpResponseRedirect(reverse("sync:cadence"), status=303)
    return _cadence(request, levels.policy(), form, status=422)


def _cadence(
    request: HttpRequest, policy: StockPolicy, form: CadenceForm, status: int = 200
) -> HttpResponse:
    curve: dict[str, Any] = policy.curve or {}
    points = curve.get("points", [])
    risk = curve.get("risk", [])
    listings = Listing.objects.select_related("seller").in_bulk([row["listing"] for row in risk])
    expected = next((p["oversold"] for p in points if p["calls"] == policy.calls_per_hour), None)
    context = {
        "policy": policy,
        "form": form,
        "curve": curve,
        "points": [
            {
                **point,
                "chosen": point["calls"] == policy.calls_per_hour,
                "levels": point["calls"] * curve.get("levels_per_call", 1),
            }
            for point in points
        ],
        "expected": expected,
        "drawing": draw(points, policy.calls_per_hour),
        "risk": [
            {**row, "listing": listings[row["listing"]]}
            for row in risk
            if row["listing"] in listings
        ],
        "told": levels.told_within(at=timezone.now()),
    }
    return render(request, "sync/cadence.html", context, status=status)


def draw(points: list[dict[str, Any]], chosen: int) -> dict[str, Any] | None:
    """The curve in drawing units: a line, its points, and the labels of the axes."""
    if len(points) < 2:
        return None
    most_calls = max(point["calls"] for point in points) or 1
    most = max(point["oversold"] for point in points) or 1
    placed = [
        {
            "x": round(LEFT + (WIDTH - LEFT - 12) * point["calls"] / most_calls, 1),
            "y": round(12 + (HEIGHT - BOTTOM - 12) * (1 - point["oversold"] / most), 1),
            "calls": point["calls"],
            "oversold": point["oversold"],
            "chosen": point["calls"] == chosen,
        }
        for point in points
    ]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "base": HEIGHT - BOTTOM,
        "right": WIDTH - 12,
        "label_y": HEIGHT - 8,
        "line": " ".join(f"{point['x']},{point['y']}" for point in placed),
        "points": placed,
        "most": most,
        "lost": any(point["oversold"] for point in points),
        "most_calls": most_calls,
    }


@require_safe
@requires("sync.view_safetyrule")
@explained_by("data/stock")
def safety(request: HttpRequest) -> HttpResponse:
    """The rules of safety stock in force, and those that were."""
    return _safety(request, SafetyForm(initial={"scope": "GLOBAL"}))


@require_POST
@requires("sync.change_safetyrule")
def keep_back(request: HttpRequest) -> HttpResponse:
    """Set a rule; 422 with the page when it cannot be."""
    form = SafetyForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            stock_rules.keep_back(
                quantity=given["quantity"],
                by=person(request),
                at=timezone.now(),
                reason=given["reason"],
                seller=given["seller"],
                brand=given["brand"],
                item=given["item"],
            )
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            toasts.say(request, toasts.Toast("Kept back. The levels are compared again.", "done"))
            return HttpResponseRedirect(reverse("sync:safety-stock"), status=303)
    return _safety(request, form, status=422)


def _safety(request: HttpRequest, form: SafetyForm, status: int = 200) -> HttpResponse:
    rules = list(levels.safety_rules().order_by("-pk")[:200])
    context = {
        "form": form,
        "current": [rule for rule in rules if rule.valid_until is None],
        "past": [rule for rule in rules if rule.valid_until is not None],
    }
    return render(request, "sync/safety_stock.html", context, status=status)
