"""What a marketplace's tax and a ledger's role are called in the ERP, as of a moment."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Case, CharField, QuerySet, Value, When

from mapping.models import AccountMapping, AccountRole, ShippingTaxPolicy, TaxCodeMapping

NARROWER = ("region", "origin", "item_class", "exemption")


def tax_rules(*, countries: Iterable[str]) -> dict[str, list[TaxCodeMapping]]:
    """Tax code mappings by destination, whenever they are or were in force.

    Rows with narrower keys are among them: choose with `narrowest`.
    """
    found: dict[str, list[TaxCodeMapping]] = {}
    for rule in TaxCodeMapping.objects.filter(country__in=set(countries)).order_by("pk"):
        found.setdefault(rule.country, []).append(rule)
    return found


def narrowest(
    rules: Sequence[TaxCodeMapping],
    *,
    region: str = "",
    origin: str = "",
    item_class: str = "",
    exemption: str = "",
) -> list[TaxCodeMapping]:
    """Of these rules (of one destination and moment), for each rate the one that fits best.

    A rule fits when each of its narrower keys is empty or equal. The one that names most keys
    counts; among equals region before origin before class before exemption.
    """
    wanted = {"region": region, "origin": origin, "item_class": item_class, "exemption": exemption}
    best: dict[object, tuple[tuple[int, ...], TaxCodeMapping]] = {}
    for rule in rules:
        named = [bool(getattr(rule, key)) for key in NARROWER]
        if any(getattr(rule, key) not in ("", wanted[key]) for key in NARROWER):
            continue
        weight = (sum(named), *named)
        known = best.get(rule.marketplace_rate)
        if known is None or weight > known[0]:
            best[rule.marketplace_rate] = (weight, rule)
    return [rule for _, rule in best.values()]


def shipping_policies(*, countries: Iterable[str]) -> dict[str, list[ShippingTaxPolicy]]:
    """How shipping is taxed by destination, whenever that is or was in force."""
    found: dict[str, list[ShippingTaxPolicy]] = {}
    rows = ShippingTaxPolicy.objects.filter(country__in=set(countries)).order_by("pk")
    for row in rows:
        found.setdefault(row.country, []).append(row)
    return found


def shipping_tax_policies(*, at: datetime) -> QuerySet[ShippingTaxPolicy]:
    """Every shipping policy, with who set it and `span`: in force, ended or planned."""
    return ShippingTaxPolicy.objects.select_related("set_by").annotate(span=_span(at))


def _span(at: datetime) -> Case:
    """Where a dated row stands at the moment: "in force", "ended" or "planned"."""
    return Case(
        When(valid_until__lte=at, then=Value("ended")),
        When(valid_from__gt=at, then=Value("planned")),
        default=Value("in force"),
        output_field=CharField(),
    )


def tax_code_mappings(*, at: datetime) -> QuerySet[TaxCodeMapping]:
    """Every tax code mapping, with who set it and `span`: in force, ended or planned."""
    return TaxCodeMapping.objects.select_related("set_by").annotate(span=_span(at))


def account_mappings(*, at: datetime) -> QuerySet[AccountMapping]:
    """Every account mapping, with who set it and `span`: in force, ended or planned."""
    return AccountMapping.objects.select_related("set_by").annotate(span=_span(at))


def roles_without_account(*, at: datetime) -> list[tuple[str, str]]:
    """(code, what it is) of the roles that entries need and nobody has given an account."""
    known = {role for event, role in accounts_at(at=at) if not event}
    return [(role.value, role.label) for role in AccountRole if role.value not in known]


def accounts_at(*, at: datetime) -> dict[tuple[str, str], str]:
    """(event, role) → the ERP's account code, as of the moment; event "" is every event."""
    rows = AccountMapping.objects.in_force(at).order_by("pk")
    return {(row.event, row.role): row.erp_account for row in rows}


def account(*, event: str, role: str, at: datetime) -> str | None:
    """The ERP account that plays the role in the event at the moment; None: nobody has said.

    A row for the event comes before one for every event.
    """
    rows = AccountMapping.objects.in_force(at).filter(role=role, event__in=["", event])
    found = {row.event: row.erp_account for row in rows.order_by("pk")}
    return found.get(event, found.get(""))
