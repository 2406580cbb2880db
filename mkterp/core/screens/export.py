"""A filtered list as CSV, streamed: the first line leaves before the last row is read."""

import csv
import logging
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from mkterp.core import roles
from mkterp.core.screens.serve import View
from mkterp.core.screens.state import ListState
from mkterp.core.screens.words import csv_cell

if TYPE_CHECKING:
    from mkterp.core.screens.lists import ListScreen

logger = logging.getLogger(__name__)
CHUNK = 1000


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


def lines(state: ListState) -> Iterator[str]:
    """The lines of the file, a head first; the byte-order mark makes spreadsheets read UTF-8."""
    writer = csv.writer(_Echo())
    table = state.screen.table
    columns = [name for name in state.columns if not _left_out(table, name)]
    empty = table(data=[])
    yield "\N{ZERO WIDTH NO-BREAK SPACE}" + writer.writerow(
        [csv_cell(str(empty.columns[name].header)) for name in columns]
    )
    rows = state.rows.order_by(*state.ordering).iterator(chunk_size=CHUNK)
    while chunk := list(islice(rows, CHUNK)):
        for bound in table(data=chunk).rows:
            yield writer.writerow([csv_cell(_value(bound, name)) for name in columns])


def _value(bound: Any, name: str) -> Any:
    return bound.get_cell_value(name)


def _left_out(table: Any, name: str) -> bool:
    return bool(getattr(table.base_columns[name], "exclude_from_export", False))
