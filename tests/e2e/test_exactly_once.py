"""Twenty orders, every event ten times, every worker killed: twenty confirmed sales in Tryton."""

import contextlib
import os
import signal
from decimal import Decimal

from tests.e2e.stack import Stack, wait_for
from tests.sandbox.catalogue import build
from tests.sandbox.erp.rpc import Rpc

ORDERS = 20


def mapped_variants(seed):
    """Variants of sellers with a treatment that the opening registry maps, in a stated order."""
    catalogue = build(seed)
    treated = {seller.legacy_id for seller in catalogue.sellers if seller.treatment}
    return [
        mapping.variant_legacy_id
        for mapping in catalogue.opening_mappings
        if mapping.seller_legacy_id in treated
    ]


def sales_of(stack, keys):
    erp = stack.erp
    rpc = Rpc(erp["url"], erp["database"], erp["user"], erp["password"])
    fields = ["web_id", "state", "total_amount", "number"]
    rows = rpc.call("model.sale.sale.search_read", [["web_id", "in", keys]], 0, None, None, fields)
    rpc.close()
    return rows


def test_twenty_orders_are_twenty_confirmed_sales_whatever_happens(stack: Stack):
    variants = mapped_variants(stack.facts["seed"])
    placed = [
        invoice
        for number in range(ORDERS)
        for invoice in stack.witness(
            "POST",
            "orders",
            {"lines": [{"variant_legacy_id": variants[number], "quantity": 1 + number % 3}]},
        )["invoices"]
    ]
    keys = [invoice["id"] for invoice in placed]
    for number in (invoice["legacy_id"] for invoice in placed):
        stack.witness("POST", "webhooks/redeliver", {"invoice_id": number, "times": 10})
    for pid in stack.pids("qcluster"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def all_posted():
        held = [sale for sale in sales_of(stack, keys) if sale["state"] != "draft"]
        return len(held) >= ORDERS and held

    wait_for("twenty sales in Tryton", all_posted, 240)

    def all_told():
        invoices = {invoice["id"]: invoice for invoice in stack.witness("GET", "invoices")}
        return all(invoices[key]["external_ids"].get("erp_order") for key in keys) and invoices

    invoices = wait_for("external ids at Marketplacer", all_told, 120)
    sales = sales_of(stack, keys)
    assert sorted(sale["web_id"] for sale in sales) == sorted(keys)
    for sale in sales:
        invoice = invoices[sale["web_id"]]
        assert sale["state"] in ("confirmed", "processing", "done"), sale
        assert sale["total_amount"] == Decimal(invoice["total_cents"]) / 100, sale
        assert invoice["external_ids"]["erp_order"] == sale["number"]


def test_the_counts_agree_with_what_the_sandbox_counts_itself(stack: Stack):
    def agree():
        seen = stack.status()
        own = stack.witness("GET", "summary?since=" + stack.facts["go_live_at"].replace("+", "%2B"))
        return seen if seen["orders_seen"] == own["invoices_since"] else None

    status = wait_for("the same count on both sides", agree, 60)

    parts = ("posted", "parked", "in_flight", "failed", "cancelled")
    assert status["orders_seen"] == sum(status[f"orders_{part}"] for part in parts)
