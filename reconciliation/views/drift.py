"""Drift: what differs, by day and in both directions, drawn and as a table."""

from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from mkterp.core.money import from_minor
from mkterp.core.roles import requires
from mkterp.core.screens import words
from mkterp.core.screens.explained import explained_by
from reconciliation.domain.payout import Cause
from reconciliation.forms import DriftForm
from reconciliation.selectors import settlement

# The drawing, in its own units.
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 880, 240, 64, 24, 10
MOST_BARS = 120  # more days than this are drawn a week a bar
MOST_ROWS = 400


@require_safe
@requires("reconciliation.view_residue")
@explained_by("data/settlement")
def drift(request: HttpRequest) -> HttpResponse:
    """Which days and causes what differs comes from; one seller, or all of them."""
    form = DriftForm(request.GET)
    told = form.cleaned_data if form.is_valid() else {}
    days = int(told.get("span") or 90)
    today = timezone.localdate(timezone=settings.COMPANY_TIME_ZONE)
    first = today - timedelta(days=days)
    seller = told.get("seller")
    rows = settlement.drift(seller_id=seller.pk if seller else None, first=first)
    currency = settings.COMPANY_CURRENCY
    over = sum(row["over"] for row in rows if row["currency"] == currency)
    under = sum(row["under"] for row in rows if row["currency"] == currency)
    context = {
        "form": DriftForm(initial={"seller": seller, "span": str(days)}),
        "seller": seller,
        "drawing": draw(rows, first, today),
        "rows": [_row(row) for row in rows[:MOST_ROWS]],
        "sellers": [_seller(row) for row in settlement.drift_by_seller(first=first)]
        if seller is None
        else [],
        "over": from_minor(over, currency),
        "under": from_minor(under, currency),
        "net": from_minor(over + under, currency),
        "many": sum(row["many"] for row in rows),
        "currency": currency,
        "first": first,
    }
    return render(request, "reconciliation/drift.html", context)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "words": Cause(row["cause"]).words,
        "over": from_minor(row["over"], row["currency"]) if row["over"] else None,
        "under": from_minor(row["under"], row["currency"]) if row["under"] else None,
    }


def _seller(row: dict[str, Any]) -> dict[str, Any]:
    money = {name: from_minor(row[name], row["currency"]) for name in ("over", "under")}
    return {**row, **money, "net": money["over"] + money["under"]}


def draw(rows: list[dict[str, Any]], first: date, last: date) -> dict[str, Any] | None:
    """Bars up for too much and down for too little, a day or a week each; None without any."""
    step = 1 if (last - first).days <= MOST_BARS else 7
    sums: dict[int, list[int]] = {}
    for row in rows:
        both = sums.setdefault((row["day"] - first).days // step, [0, 0])
        both[0] += row["over"]
        both[1] += row["under"]
    if not sums:
        return None
    places = (last - first).days // step + 1
    most, least = max(s[0] for s in sums.values()), min(s[1] for s in sums.values())
    scale = (HEIGHT - TOP - BOTTOM) / ((most - least) or 1)
    zero = TOP + most * scale
    slot = (WIDTH - LEFT - 8) / places
    bars = []
    for place, (over, under) in sorted(sums.items()):
        day = first + timedelta(days=place * step)
        for amount, css in ((over, "over"), (under, "under")):
            if amount:
                high = max(abs(amount) * scale, 1.5)
                bars.append(
                    {
                        "css": css,
                        "x": round(LEFT + place * slot + slot * 0.1, 1),
                        "y": round(zero - high if amount > 0 else zero, 1),
                        "width": round(max(slot * 0.8, 1.5), 1),
                        "height": round(high, 1),
                        "title": f"{'week of ' if step == 7 else ''}{day:%d %b %Y}: "
                        + words.difference_text(
                            from_minor(amount, settings.COMPANY_CURRENCY),
                            settings.COMPANY_CURRENCY,
                        )[0],
                    }
                )
    currency = settings.COMPANY_CURRENCY
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - 8,
        "zero": round(zero, 1),
        "bars": bars,
        "top": words.money_text(from_minor(most, currency), currency) if most else "",
        "bottom": words.money_text(from_minor(least, currency), currency) if least else "",
        "top_y": TOP + 10,
        "bottom_y": HEIGHT - BOTTOM,
        "label_y": HEIGHT - 6,
        "label_x": LEFT - 6,
        "first": f"{first:%d %b %Y}",
        "last": f"{last:%d %b %Y}",
    }
