"""Spans of what the controller does, for OpenTelemetry: on if OTEL_EXPORTER_OTLP_ENDPOINT is set.

The SDK and its exporter are the extra `telemetry`, and are imported only where the variable is set
(service/otlp.py). Requests are traced by FastAPI, which knows its routes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from structlog.typing import Processor

from db.database import Database
from service.settings import Settings

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig


class TelemetryMissing(RuntimeError):
    """Traces are wished for, and the packages that send them are not there."""


class Span:
    """One that nobody records."""

    def note(self, **facts: str | int | float) -> None:
        """Facts that came to be known while it lasted."""

    def fail(self, why: str) -> None:
        """What it is about went wrong."""


class Tracing:
    """Off: nothing is recorded."""

    def of_requests(self) -> "TelemetryConfig":
        """What FastAPI is to trace. Said in so many words: it listens to variables of its own, and
        to whatever a library has set up for the whole process.
        """
        return {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}

    def watch(self, database: Database) -> None:
        """Trace the commits of this database too."""

    @contextmanager
    def span(self, name: str, **facts: str | int | float) -> Iterator[Span]:
        """What happens inside, named; spans that begin meanwhile, also in tasks, belong to it."""
        yield Span()

    def log_processors(self) -> tuple[Processor, ...]:
        """What puts the ids of a trace into log lines."""
        return ()

    def stop(self) -> None:
        """Send what waits to be sent; may take seconds."""


def tracing_of(settings: Settings) -> Tracing:
    """As the settings have it; raises TelemetryMissing."""
    if settings.otlp_endpoint is None:
        return Tracing()
    try:
        from service.otlp import OtlpTracing
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        raise TelemetryMissing(
            f"OTEL_EXPORTER_OTLP_ENDPOINT = {settings.otlp_endpoint!r} asks for traces, and "
            f"{error.name} is not installed: python3 -m service.bootstrap --extras telemetry, or "
            "pip install 'decaymix[telemetry]'; or unset the variable"
        ) from error
    return OtlpTracing()
