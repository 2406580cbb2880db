"""How shipping is taxed in a destination: what finance decided, dated, with a reason."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from mapping.models import ShippingTaxPolicy, TaxCodeMapping
from mapping.signals import mapping_changed
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User

MAX_BOUND = 1_000


@transaction.atomic
def set_policy(
    *,
    country: str,
    rule: str,
    by: User | None,
    at: datetime,
    reason: str,
    spread: str = ShippingTaxPolicy.Spread.AS_CHARGED,
    flat_rate: Decimal | None = None,
    bound_minor: int = 25,
    moment: datetime | None = None,
) -> ShippingTaxPolicy:
    """From a moment (default `at`) on shipping to the country is taxed like this.

    Orders placed before keep what held then; posted ones are not touched. Setting what holds
    changes nothing. Refused without a reason, for a flat rule without a rate that is mapped in
    that country, for a rate with another rule, and for a moment before one that is already set.
    """
    country = country.strip().upper()
    if not reason.strip():
        raise Refused("Say why.")
    if len(country) != 2 or not country.isalpha():
        raise Refused("Name the country by its two letters, such as GB.")
    if not 0 <= bound_minor <= MAX_BOUND:
        raise Refused(f"The bound is a number of cents from 0 to {MAX_BOUND}.")
    begins = moment or at
    if (rule == ShippingTaxPolicy.Rule.FLAT) != (flat_rate is not None):
        raise Refused("A flat rule needs its rate, and no other rule has one.")
    if flat_rate is not None and not _mapped(country, flat_rate, begins):
        raise Refused(
            f"The rate {flat_rate:f} has no ERP tax in {country}: map it under tax codes first."
        )
    wanted = {
        "rule": rule,
        "spread": spread,
        "flat_rate": flat_rate,
        "bound_minor": bound_minor,
    }
    rows = ShippingTaxPolicy.objects.select_for_update(no_key=True).filter(country=country)
    if rows.filter(valid_from__gt=begins).exists():
        raise Refused("A later policy for this country is already set; choose a moment after it.")
    current = rows.in_force(begins).order_by("-pk").first()
    if current is not None and all(getattr(current, k) == v for k, v in wanted.items()):
        return current
    if current is not None:
        current.valid_until = begins
        current.save(update_fields=["valid_until"])
    new = ShippingTaxPolicy.objects.create(
        country=country, **wanted, valid_from=begins, reason=reason, set_by=by, set_at=at
    )
    audit.record(
        action="shippingtaxpolicy.set",
        subject=new,
        by=by,
        at=at,
        before={"policy": str(current)} if current is not None else None,
        after={"policy": str(new), "spread": spread, "bound": bound_minor},
        reason=reason,
    )
    mapping_changed.send(sender=ShippingTaxPolicy, countries={country})
    return new


def _mapped(country: str, rate: Decimal, at: datetime) -> bool:
    rows = TaxCodeMapping.objects.in_force(at)
    return rows.filter(country=country, marketplace_rate=rate).exists()
