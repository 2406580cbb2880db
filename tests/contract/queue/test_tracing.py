"""Traces, as a collector receives them from a real worker and from a real request."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.conf import settings
from django_q.tasks import async_task
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.contract.queue.real_worker import Worker, database_address, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

REQUEST = """
import django
django.setup()
from django.test import Client
answer = Client().get("/readyz?q=Nettleship", headers={"X-Request-ID": "from-the-proxy"})
assert answer.status_code == 200, answer.status_code
"""


class Collector:
    """What an OpenTelemetry collector does with HTTP and protobuf: it keeps every span."""

    def __init__(self):
        self.spans = []
        keep = self.spans.extend

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in resource.scope_spans:
                        keep(scope.spans)
                self.send_response(200)
                self.end_headers()

            def do_GET(self):
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.env = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    def named(self, name):
        return [span for span in self.spans if span.name == name]

    def inside(self, span):
        return {one.name for one in self.spans if one.parent_span_id == span.span_id}


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


def attributes(span):
    return {one.key: one.value.string_value for one in span.attributes}


def test_a_task_is_a_span_with_its_statements_and_calls_inside(collector, tmp_path):
    worker = Worker(
        tmp_path / "data",
        stale=120,
        stop_within=5.0,
        env={"DATABASE_URL": database_address(), **collector.env},
    )
    try:
        worker.is_ready()
        job = "tests.contract.queue.jobs.look_around"
        key = async_task(job, url=f"{collector.url}/a-secret-path")
        span = wait_until(lambda: collector.named(job), "the task's span")[0]
        wait_until(lambda: {"SELECT", "GET"} <= collector.inside(span), "what it did")
    finally:
        worker.stop()

    assert attributes(span)["mkterp.task_id"] == key
    (call,) = [one for one in collector.named("GET") if one.parent_span_id == span.span_id]
    assert attributes(call)["server.address"] == "127.0.0.1"
    assert "a-secret-path" not in str(collector.spans)


def test_a_request_is_a_span_that_bears_its_id(collector):
    subprocess.run(
        [sys.executable, "-c", REQUEST],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "mkterp.settings",
            "DATABASE_URL": database_address(),
            **collector.env,
        },
        check=True,
    )

    span = collector.named("GET readyz")[0]
    assert attributes(span)["mkterp.request_id"] == "from-the-proxy"
    assert "SELECT" in collector.inside(span)
    assert "Nettleship" not in str(collector.spans)
