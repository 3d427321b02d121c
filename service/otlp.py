"""Spans by the OpenTelemetry SDK, sent as OTLP over HTTP; the extra `telemetry`.

Where to, how often and how many is what the SDK's own variables say (OTEL_*), by the specification
(opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables). Nothing is set for the
whole process: other libraries' spans and metrics go nowhere.
"""

import threading
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode
from structlog.typing import EventDict, Processor, WrappedLogger

from db.database import Database
from service.tracing import Span, Tracing

# A collector that does not answer must not keep the controller from its end.
_STOP_SECONDS = 5.0


class OtlpTracing(Tracing):
    """On: begun with the object, ended by `stop`."""

    def __init__(self) -> None:
        ours = {"service.name": "decaymix", "service.version": version("decaymix")}
        # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say comes last, and counts.
        resource = Resource.create(ours).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(_WithoutQueries())
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("decaymix", version("decaymix"))

    def of_requests(self) -> TelemetryConfig:
        off: TelemetryConfig = {"metrics": False, "logs": False, "auto_configure": False}
        return {
            **off,
            "tracing": True,
            "tracer_provider": self._provider,
            "operation_spans": False,
            "exclude": _is_of_no_interest,
        }

    def watch(self, database: Database) -> None:
        told_before = database.on_commit

        def both(seconds: float) -> None:
            told_before(seconds)
            began = time.time_ns() - int(seconds * 1e9)
            self._tracer.start_span("commit", start_time=began).end()

        database.on_commit = both

    @contextmanager
    def span(self, name: str, **facts: str | int | float) -> Iterator[Span]:
        attributes = {f"decaymix.{key}": value for key, value in facts.items()}
        with self._tracer.start_as_current_span(name, attributes=attributes) as begun:
            yield _Recorded(begun)

    def log_processors(self) -> tuple[Processor, ...]:
        return (_add_ids,)

    def stop(self) -> None:
        # Not waited for to its end: the exporter tries again for as long as it is allowed to.
        sends_the_rest = threading.Thread(target=self._provider.shutdown, daemon=True)
        sends_the_rest.start()
        sends_the_rest.join(_STOP_SECONDS)


class _Recorded(Span):
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def note(self, **facts: str | int | float) -> None:
        self._span.set_attributes({f"decaymix.{key}": value for key, value in facts.items()})

    def fail(self, why: str) -> None:
        self._span.set_status(Status(StatusCode.ERROR, why))


class _WithoutQueries(SpanProcessor):
    """Queries stay here, as in the logs: somebody may have put a token into one."""

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        if "url.query" in (span.attributes or {}):
            span.set_attribute("url.query", "REDACTED")


def _is_of_no_interest(scope: MutableMapping[str, Any]) -> bool:
    """Probes come every few seconds, and files of a page by the dozen."""
    path: str = scope["path"]
    return path == "/healthz" or path.startswith("/static/")


def _add_ids(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Of the span in which a line is written."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event
