"""What the ERP sent out, as the shipments Marketplacer is told of: by line, in pieces as sold.

The ERP counts its own units; a listing may be a pack of several of an item. A parcel tells of a
pack when it completes it. What cannot be told of is named, never guessed and never dropped.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, tzinfo
from decimal import Decimal
from typing import Any

from sync.domain.documents import Shipment, ShipmentPhase, ShippedLine

ZERO = Decimal(0)


@dataclass(frozen=True)
class HeldShipment:
    """A shipment as Marketplacer holds it; `pieces` by line id."""

    marketplacer_id: str
    legacy_id: int
    carrier: str
    tracking: str
    dispatched_at: datetime
    note: str
    pieces: Mapping[str, int]


@dataclass(frozen=True)
class InvoiceShipments:
    """What Marketplacer holds of an invoice's goods."""

    invoice_id: str
    delivery_type: str
    status_flags: frozenset[str]
    ordered: Mapping[str, int]  # pieces by line id
    shipments: tuple[HeldShipment, ...]

    def left(self, line: str) -> int:
        """Pieces of a line that no shipment there holds yet."""
        return self.ordered.get(line, 0) - sum(s.pieces.get(line, 0) for s in self.shipments)


@dataclass(frozen=True)
class SoldLine:
    """A goods line of an order: `pieces` as Marketplacer sold it, each `pack` units in the ERP."""

    key: str  # Marketplacer's line id
    sku: str  # the ERP's item code
    pieces: int
    pack: Decimal


@dataclass(frozen=True)
class PlannedParcel:
    """One shipment for Marketplacer; `number` is the parcel's, empty for a shipment without."""

    number: str
    tracking: str  # empty: the ERP has none
    pieces: Mapping[str, int]  # by line key, each at least one


@dataclass(frozen=True)
class Plan:
    """`problems` are sentences about units that no line of the order can take."""

    parcels: tuple[PlannedParcel, ...]
    problems: tuple[str, ...]
    units: Mapping[str, Decimal]  # of this shipment, by line key


@dataclass
class _Room:
    """How many ERP units of each line are out, and how many pieces have been told."""

    sold: Mapping[str, SoldLine]
    units: dict[str, Decimal]
    told: dict[str, int]
    problems: list[str] = field(default_factory=list)

    def left(self, key: str) -> Decimal:
        line = self.sold[key]
        return line.pieces * line.pack - self.units.get(key, ZERO)

    def shares(self, line: ShippedLine) -> list[tuple[str, Decimal]]:
        """Which order lines take these units; what none can take becomes a problem."""
        if line.line_key in self.sold:
            keys = [line.line_key]
        else:  # a line that the ERP's people made: any line of that item with room
            keys = [key for key, sold in self.sold.items() if sold.sku == line.sku]
        found: list[tuple[str, Decimal]] = []
        wanted = line.quantity
        for key in keys:
            share = min(wanted, self.left(key))
            if share > 0:
                found.append((key, share))
                self.units[key] = self.units.get(key, ZERO) + share
                wanted -= share
        if wanted > 0:
            why = "more than was ordered" if keys else "which the order does not hold"
            self.problems.append(f"{wanted.normalize():f} of {line.sku}, {why}")
        return found

    def complete(self, key: str) -> int:
        """Pieces of a line that are complete now and were not told before; they count as told."""
        whole = int(self.units.get(key, ZERO) // self.sold[key].pack)
        new = whole - self.told.get(key, 0)
        if new > 0:
            self.told[key] = whole
        return max(new, 0)


def plan_shipment(
    shipment: Shipment,
    sold: Iterable[SoldLine],
    *,
    units_before: Mapping[str, Decimal],
    told_before: Mapping[str, int],
) -> Plan:
    """The parcels of one ERP shipment that has left, as Marketplacer is to be told.

    `units_before` are ERP units of the order's other shipments placed earlier, `told_before` the
    pieces that Marketplacer has been (or is being) told of. Whatever the order of events, the sum
    over all plans of an order never exceeds what was sold.
    """
    if shipment.phase is not ShipmentPhase.SHIPPED:
        raise ValueError(f"shipment {shipment.number} has not left")
    room = _Room({line.key: line for line in sold}, dict(units_before), dict(told_before))
    parcels: list[PlannedParcel] = []
    for number, tracking, lines in _boxes(shipment):
        keys = dict.fromkeys(key for line in lines for key, _ in room.shares(line))
        pieces = {key: many for key in keys if (many := room.complete(key))}
        if pieces:
            parcels.append(PlannedParcel(number, tracking, pieces))
    mine = {key: units - units_before.get(key, ZERO) for key, units in room.units.items()}
    return Plan(
        tuple(parcels),
        tuple(dict.fromkeys(room.problems)),
        {key: units for key, units in mine.items() if units},
    )


def _boxes(shipment: Shipment) -> list[tuple[str, str, Sequence[ShippedLine]]]:
    """(number, tracking, lines) of each box; what lies in no box goes as one without number."""
    loose = {(line.line_key, line.sku): ZERO for line in shipment.lines}
    for line in shipment.lines:
        loose[line.line_key, line.sku] += line.quantity
    boxes: list[tuple[str, str, Sequence[ShippedLine]]] = []
    for parcel in shipment.parcels:
        packed: list[ShippedLine] = []
        for line in parcel.lines:
            there = loose.get((line.line_key, line.sku), ZERO)
            share = min(line.quantity, there)  # a parcel never holds more than its shipment
            if share > 0:
                loose[line.line_key, line.sku] = there - share
                packed.append(ShippedLine(line.sku, share, line.line_key))
        boxes.append((parcel.number, parcel.tracking, packed))
    rest = [ShippedLine(sku, n, key) for (key, sku), n in loose.items() if n > 0]
    of_boxes = {parcel.tracking for parcel in shipment.parcels}
    own = [number for number in shipment.tracking if number not in of_boxes]
    boxes.append(("", ", ".join(own), rest))
    return boxes


def carrier_key(name: str | None) -> str:
    """A carrier's name as it is compared: letters and digits only, in lower case."""
    return re.sub(r"[\W_]+", "", (name or "").casefold())


def dispatch_moment(shipped_on: date, placed_at: datetime, now: datetime, zone: tzinfo) -> datetime:
    """When goods left, of which the ERP knows only the day: noon there.

    Never before the order was placed, which Marketplacer refuses, nor after now.
    """
    noon = datetime.combine(shipped_on, time(12), zone)
    return max(min(noon, now), placed_at)


def collect_steps(
    sold: Iterable[SoldLine],
    *,
    ready: Mapping[str, Decimal],
    gone: Mapping[str, Decimal],
    withdrawn: Mapping[str, Decimal],
    flags: frozenset[str] | set[str],
) -> list[str]:
    """The states a click-and-collect order is to be moved through now: READY, then COLLECTED.

    READY when all that is still wanted lies packed or has been handed over, COLLECTED when all of
    it has. ERP units by line key; `flags` are what Marketplacer says already.
    """
    wanted = {line.key: line.pieces * line.pack - withdrawn.get(line.key, ZERO) for line in sold}
    wanted = {key: units for key, units in wanted.items() if units > 0}
    if not wanted or "CANCELLED" in flags:
        return []
    handed = all(gone.get(key, ZERO) >= units for key, units in wanted.items())
    packed = all(
        ready.get(key, ZERO) + gone.get(key, ZERO) >= units for key, units in wanted.items()
    )
    steps = ["READY"] if packed else []
    steps += ["COLLECTED"] if handed else []
    return [step for step in steps if step not in flags and "COLLECTED" not in flags]


def find_told(there: InvoiceShipments, wanted: Mapping[str, Any]) -> HeldShipment | None:
    """The shipment that holds our key in its note.

    Where an instance gives no notes, the one with the same tracking number and pieces; a
    placeholder says nothing, so that such parcels are told apart by their notes only.
    """
    mark = f"[{wanted['key']}]"
    for held in there.shipments:
        if mark in held.note:
            return held
    if wanted.get("placeholder") or "pieces" not in wanted:
        return None
    for held in there.shipments:
        same = (held.tracking, dict(held.pieces)) == (wanted["tracking"], dict(wanted["pieces"]))
        if same and not held.note:
            return held
    return None
