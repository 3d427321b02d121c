"""A disk that is full or read-only: nothing acknowledged is lost, and work goes on with room.

The limit on the size of a file (RLIMIT_FSIZE) stands for the full disk: every write beyond it fails
as there, for any user. It holds for a whole process, so each test has one of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PREAMBLE = """
import json, os, resource, sys
from pathlib import Path
from sqlalchemy import text
from db.database import Database, DatabaseFailed, DatabaseFault, DatabaseUnreadable
from db.observed import DatabaseUnwritable, require_writable

path = Path(sys.argv[1])
UNLIMITED = resource.RLIM_INFINITY

def limit(num_bytes):
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, UNLIMITED))

def put(database, name, num_bytes=50_000):
    with database.write() as session:
        session.execute(
            text("INSERT INTO study (id, name, spec, data_report, created_at) "
                 "VALUES (:id, 'n', :spec, '{}', now()::TIMESTAMP)"),
            {"id": name, "spec": os.urandom(num_bytes // 2).hex()},
        )

def names(database):
    with database.read() as session:
        return sorted(session.scalars(text("SELECT id FROM study")))

def refused(write):
    try:
        write()
    except DatabaseFailed as error:
        assert not isinstance(error, DatabaseFault), error
        return True
    return False
"""


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + code, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_full_disk_refuses_writes_and_takes_them_again_once_there_is_room(tmp_path: Path) -> None:
    code = """
database = Database(path)
acknowledged = []
limit(400_000)
for number in range(20):
    if not refused(lambda: put(database, f"{number:02}")):
        acknowledged.append(f"{number:02}")
assert 2 <= len(acknowledged) < 20, acknowledged
# What is there can be read meanwhile, and whoever asks is told.
assert names(database) == acknowledged
limit(1)
try:
    require_writable(database)
except DatabaseUnwritable as error:
    assert "File too large" in str(error), error
else:
    raise AssertionError("writable")
limit(UNLIMITED)
put(database, "later")
require_writable(database)
database.close()
again = Database(path)
assert names(again) == [*acknowledged, "later"]
print("ok")
"""
    assert run(code, str(tmp_path / "decaymix.duckdb")) == "ok\n"


def test_a_disk_that_fills_up_under_a_checkpoint_loses_nothing(tmp_path: Path) -> None:
    # DuckDB then gives its whole instance up; the next session has another.
    code = """
database = Database(path)
acknowledged = []
with database.write() as session:
    session.execute(text("SET wal_autocheckpoint = '200KB'"))
limit(700_000)
for number in range(40):
    if not refused(lambda: put(database, f"{number:02}")):
        acknowledged.append(f"{number:02}")
assert 2 <= len(acknowledged) < 40, acknowledged
limit(UNLIMITED)
while refused(lambda: put(database, "later")):
    pass
database.close()
again = Database(path)
assert names(again) == [*acknowledged, "later"], (names(again), acknowledged)
print("ok")
"""
    assert run(code, str(tmp_path / "decaymix.duckdb")).endswith("ok\n")


def test_a_home_on_a_full_disk_is_not_opened_and_says_why(tmp_path: Path) -> None:
    code = """
limit(4096)
try:
    Database(path)
except DatabaseUnreadable as error:
    assert "make room" in str(error), error
    assert "move it away" not in str(error), error
    print("ok")
"""
    assert run(code, str(tmp_path / "decaymix.duckdb")) == "ok\n"


@pytest.fixture
def read_only(tmp_path: Path) -> Path:
    """A disk with a database on it, mounted read-only; only who may mount can try it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount")
    return folder


def test_a_read_only_disk_is_named_and_left_as_it_is(read_only: Path) -> None:
    code = """
import subprocess
Database(path).close()
before = path.read_bytes()
subprocess.run(["mount", "-o", "remount,ro", str(path.parent)], check=True)
try:
    Database(path)
except DatabaseUnreadable as error:
    assert "Read-only file system" in str(error), error
    assert "writable" in str(error), error
assert path.read_bytes() == before
print("ok")
"""
    try:
        assert run(code, str(read_only / "decaymix.duckdb")) == "ok\n"
    finally:
        subprocess.run(["umount", str(read_only)], check=True)
