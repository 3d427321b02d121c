"""How the controller logs: one line an event on standard error, as text or as JSON.

Every line carries what is bound while it is written: `request_id` in a request, and what the event
itself says, such as `trial_id`; in JSON also `trace_id` where traces are made. Library loggers'
warnings come in the same form.
"""

import logging
import sys
from collections.abc import Sequence
from typing import Literal

import structlog
from structlog.typing import Processor

LogFormat = Literal["text", "json"]


def configure_logging(form: LogFormat, more: Sequence[Processor] = ()) -> None:
    """For the whole process, once. What `more` adds to a line stands in JSON alone."""
    always: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.add_log_level,
    ]
    if form == "json":
        always += more
        # Without the values of variables, which structlog adds by itself: a token may be one.
        frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        always.append(structlog.processors.ExceptionRenderer(frames))
        last: Processor = structlog.processors.JSONRenderer(default=str)
    else:
        always.append(structlog.processors.format_exc_info)
        last = structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=always,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # Of every request it makes httpx would say where to, and an address may hold a secret.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    structlog.configure(
        processors=[*always, last], logger_factory=structlog.PrintLoggerFactory(file=sys.stderr)
    )
