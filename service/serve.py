"""Runs the controller in this process until it is told to stop."""

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder

import uvicorn

from db.database import Database
from service.app import create_app
from service.keyring import Keyring
from service.logs import configure_logging
from service.port import listen
from service.settings import Settings
from service.state import worker_config
from service.tracing import tracing_of
from workers.pool import RayPool, wait_for_head

# A page's event stream never ends by itself; do not wait for it.
_SHUTDOWN_SECONDS = 5


def serve(settings: Settings) -> None:
    """Blocks until SIGINT or SIGTERM; raises PortInUse, DatabaseInUse, DatabaseTooNew,
    DatabaseUnreadable, TelemetryMissing, TokensNeeded, BadHeadAddress, HeadUnreachable,
    StartFailed.

    One process: DuckDB lets only one open the file. More uvicorn workers are not to be had.
    """
    tracing = tracing_of(settings)
    listener = listen(settings.host, settings.port)
    _do_without_pandas()
    # Found out before Ray takes its ten seconds to start.
    database = Database(settings.home / "decaymix.duckdb")
    try:
        if not settings.is_loopback:
            Keyring(database, settings.owner_token).require_tokens(settings.host)
    finally:
        database.close()
    configure_logging(settings.log_format, tracing.log_processors())
    if settings.ray_address:
        # The start of the pool waits too; here the end of it is one sentence, not a traceback.
        asyncio.run(wait_for_head(settings.ray_address))
    pool = RayPool(
        config=worker_config(settings),
        ray_address=settings.ray_address,
        num_cpus=settings.num_cpus,
    )
    config = uvicorn.Config(
        create_app(settings, pool, tracing),
        workers=1,
        log_config=None,
        access_log=False,
        # Anybody can write X-Forwarded-For: uvicorn would believe it of this machine's own.
        proxy_headers=settings.trusted_proxies is not None,
        forwarded_allow_ips=settings.trusted_proxies or "",
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    # Port 0 is any that is free; this is the one.
    url = settings.model_copy(update={"port": listener.getsockname()[1]}).url
    sys.stderr.write("Decaymix starts, with Ray: some ten seconds\n")
    server = _Server(config, f"Decaymix listens on {url} (home {settings.home}); Ctrl-C ends it")
    # Uvicorn ends the process with a number of its own where the start fails.
    with suppress(SystemExit):
        server.run(sockets=[listener])
    if not server.has_listened:
        raise StartFailed("the controller could not start; what went wrong stands above")


class StartFailed(RuntimeError):
    """The database, Ray or a loop did not start."""


def _do_without_pandas() -> None:
    """DuckDB imports pandas, where there is one, at its first parameter, to know its empty values.

    None ever come here, and with pyarrow that is 120 MB of the controller. Child processes are not
    touched.
    """
    sys.meta_path.insert(0, _NoPandas())


class _NoPandas(MetaPathFinder):
    """Says that there is no pandas. An entry of None in sys.modules says so to Python alone:
    pyarrow, which reads the items of a trial, would take None for the module.
    """

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("the controller does without pandas", name=name)


class _Server(uvicorn.Server):
    """Says so once it answers. Stops in good order and exits 0; uvicorn's own raises the signal
    again after the end.
    """

    def __init__(self, config: uvicorn.Config, listens: str) -> None:
        super().__init__(config)
        self._listens, self.has_listened = listens, False

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        self._handle_signals()
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Ray, which has just started, puts a handler of its own in place that aborts.
        self._handle_signals()
        # Not before: until Ray is up a request would wait, and who reads this line sends one.
        if self.started:
            self.has_listened = True
            sys.stdout.write(f"{self._listens}\n")
            sys.stdout.flush()

    def _handle_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
