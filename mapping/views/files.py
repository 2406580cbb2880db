"""Files in and out: uploads with a verdict for each row, exports of every registry."""

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mapping.forms import ApplyForm, UploadForm
from mapping.models import ImportedFile
from mapping.services import exports, imports, tables
from mkterp.core.errors import Refused
from mkterp.core.roles import person, requires
from mkterp.core.screens import toasts, words
from mkterp.core.screens.explained import explained_by

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def allowed(request: HttpRequest) -> list[str]:
    """The registries that this person may import into."""
    return [k for k, needs in imports.PERMISSIONS.items() if request.user.has_perm(needs)]


@require_http_methods(["GET", "HEAD", "POST"])
@requires("mapping.view_skumapping")
@explained_by("data/mappings")
def upload(request: HttpRequest) -> HttpResponse:
    """Choose a file; it is checked, and its page says what every row would do."""
    kinds = allowed(request)
    if request.method != "POST":
        form = UploadForm(kinds=kinds, initial={"kind": request.GET.get("kind", "")})
        return _upload(request, form)
    asked = request.POST.get("kind", "")
    if asked in imports.PERMISSIONS and asked not in kinds:
        raise PermissionDenied(imports.PERMISSIONS[asked])
    form = UploadForm(request.POST, request.FILES, kinds=kinds)
    if not form.is_valid():
        return _upload(request, form, 422)
    given = form.cleaned_data["file"]
    try:
        file = imports.take(
            kind=form.cleaned_data["kind"],
            name=given.name or "",
            content=given.read(),
            by=person(request),
            at=timezone.now(),
        )
    except Refused as refused:
        form.add_error("file", str(refused))
        return _upload(request, form, 422)
    return HttpResponseRedirect(reverse("mapping:import", args=[file.pk]), status=303)


def _upload(request: HttpRequest, form: UploadForm, status: int = 200) -> HttpResponse:
    recent = ImportedFile.objects.defer("content", "verdicts").select_related("checked_by")
    columns = {name: register(timezone.now()) for name, register in imports.REGISTERS.items()}
    context = {
        "form": form,
        "kinds": [(name, columns[name]) for name in allowed(request)],
        "exports": sorted(exports.TABLES),
        "recent": recent.order_by("-pk")[:20],
    }
    return render(request, "mapping/upload.html", context, status=status)


@require_safe
@requires("mapping.view_skumapping")
@explained_by("data/mappings")
def imported_file(request: HttpRequest, key: int) -> HttpResponse:
    """What each row of a file would do, or did."""
    return _file(request, _find(key), ApplyForm())


def _find(key: int) -> ImportedFile:
    return get_object_or_404(ImportedFile.objects.select_related("checked_by"), pk=key)


def _file(
    request: HttpRequest, file: ImportedFile, form: ApplyForm, status: int = 200
) -> HttpResponse:
    seen_before = ImportedFile.objects.filter(
        kind=file.kind, digest=file.digest, state=ImportedFile.State.APPLIED, pk__lt=file.pk
    ).order_by("-pk")
    context = {
        "file": file,
        "form": form,
        "wrong": [one for one in file.verdicts if not one["ok"]],
        "right": [one for one in file.verdicts if one["ok"]],
        "may": request.user.has_perm(imports.PERMISSIONS[file.kind]),
        "seen_before": seen_before.first(),
        "moving": file.state in (ImportedFile.State.WAITING, ImportedFile.State.APPLYING),
    }
    return render(request, "mapping/imported_file.html", context, status=status)


@require_POST
@requires("mapping.view_skumapping")
def apply_file(request: HttpRequest, key: int) -> HttpResponse:
    """Apply a checked file, all or nothing unless the bad rows are to be left out."""
    file = _guarded(request, key)
    form = ApplyForm(request.POST)
    if not form.is_valid():
        return _file(request, file, form, 422)
    try:
        file = imports.decide(
            file=file,
            by=person(request),
            at=timezone.now(),
            reason=form.cleaned_data["reason"],
            leave_bad=form.cleaned_data["leave_bad"],
        )
    except Refused as refused:
        form.add_error(None, str(refused))
        return _file(request, file, form, 422)
    if file.state == ImportedFile.State.APPLIED:
        many = words.things(file.counts["new"], "row", "rows")
        toasts.say(request, toasts.Toast(f"{file}: {many} applied."))
    return HttpResponseRedirect(reverse("mapping:import", args=[key]), status=303)


@require_POST
@requires("mapping.view_skumapping")
def drop_file(request: HttpRequest, key: int) -> HttpResponse:
    """Leave a checked file alone."""
    file = _guarded(request, key)
    imports.drop(file=file, by=person(request), at=timezone.now())
    toasts.say(request, toasts.Toast(f"{file} is left alone; nothing was changed."))
    return HttpResponseRedirect(reverse("mapping:imports"), status=303)


def _guarded(request: HttpRequest, key: int) -> ImportedFile:
    file = _find(key)
    needs = imports.PERMISSIONS[file.kind]
    if not request.user.has_perm(needs):
        raise PermissionDenied(needs)
    return file


@require_safe
@requires("mapping.view_skumapping")
def export(request: HttpRequest) -> HttpResponseBase:
    """A registry in the columns that an import reads: ?kind=mappings&format=xlsx."""
    kind = request.GET.get("kind", "mappings")
    if kind not in exports.TABLES:
        raise Http404(f"There is no registry {kind!r}.")
    table = exports.TABLES[kind](timezone.now())
    return _download(table, kind, request.GET.get("format", "csv"))


@require_safe
@requires("mapping.view_listing")
def new_items_xlsx(request: HttpRequest) -> HttpResponseBase:
    """The items to ask for, for the ERP team."""
    at = timezone.now()
    return _download(exports.new_items(at), "new-items", request.GET.get("format", "xlsx"))


@require_safe
@requires("mapping.view_erpitem")
def merge_request(request: HttpRequest) -> HttpResponseBase:
    """The items to merge, for the ERP team."""
    at = timezone.now()
    return _download(exports.merge_request(at), "merge-request", request.GET.get("format", "xlsx"))


def _download(table: exports.Table, name: str, kind: str) -> HttpResponseBase:
    heading, rows = table
    day: datetime = timezone.localtime()
    file = f"{name}-{day:%Y-%m-%d}"
    if kind == "xlsx":
        body = tables.xlsx(heading, rows, title=name)
        return _attached(HttpResponse(body, content_type=XLSX), f"{file}.xlsx")
    lines = tables.csv_lines(heading, rows)
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    return _attached(answer, f"{file}.csv")


def _attached(answer: HttpResponseBase, name: str) -> HttpResponseBase:
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
