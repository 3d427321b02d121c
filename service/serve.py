"""Runs the controller in this process until it is told to stop."""

import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn

from db.database import Database
from service.app import create_app
from service.port import listen
from service.settings import Settings
from service.state import worker_config
from workers.pool import RayPool

# A page's event stream never ends by itself; do not wait for it.
_SHUTDOWN_SECONDS = 5


def serve(settings: Settings) -> None:
    """Blocks until SIGINT or SIGTERM; raises PortInUse, DatabaseInUse, DatabaseTooNew,
    DatabaseUnreadable.

    One process: DuckDB lets only one open the file. More uvicorn workers are not to be had.
    """
    listener = listen(settings.host, settings.port)
    # Found out before Ray takes its ten seconds to start.
    Database(settings.home / "decaymix.duckdb").close()
    _configure_logging()
    pool = RayPool(
        config=worker_config(settings),
        ray_address=settings.ray_address,
        num_cpus=settings.num_cpus,
    )
    config = uvicorn.Config(
        create_app(settings, pool),
        workers=1,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    # Port 0 is any that is free; this is the one.
    url = settings.model_copy(update={"port": listener.getsockname()[1]}).url
    sys.stdout.write(f"Decaymix listens on {url} (home {settings.home}); Ctrl-C ends it\n")
    sys.stdout.flush()
    _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Stops in good order and exits 0; uvicorn's own raises the signal again after the end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        self._handle_signals()
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Ray, which has just started, puts a handler of its own in place that aborts.
        self._handle_signals()

    def _handle_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)


def _configure_logging() -> None:
    """One line an event on standard error, the library loggers' warnings among them."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(message)s"
    )
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
