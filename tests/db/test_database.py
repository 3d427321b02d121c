"""The file: one process at a time, migrated on opening, transactions that leave no trace."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from db.database import Database, DatabaseInUse, DatabaseTooNew
from db.studies import insert_study, list_studies
from db.tables import Base
from mixtures.study import StudySpec

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
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == "0001"
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
    assert set(wanted) == {"study", "trial", "attempt", "score"}
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


def test_a_file_of_a_newer_release_is_refused(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(DatabaseTooNew, match=r"newer Decaymix .*9999"):
        Database(database.path)


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
