"""The file: one process at a time, migrated on opening, transactions that leave no trace."""

import shutil
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from db.database import (
    MIGRATIONS,
    Database,
    DatabaseInUse,
    DatabaseTooNew,
    DatabaseUnreadable,
)
from db.studies import insert_study, list_studies
from db.tables import Base
from db.trials import insert_trials, list_trials
from mixtures.study import StudySpec
from mixtures.trial import TrialSpec

HOLD = """
import sys
from pathlib import Path
from db.database import Database
database = Database(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


def test_a_new_file_is_made_with_its_folder_and_migrated(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "home" / "decaymix.duckdb"
    database = Database(path)
    with database.read() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == "0009"
    database.ping()
    database.close()
    assert path.is_file()


def test_what_is_written_is_there_after_opening_again(database: Database, study: StudySpec) -> None:
    with database.write() as session:
        insert_study(session, "one", study, "{}")
    database.close()
    again = Database(database.path)
    with again.read() as session:
        assert [stored.id for stored in list_studies(session)] == ["one"]
    again.close()


def test_the_migrations_make_the_tables_that_the_code_uses(database: Database) -> None:
    # Read back from the file, through a connection of its own.
    database.close()
    engine = create_engine(f"duckdb:///{database.path}")
    inspector = inspect(engine)
    migrated = {
        table: {
            column["name"]: (str(column["type"]), bool(column["nullable"]))
            for column in inspector.get_columns(table)
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }
    keys = {
        table: set(inspector.get_pk_constraint(table)["constrained_columns"]) for table in migrated
    }
    engine.dispose()
    fresh = create_engine("duckdb:///:memory:")
    Base.metadata.create_all(fresh)
    wanted = {
        table: {
            column["name"]: (str(column["type"]), bool(column["nullable"]))
            for column in inspect(fresh).get_columns(table)
        }
        for table in inspect(fresh).get_table_names()
    }
    fresh.dispose()
    assert migrated == wanted
    assert set(wanted) == {
        *("study", "trial", "attempt", "score"),
        *("token", "login", "audit", "answered", "webhook_delivery", "probe"),
    }
    assert keys == {
        table.name: {column.name for column in table.primary_key}
        for table in Base.metadata.sorted_tables
    }


def test_a_second_process_is_told_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "decaymix.duckdb"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(DatabaseInUse) as caught:
            Database(path)
        assert str(path) in str(caught.value)
        assert "open in another process" in str(caught.value)
        assert "DECAYMIX_HOME" in str(caught.value)
    finally:
        holder.communicate("")
    # Free again once the other is gone.
    Database(path).close()


NEXT_MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = {head!r}
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("study", sa.Column("colour", sa.String))
    op.execute("UPDATE study SET colour = 'red'")
    {then}
"""


def next_release(folder: Path, then: str = "") -> Path:
    """The migrations of a release that adds a column to the table of studies."""
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    config = Config()
    config.set_main_option("script_location", str(folder))
    head = ScriptDirectory.from_config(config).get_current_head()
    (folder / "versions" / "9999_next.py").write_text(NEXT_MIGRATION.format(head=head, then=then))
    return folder


def version_of(database: Database) -> str:
    with database.read() as session:
        version: str = session.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def test_an_older_file_is_migrated_on_opening_and_keeps_what_it_holds(
    database: Database,
    study: StudySpec,
    specs: list[TrialSpec],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with database.write() as session:
        insert_study(session, "one", study, "{}")
        insert_trials(session, specs)
    database.close()
    monkeypatch.setattr("db.database.MIGRATIONS", next_release(tmp_path / "migrations"))
    newer = Database(database.path)
    assert version_of(newer) == "9999"
    with newer.read() as session:
        assert session.execute(text("SELECT id, colour FROM study")).all() == [("one", "red")]
        assert [stored.spec for stored in list_studies(session)] == [study]
        assert [trial.spec for trial in list_trials(session, "study-1")] == specs
    newer.close()
    # The release before it then leaves the file alone, and goes on from the copy.
    monkeypatch.undo()
    copy = Database(database.path.with_name("decaymix.duckdb.before-9999"))
    with copy.read() as session:
        assert [trial.spec for trial in list_trials(session, "study-1")] == specs
    copy.close()
    assert [file.name for file in database.path.parent.glob("*.before-*")] == [copy.path.name]
    before = database.path.read_bytes()
    with pytest.raises(DatabaseTooNew, match=r"newer Decaymix .*9999.*DECAYMIX_HOME"):
        Database(database.path)
    assert database.path.read_bytes() == before


def test_a_migration_that_fails_changes_nothing(
    database: Database, study: StudySpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.write() as session:
        insert_study(session, "one", study, "{}")
    version = version_of(database)
    database.close()
    broken = next_release(tmp_path / "migrations", then="raise RuntimeError('half way')")
    monkeypatch.setattr("db.database.MIGRATIONS", broken)
    with pytest.raises(RuntimeError, match="half way"):
        Database(database.path)
    monkeypatch.undo()
    again = Database(database.path)
    assert version_of(again) == version
    with again.read() as session:
        assert [stored.id for stored in list_studies(session)] == ["one"]
        columns = session.execute(text("SELECT * FROM study")).keys()
    assert "colour" not in columns
    again.close()


# The second stands in a path that says "lock", as the message about a locked file does.
@pytest.mark.parametrize("folder", ["home", "clockwork"])
def test_what_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, folder: str) -> None:
    path = tmp_path / folder / "decaymix.duckdb"
    path.parent.mkdir()
    path.write_bytes(b"something else entirely" * 500)
    with pytest.raises(DatabaseUnreadable) as caught:
        Database(path)
    assert "not a valid DuckDB database file" in str(caught.value)
    assert "move it away to start anew, or set another DECAYMIX_HOME" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert path.read_bytes() == b"something else entirely" * 500


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(DatabaseUnreadable, match=r"home cannot be made .*DECAYMIX_HOME"):
        Database(tmp_path / "home" / "decaymix.duckdb")


def test_a_database_that_does_not_answer_says_so(database: Database) -> None:
    database.ping()
    # As a disk that is gone: the next connection finds a folder where the file was.
    database.close()
    database.path.unlink()
    database.path.mkdir()
    with pytest.raises(DatabaseUnreadable, match=r"decaymix\.duckdb"):
        database.ping()


def test_a_write_that_raises_leaves_no_trace(database: Database, study: StudySpec) -> None:
    with pytest.raises(RuntimeError, match="half way"), database.write() as session:
        insert_study(session, "one", study, "{}")
        session.flush()
        insert_study(session, "two", study, "{}")
        raise RuntimeError("half way")
    with database.read() as session:
        assert list(list_studies(session)) == []


def test_a_read_does_not_write(database: Database, study: StudySpec) -> None:
    with database.read() as session:
        insert_study(session, "one", study, "{}")
        session.flush()
    with database.read() as session:
        assert list(list_studies(session)) == []


def test_readers_who_hold_their_sessions_hold_up_nobody(
    database: Database, study: StudySpec
) -> None:
    # As many as threads answer requests: each may wait for a fit.
    with ExitStack() as readers:
        for _ in range(40):
            list_studies(readers.enter_context(database.read()))
        started = time.monotonic()
        database.ping()
        with database.write() as session:
            insert_study(session, "one", study, "{}")
        assert time.monotonic() - started < 5.0


def test_writers_take_turns(database: Database, study: StudySpec) -> None:
    errors: list[Exception] = []

    def write(number: int) -> None:
        try:
            for index in range(5):
                with database.write() as session:
                    insert_study(session, f"{number}-{index}", study, "{}")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with database.read() as session:
        assert len(list_studies(session)) == 20
