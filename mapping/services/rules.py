"""What people say of a seller, and what a tax rate means: dated, with a reason."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Max

from mapping.models import (
    AccountMapping,
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
    moment: datetime | None = None,
) -> SellerRule:
    """From a moment (default `at`) on this holds for the seller; a first rule, set without a
    moment, holds from the beginning of time.

    Setting what holds already changes nothing. The rule before it ends where this one begins; a
    rule that was to begin later is taken away. Refused without a reason.
    """
    if not reason.strip():
        raise Refused("Say why.")
    field = FIELDS[rule]
    Seller.objects.select_for_update(no_key=True, of=("self",)).get(pk=seller.pk)
    begins = moment or at
    rules = rule._default_manager.filter(seller=seller)
    later = rules.filter(valid_from__gt=begins)
    current = rules.in_force(begins).order_by("-pk").first()
    if current is not None and getattr(current, field) == value and not later.exists():
        return current
    for planned in later.order_by("pk"):
        # An empty span holds at no time; the row stays, to say what had been planned.
        planned.valid_until = planned.valid_from
        planned.save(update_fields=["valid_until"])
    if current is not None and getattr(current, field) == value:
        current.valid_until = None
        current.save(update_fields=["valid_until"])
        return current
    if current is not None:
        current.valid_until = begins
        current.save(update_fields=["valid_until"])
    first = current is None and moment is None and not rules.exists()
    new: SellerRule = rule._default_manager.create(
        seller=seller,
        valid_from=None if first else begins,
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
        after={"seller": seller.business_name, field: value, "from": begins.isoformat()},
        reason=reason,
    )
    mapping_changed.send(sender=rule, seller_ids={seller.pk})
    return new


@dataclass(frozen=True)
class TaxKey:
    """What a tax code mapping is about. `country` and `region` are the destination's."""

    country: str
    marketplace_rate: Decimal
    region: str = ""
    origin: str = ""
    item_class: str = ""
    exemption: str = ""


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
    moment: datetime | None = None,
    **narrower: str,
) -> TaxCodeMapping:
    """From a moment (default `at`) on the marketplace's rate there is this ERP tax.

    Set without a moment where nothing holds, it holds from the end of the one before, or from ever
    on: the orders that wait were placed in that gap. `narrower`: region, origin, item_class,
    exemption. Setting what holds already changes nothing.
    """
    key = TaxKey(country, marketplace_rate, **narrower)
    begins = moment or at
    rows = TaxCodeMapping.objects.select_for_update(no_key=True).filter(**vars(key))
    if rows.filter(valid_from__gt=begins).exists():
        raise Refused("A later rate for this is already set; choose a moment after it.")
    current = rows.in_force(begins).order_by("-pk").first()
    if current is not None and (current.erp_code, current.erp_rate) == (erp_code, erp_rate):
        return current
    since: datetime | None = begins
    if current is None and moment is None:
        since = rows.aggregate(ended=Max("valid_until"))["ended"]
    if current is not None:
        current.valid_until = begins
        current.save(update_fields=["valid_until"])
    new = TaxCodeMapping.objects.create(
        **vars(key),
        erp_code=erp_code,
        erp_rate=erp_rate,
        valid_from=since,
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


@transaction.atomic
def map_account(
    *,
    role: str,
    erp_account: str,
    by: User | None,
    at: datetime,
    reason: str,
    event: str = "",
    moment: datetime | None = None,
) -> AccountMapping:
    """From a moment (default `at`) on the role is played by this ERP account.

    Where nothing holds it begins as `map_tax_code` does. Setting what holds changes nothing.
    """
    begins = moment or at
    rows = AccountMapping.objects.select_for_update(no_key=True).filter(event=event, role=role)
    if rows.filter(valid_from__gt=begins).exists():
        raise Refused("A later account for this is already set; choose a moment after it.")
    current = rows.in_force(begins).order_by("-pk").first()
    if current is not None and current.erp_account == erp_account:
        return current
    since: datetime | None = begins
    if current is None and moment is None:
        since = rows.aggregate(ended=Max("valid_until"))["ended"]
    if current is not None:
        current.valid_until = begins
        current.save(update_fields=["valid_until"])
    new = AccountMapping.objects.create(
        event=event,
        role=role,
        erp_account=erp_account,
        valid_from=since,
        reason=reason,
        set_by=by,
        set_at=at,
    )
    audit.record(
        action="accountmapping.set",
        subject=new,
        by=by,
        at=at,
        before={"erp_account": current.erp_account} if current is not None else None,
        after={"event": event, "role": role, "erp_account": erp_account},
        reason=reason,
    )
    mapping_changed.send(sender=AccountMapping)
    return new
