"""The sandbox as a process: it starts alone, stops cleanly, and remembers across kill -9."""

import ast
import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.sandbox import catalogue as catalogue_module
from tests.sandbox.marketplacer import Sandbox, running_sandbox
from tests.sandbox.marketplacer.sandbox import WrongState

UPSERT = """
mutation($input: ExternalIDUpsertMutationInput!) { externalIdUpsert(input: $input) { status } }
"""
OURS = {"mkterp", "sync", "mapping", "reconciliation", "django"}


@pytest.fixture
def receiver():
    """A real HTTP server that takes webhooks: (address, queue of what came)."""
    got: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.put((dict(self.headers), body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", got
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_remembers_orders_ids_and_webhooks_over_kill_9(tmp_path, receiver):
    url, got = receiver
    arguments = ("--state", str(tmp_path), "--rate", "3000", "--webhook-url", url)
    with running_sandbox(*arguments, "--hmac-key", "k") as sandbox:
        placed = sandbox.control("orders", count=5)
        first = placed["invoices"][0]
        given = {"owner": first["id"], "key": "erp_order", "value": "SO-9"}
        assert (
            sandbox.graphql(UPSERT, {"input": given})["data"]["externalIdUpsert"]["status"] == 200
        )
        until = time.monotonic() + 20
        while sandbox.witness("summary")["orders"] < 60 and time.monotonic() < until:
            got.get(timeout=5)
        answered = sandbox.witness("invoices")
        sandbox.kill()

    with running_sandbox("--state", str(tmp_path)) as sandbox:
        kept = sandbox.witness("invoices")
        by_number = {invoice["legacy_id"]: invoice for invoice in kept}
        assert len(kept) >= len(answered) >= 60
        for invoice in answered:
            assert by_number[invoice["legacy_id"]] == invoice
        assert by_number[first["legacy_id"]]["external_ids"] == {"erp_order": "SO-9"}
        (hook,) = sandbox.witness("webhooks")
        assert (hook["url"], hook["enabled"]) == (url, True)
        last = max(by_number)
        new = sandbox.control("orders", count=1)["invoices"][0]
        assert new["legacy_id"] == last + 1
        assert sandbox.stop() == 0


def test_a_state_folder_of_another_seed_is_refused(tmp_path, catalogue):
    Sandbox(7, catalogue=catalogue, state=tmp_path).stop()
    Sandbox(7, catalogue=catalogue, state=tmp_path).stop()
    with pytest.raises(WrongState, match="another seed"):
        Sandbox(8, catalogue=catalogue, state=tmp_path)


def test_a_restart_moves_the_webhook_of_the_command_line(tmp_path, catalogue):
    for port in (9001, 9002):
        made = Sandbox(7, catalogue=catalogue, state=tmp_path)
        made.register_webhook(f"http://127.0.0.1:{port}/", slot="command line")
        made.place_orders(1)
        made.stop()
    (hook,) = made.webhook_states()
    assert hook["url"].endswith(":9002/")
    assert hook["events"]["unsent"] >= 2


def test_every_event_reaches_a_real_receiver_once_signed(receiver):
    url, got = receiver
    with running_sandbox("--webhook-url", url, "--hmac-key", "k") as sandbox:
        placed = sandbox.control("orders", count=20)["invoices"]
        seen = [got.get(timeout=10) for _ in placed]
        ids = {json.loads(body)["payload"]["data"]["node"]["id"] for _, body in seen}
        assert ids == {invoice["id"] for invoice in placed}
        assert all("Marketplacer-Hmac-256" in headers for headers, _ in seen)
        assert sandbox.stop() == 0
    assert got.empty()


def test_a_lost_answer_was_carried_out_and_the_connection_drops(tmp_path):
    with running_sandbox() as sandbox:
        invoice = sandbox.control("orders", count=1)["invoices"][0]
        sandbox.control("faults", lose_next=1)
        given = {"owner": invoice["id"], "key": "erp_order", "value": "SO-1"}
        with pytest.raises(httpx.TransportError):
            sandbox.graphql(UPSERT, {"input": given})
        (found,) = [i for i in sandbox.witness("invoices") if i["id"] == invoice["id"]]
        assert found["external_ids"] == {"erp_order": "SO-1"}


def test_a_process_and_an_object_with_one_seed_hold_the_same(catalogue):
    market = Sandbox(7, catalogue=catalogue)
    market.place_orders(10)
    names = ("id", "total_cents", "seller_legacy_id", "delivery_type")
    with running_sandbox("--seed", "7") as sandbox:
        sandbox.control("orders", count=10)
        theirs = [[i[n] for n in names] for i in sandbox.witness("invoices")]
    assert theirs == [[i[n] for n in names] for i in market.invoices()]


def test_it_trades_by_itself_at_the_rate_it_is_told():
    with running_sandbox("--rate", "600") as sandbox:
        until = time.monotonic() + 20
        while sandbox.witness("summary")["orders"] < 5 and time.monotonic() < until:
            time.sleep(0.05)
        assert sandbox.control("rate", per_minute=0)["per_minute"] == 0
        assert sandbox.witness("summary")["orders"] >= 5


def test_it_imports_nothing_of_the_product():
    folder = Path(catalogue_module.__file__).parent
    files = [*folder.glob("*.py"), *folder.glob("marketplacer/*.py")]
    assert len(files) > 20
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & OURS, file
