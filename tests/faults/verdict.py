"""What the far sides hold when it is over, against what was promised."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.faults.house import House
from tests.sandbox.catalogue import build
from tests.sandbox.erp.rpc import Rpc
from tests.sandbox.marketplacer.ids import global_id

PROMISES = (
    *("lost", "duplicated", "seller_managed_writes", "address_writes"),
    *("unbalanced_journals", "stuck", "invisible"),
)
UNDONE = """
SELECT 'outbox ' || id FROM sync_outboxmessage WHERE state IN ('PENDING', 'IN_FLIGHT')
 UNION ALL SELECT 'inbox ' || id FROM sync_inboxmessage WHERE state = 'NEW'
"""
UNDONE_SECONDS = 60
CANCELLING = """
SELECT count(*) FROM sync_correction WHERE kind = 'CANCELLATION' AND state IN ('WAITING', 'QUEUED')
"""
OURS = """
SELECT i.marketplacer_id, i.state, count(c.id)
  FROM sync_invoice i
  LEFT JOIN sync_invoice_cases ic ON ic.invoice_id = i.id
  LEFT JOIN sync_exceptioncase c ON c.id = ic.exceptioncase_id AND c.state = 'OPEN'
 GROUP BY i.id
"""


@dataclass
class Writes:
    """Every mutation that the sandbox was sent, judged as it comes."""

    house: House
    seen: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    address: list[Any] = field(default_factory=list)
    sellers: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        catalogue = build(self.house.seed)
        keepers = {one.legacy_id for one in catalogue.sellers if not one.own}
        self._theirs = {
            global_id("Variant", variant.legacy_id)
            for variant in catalogue.variants
            if variant.seller_legacy_id in keepers
        }

    def read(self) -> None:
        """The log since the last look; it keeps the last five thousand."""
        for row in self.house.witness("GET", f"log?after={self.seen}")["operations"]:
            assert self.seen == 0 or row["number"] <= self.seen + 5000, "the log was read too late"
            self.seen = row["number"]
            if row["type"] != "mutation":
                continue
            self.kinds.update(row["root_fields"])
            given = row["variables"]
            if any("address" in name.lower() or "shippedfrom" in name.lower()
                   for name in (*row["root_fields"], *_names(given))):  # fmt: skip
                self.address.append(given)
            if "variantUpdate" in row["root_fields"]:
                self.sellers += [one for one in given.values() if one["variantId"] in self._theirs]


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield name
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def held(house: House) -> tuple[list[dict[str, Any]], list[str]]:
    """The ERP's orders (key, number, gross, done) and its unbalanced or doubled journals."""
    if house.erp == "double":
        found = house.ask_double()
        orders = [
            {**one, "gross": Decimal(one["gross"]), "done": one["phase"] in ("accepted", "booked")}
            for one in found["orders"]
            if one["phase"] != "cancelled"
        ]
        return orders, found["unbalanced"]
    facts = house.tryton()
    rpc = Rpc(facts["url"], facts["database"], facts["user"], facts["password"])
    fields = ["web_id", "number", "total_amount", "state", "invoices", "shipments"]
    rows = rpc.call("model.sale.sale.search_read", [["web_id", "!=", None]], 0, None, None, fields)
    # A sale that was processed has no cancel button: its papers are cancelled, and it ends as done.
    dead = {
        (model, row["id"])
        for model in ("account.invoice", "stock.shipment.out")
        for row in rpc.call(
            f"model.{model}.search_read", [["state", "=", "cancelled"]], 0, None, None, ["id"]
        )
    }
    for row in rows:
        papers = [("account.invoice", pk) for pk in row["invoices"]]
        papers += [("stock.shipment.out", pk) for pk in row["shipments"]]
        if row["state"] == "done" and dead.issuperset(papers):
            row["state"] = "cancelled"
    lines = rpc.call(
        "model.account.move.line.search_read", [], 0, None, None, ["move", "debit", "credit"]
    )
    rpc.close()
    sums: dict[Any, Decimal] = {}
    for line in lines:
        sums[line["move"]] = sums.get(line["move"], Decimal(0)) + line["debit"] - line["credit"]
    done = ("confirmed", "processing", "done")
    orders = [
        {
            "key": row["web_id"],
            "number": row["number"],
            "gross": row["total_amount"],
            "done": row["state"] in done,
        }
        for row in rows
        if row["state"] != "cancelled"
    ]
    return orders, [str(move) for move, total in sums.items() if total]


def _undone(house: House) -> list[str]:
    """The messages that are not done, and not a minute later either.

    The settled marketplace still speaks: what comes in while it is asked has a minute, too.
    """
    left = {name for (name,) in house.sql(UNDONE)}
    until = time.monotonic() + UNDONE_SECONDS
    while left and time.monotonic() < until:
        time.sleep(1)  # the house is asked from outside, and tells nobody when it is done
        left &= {name for (name,) in house.sql(UNDONE)}
    return sorted(left)


def judge(house: House, writes: Writes) -> tuple[dict[str, int], list[str]]:
    """The broken promises by name, and a sentence for each."""
    since = house.go_live.isoformat().replace("+", "%2B")
    invoices = {one["id"]: one for one in house.witness("GET", f"invoices?since={since}")}
    orders, unbalanced = held(house)
    there = {one["key"]: one for one in orders if one["done"]}
    ours = {key: (state, cases) for key, state, cases in house.sql(OURS)}
    broken: dict[str, list[str]] = {name: [] for name in PROMISES}
    for key, invoice in invoices.items():
        state, cases = ours.get(key, ("never seen", 0))
        name = f"invoice {invoice['legacy_id']} ({state})"
        if not invoice["paid_at"]:
            continue
        if "CANCELLED" in invoice["status_flags"]:
            if key in there and not cases:
                broken["stuck"].append(f"{name}: cancelled at Marketplacer, alive in the ERP")
            continue
        if key in there:
            if there[key]["gross"] != Decimal(invoice["total_cents"]) / 100:
                broken["lost"].append(f"{name}: {there[key]['gross']} in the ERP")
            if invoice["external_ids"].get("erp_order") != there[key]["number"]:
                broken["stuck"].append(f"{name}: Marketplacer was not told {there[key]['number']}")
        elif state in ("PARKED", "FAILED"):
            if not cases:
                broken["invisible"].append(f"{name}: no open exception")
        elif state == "QUEUED":
            broken["stuck"].append(name)
        else:
            broken["lost"].append(name)
    many = Counter(one["key"] for one in orders)
    broken["duplicated"] += [key for key, times in many.items() if times > 1]
    broken["duplicated"] += [f"{key} was never sold" for key in set(there) - set(invoices)]
    broken["stuck"] += [f"{one['key']} is a draft" for one in orders if not one["done"]]
    broken["stuck"] += _undone(house)
    broken["seller_managed_writes"] += [str(one) for one in writes.sellers]
    broken["address_writes"] += [str(one) for one in writes.address]
    broken["unbalanced_journals"] += unbalanced
    told = [f"{name}: {what}" for name, found in broken.items() for what in found]
    return {"orders": len(invoices)} | {name: len(found) for name, found in broken.items()}, told
