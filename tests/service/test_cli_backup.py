"""backup, restore, prune and submit --resume-from on the command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from service.cli import app
from tests.service.conftest import SMALL_STUDY, write_small_data
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """With a finished study."""
    root = write_small_data(tmp_path_factory.mktemp("root") / "data")
    server = RealServer(tmp_path_factory.mktemp("home"), root, PretendRunner())
    server.start()
    server.wait_for_the_end(server.submit())
    yield server
    server.stop()


def run(server: RealServer, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("DECAYMIX_URL", server.url)
    monkeypatch.setenv("DECAYMIX_HOME", str(server.home))
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner().invoke(app, list(arguments))


def test_a_running_home_is_copied_and_made_again(
    server: RealServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backup"
    done = run(server, monkeypatch, "backup", str(folder))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"1 study and 14 trials in {folder}")
    assert (folder / "tables" / "score.parquet").is_file()
    again = run(server, monkeypatch, "backup", str(folder))
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["backup"]

    monkeypatch.setenv("DECAYMIX_HOME", str(tmp_path / "fresh"))
    done = CliRunner().invoke(app, ["restore", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rows"]["trial"] == 14
    refused = CliRunner().invoke(app, ["restore", str(folder)])
    assert refused.exit_code == 2
    assert "give an empty DECAYMIX_HOME" in refused.stderr
    # And with no controller, from the file itself.
    monkeypatch.delenv("DECAYMIX_URL")
    monkeypatch.setenv("DECAYMIX_PORT", "1")
    done = CliRunner().invoke(app, ["backup", str(tmp_path / "second"), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rows"]["trial"] == 14


def test_a_dry_run_of_prune_deletes_nothing(
    server: RealServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = server.home / "decay" / "gone"
    left.mkdir(parents=True)
    (left / "decay.safetensors").write_bytes(b"x" * 1234)
    done = run(server, monkeypatch, "prune", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "1,234  decay/gone: a decay's checkpoint, whose trial has ended" in done.stdout
    assert done.stdout.endswith("1,234 bytes would be deleted\n")
    assert left.exists()
    done = run(server, monkeypatch, "prune")
    assert done.stdout.endswith("1,234 bytes deleted\n")
    assert not left.exists()


def test_a_study_is_begun_again_from_its_table(
    server: RealServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "trials.csv"
    table.write_text(run(server, monkeypatch, "trials", "small", "--csv").stdout)
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump(SMALL_STUDY))
    runner = PretendRunner()
    other = RealServer(tmp_path / "other", server.data_root, runner)
    other.start()
    try:
        done = run(other, monkeypatch, "submit", str(study), "--resume-from", str(table))
        assert done.exit_code == 0, done.output
        board = run(other, monkeypatch, "leaderboard", "small", "--json").stdout
        assert runner.attempts == []
        assert board == run(server, monkeypatch, "leaderboard", "small", "--json").stdout

        # Another question is another study, whose trials these are not.
        study.write_text(yaml.safe_dump({**SMALL_STUDY, "question": "And now?"}))
        refused = run(other, monkeypatch, "submit", str(study), "--resume-from", str(table))
        assert refused.exit_code == 2
        assert refused.stderr.startswith("decaymix: line 2.trial_id = ")
        assert "stays paused: mend the table, submit again" in refused.stderr
        assert runner.attempts == []
    finally:
        other.stop()
