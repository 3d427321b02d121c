"""The DuckDB file: opened by one process, migrated on opening, written by one thread at a time."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.orm import Session

# What `read` and `write` give, for those who name it and know nothing of SQLAlchemy.
__all__ = [
    "Database",
    "DatabaseFailed",
    "DatabaseFault",
    "DatabaseInUse",
    "DatabaseTooNew",
    "DatabaseUnreadable",
    "Session",
    "let_go",
    "now",
]

# Whatever the database refuses, and of that what no waiting mends: a statement that is wrong. The
# rest is a disk that is full, read-only or gone.
DatabaseFailed = DBAPIError
DatabaseFault = (IntegrityError, ProgrammingError, DataError, NotSupportedError)


class DatabaseInUse(RuntimeError):
    """Another process has the file open: DuckDB lets one process write, and none read beside it."""


class DatabaseTooNew(RuntimeError):
    """The file was written by a newer Decaymix."""


class DatabaseUnreadable(RuntimeError):
    """The file cannot be opened, or does not answer any more."""


# One file a version of the schema.
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """`read()` and `write()` give sessions; `write()` commits at its end or leaves no trace."""

    def __init__(self, path: Path) -> None:
        """Open `path`, made and migrated as needed, an older one after it was copied; raises
        DatabaseInUse, DatabaseTooNew, DatabaseUnreadable."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnreadable(
                f"the folder {path.parent} cannot be made ({error.strerror}); set another "
                "DECAYMIX_HOME."
            ) from error
        self.path = path
        # Told the seconds of every commit.
        self.on_commit: Callable[[float], None] = lambda seconds: None
        # A reader may hold its session while it waits for a fit, and nobody else waits for that:
        # a session more takes milliseconds, and there are never more of them than threads.
        self._engine: Engine = create_engine(
            f"duckdb:///{path}", max_overflow=-1, connect_args={"config": {"threads": 1}}
        )
        # Threads that update one row conflict in DuckDB; commits take milliseconds, so take turns.
        self._one_writer = threading.RLock()
        try:
            _copy_before_migrating(self._engine, path)
            migrate(self._engine)
        except OSError as error:
            self._engine.dispose()
            raise DatabaseUnreadable(
                f"{path} is of an older Decaymix and cannot be copied before it is migrated "
                f"({error.strerror}); make room."
            ) from error
        except DatabaseFailed as error:
            self._engine.dispose()
            # Not just "lock", which may stand in the path.
            if "Could not set lock on file" in str(error):
                raise DatabaseInUse(
                    f"{path} is open in another process; is a controller already running on "
                    "this DECAYMIX_HOME? Stop it, or set another DECAYMIX_HOME."
                ) from error
            raise DatabaseUnreadable(
                f"{path} cannot be opened ({_first_line(error)}); {_what_to_do(error)}, or set "
                "another DECAYMIX_HOME."
            ) from error
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
        with self._one_writer, Session(self._engine) as session:
            with session.begin():
                yield session
                started = time.perf_counter()
            self.on_commit(time.perf_counter() - started)

    def ping(self) -> None:
        """Raises DatabaseUnreadable where the file no longer answers."""
        try:
            with self.read() as session:
                session.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            raise DatabaseUnreadable(f"{self.path}: {_first_line(error)}") from error

    def close(self) -> None:
        self._engine.dispose()


def now() -> datetime:
    """UTC without a zone, as the tables hold it."""
    return datetime.now(UTC).replace(tzinfo=None)


def let_go(session: Session) -> None:
    """End what the session has read: what is written meanwhile may be tidied up. It can read on."""
    session.rollback()


def migrate(engine: Engine, to: str = "head") -> None:
    """Up to that version of the schema, each step in a transaction of its own.

    Not all in one: DuckDB alters no table that the same transaction has updated. Alembic sees to it
    (db/migrations/env.py) on a connection that has begun none.
    """
    config = _alembic()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def head_of_migrations() -> str:
    """The version of the schema that this code works with."""
    head = ScriptDirectory.from_config(_alembic()).get_current_head()
    assert head is not None
    return head


def _copy_before_migrating(engine: Engine, path: Path) -> None:
    """`decaymix.duckdb.before-VERSION` beside an older file: a way back to the release before."""
    with engine.connect() as connection:
        tables = connection.execute(text("SELECT table_name FROM duckdb_tables()")).scalars()
        if "alembic_version" not in set(tables):
            return
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    head = head_of_migrations()
    scripts = ScriptDirectory.from_config(_alembic()).walk_revisions()
    if version == head or version not in {script.revision for script in scripts}:
        return
    # Not while it is open: whoever closes a copy's descriptor lets go of the lock on the file.
    engine.dispose()
    for suffix in ("", ".wal"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            kept = path.with_name(f"{path.name}.before-{head}{suffix}")
            partial = kept.with_name(kept.name + ".partial")
            shutil.copyfile(source, partial)
            partial.replace(kept)


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _what_to_do(error: SQLAlchemyError) -> str:
    """About a file that cannot be opened, which the disk may be the reason of."""
    said = str(error)
    if any(words in said for words in ("No space left", "File too large", "quota exceeded")):
        return "make room on its disk"
    if any(words in said for words in ("Read-only file system", "Permission denied")):
        return "make it writable"
    return "move it away to start anew"


def _first_line(error: SQLAlchemyError) -> str:
    """What the database said, without SQLAlchemy's own additions."""
    said = str(error.orig if isinstance(error, DBAPIError) else error).splitlines()
    return said[0] if said else type(error).__name__
