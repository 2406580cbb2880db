"""Recorded demand as a CSV file: what it says, row by row, and what is wrong with it."""

import csv
import random
from collections.abc import Iterable
from datetime import UTC, datetime

from sync.domain.demand import Demand, Event, Kind, deliveries

HELP = """A CSV file with a header and the columns

  at        when, ISO 8601: 2026-03-01T09:30:00Z (without a zone it is taken as UTC)
  sku       any text
  quantity  whole units, at least 1 (opening: at least 0)
  kind      optional: order (a marketplace customer asks; taken where it is empty),
            sale (another channel's customer asks), restock (goods come in),
            opening (what the ERP and the marketplace both show at the start)

in any order, other columns ignored. A SKU without an opening row starts with a day of its demand.
A file without any sale and any restock gets both drawn from --seed: as many sales elsewhere as
there are orders, and deliveries that replace what is sold on average."""

KINDS = {"order": Kind.ORDER, "sale": Kind.SALE, "restock": Kind.RESTOCK}
_SHOWN = 10


class BadDemand(ValueError):
    """The file cannot be used; each line of the text names row, field and fix."""


def read(
    lines: Iterable[str], *, seed: int, hours: float | None = None, skus: int | None = None
) -> Demand:
    """The demand of a file, its first `hours` only and its first `skus` SKUs only where given.

    The run begins with the earliest row and ends with the latest. Raises BadDemand.
    """
    rows = list(_rows(lines, skus))
    moves = [row for row in rows if row[2] is not None]
    if not any(kind is Kind.ORDER for _, _, kind, _ in moves):
        raise BadDemand("the file holds no order: add a row whose kind is order or empty")
    names = list(dict.fromkeys(sku for _, sku, _, _ in rows))
    place = {sku: number for number, sku in enumerate(names)}
    start = min(at for at, _, _, _ in moves)
    span = (max(at for at, _, _, _ in moves) - start).total_seconds() / 3600
    # The last row happens within the run, and one moment is still some time.
    span = max(span, 1 / 60) if hours is None else hours
    events: list[Event] = []
    for at, sku, kind, quantity in moves:
        since = (at - start).total_seconds() / 3600
        if kind is not None and since <= span:
            events.append((since, place[sku], kind, quantity))
    if all(kind is Kind.ORDER for _, _, kind, _ in moves):
        events += _elsewhere(events, seed=seed, skus=len(names), hours=span)
    events.sort()
    opening = {sku: quantity for _, sku, kind, quantity in rows if kind is None}
    asked = [0] * len(names)
    for _, number, kind, quantity in events:
        asked[number] += quantity if kind is not Kind.RESTOCK else 0
    days = max(span / 24, 1.0)
    return Demand(
        skus=names,
        opening=[
            opening.get(sku, max(1, round(asked[number] / days)))
            for number, sku in enumerate(names)
        ],
        events=events,
        hours=span,
    )


def _elsewhere(orders: list[Event], *, seed: int, skus: int, hours: float) -> list[Event]:
    """The other channels and the deliveries that a file of orders alone does not tell."""
    draw = random.Random(seed)
    asked = [0] * skus
    events: list[Event] = []
    for _, place, _, quantity in orders:
        asked[place] += quantity
        events.append((draw.uniform(0, hours), place, Kind.SALE, quantity))
    for place, units in enumerate(asked):
        events += deliveries(draw, place=place, per_hour=2 * units / hours, hours=hours)
    return events


_Row = tuple[datetime, str, Kind | None, int]


def _rows(lines: Iterable[str], skus: int | None) -> Iterable[_Row]:
    """Rows of the file; kind None is an opening. Raises BadDemand with every fault, ten shown."""
    reader = csv.DictReader(lines)
    fields = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
    lacking = [name for name in ("at", "sku", "quantity") if name not in fields]
    if lacking:
        raise BadDemand(
            f"row 1: no column {', '.join(lacking)}: the header must name at, sku and quantity"
        )
    faults: list[str] = []
    taken: dict[str, None] = {}
    opened: set[str] = set()
    found: list[_Row] = []
    for row in reader:
        raw = {name: (row[field] or "").strip() for name, field in fields.items() if field}
        sku = raw["sku"]
        try:
            at, kind, quantity = _when(raw["at"]), _kind(raw.get("kind", "")), raw["quantity"]
            if not sku:
                raise BadDemand("sku: is empty: name the SKU")
            if kind is None and sku in opened:
                raise BadDemand(f"kind: {sku} has a second opening: keep one")
            amount = _units(quantity, least=0 if kind is None else 1)
        except BadDemand as fault:
            faults.append(f"row {reader.line_num}, {fault}")
            continue
        if kind is None:
            opened.add(sku)
        if sku in taken or skus is None or len(taken) < skus:
            taken.setdefault(sku)
            found.append((at, sku, kind, amount))
    if faults:
        more = len(faults) - _SHOWN
        raise BadDemand("\n".join(faults[:_SHOWN] + ([f"and {more} rows more"] * (more > 0))))
    return found


def _when(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadDemand(f"at: {text!r} is no moment: write it like 2026-03-01T09:30:00Z") from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _kind(text: str) -> Kind | None:
    word = text.lower() or "order"
    if word == "opening":
        return None
    if word not in KINDS:
        raise BadDemand(f"kind: {text!r} is unknown: use order, sale, restock or opening")
    return KINDS[word]


def _units(text: str, *, least: int) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:18]) < least or len(text) > 9:
        raise BadDemand(f"quantity: {text!r}: write a whole number from {least} to 999999999")
    return int(text)
