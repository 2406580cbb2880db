"""The records of an Odoo company every document refers to, looked up once and kept."""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sync.domain.delivery import MissingRight
from sync.domain.documents import Treatment
from sync.erp.odoo.client import OdooClient

MODULE = "mkterp"


def external_id(kind: str, key: str) -> str:
    """Our name for a record in Odoo: unique there, and made of letters that it keeps."""
    return f"{MODULE}.{kind}_{quote(key, safe='').replace('.', '%2E')}"


@dataclass(frozen=True)
class Names:
    """What the records are called in this Odoo; the defaults are what docs/erps.md sets up."""

    parties: Mapping[Treatment, str] = field(
        default_factory=lambda: {
            Treatment.PRINCIPAL: "Marketplacer customers (principal)",
            Treatment.AGENT: "Marketplacer customers (agent)",
        }
    )
    # Services, invoiced when ordered. What a seller dispatches itself is sold as one of the last
    # three: nothing to pick, and for an agent's sales an income account that is passed on.
    shipping_item: str = "MKT-SHIPPING"
    rounding_item: str = "MKT-ROUNDING"
    seller_item: str = "MKT-SELLER-GOODS"
    agent_item: str = "MKT-AGENT-GOODS"
    agent_shipping_item: str = "MKT-AGENT-SHIPPING"
    journal: str = "MISC"
    warehouse: str = ""  # code; empty takes the company's first

    def services(self) -> set[str]:
        """The codes of all items that are not goods."""
        usual = {self.shipping_item, self.rounding_item, self.seller_item}
        return {*usual, self.agent_item, self.agent_shipping_item}


@dataclass(frozen=True)
class Fields:
    """What moved from series to series; asked of the database, not guessed from its version."""

    line_taxes: str  # of a sale line
    done: str  # of a stock move
    picked: bool  # a stock move says so itself
    storable: tuple[str, str, object]  # a clause for goods that are counted


@dataclass(frozen=True)
class References:
    company: int
    company_name: str
    currency: str
    time_zone: ZoneInfo
    year_end: tuple[int, int]  # month, day
    warehouse: int
    warehouse_code: str
    stock_location: int
    return_type: int
    customers: int  # the location
    parties: Mapping[Treatment, int]
    fields: Fields


class ReferenceBook:
    """Reads the references when first needed and keeps them; `forget` makes it read again."""

    def __init__(self, client: OdooClient, names: Names) -> None:
        self._client, self.names = client, names
        self._lock = threading.Lock()
        self._known: References | None = None

    def forget(self) -> None:
        """Read again at the next use, after somebody has changed the set-up."""
        with self._lock:
            self._known = None

    def get(self) -> References:
        """The references. Raises MissingRight naming what Odoo lacks."""
        with self._lock:
            if self._known is None:
                self._known = self._read()
            return self._known

    def _read(self) -> References:
        user = self._one(
            "res.users", [["login", "=", self._client.user]], ["company_id", "tz"], "user"
        )
        company = self._one(
            "res.company",
            [["id", "=", user["company_id"][0]]],
            ["name", "currency_id", "fiscalyear_last_month", "fiscalyear_last_day"],
            "company",
        )
        code = self.names.warehouse
        warehouse = self._one(
            "stock.warehouse",
            [["code", "=", code]] if code else [],
            ["code", "lot_stock_id", "in_type_id", "out_type_id"],
            f"warehouse {code}",
        )
        customers = self._one(
            "stock.location", [["usage", "=", "customer"]], ["name"], "customer location"
        )
        return References(
            company=company["id"],
            company_name=company["name"],
            currency=company["currency_id"][1],
            time_zone=ZoneInfo(user["tz"] or "UTC"),
            year_end=(int(company["fiscalyear_last_month"]), int(company["fiscalyear_last_day"])),
            warehouse=warehouse["id"],
            warehouse_code=warehouse["code"],
            stock_location=warehouse["lot_stock_id"][0],
            return_type=warehouse["in_type_id"][0],
            customers=customers["id"],
            parties={kind: self._party(name) for kind, name in self.names.parties.items()},
            fields=self._fields(),
        )

    def _fields(self) -> Fields:
        line = self._client.fields("sale.order.line")
        move = self._client.fields("stock.move")
        product = self._client.fields("product.product")
        return Fields(
            line_taxes="tax_ids" if "tax_ids" in line else "tax_id",
            done="quantity_done" if "quantity_done" in move else "quantity",
            picked="picked" in move,
            storable=("is_storable", "=", True)
            if "is_storable" in product
            else ("detailed_type", "=", "product"),
        )

    def _party(self, name: str) -> int:
        row = self._one("res.partner", [["name", "=", name]], ["name"], f"contact {name}")
        return int(row["id"])

    def _one(
        self, model: str, domain: list[object], fields: list[str], words: str
    ) -> dict[str, Any]:
        rows = self._client.rows(model, domain, fields, limit=1)
        if not rows:
            raise MissingRight(f"Odoo has no {words}.")
        return rows[0]

    def taxes(self) -> dict[str, int]:
        """The sales taxes that may be used now, by their name: read each time."""
        domain = [["type_tax_use", "=", "sale"], ["company_id", "=", self.get().company]]
        return {
            row["name"]: row["id"] for row in self._client.rows("account.tax", domain, ["name"])
        }

    def products(self, skus: Collection[str]) -> dict[str, int]:
        """The active items with these codes: read each time, because items come and go.

        Odoo does not keep codes unique: where two items share one, none of them is taken.
        """
        rows = self._client.rows(
            "product.product", [["default_code", "in", sorted(skus)]], ["default_code"]
        )
        found: dict[str, int] = {}
        doubled: set[str] = set()
        for row in rows:
            if row["default_code"] in found:
                doubled.add(row["default_code"])
            found[row["default_code"]] = row["id"]
        return {sku: ident for sku, ident in found.items() if sku not in doubled}

    def accounts(self) -> dict[str, int]:
        """The accounts by code."""
        rows = self._client.rows("account.account", [], ["code"])
        return {row["code"]: row["id"] for row in rows}

    def price_digits(self) -> int:
        """How many decimals Odoo keeps of a price: Settings > Technical > Decimal Accuracy."""
        rows = self._client.rows(
            "decimal.precision", [["name", "=", "Product Price"]], ["digits"], limit=1
        )
        return int(rows[0]["digits"]) if rows else 2


def money(value: object) -> Decimal:
    """An amount as Odoo's JSON number tells it, freed of what binary floats leave behind."""
    return round(Decimal(str(value or 0)), 6)
