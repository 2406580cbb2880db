"""Home, health, and the two plain answers that a load balancer asks for."""

import secrets

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from mkterp.core.roles import person, public, requires, signed_in
from mkterp.core.screens.explained import explained_by
from mkterp.overview import metrics as figures
from mkterp.overview import standing
from mkterp.overview.insight import insight
from sync import connections, selectors
from sync.erp import words
from sync.screens import EXCEPTIONS


@require_safe
@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """What needs this person now."""
    if not request.user.has_perm("sync.view_exceptioncase"):
        return render(request, "overview/no_role.html")
    at = timezone.now()
    rows = EXCEPTIONS.rows(request).filter(selectors.awake(at=at), state="OPEN")
    mine = rows.filter(assigned_to=request.user.pk)
    nobodys = rows.filter(assigned_to=None)
    may_see_close = request.user.has_perm("core.view_accountingperiod")
    yours, free = standing.shown(mine), standing.shown(nobodys)
    context = {
        "screen": EXCEPTIONS,
        "mine": yours,
        "nobodys": free,
        "first_url": standing.start_at(yours, free),
        "held": selectors.held(),
        "counts": selectors.order_counts(),
        "feeds": standing.feed_lines(at=at),
        "stall": selectors.stalled(at=at),
        "close": standing.close_line(at=at) if may_see_close else None,
        "approvals": standing.to_approve(person(request)),
        "latest": list(selectors.orders().filter(state="POSTED")[: standing.LATEST]),
        "currency": settings.COMPANY_CURRENCY,
    }
    return render(request, "overview/home.html", context)


@require_safe
@requires("sync.view_feed")
@explained_by("data/connections")
def health(request: HttpRequest) -> HttpResponse:
    """How the feeds and workers do, by what they recorded themselves."""
    at = timezone.now()
    able = connections.erp_capabilities()
    context = {
        "at": at,
        "feeds": standing.feed_lines(at=at),
        "tasks": standing.task_lines(at=at),
        "workers": selectors.workers(at=at),
        "stall": selectors.stalled(at=at),
        "counts": selectors.order_counts(),
        "heard": selectors.last_webhook(),
        "silence": selectors.webhook_silence(at=at),
        "budgets": selectors.budgets(at=at),
        "erp": able,
        "erp_cannot": words.cannot(able),
        "days": standing.day_cells(at=at),
        "currency": settings.COMPANY_CURRENCY,
    }
    return render(request, "overview/health.html", context)


@require_safe
@requires("sync.view_exceptioncase")
@explained_by("data/exceptions")
def trends(request: HttpRequest) -> HttpResponse:
    """Four weeks in charts, each with its figures as a table."""
    context = {"insight": insight(at=timezone.now()), "currency": settings.COMPANY_CURRENCY}
    return render(request, "overview/trends.html", context)


@require_safe
@public
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers. Says nothing about the database or the workers."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@public
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and holds our schema, else 503 with the reason."""
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return HttpResponse("the database does not answer\n", "text/plain", status=503)
    if waiting:
        text = f"{len(waiting)} migrations wait: run manage.py migrate\n"
        return HttpResponse(text, "text/plain", status=503)
    return HttpResponse("ready\n", "text/plain")


@require_safe
@public
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures for Prometheus: with the token of METRICS_TOKEN, or without one from this host only.

    A request that a proxy passed on is not from this host, whatever its address says.
    """
    token = settings.METRICS_TOKEN
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        allowed = secrets.compare_digest(given.encode(), token.encode())
    else:
        passed_on = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
        local = request.META.get("REMOTE_ADDR", "") in ("127.0.0.1", "::1", "")
        allowed = local and not passed_on
    if not allowed:
        return HttpResponse("give the token of METRICS_TOKEN\n", "text/plain", status=401)
    return HttpResponse(figures.text(), CONTENT_TYPE_LATEST)
