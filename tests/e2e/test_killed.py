"""kill -9 of the web, the worker and the database with orders flowing: none is lost or doubled."""

import contextlib
import os
import signal
from decimal import Decimal

import httpx
import pytest

from sync.services.work import LEASE
from tests.e2e.stack import Stack, wait_for
from tests.e2e.test_exactly_once import mapped_variants, sales_of
from tests.sandbox.erp.rpc import RpcError

ORDERS = 6
# What a killed worker had in hand stays its own until its lease ends; then the sweep finds it.
LEASED = LEASE.total_seconds() + 120


def kill(pids):
    assert pids, "nothing to kill"
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def kill_web(stack):
    kill(stack.pids("gunicorn"))


def kill_worker(stack):
    kill(stack.pids("manage.py worker"))


def kill_database(stack):
    pidfile = next(stack.home.rglob("postmaster.pid"))
    kill([int(pidfile.read_text().splitlines()[0])])


def answers(stack):
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{stack.web}/readyz", timeout=5).status_code == 200
    return False


@pytest.mark.parametrize("struck", [kill_web, kill_worker, kill_database], ids=lambda f: f.__name__)
def test_orders_placed_around_a_kill_are_each_one_confirmed_sale(stack: Stack, struck):
    variants = mapped_variants(stack.facts["seed"])
    placed = []
    for number in range(ORDERS):
        if number == ORDERS // 2:
            struck(stack)
        order = {"lines": [{"variant_legacy_id": variants[number], "quantity": 2}]}
        placed += stack.witness("POST", "orders", order)["invoices"]
    keys = [invoice["id"] for invoice in placed]

    def all_posted():
        try:
            held = [sale for sale in sales_of(stack, keys) if sale["state"] != "draft"]
        except (httpx.HTTPError, RpcError):  # Tryton lost its database too
            return None
        return len(held) >= ORDERS and held

    wait_for("all sales in Tryton", all_posted, LEASED)
    wait_for("web that answers", lambda: answers(stack), 60)

    def all_told():
        invoices = {invoice["id"]: invoice for invoice in stack.witness("GET", "invoices")}
        return all(invoices[key]["external_ids"].get("erp_order") for key in keys) and invoices

    invoices = wait_for("external ids at Marketplacer", all_told, 120)
    sales = sales_of(stack, keys)
    assert sorted(sale["web_id"] for sale in sales) == sorted(keys)
    for sale in sales:
        assert sale["state"] in ("confirmed", "processing", "done"), sale
        assert sale["total_amount"] == Decimal(invoices[sale["web_id"]]["total_cents"]) / 100

    def settled():
        status = stack.status()
        own = stack.witness("GET", "summary?since=" + stack.facts["go_live_at"].replace("+", "%2B"))
        return status["orders_seen"] == own["invoices_since"] and not status["orders_in_flight"]

    wait_for("the same count on both sides, nothing under way", settled, LEASED)
