"""The records of a Tryton company every document refers to, looked up once and kept."""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

from sync.domain.delivery import MissingRight
from sync.domain.documents import Treatment
from sync.erp.tryton.client import TrytonClient


@dataclass(frozen=True)
class Names:
    """What the records are called in this Tryton; the defaults are what our guide sets up."""

    shop: str = "Marketplacer"
    parties: Mapping[Treatment, str] = field(
        default_factory=lambda: {
            Treatment.PRINCIPAL: "Marketplacer customers (principal)",
            Treatment.AGENT: "Marketplacer customers (agent)",
        }
    )
    # The item of a shipping line by its tax code; the tax itself comes from the line.
    shipping_items: Mapping[str | None, str] = field(
        default_factory=lambda: {"GB-ZERO": "MKT-SHIPPING-ZERO"}
    )
    shipping_item: str = "MKT-SHIPPING-STD"
    rounding_item: str = "MKT-ROUNDING"
    # Services whose category books to the account that is passed on to sellers.
    agent_item: str = "MKT-AGENT-GOODS"
    agent_shipping_item: str = "MKT-AGENT-SHIPPING"
    journal: str = "MISC"

    def services(self) -> set[str]:
        """The codes of all items that are not goods."""
        agency = {self.agent_item, self.agent_shipping_item}
        return {self.shipping_item, self.rounding_item, *self.shipping_items.values(), *agency}


@dataclass(frozen=True)
class PartyReference:
    id: int
    address: int
    payment_term: int | None


@dataclass(frozen=True)
class ProductReference:
    id: int
    unit: int


@dataclass(frozen=True)
class References:
    company: int
    company_name: str
    currency: str
    time_zone: ZoneInfo
    currencies: Mapping[str, int]
    shop: int
    warehouses: Mapping[int, str]  # the shop's own, the first one sells
    parties: Mapping[Treatment, PartyReference]
    taxes: Mapping[str, int]  # active ones by code


# What the modules beside the basic ones add to a customer shipment.
_SHIPPING_FIELDS = ("carrier", "packages", "shipping_reference")


class ReferenceBook:
    """Reads the references when first needed and keeps them; `forget` makes it read again."""

    def __init__(self, client: TrytonClient, names: Names) -> None:
        self._client, self.names = client, names
        self._lock = threading.Lock()
        self._known: References | None = None
        self._shipping: frozenset[str] | None = None

    def forget(self) -> None:
        """Read again at the next use, after somebody has changed the set-up."""
        with self._lock:
            self._known = self._shipping = None

    def shipping_fields(self) -> frozenset[str]:
        """Which of carrier, packages and shipping_reference this Tryton's shipments have.

        They come with the modules stock_shipment_cost (carrier), stock_package and
        stock_package_shipping; a Tryton without them is as good a Tryton.
        """
        with self._lock:
            if self._shipping is None:
                known = self._client.read("model.stock.shipment.out.fields_get")
                self._shipping = frozenset(known) & frozenset(_SHIPPING_FIELDS)
            return self._shipping

    def get(self) -> References:
        """The references. Raises MissingRight naming what Tryton lacks."""
        with self._lock:
            if self._known is None:
                self._known = self._read()
            return self._known

    def _read(self) -> References:
        company_id = self._client.context.get("company")
        if not company_id:
            raise MissingRight("The Tryton user has no company: set one in its preferences.")
        company = self._one(
            "company.company", "id", company_id, ["rec_name", "currency.code", "timezone"]
        )
        shop = self._one(
            "web.shop", "name", self.names.shop, ["warehouses.code", "warehouses.name"]
        )
        warehouses = {row["id"]: row["code"] or row["name"] for row in shop["warehouses."]}
        if not warehouses:
            raise MissingRight(f"The web shop {self.names.shop} has no warehouse.")
        currencies = self._client.rows("currency.currency", [], ["code"])
        return References(
            company=company_id,
            company_name=company["rec_name"],
            currency=company["currency."]["code"],
            time_zone=ZoneInfo(company["timezone"] or "UTC"),
            currencies={row["code"]: row["id"] for row in currencies},
            shop=shop["id"],
            warehouses=warehouses,
            parties={kind: self._party(name) for kind, name in self.names.parties.items()},
            taxes=self._taxes(company_id),
        )

    def _party(self, name: str) -> PartyReference:
        row = self._one("party.party", "name", name, ["addresses", "customer_payment_term"])
        if not row["addresses"]:
            raise MissingRight(f"The party {name} has no address.")
        return PartyReference(row["id"], row["addresses"][0], row["customer_payment_term"])

    def _one(self, model: str, field_name: str, value: object, fields: list[str]) -> dict[str, Any]:
        rows = self._client.rows(model, [[field_name, "=", value]], fields, limit=1)
        if not rows:
            raise MissingRight(f"Tryton has no {model} with {field_name} {value}.")
        return rows[0]

    def fresh(self) -> References:
        """The references with the taxes of this moment: a retired one must not be sold with."""
        known = self.get()
        return replace(known, taxes=self._taxes(known.company))

    def _taxes(self, company: int) -> dict[str, int]:
        rows = self._client.rows("account.tax", [["company", "=", company]], ["description"])
        return {row["description"]: row["id"] for row in rows}

    def products(self, skus: Collection[str]) -> dict[str, ProductReference]:
        """The active items with these codes; read each time, because items come and go."""
        rows = self._client.rows(
            "product.product", [["code", "in", sorted(skus)]], ["code", "sale_uom", "default_uom"]
        )
        return {
            row["code"]: ProductReference(row["id"], row["sale_uom"] or row["default_uom"])
            for row in rows
        }
