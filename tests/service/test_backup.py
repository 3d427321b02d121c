"""A backup taken while the controller works, and a fresh home made of it that says the same."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from db.database import Database, DatabaseTooNew
from service.backup import (
    FILES,
    MANIFEST,
    TABLES,
    BackupDamaged,
    copy_files,
    read_manifest,
    restore,
    seal,
    write_backup_tables,
)
from tests.service.conftest import SharedChild, StartService, finished_study
from tests.service.pretend_runner import PretendRunner
from tests.service.routes.test_finished_trials import home


def answers(client: TestClient, study_id: str) -> list[bytes]:
    found = []
    for path in ("/leaderboard", "/recommendation", "/trials", "/trials.csv", "/signal"):
        answer = client.get(f"/v1/studies/{study_id}{path}")
        assert answer.status_code == 200, path
        found.append(answer.content)
    return found


def unpacked(content: bytes, folder: Path) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    about: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    return about


def test_a_home_made_of_a_backup_says_the_same(
    start_service: StartService, tmp_path: Path, data_root: Path, shared_child: SharedChild
) -> None:
    folder = tmp_path / "backup"
    folder.mkdir()
    with start_service(token="owner") as client:
        client.headers["Authorization"] = "Bearer owner"
        study_id = finished_study(client)
        trial_id = client.get(f"/v1/studies/{study_id}/trials").json()[0]["id"]
        client.patch(f"/v1/trials/{trial_id}", json={"note": "odd; 'quoted'"})
        token = client.post("/v1/tokens", json={"name": "ci", "scopes": ["admin"]}).json()
        before = answers(client, study_id)
        answer = client.get("/v1/backup")
        assert answer.headers["content-type"] == "application/zip"
        about = unpacked(answer.content, folder)
        # What comes later is not in it.
        client.patch(f"/v1/trials/{trial_id}", json={"note": "later"})
        items = tmp_path / "home" / "trials" / trial_id / "items.parquet"
        items.parent.mkdir(parents=True)
        items.write_bytes(b"items")
        (items.parent / ".weights.partial").write_bytes(b"half")
        half_built = tmp_path / "home" / "stable" / "ab.partial" / "stable.safetensors"
        half_built.parent.mkdir(parents=True)
        half_built.write_bytes(b"half")
        copy_files(tmp_path / "home", folder / FILES)
    manifest = seal(folder, about)
    assert manifest.rows["trial"] == 14
    assert manifest.sha256[f"{FILES}/trials/{trial_id}/items.parquet"]
    assert not any("partial" in name for name in manifest.sha256)

    assert restore(folder, tmp_path / "fresh") == manifest
    assert (tmp_path / "fresh" / "trials" / trial_id / "items.parquet").read_bytes() == b"items"
    runner = PretendRunner()
    with home(tmp_path / "fresh", data_root, runner, shared_child) as client:
        # Its tokens work there.
        client.headers["Authorization"] = f"Bearer {token['token']}"
        assert answers(client, study_id) == before
        assert client.get(f"/v1/trials/{trial_id}").json()["note"] == "odd; 'quoted'"
        assert token["stored"]["id"] in {one["id"] for one in client.get("/v1/tokens").json()}
    assert runner.attempts == []
    with pytest.raises(FileExistsError, match="is there already"):
        restore(folder, tmp_path / "fresh")


@pytest.fixture
def small_backup(tmp_path: Path) -> Path:
    """Of an empty home with one file."""
    folder = tmp_path / "backup"
    (folder / TABLES).mkdir(parents=True)
    (folder / FILES / "sources").mkdir(parents=True)
    (folder / FILES / "sources" / "a.jsonl").write_text("{}")
    database = Database(tmp_path / "old" / "decaymix.duckdb")
    seal(folder, write_backup_tables(database, folder / TABLES))
    database.close()
    return folder


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize("name", [f"{TABLES}/trial.parquet", f"{FILES}/sources/a.jsonl", MANIFEST])
@pytest.mark.parametrize("damage", [flip, cut, Path.unlink])
def test_a_damaged_backup_is_refused_and_leaves_no_home(
    small_backup: Path, tmp_path: Path, name: str, damage: Any
) -> None:
    if (name, damage) == (MANIFEST, cut):
        pytest.skip("its last byte is a line's end")
    damage(small_backup / name)
    with pytest.raises(BackupDamaged) as caught:
        restore(small_backup, tmp_path / "fresh")
    # A bit of the manifest may be one of a hash: then it is a table that does not fit it.
    assert name == MANIFEST or Path(name).name in str(caught.value)
    assert not (tmp_path / "fresh").exists()


def test_a_backup_of_a_newer_release_is_refused(small_backup: Path, tmp_path: Path) -> None:
    path = small_backup / MANIFEST
    path.write_text(path.read_text().replace('"schema_version": "0', '"schema_version": "9'))
    assert read_manifest(small_backup).schema_version.startswith("9")
    with pytest.raises(DatabaseTooNew, match="of a newer Decaymix"):
        restore(small_backup, tmp_path / "fresh")
    assert not (tmp_path / "fresh" / "decaymix.duckdb").exists()


def test_a_backup_of_an_older_release_is_migrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backup"
    (folder / TABLES).mkdir(parents=True)
    old = Database(tmp_path / "old" / "decaymix.duckdb")
    with old.write() as session:
        session.execute(
            text(
                "INSERT INTO token (id, name, secret_sha256, scopes, created_at) "
                "VALUES ('one', 'ann', 'ab', 'read', TIMESTAMP '2026-11-26 01:02:03.456789')"
            )
        )
    about = write_backup_tables(old, folder / TABLES)
    old.close()
    seal(folder, about)
    from tests.db.test_database import next_release

    monkeypatch.setattr("db.database.MIGRATIONS", next_release(tmp_path / "migrations"))
    restore(folder, tmp_path / "fresh")
    new = Database(tmp_path / "fresh" / "decaymix.duckdb")
    with new.read() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
        assert session.execute(text("SELECT colour FROM study")).all() == []
        rows = session.execute(text("SELECT id, created_at FROM token")).all()
    new.close()
    assert [(row[0], row[1].isoformat()) for row in rows] == [("one", "2026-11-26T01:02:03.456789")]
