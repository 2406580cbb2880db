"""An XLSX workbook of one sheet, written row by row: its memory does not grow with its rows."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell


def write(
    target: IO[bytes], heading: Sequence[str], rows: Iterable[Sequence[object]], *, title: str
) -> None:
    """Write a head and its rows. Texts are written as texts: codes keep their zeros, and nothing
    is a formula, whatever it begins with. Amounts and whole numbers stay numbers."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"

    def cell(value: object) -> Any:
        made = WriteOnlyCell(sheet, value=value)
        if isinstance(value, str):
            made.data_type = "s"
            made.number_format = "@"
        return made

    sheet.append([cell(name) for name in heading])
    for row in rows:
        sheet.append([cell(_of(value)) for value in row])
    book.save(target)


def _of(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | Decimal):
        return value
    if isinstance(value, datetime):  # a sheet's times have no zone
        return value.isoformat()
    if isinstance(value, date):
        return value
    return "".join(one for one in str(value) if one >= " " or one in "\t\n")
