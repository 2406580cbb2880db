"""Rows of a CSV or XLSX file as people save them, read one after the other.

A row is {column: text}. What a spreadsheet did to a file (its byte order mark, semicolons, UTF-16,
numbers for codes) is taken back where that is certain, and refused in words where it is not.
"""

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from mkterp.core import workbook
from mkterp.core.errors import Refused
from mkterp.core.screens.words import csv_cell

MOST_BYTES = 60_000_000
MOST_UNPACKED = 600_000_000  # an XLSX is a zip, and a small one can hold very much
MOST_ROWS = 500_000
FORMULA = ("=", "+", "-", "@")
Row = dict[str, str]


def read(content: bytes) -> Iterator[tuple[int, Row]]:
    """(row number as a spreadsheet counts, row) of a file; empty rows are left out.

    Refused when it is neither CSV in UTF-8 or UTF-16 nor XLSX, or its heading makes no sense. The
    key "" holds what stands beyond the last column of the heading.
    """
    if not content.strip():
        raise Refused("The file is empty.")
    if len(content) > MOST_BYTES:
        raise Refused(f"The file is larger than {MOST_BYTES // 1_000_000} MB; cut it in parts.")
    lines = _xlsx(content) if content[:2] == b"PK" else _csv(content)
    return _rows(lines)


def _rows(lines: Iterator[Sequence[str]]) -> Iterator[tuple[int, Row]]:
    heading, above = list[str](), 0
    for cells in lines:
        above += 1
        if any(cells):
            heading = [_name(cell) for cell in cells]
            break
    while heading and not heading[-1]:
        heading.pop()
    if not heading:
        raise Refused("The file has no heading.")
    twice = {name for name in heading if name and heading.count(name) > 1}
    if twice:
        raise Refused(f"The heading names {', '.join(sorted(twice))} twice.")
    yield above, dict.fromkeys(heading, "")
    seen = 0
    for number, cells in enumerate(lines, start=above + 1):
        if not any(cell.strip() for cell in cells):
            continue
        seen += 1
        if seen > MOST_ROWS:
            raise Refused(f"The file has more than {MOST_ROWS:,} rows; cut it in parts.")
        row = {name: _text(cell) for name, cell in zip(heading, cells, strict=False)}
        for name in heading[len(cells) :]:
            row[name] = ""
        beyond = " ".join(filter(None, cells[len(heading) :]))
        yield number, row | ({"": beyond} if beyond else {})


def _name(cell: str) -> str:
    return "_".join(cell.strip().lower().replace("-", " ").split())


def _text(cell: str) -> str:
    """A cell without the apostrophe that keeps spreadsheets from running it as a formula."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:2] in (*FORMULA, "'") else text


def _csv(content: bytes) -> Iterator[Sequence[str]]:
    # Read line by line: a long file is held once, as the bytes that came.
    text = io.TextIOWrapper(io.BytesIO(content), encoding=_encoding(content), newline="")
    first = text.readline()
    text.seek(0)
    reader = csv.reader(text, delimiter=max(",;\t", key=first.count))
    try:
        yield from reader
    except csv.Error as error:
        raise Refused(f"Line {reader.line_num} is not CSV: {error}.") from error


def _encoding(content: bytes) -> str:
    """The encoding in which the whole file can be read; Refused when there is none."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as error:
            raise Refused("The file begins as UTF-16 and does not go on so.") from error
    else:
        encoding = "utf-8-sig"
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise Refused(
                f"Line {line} is not UTF-8 (byte {content[error.start]: #04x}). Save the file as "
                "“CSV UTF-8”, or as XLSX."
            ) from error
    if "\x00" in text:
        raise Refused("The file holds NUL bytes: it is not a text file.")
    return encoding


def _xlsx(content: bytes) -> Iterator[Sequence[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            if sum(part.file_size for part in package.infolist()) > MOST_UNPACKED:
                raise Refused("The workbook is too large when unpacked; cut it in parts.")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0] if book.worksheets else None
        if sheet is None:
            raise Refused("The workbook has no sheet.")
        # The size that a sheet claims may be wrong, and makes reading skip rows.
        sheet.reset_dimensions()
        for values in sheet.iter_rows(values_only=True):
            yield [_cell(value) for value in values]
        book.close()
    except (
        zipfile.BadZipFile,
        InvalidFileException,
        KeyError,
        ParseError,
        ValueError,
        EOFError,
    ) as error:
        raise Refused("The file is no XLSX workbook that can be read; save it again.") from error


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        midnight = not (value.hour or value.minute or value.second)
        return value.date().isoformat() if midnight else value.isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


# -- the way out --------------------------------------------------------------------------------


def csv_lines(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The lines of a CSV file, streamed; no cell of it runs as a formula."""

    class Echo:
        def write(self, text: str) -> str:
            return text

    writer: Any = csv.writer(Echo())
    yield "\N{ZERO WIDTH NO-BREAK SPACE}" + writer.writerow(heading)
    for row in rows:
        yield writer.writerow([csv_cell(_plain(value)) for value in row])


def xlsx(heading: Sequence[str], rows: Iterable[Sequence[object]], *, title: str) -> bytes:
    """The same as a workbook. Texts are written as texts, so that codes keep their zeros."""
    target = io.BytesIO()
    workbook.write(target, heading, rows, title=title)
    return target.getvalue()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return "" if value is None else value


Reader = Callable[[], Iterator[tuple[int, Row]]]
