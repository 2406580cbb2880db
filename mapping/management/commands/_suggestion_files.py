"""Reading the CSV files of the suggestion commands, with a message for whatever is wrong."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

from django.core.management.base import CommandError

from mapping.domain.suggestions import Record

REQUIRED = ("id", "title")
OPTIONAL = (
    "brand", "sku", "gtin", "category", "size", "colour", "pack", "price", "currency",
    "description", "model", "gender", "parent", "seller",
)  # fmt: skip
_ALIASES = {"color": "colour", "ean": "gtin", "barcode": "gtin", "upc": "gtin", "name": "title"}


def _text(path: Path) -> str:
    """The file as text: UTF-8 with or without BOM, UTF-16 by its BOM, else Windows Latin."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path}: cannot be read ({error.strerror})") from error
    if body[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return body.decode("utf-16")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", errors="replace")


def _rows(path: Path, required: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, row by lower-case column) of each row that is not blank."""
    text = _text(path)
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count) if first.strip() else ","
    csv.field_size_limit(10_000_000)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        header = [h.strip().lower().lstrip("\ufeff") for h in next(reader)]
    except StopIteration:
        raise CommandError(f"{path}: the file is empty; it needs a row of column names") from None
    header = [h if h in required else _ALIASES.get(h, h) for h in header]
    for column in required:
        if column not in header:
            found = ", ".join(filter(None, header))
            raise CommandError(f'{path}: the column "{column}" is missing; found: {found}')
    for column in set(header):
        if column and header.count(column) > 1:
            raise CommandError(f'{path}: the column "{column}" stands there twice')
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
                raise CommandError(
                    f"{path}, line {reader.line_num}: {len(row)} cells, but the first row names "
                    f"{len(header)} columns"
                )
            yield reader.line_num, dict(zip(header, (c.strip() for c in row), strict=False))
    except csv.Error as error:
        raise CommandError(f"{path}, line {reader.line_num}: {error}") from error


def _price(text: str) -> Decimal | None:
    """A price as written by a person or a shop: '1,234.50', '1.234,50', '$ 12'; else None."""
    kept = "".join(c for c in text if c.isdigit() or c in ".,-")
    if not kept:
        return None
    if "," in kept and "." in kept:
        thousands = "," if kept.rfind(".") > kept.rfind(",") else "."
        kept = kept.replace(thousands, "")
    elif kept.count(",") == 1 and len(kept.split(",")[1]) != 3:
        pass
    else:
        kept = kept.replace(",", "") if kept.count(",") else kept
    try:
        value = Decimal(kept.replace(",", "."))
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 < value < 10**9 else None


def records(path: Path) -> Iterator[Record]:
    """The rows of a catalogue file. Raises CommandError for a missing column or a doubled id."""
    seen: dict[str, int] = {}
    for line, row in _rows(path, REQUIRED):
        key = row.get("id", "")
        if not key:
            raise CommandError(f"{path}, line {line}: the id is empty")
        if key in seen:
            raise CommandError(
                f'{path}, line {line}: the id "{key}" stands in line {seen[key]} too'
            )
        seen[key] = line
        get = row.get
        gtin = get("gtin", "")
        yield Record(
            id=key,
            title=get("title", ""),
            brand=get("brand", ""),
            sku=get("sku", ""),
            gtins=(gtin,) if gtin else (),
            model=get("model", ""),
            size=get("size", ""),
            colour=get("colour", ""),
            pack=get("pack", ""),
            gender=get("gender", ""),
            category=get("category", ""),
            description=get("description", ""),
            price=_price(get("price", "")),
            currency=get("currency", ""),
            parent=get("parent", ""),
            seller=get("seller", ""),
        )


def matches(path: Path, lefts: set[str], rights: set[str]) -> dict[str, frozenset[str]]:
    """Every acceptable answer by left id. Raises CommandError for an id that is in no file."""
    found: dict[str, set[str]] = defaultdict(set)
    for line, row in _rows(path, ("left_id", "right_id")):
        left, right = row.get("left_id", ""), row.get("right_id", "")
        for name, value, known in (("left_id", left, lefts), ("right_id", right, rights)):
            if value not in known:
                raise CommandError(f'{path}, line {line}: no row has the {name} "{value}"')
        found[left].add(right)
    return {left: frozenset(right) for left, right in found.items()}
