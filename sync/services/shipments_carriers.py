"""Which of Marketplacer's carriers each of the ERP's is; an unknown one waits for a person."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from sync import connections
from sync.domain.cases import CaseKind
from sync.domain.delivery import Failure
from sync.domain.fulfilment import carrier_key
from sync.models import Carrier, CarrierMapping, ExceptionCase, Shipment
from sync.services import cases, feeds
from sync.services.cases import Cause


def pull(*, clock: Callable[[], datetime]) -> Mapping[str, int]:
    """Read both sides' carriers; pairs whose names are the same map themselves."""
    if feeds.held_back(name="carriers", at=clock()):
        return {}
    failure: Failure | None = None
    counts: dict[str, int] = {}
    try:
        theirs = connections.marketplacer().shipment_carriers()
        names = connections.erp().reference_data().carriers
        at = clock()
        with transaction.atomic():
            mirror(found={one.marketplacer_id: one.name for one in theirs}, at=at)
            mapped(names=set(names), at=at)
        counts = {"at Marketplacer": len(theirs), "in the ERP": len(names)}
    except Failure as problem:
        failure = problem
    feeds.told(name="carriers", failure=failure, at=clock(), counts=counts)
    return counts


@transaction.atomic
def mirror(*, found: Mapping[str, str], at: datetime) -> None:
    """Marketplacer's carriers are these (id: name); others are marked as gone, never deleted."""
    for marketplacer_id, name in sorted(found.items()):
        Carrier.objects.update_or_create(
            marketplacer_id=marketplacer_id, defaults={"name": name[:200], "gone_at": None}
        )
    Carrier.objects.exclude(marketplacer_id__in=found).filter(gone_at=None).update(gone_at=at)


@transaction.atomic
def mapped(*, names: Collection[str], at: datetime) -> dict[str, str | None]:
    """Marketplacer's carrier id for each ERP name, None where nobody has said so.

    A name seen for the first time is kept, and maps itself when both sides call it the same.
    """
    rows = {row.key: row for row in CarrierMapping.objects.select_related("carrier")}
    found: dict[str, str | None] = {}
    for name in sorted(names):
        key = carrier_key(name)
        row = rows.get(key)
        if row is None:
            row, _ = CarrierMapping.objects.get_or_create(
                key=key, defaults={"erp_name": name, "seen_at": at}
            )
            rows[key] = row
        if row.carrier is None and row.set_by_id is None:
            row.carrier = _same_name(key)
            if row.carrier is not None:
                row.set_at = at
                row.save(update_fields=["carrier", "set_at"])
                _settle_case(row, by=None, at=at)
        alive = row.carrier is not None and row.carrier.gone_at is None
        found[name] = row.carrier.marketplacer_id if alive and row.carrier else None
    return found


def _same_name(key: str) -> Carrier | None:
    # Goods that no carrier was named for go under a declared one.
    wanted = key or carrier_key(settings.SHIPMENT_CARRIER_PLACEHOLDER)
    same = [one for one in Carrier.objects.filter(gone_at=None) if carrier_key(one.name) == wanted]
    return same[0] if len(same) == 1 and wanted else None


def wait(*, shipment: Shipment, at: datetime) -> ExceptionCase | None:
    """A shipment cannot be told because its carrier is not mapped: one case for the carrier.

    None, and no case, before Marketplacer's carriers have been read once: every name would look
    unknown. The shipment waits just the same.
    """
    if not Carrier.objects.exists():
        return None
    name = shipment.carrier
    said = f"The ERP's carrier {name}" if name else "A shipment without a carrier"
    cause = Cause(
        CaseKind.UNMAPPED_CARRIER,
        f"carrier:{carrier_key(name)}",
        f"{said} is none of Marketplacer's yet; its shipments wait.",
    )
    case = cases.open_case(cause=cause, at=at)
    cases.hold(invoice=shipment.invoice, case=case)
    if shipment.erp_shipment is not None:
        shipment.erp_shipment.cases.add(case)
    return case


@transaction.atomic
def choose(*, mapping: CarrierMapping, carrier: Carrier, by: User, at: datetime) -> CarrierMapping:
    """A person says which carrier it is. The caller releases what waited for it.

    Refused for a carrier that Marketplacer no longer has. Shipments told before stay as they are.
    """
    row = CarrierMapping.objects.select_for_update(no_key=True, of=("self",)).get(pk=mapping.pk)
    if carrier.gone_at is not None:
        raise Refused(f"Marketplacer no longer has the carrier {carrier}.")
    before = row.carrier_id
    row.carrier, row.set_by, row.set_at = carrier, by, at
    row.save(update_fields=["carrier", "set_by", "set_at"])
    audit.record(
        action="carrier.map",
        subject=row,
        by=by,
        at=at,
        before={"carrier": before},
        after={"carrier": carrier.pk},
    )
    _settle_case(row, by=by, at=at)
    return row


def _settle_case(row: CarrierMapping, *, by: User | None, at: datetime) -> None:
    for case in ExceptionCase.objects.filter(
        kind=CaseKind.UNMAPPED_CARRIER,
        key=f"carrier:{row.key}",
        state=ExceptionCase.State.OPEN,
    ):
        cases.resolve(case=case, resolution=f"{row} is {row.carrier}.", at=at, by=by)


def verdicts(*, rows: Sequence[Mapping[str, str]]) -> list[tuple[int, str, bool]]:
    """What an import of `erp_carrier, marketplacer_carrier` would do: (row, words, good) each.

    Rows count as in a spreadsheet: the heading is row 1.
    """
    theirs = {carrier_key(one.name): one for one in Carrier.objects.filter(gone_at=None)}
    found = []
    for number, row in enumerate(rows, start=2):
        name, wanted = row.get("erp_carrier", ""), row.get("marketplacer_carrier", "")
        one = theirs.get(carrier_key(wanted))
        if one is None:
            found.append((number, f"Marketplacer has no carrier {wanted or '(empty)'}.", False))
        else:
            found.append((number, f"{name or 'No carrier'} becomes {one}.", True))
    return found


@transaction.atomic
def import_rows(*, rows: Sequence[Mapping[str, str]], by: User, at: datetime) -> int:
    """Map carriers from a file, all or none; returns how many. Refused at the first bad row."""
    bad = next((verdict for verdict in verdicts(rows=rows) if not verdict[2]), None)
    if bad is not None:
        raise Refused(f"Row {bad[0]}: {bad[1]} Nothing was changed.")
    theirs = {carrier_key(one.name): one for one in Carrier.objects.filter(gone_at=None)}
    for row in rows:
        name = row.get("erp_carrier", "").strip()
        mapping, _ = CarrierMapping.objects.get_or_create(
            key=carrier_key(name), defaults={"erp_name": name, "seen_at": at}
        )
        carrier = theirs[carrier_key(row["marketplacer_carrier"])]
        choose(mapping=mapping, carrier=carrier, by=by, at=at)
    return len(rows)
