"""Statements and gateway files: looked at line by line, then taken in whole or not at all."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mkterp.core.errors import Refused
from mkterp.core.money import from_minor
from mkterp.core.roles import person, requires
from mkterp.core.screens import toasts, words
from mkterp.core.screens.explained import explained_by
from reconciliation.domain import statements
from reconciliation.domain.statements import GatewayRow, StatementLine
from reconciliation.forms import LoadForm, ReadForm
from reconciliation.models import BankFile, BankUpload
from reconciliation.services import bank

SHOWN = 100


@require_http_methods(["GET", "HEAD", "POST"])
@requires("reconciliation.take_bankfile")
@explained_by("data/settlement")
def load(request: HttpRequest) -> HttpResponse:
    """Choose a file; its page says what taking it in would do."""
    if request.method != "POST":
        return render(request, "reconciliation/load.html", {"form": LoadForm()})
    form = LoadForm(request.POST, request.FILES)
    if form.is_valid():
        given = form.cleaned_data["file"]
        try:
            upload = bank.upload(
                name=given.name or "file",
                body=given.read(),
                by=person(request),
                at=timezone.now(),
            )
        except Refused as refused:
            form.add_error("file", str(refused))
        else:
            where = reverse("reconciliation:bank-upload", args=[upload.pk])
            return HttpResponseRedirect(where, status=303)
    return render(request, "reconciliation/load.html", {"form": form}, status=422)


@require_safe
@requires("reconciliation.take_bankfile")
@explained_by("data/settlement")
def read_file(request: HttpRequest, key: int) -> HttpResponse:
    """What the file holds, read as the address says."""
    return _show(request, get_object_or_404(BankUpload, pk=key), request.GET)


def _columns(data: QueryDict) -> Mapping[str, str] | None:
    chosen = {name[4:]: value for name, value in data.items() if name.startswith("col_")}
    return {name: str(value) for name, value in chosen.items()} if chosen else None


def _show(
    request: HttpRequest, upload: BankUpload, data: QueryDict, problem: str = ""
) -> HttpResponse:
    form = ReadForm(data)
    told = form.cleaned_data if form.is_valid() else {}
    found = bank.preview(
        upload=upload,
        kind=told.get("kind", ""),
        account=told.get("account", ""),
        columns=_columns(data),
        day_first=told.get("days") != "month",
    )
    gateway = found.kind == BankFile.Kind.GATEWAY
    names = statements.GATEWAY_COLUMNS if gateway else statements.BANK_COLUMNS
    read: list[StatementLine | GatewayRow] = [*found.lines, *found.rows]
    currency = read[0].currency if read else ""
    context = {
        "upload": upload,
        "found": found,
        "kind": BankFile.Kind(found.kind).label,
        "form": ReadForm(initial={"kind": found.kind, "account": found.account, **told}),
        "columns": [{"name": name, "chosen": found.columns.get(name, "")} for name in names]
        if found.header
        else [],
        "total": from_minor(found.total_minor, currency) if read else None,
        "currency": currency,
        "rows": [
            {"row": row, "amount": from_minor(row.amount_minor, row.currency)}
            for row in read[:SHOWN]
        ],
        "gateway": gateway,
        "more": max(len(read) - SHOWN, 0),
        "problems": found.problems[:SHOWN],
        "problem": problem,
    }
    return render(
        request, "reconciliation/bank_upload.html", context, status=422 if problem else 200
    )


@require_POST
@requires("reconciliation.take_bankfile")
def take_file(request: HttpRequest, key: int) -> HttpResponse:
    """Take the file in as it was looked at; the next run matches its lines."""
    upload = get_object_or_404(BankUpload, pk=key)
    form = ReadForm(request.POST)
    if not form.is_valid():
        return _show(request, upload, request.POST, "Choose how the file is read.")
    told = form.cleaned_data
    try:
        file = bank.take(
            upload=upload,
            by=person(request),
            at=timezone.now(),
            kind=told["kind"],
            account=told["account"],
            columns=_columns(request.POST),
            day_first=told["days"] != "month",
        )
    except Refused as refused:
        return _show(request, upload, request.POST, str(refused))
    many = words.things(file.lines_new, "line", "lines")
    toasts.say(request, toasts.Toast(f"{file}: {many} taken in. They are matched within minutes."))
    return HttpResponseRedirect(reverse("reconciliation:bank-files"), status=303)
