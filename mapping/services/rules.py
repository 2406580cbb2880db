"""What people say of a seller, and what a tax rate means: dated, with a reason."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from mapping.models import (
    FulfilmentRule,
    OwnershipRule,
    Seller,
    SellerRule,
    SellerTreatment,
    TaxCodeMapping,
)
from mapping.signals import mapping_changed
from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User

# The attribute a rule sets, by its model.
FIELDS: dict[type[SellerRule], str] = {
    OwnershipRule: "owner",
    FulfilmentRule: "fulfilled_by",
    SellerTreatment: "treatment",
}


@transaction.atomic
def set_rule(
    *,
    rule: type[SellerRule],
    seller: Seller,
    value: str,
    by: User | None,
    at: datetime,
    reason: str,
) -> SellerRule:
    """From `at` on this holds for the seller; a first rule holds from the beginning of time.

    Setting what holds already changes nothing. The rule before it ends where this one begins.
    Refused without a reason.
    """
    if not reason.strip():
        raise Refused("Say why.")
    field = FIELDS[rule]
    Seller.objects.select_for_update(of=("self",)).get(pk=seller.pk)
    rules = rule._default_manager.filter(seller=seller)
    current = rules.filter(valid_until=None).order_by("-pk").first()
    if current is not None and getattr(current, field) == value:
        return current
    if current is not None:
        current.valid_until = at
        current.save(update_fields=["valid_until"])
    new: SellerRule = rule._default_manager.create(
        seller=seller,
        valid_from=at if current is not None else None,
        reason=reason,
        set_by=by,
        set_at=at,
        **{field: value},
    )
    audit.record(
        action=f"{rule._meta.model_name}.set",
        subject=new,
        by=by,
        at=at,
        before={field: getattr(current, field)} if current is not None else None,
        after={"seller": seller.business_name, field: value},
        reason=reason,
    )
    mapping_changed.send(sender=rule, seller_ids={seller.pk})
    return new


@transaction.atomic
def map_tax_code(
    *,
    country: str,
    marketplace_rate: Decimal,
    erp_code: str,
    erp_rate: Decimal,
    by: User | None,
    at: datetime,
    reason: str,
) -> TaxCodeMapping:
    """From `at` on the marketplace's rate in this country is this ERP tax; the first from ever on.

    Setting what holds already changes nothing.
    """
    existing = TaxCodeMapping.objects.select_for_update().filter(
        country=country, marketplace_rate=marketplace_rate, valid_until=None
    )
    current = existing.order_by("-pk").first()
    if current is not None and (current.erp_code, current.erp_rate) == (erp_code, erp_rate):
        return current
    if current is not None:
        current.valid_until = at
        current.save(update_fields=["valid_until"])
    new = TaxCodeMapping.objects.create(
        country=country,
        marketplace_rate=marketplace_rate,
        erp_code=erp_code,
        erp_rate=erp_rate,
        valid_from=at if current is not None else None,
        reason=reason,
        set_by=by,
        set_at=at,
    )
    audit.record(
        action="taxcodemapping.set",
        subject=new,
        by=by,
        at=at,
        before={"erp_code": current.erp_code} if current is not None else None,
        after={"country": country, "rate": str(marketplace_rate), "erp_code": erp_code},
        reason=reason,
    )
    mapping_changed.send(sender=TaxCodeMapping, countries={country})
    return new
