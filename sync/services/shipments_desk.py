"""What a person does about carriers, and the shipments that it sets free: one deed each."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from mkterp.core.models import User
from sync.models import Carrier, CarrierMapping
from sync.services import shipments, shipments_carriers

verdicts = shipments_carriers.verdicts


@transaction.atomic
def choose(*, mapping: CarrierMapping, carrier: Carrier, by: User, at: datetime) -> int:
    """Map a carrier and send what waited for it; returns how many shipments.

    Refused as `shipments_carriers.choose` refuses.
    """
    shipments_carriers.choose(mapping=mapping, carrier=carrier, by=by, at=at)
    return shipments.release_waiting(at=at)


@transaction.atomic
def import_rows(*, rows: Sequence[Mapping[str, str]], by: User, at: datetime) -> tuple[int, int]:
    """Map carriers from a file, all or none; returns how many, and how many shipments went."""
    many = shipments_carriers.import_rows(rows=rows, by=by, at=at)
    return many, shipments.release_waiting(at=at)
