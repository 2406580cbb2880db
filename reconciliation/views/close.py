"""The close board: looking at it, signing, closing, reopening, late orders, and the evidence."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from mkterp.core.errors import Refused
from mkterp.core.models import AccountingPeriod, User
from mkterp.core.roles import requires
from mkterp.core.screens import toasts
from mkterp.core.screens.explained import explained_by
from reconciliation.models import EvidencePack
from reconciliation.selectors import board
from reconciliation.services import close, evidence
from sync.models import Invoice

VIEW = "core.view_accountingperiod"


@requires(VIEW)
@explained_by("data/close")
def current(request: HttpRequest) -> HttpResponse:
    """The board of the period to work on now."""
    period = board.current(at=timezone.now())
    if period is None:
        return render(request, "reconciliation/close_empty.html")
    return _draw(request, period)


@requires(VIEW)
@explained_by("data/close")
def show(request: HttpRequest, key: int) -> HttpResponse:
    """The board of one period."""
    return _draw(request, get_object_or_404(AccountingPeriod, pk=key))


def _draw(
    request: HttpRequest, period: AccountingPeriod, refused: str = "", status: int = 200
) -> HttpResponse:
    user: Any = request.user
    may = {
        "sign": "reconciliation.sign_closesignoff",
        "close": "core.close_accountingperiod",
        "reopen": "core.reopen_accountingperiod",
        "assign": "reconciliation.assign_closestep",
        "pack": "reconciliation.make_evidencepack",
        "late": "sync.make_latechoice",
    }
    can = {name: user.has_perm(permission) for name, permission in may.items()}
    context = {
        "board": board.board(period, at=timezone.now()),
        "periods": board.recent_periods(),
        "late": close.late_orders(period),
        "packs": EvidencePack.objects.filter(period=period).select_related("made_by")[:5],
        "people": board.people() if can["assign"] else [],
        "can": can,
        "refused": refused,
        "currency": settings.COMPANY_CURRENCY,
    }
    return render(request, "reconciliation/close.html", context, status=status)


def _do(
    request: HttpRequest, period: AccountingPeriod, deed: Callable[[], object], done: str
) -> HttpResponse:
    """Do it and show the board again; a refusal stands on the board, with nothing changed."""
    try:
        deed()
    except Refused as refused:
        period.refresh_from_db()
        return _draw(request, period, str(refused), 422)
    toasts.say(request, toasts.Toast(done, "done"))
    back = reverse("reconciliation:close-period", args=[period.pk])
    return HttpResponseRedirect(back, status=303)


def _by(request: HttpRequest) -> User:
    user = request.user
    if not isinstance(user, User):
        raise TypeError("a door without a person")
    return user


@require_POST
@requires("reconciliation.sign_closesignoff")
def sign(request: HttpRequest, key: int) -> HttpResponse:
    """Sign one fact of the period."""
    period = get_object_or_404(AccountingPeriod, pk=key)
    fact, by, at = request.POST.get("fact", ""), _by(request), timezone.now()
    return _do(
        request, period, lambda: close.sign(period=period, fact=fact, by=by, at=at), "Signed."
    )


@require_POST
@requires("core.close_accountingperiod")
def close_period(request: HttpRequest, key: int) -> HttpResponse:
    """Close and lock the period."""
    period = get_object_or_404(AccountingPeriod, pk=key)
    by, at = _by(request), timezone.now()
    done = f"{period} is closed and locked."
    return _do(request, period, lambda: close.close(period=period, by=by, at=at), done)


@require_POST
@requires("core.reopen_accountingperiod")
def reopen(request: HttpRequest, key: int) -> HttpResponse:
    """Open a closed period again, with a reason."""
    period = get_object_or_404(AccountingPeriod, pk=key)
    by, at, why = _by(request), timezone.now(), request.POST.get("reason", "")[:500]
    return _do(
        request,
        period,
        lambda: close.reopen(period=period, by=by, at=at, reason=why),
        f"{period} is open again; every sign-off is suspended.",
    )


@require_POST
@requires("reconciliation.assign_closestep")
def assign(request: HttpRequest, key: int) -> HttpResponse:
    """Say who answers for a step, and by when."""
    period = get_object_or_404(AccountingPeriod, pk=key)
    by, at, data = _by(request), timezone.now(), request.POST
    owner = board.people().filter(pk=data["owner"]).first() if data.get("owner") else None
    days = int(data["due_after_days"]) if data.get("due_after_days", "").isdigit() else -1
    return _do(
        request,
        period,
        lambda: close.assign(
            fact=data.get("fact", ""), owner=owner, due_after_days=days, by=by, at=at
        ),
        "Kept.",
    )


@require_POST
@requires("sync.make_latechoice")
def late_next(request: HttpRequest, key: int) -> HttpResponse:
    """A late order goes to the next open period."""
    invoice = get_object_or_404(Invoice, pk=key)
    by, at, why = _by(request), timezone.now(), request.POST.get("reason", "")[:500]
    day = invoice.placed_at.astimezone(settings.COMPANY_TIME_ZONE).date()
    period = AccountingPeriod.objects.filter(start__lte=day, end__gte=day).first()
    if period is None:
        raise Http404(f"{invoice.number} lies in no period.")
    return _do(
        request,
        period,
        lambda: close.post_next(invoice=invoice, by=by, at=at, reason=why),
        f"{invoice.number} goes to the next open period.",
    )


@require_POST
@requires("reconciliation.make_evidencepack")
def pack(request: HttpRequest, key: int) -> FileResponse:
    """The evidence of the period as one zip."""
    period = get_object_or_404(AccountingPeriod, pk=key)
    file = evidence.pack(period=period, by=_by(request), at=timezone.now())
    name = f"evidence-{period.start:%Y-%m}.zip"
    return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
