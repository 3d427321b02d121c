"""`decaymix report` writes a folder that says it all, and `fit` reads it to the same answer."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from typer.testing import CliRunner, Result

from service.cli import app
from tests.service.conftest import SMALL_STUDY, write_small_data
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer

CLAIM = {"kind": "best_share_in", "low": 0.5, "high": 0.7, "words": "It lies at 50 to 70 %"}
STUDY = {**SMALL_STUDY, "claims": [CLAIM]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    data = write_small_data(tmp_path_factory.mktemp("root") / "data")
    server = RealServer(tmp_path_factory.mktemp("home"), data, PretendRunner())
    server.start()
    server.wait_for_the_end(server.submit(claims=[CLAIM]))
    yield server
    server.stop()


@pytest.fixture
def run(server: RealServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("DECAYMIX_URL", server.url)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return call


def test_a_report_is_read_again_to_the_same_answer(run: Any, tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "small.yaml").write_text(yaml.safe_dump(STUDY))
    (tmp_path / "out").mkdir()
    stale, other = tmp_path / "out" / "small-regret.svg", tmp_path / "out" / "small-more-signal.svg"
    stale.write_text("old")
    other.write_text("another study's")
    done = run("report", "small", "--output", "out")
    assert done.exit_code == 0, done.output
    assert "supported: It lies at 50 to 70 %" in done.output
    text = (tmp_path / "out" / "small.md").read_text()
    assert "./run decaymix submit studies/small.yaml" in text
    assert "./run decaymix report small --output out" in text
    assert not (tmp_path / "out" / "small.yaml").exists()
    assert other.exists() and not stale.exists()
    figures = sorted((tmp_path / "out").glob("small-*.svg"))
    assert len(figures) > 3
    for figure in figures:
        if figure != other:
            ElementTree.parse(figure)
            assert f"({figure.name})" in text
    assert (tmp_path / "out" / "small.csv").read_text() == run("trials", "small", "--csv").output

    shown = json.loads(run("recommend", "small", "--json").output)
    done = run(
        "fit", "--trials", "out/small.csv", "--study", "studies/small.yaml", "--out", "again"
    )
    assert done.exit_code == 0, done.output
    assert "supported: It lies at 50 to 70 %" in done.output
    read = json.loads((tmp_path / "again" / "recommendation.json").read_text())
    # The front is a fit of its own, which `pareto` gives.
    assert read == {**shown, "front": None}
    assert read["sentence"] in text
    board = json.loads((tmp_path / "again" / "leaderboard.json").read_text())
    now = json.loads(run("leaderboard", "small", "--json").output)
    assert board["rows"] == now["rows"]

    table = tmp_path / "out" / "small.csv"
    table.write_text(table.read_text().replace("COMPLETE", "COMPLETED", 1))
    done = run("fit", "--trials", "out/small.csv", "--study", "studies/small.yaml", "--out", "no")
    assert done.exit_code == 2, done.output
    assert "out/small.csv: line 2.state = 'COMPLETED': expected one of WAITING" in done.output
    assert not (tmp_path / "no").exists()


def test_without_a_file_that_makes_the_study_its_spec_is_written(run: Any, tmp_path: Path) -> None:
    claim = "{kind: best_share_is, sft_share: 0.6, words: It is 60 %}"
    done = run("report", "small", "--output", "out", "--claim", claim)
    assert done.exit_code == 0, done.output
    assert "supported: It is 60 %" in done.output
    text = (tmp_path / "out" / "small.md").read_text()
    assert "./run decaymix submit out/small.yaml" in text
    assert f"--claim '{claim}'" in text
    # A folder of this one by its whole name is the same folder; another is named as it was given.
    run("report", "small", "--output", str(tmp_path / "out"))
    assert "--output out\n" in (tmp_path / "out" / "small.md").read_text()
    elsewhere = tmp_path.parent / "else where"
    run("report", "small", "--output", str(elsewhere))
    assert f"--output '{elsewhere}'\n" in (elsewhere / "small.md").read_text()
    again = run("submit", "out/small.yaml")
    assert again.exit_code == 0, again.output
    assert "14 trials" in again.output


def test_what_is_wrong_is_said_in_a_line(run: Any, tmp_path: Path) -> None:
    for arguments, said in (
        (("report", "small", "--claim", "[1]"), "expected a mapping"),
        (("report", "small", "--claim", "{kind: guess}"), "claim.0"),
        (("report", "nobody"), "nobody"),
        (("fit", "--trials", "t.csv", "--out", "x"), "--trials and --study go together"),
        (("fit", "--out", "x"), "--mixtures is missing"),
    ):
        done = run(*arguments)
        assert done.exit_code in (1, 2), arguments
        assert said in done.output, done.output


def test_json_is_the_apis(run: Any) -> None:
    found = json.loads(run("report", "small", "--json").output)
    assert found["spec"]["name"] == "small"
    assert found["verdicts"][0]["verdict"] == "supported"
