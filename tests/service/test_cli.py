"""The command line against a service on a real socket."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from mixtures.export.formats import FORMATS
from mixtures.export.plain import verify_export
from mixtures.export.signed import verify_signed
from service.cli import app
from tests.service.bad_input import BAD_STUDIES, BadStudy, written
from tests.service.conftest import SMALL_STUDY
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer, command_line


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """One for all tests of this file; the study in it is finished."""
    root = tmp_path_factory.mktemp("data")
    (root / "text.jsonl").write_text(
        "\n".join(json.dumps({"text": f"Document {i} says {i * i}."}) for i in range(60))
    )
    for name, start in (("sums", 0), ("test_sums", 1000)):
        items = [
            {"question": f"{i} + {i}?", "answer": str(2 * i)} for i in range(start, start + 50)
        ]
        (root / f"{name}.jsonl").write_text("\n".join(json.dumps(item) for item in items))
    server = RealServer(
        tmp_path_factory.mktemp("home"),
        root,
        PretendRunner(fail={0.2: RuntimeError("the disk sneezed")}),
    )
    server.start()
    server.wait_for_the_end(server.submit())
    yield server
    server.stop()


@pytest.fixture
def run(server: RealServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    return command_line(monkeypatch, server.url)


def study_file(tmp_path: Path, **changes: Any) -> str:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump({**SMALL_STUDY, **changes}))
    return str(path)


def test_submit_names_the_study_and_its_page(run: Any, server: RealServer, tmp_path: Path) -> None:
    done = run("submit", study_file(tmp_path))
    assert done.exit_code == 0
    assert "(small): 14 trials" in done.stdout
    assert f"{server.url}/studies/" in done.stdout


@pytest.mark.parametrize("bad", BAD_STUDIES, ids=str)
def test_a_bad_study_is_one_line_and_exit_code_2_and_nothing_is_written(
    run: Any, server: RealServer, tmp_path: Path, bad: BadStudy
) -> None:
    studies, before = server.study_ids(), written(server.home)
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(bad.study(server.data_root)))
    done = run("submit", str(path))
    assert done.exit_code == 2
    value = f"{path.stat().st_size} bytes" if bad.value is None else bad.value
    shown = value if str(value).startswith("{'") else repr(value)
    file = f"{path}: " if bad.status == 422 else ""
    assert done.stderr.startswith(f"decaymix: {file}{bad.field} = {shown}: ")
    assert bad.right in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert server.study_ids() == studies
    assert written(server.home) == before


def test_bad_input_is_one_line_and_exit_code_2(run: Any, tmp_path: Path) -> None:
    empty = tmp_path / "empty.yaml"
    empty.write_text("")
    for arguments, words in [
        (("submit", str(tmp_path / "nothing.yaml")), "nothing.yaml: No such file or directory"),
        (("submit", str(empty)), "empty.yaml: is empty; expected an object of named fields"),
        (("recommend", "nothing"), "no study with the name or id 'nothing'"),
        (("cancel", "nothing"), "no trial nothing"),
        (("across-proxies", "small"), "expected two different studies or more"),
        (("export", "small", "--format", "toml"), "expected one of yaml, json, datasets"),
        (("export", "small", "--json", "--format", "nemo"), "--format for 'nemo'; give one"),
        (("export", "small", "--format", "nemo", "--path", "web=x"), "no source 'web'"),
        (("export", "small", "--format", "nemo", "--counts", "documents"), "not documents"),
        (("try", "small", "--sft-share", "1.5"), "1.5"),
        (("try", "small", "--sft-share", "nan"), "--sft-share = nan: expected a number from 0"),
        (("try", "small", "--sft-share", "0.5", "--seed", "2147483648"), "seed = 2147483648"),
    ]:
        done = run(*arguments)
        assert done.exit_code == 2, arguments
        assert words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert done.stdout == ""


def test_no_controller_is_one_line_and_exit_code_1(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECAYMIX_URL", "http://127.0.0.1:9")
    done = run("studies")
    assert done.exit_code == 1
    assert "no controller answers at http://127.0.0.1:9" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_address_that_is_none_is_one_line_and_exit_code_2(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECAYMIX_URL", "localhost:8765")
    done = run("studies")
    assert done.exit_code == 2
    assert done.stderr == "decaymix: DECAYMIX_URL = 'localhost:8765': expected http://host:port\n"


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("studies",), ""),
        (("trials", "small"), "/{id}/trials"),
        (("status", "small"), "/{id}"),
        (("leaderboard", "small"), "/{id}/leaderboard"),
        (("leaderboard", "small", "--transfer"), "/{id}/leaderboard?objective=transfer"),
        (("recommend", "small"), "/{id}/recommendation"),
        (("best-shares", "small"), "/{id}/best-shares"),
        (("pareto", "small"), "/{id}/pareto"),
        (("effects", "small", "--objective", "held_out"), "/{id}/effects?objective=held_out"),
    ],
)
def test_json_is_what_the_api_says(
    run: Any, server: RealServer, arguments: tuple[str, ...], path: str
) -> None:
    studies = httpx.get(f"{server.url}/v1/studies", timeout=60).json()
    address = f"{server.url}/v1/studies" + path.format(id=studies[0]["id"])
    answer = httpx.get(address, timeout=60).json()
    assert json.loads(run(*arguments, "--json").stdout) == answer


def test_watch_tells_how_the_trials_ended(run: Any) -> None:
    assert "12 COMPLETE, 2 FAILED" in run("watch", "small").stdout


def test_trials_shows_why_one_failed(run: Any) -> None:
    lines = [line for line in run("trials", "small").stdout.splitlines() if "FAILED" in line]
    assert len(lines) == 2
    assert "20 % SFT" in lines[0]
    assert "RuntimeError: the disk sneezed" in lines[0]


def test_leaderboard_and_recommendation_are_readable(run: Any) -> None:
    board = run("leaderboard", "small").stdout
    assert "to pretrain_only" in board
    assert "to paper" in board
    assert "60 %" in board
    assert run("leaderboard", "small", "--csv").stdout.startswith("rank,sft_share,mean,")
    words = run("recommend", "small").stdout
    assert "Decay on" in words
    assert "against pretrain_only (0 % SFT)" in words


def test_a_study_is_paused_extended_cloned_and_put_away(run: Any, tmp_path: Path) -> None:
    file = study_file(tmp_path, name="changing", space={"sft_share": [0.0, 1.0]}, baselines={})
    assert run("submit", file).exit_code == 0
    assert run("watch", "changing").exit_code == 0
    assert "paused" in run("pause", "changing").stdout
    limited = run("limit", "changing", "--priority", "3", "--max-running", "2")
    assert "priority 3, max_running 2" in limited.stdout
    assert "give --priority, --max-running or both" in run("limit", "changing").stderr
    unlimited = run("limit", "changing", "--max-running", "0")
    assert unlimited.stdout == "study changing: max_running without limit\n"
    answer = run("extend", "changing", "--sft-share", "0.5", "--seed", "2", "--max-trials", "1001")
    assert answer.stdout == "5 new trials\n"
    status = json.loads(run("status", "changing", "--json").stdout)["status"]
    assert (status["trials"]["WAITING"], status["is_paused"]) == (5, True)
    assert "changing, paused" in run("studies").stdout
    assert run("status", "changing").stdout.startswith("RUNNING, paused · ")
    assert (status["priority"], status["max_running"]) == (3, None)
    assert run("resume", "changing").exit_code == 0
    assert run("watch", "changing").exit_code == 0
    trial = json.loads(run("trials", "changing", "--json").stdout)[0]["id"]
    assert run("repeat", trial).stdout.endswith(": new\n")
    assert run("repeat", trial, "--seed", "3").stdout.endswith(": there already\n")
    assert yaml.safe_load(run("clone", "changing").stdout)["seeds"] == [0, 1, 2]
    assert run("archive", "changing").exit_code == 0
    assert "changing" not in run("studies").stdout
    assert run("archive", "changing", "--undo").exit_code == 0
    assert "changing" in run("studies").stdout
    answer = run("extend", "changing")
    assert (answer.exit_code, "nothing to extend" in answer.stderr) == (2, True)


def test_export_writes_a_file_that_verifies(run: Any, tmp_path: Path) -> None:
    out = tmp_path / "mixture.yaml"
    assert run("export", "small", "--out", str(out)).exit_code == 0
    assert verify_export(out.read_text())
    assert json.loads(run("export", "small", "--json").stdout)["mixture"]


def test_export_for_a_trainer_asks_for_the_paths_that_it_lacks(run: Any, tmp_path: Path) -> None:
    out = tmp_path / "blend.json"
    arguments = ("export", "small", "--format", "megatron", "--out", str(out))
    done = run(*arguments, "--path", "text=/data/text")
    assert done.exit_code == 0
    assert done.stdout.strip() == str(out)
    assert "put your paths where REPLACE-WITH-PATH-OF-... stands" in done.stderr
    assert "the prefix of a .bin and .idx" in done.stderr
    assert json.loads(out.read_text())["train"][3] == "REPLACE-WITH-PATH-OF-sums"
    done = run(*arguments, "--path", "text=/data/text", "--path", "sums=/data/sums")
    assert done.stderr == ""
    assert json.loads(out.read_text())["train"][1::2] == ["/data/text", "/data/sums"]
    assert verify_signed(out.read_text())
    given = ("--tokens-per-document", "text=50", "--tokens-per-document", "sums=50")
    text = run("export", "small", "--format", "datasets", *given).stdout
    assert '# tokens_per_document: {"text": 50.0, "sums": 50.0}' in text


def test_the_formats_are_listed(run: Any) -> None:
    lines = run("export-formats").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(FORMATS)
    assert lines[2] == "datasets    Hugging Face datasets (datasets 5.2.0), documents or sequences"
    assert [one["name"] for one in json.loads(run("export-formats", "--json").stdout)] == [*FORMATS]


def test_a_busy_port_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environment = {
            "DECAYMIX_HOME": str(tmp_path),
            "DECAYMIX_PORT": str(taken.getsockname()[1]),
            "PATH": "/usr/bin:/bin",
        }
        done = subprocess.run(
            [sys.executable, "-m", "service.cli", "serve"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert "DECAYMIX_PORT" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_off_loopback_a_token_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DECAYMIX_HOST", "0.0.0.0")
    done = CliRunner().invoke(app, ["serve"])
    assert done.exit_code == 2
    assert "set DECAYMIX_TOKEN" in done.stderr


def test_starting_the_command_line_does_not_load_scipy() -> None:
    # It takes half a second, and every command would wait for it.
    code = "import sys, service.cli; print('scipy' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, text=True, stdout=subprocess.PIPE
    )
    assert found.stdout == "False\n"
