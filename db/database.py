"""The DuckDB file: opened by one process, migrated on opening, written by one thread at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session


class DatabaseInUse(RuntimeError):
    """Another process has the file open: DuckDB lets one process write, and none read beside it."""


class DatabaseTooNew(RuntimeError):
    """The file was written by a newer Decaymix."""


class Database:
    """`read()` and `write()` give sessions; `write()` commits at its end or leaves no trace."""

    def __init__(self, path: Path) -> None:
        """Open `path`, made and migrated as needed; raises DatabaseInUse, DatabaseTooNew."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._engine: Engine = create_engine(f"duckdb:///{path}")
        # Threads that update one row conflict in DuckDB; commits take milliseconds, so take turns.
        self._one_writer = threading.RLock()
        try:
            _migrate(self._engine)
        except OperationalError as error:
            self._engine.dispose()
            if "lock" in str(error).lower():
                raise DatabaseInUse(
                    f"{path} is open in another process; is a controller already running on "
                    "this DECAYMIX_HOME? Stop it, or set another DECAYMIX_HOME."
                ) from error
            raise
        except CommandError as error:
            self._engine.dispose()
            raise DatabaseTooNew(
                f"{path} was written by a newer Decaymix ({error}); upgrade, or set another "
                "DECAYMIX_HOME."
            ) from error

    @contextmanager
    def read(self) -> Iterator[Session]:
        with Session(self._engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        with self._one_writer, Session(self._engine) as session, session.begin():
            yield session

    def ping(self) -> None:
        """Raises where the file no longer answers."""
        with self.read() as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        self._engine.dispose()


def now() -> datetime:
    """UTC without a zone, as the tables hold it."""
    return datetime.now(UTC).replace(tzinfo=None)


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
