"""OpenTelemetry: where time goes in a request or a task, sent to a collector.

On when OTEL_EXPORTER_OTLP_ENDPOINT names one; OpenTelemetry's own variables say everything else
(OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS …). Values of statements,
bodies and addresses are never sent: an address may be a secret (an invitation, a chat's webhook) or
hold a buyer's name (a search). Imported only then: nobody else pays for the start-up.
"""

from typing import Any
from urllib.parse import urlsplit

from django_q.signals import post_execute_in_worker, pre_execute
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

_ADDRESSES = {"http.url", "http.target", "url.full", "url.path", "url.query"}
_tokens: dict[str, Any] = {}  # of the tasks that this process is executing


def start() -> None:
    """Trace this process's requests, tasks, SQL and calls to the far sides.

    A collector that is away costs nothing but its spans. To be called once; forks go on by
    themselves.
    """
    provider = TracerProvider(resource=Resource.create({"service.name": "mkterp"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument(response_hook=_name_the_request)
    HTTPXClientInstrumentor().instrument(request_hook=_name_the_far_side)
    PsycopgInstrumentor().instrument()
    pre_execute.connect(_task_begins, dispatch_uid="core.tracing.begins")
    post_execute_in_worker.connect(_task_ends, dispatch_uid="core.tracing.ends")


def _name_the_request(span: trace.Span, request: Any, response: Any) -> None:
    """Its id; its route is the span's name."""
    _forget_addresses(span)
    span.set_attribute("mkterp.request_id", response.headers.get("X-Request-ID", ""))


def _name_the_far_side(span: trace.Span, request: Any) -> None:
    """Its host, and no more of the address."""
    _forget_addresses(span)
    span.set_attribute("server.address", urlsplit(str(request.url)).hostname or "")


def _forget_addresses(span: trace.Span) -> None:
    for name in _ADDRESSES & set(getattr(span, "attributes", None) or ()):
        span.set_attribute(name, "")


def _task_begins(*, task: dict[str, Any], **_: Any) -> None:
    marks = {"mkterp.task_id": task["id"]}
    span = trace.get_tracer("mkterp").start_span(str(task["func"]), attributes=marks)
    _tokens[task["id"]] = context.attach(trace.set_span_in_context(span))


def _task_ends(*, task: dict[str, Any], **_: Any) -> None:
    if (token := _tokens.pop(task["id"], None)) is None:
        return
    span = trace.get_current_span()
    if not task.get("success", True):
        span.set_status(trace.StatusCode.ERROR)  # what it said is in the log
    span.end()
    context.detach(token)
