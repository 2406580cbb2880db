"""A filtered list as a file: CSV, streamed from its first row on, or an XLSX workbook."""

import csv
import io
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET

from mkterp.core import roles, workbook
from mkterp.core.screens.cells import Cell
from mkterp.core.screens.serve import View
from mkterp.core.screens.state import ListState
from mkterp.core.screens.words import csv_cell

if TYPE_CHECKING:
    from mkterp.core.screens.lists import ListScreen

logger = logging.getLogger(__name__)
CHUNK = 1000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# A workbook is finished before it leaves, about 10,000 rows a second; more is for the CSV.
MOST_IN_WORKBOOK = 100_000


class _Echo:
    """A file that hands back what is written to it: csv formats, we stream."""

    def write(self, text: str) -> str:
        return text


def export(screen: "ListScreen") -> View:
    @require_GET
    @roles.requires(screen.permission)
    def view(request: HttpRequest) -> StreamingHttpResponse:
        state = ListState(screen, request, request.GET)
        logger.info("%s exports %s (%s)", request.user, screen.name, state.query() or "all")
        response = StreamingHttpResponse(lines(state), content_type="text/csv; charset=utf-8")
        name = f"{screen.name}-{timezone.localdate():%Y-%m-%d}.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    return view


def export_workbook(screen: "ListScreen") -> View:
    @require_GET
    @roles.requires(screen.permission)
    def view(request: HttpRequest) -> HttpResponseBase:
        state = ListState(screen, request, request.GET)
        logger.info("%s exports %s (%s)", request.user, screen.name, state.query() or "all")
        if state.rows.order_by()[: MOST_IN_WORKBOOK + 1].count() > MOST_IN_WORKBOOK:
            words = (
                f"A workbook holds up to {MOST_IN_WORKBOOK:,} rows. Narrow the list by its "
                "filters, or take the CSV, which has no limit."
            )
            return HttpResponse(words, status=422, content_type="text/plain; charset=utf-8")
        target = io.BytesIO()
        workbook.write(target, heading(state), values(state), title=screen.name)
        target.seek(0)
        name = f"{screen.name}-{timezone.localdate():%Y-%m-%d}.xlsx"
        return FileResponse(target, as_attachment=True, filename=name, content_type=XLSX)

    return view


def lines(state: ListState) -> Iterator[str]:
    """The lines of the file, a head first; the byte-order mark makes spreadsheets read UTF-8."""
    writer = csv.writer(_Echo())
    yield "\N{ZERO WIDTH NO-BREAK SPACE}" + writer.writerow(map(csv_cell, heading(state)))
    for row in values(state):
        yield writer.writerow(map(csv_cell, row))


def heading(state: ListState) -> list[str]:
    """What the columns are called."""
    return [str(state.screen.columns[name].header) for name in _columns(state)]


def values(state: ListState) -> Iterator[list[Any]]:
    """The rows in the list's order, read as they are asked for."""
    cells = [Cell(state.screen.columns[name], plain=True) for name in _columns(state)]
    for row in state.rows.order_by(*state.ordering).iterator(chunk_size=CHUNK):
        yield [cell(row) for cell in cells]


def _columns(state: ListState) -> list[str]:
    return [name for name in state.columns if not _left_out(state.screen.table, name)]


def _left_out(table: Any, name: str) -> bool:
    return bool(getattr(table.base_columns[name], "exclude_from_export", False))
