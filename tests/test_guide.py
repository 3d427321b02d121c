"""The guide's study is a study, and its commands do what they say.

The lines of its `sh` blocks run, in their order, against the whole service on a real socket, whose
trials train nothing. But those of ELSEWHERE, which take seconds: other tests run these, with real
data or after a fit, and here the command line's own parser reads them, so that a command or an
option that is not there fails.
"""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from typer.testing import CliRunner

from decaymix import Client
from examples.outside_trainer import STUDY
from mixtures.study import StudySpec
from service.cli import app
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
CLI = "./run decaymix "
# What runs a command of this kind.
ELSEWHERE = {
    "source preview": "service/test_cli_data.py",
    "study check": "service/test_cli_data.py",
    "benchmark check": "service/test_cli_benchmark.py",
    "checkpoint": "service/test_cli_checkpoint.py",
    "across-proxies": "service/test_cli_moves.py",
    "report": "service/test_cli_report.py",
    "confirm": "service/test_cli_confirm.py",
    "watch my-decay-confirmation": "service/test_cli_confirm.py",
    **dict.fromkeys(
        ("recommend", "leaderboard", "best-shares", "pareto", "effects", "export"),
        "test_readme.py",
    ),
}
OUTSIDE = "python examples/outside_trainer.py"  # run by service/test_outside.py


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


def parts() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The study of the guide's parts, and what may stand in the place of one."""
    study: dict[str, Any] = {}
    numbers, others = [], []
    for block in blocks("yaml"):
        found = re.match(r"# my-decay\.yaml, part (\d) of (\d)\n", block)
        if found is None:
            others.append(yaml.safe_load(block))
            continue
        numbers.append((int(found[1]), int(found[2])))
        fields = yaml.safe_load(block)
        assert not study.keys() & fields.keys()
        study |= fields
    assert numbers == [(n, len(numbers)) for n in range(1, len(numbers) + 1)]
    return study, others


def is_elsewhere(command: str) -> bool:
    kinds = tuple(f"{CLI}{kind}" for kind in ELSEWHERE)
    return command.startswith((*kinds, OUTSIDE))


def parse(command: str) -> None:
    """Raises click's error where a command or an option is not there."""
    group, words = typer.main.get_command(app), shlex.split(command.removeprefix(CLI))
    while hasattr(group, "commands"):
        group = group.commands[words.pop(0)]
    group.make_context("decaymix", words)


def write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("\n".join(json.dumps(one) for one in records))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RealServer]:
    root = tmp_path / "data"
    root.mkdir()
    for name in ("web", "code"):
        write_lines(
            root / f"{name}.jsonl", [{"text": f"{name} {i} is {i * i}."} for i in range(90)]
        )
    for place, name in enumerate(("chat", "sums", "new_chat", "new_sums")):
        pairs = [
            {"question": f"{name} {i} + {i}?", "answer": f"{2 * i}"}
            for i in range(1000 * place, 1000 * place + 60)
        ]
        write_lines(root / f"{name}.jsonl", pairs)
    server = RealServer(tmp_path / "home", root, PretendRunner())
    server.start()
    monkeypatch.setenv("DECAYMIX_URL", server.url)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    yield server
    server.stop()


def test_the_parts_are_a_study_and_so_is_what_may_stand_in_their_place() -> None:
    study, others = parts()
    StudySpec.model_validate(study)
    assert len(others) == 2
    for other in others:
        # In a search baselines are its own.
        StudySpec.model_validate({**study, **other})


def test_commands_that_other_tests_run_are_there_with_their_options() -> None:
    found = [one for one in commands() if is_elsewhere(one)]
    for kind, test in ELSEWHERE.items():
        assert any(one.startswith(f"{CLI}{kind}") for one in found), kind
        source = ROOT / "README.md" if test == "test_readme.py" else ROOT / "tests" / test
        assert kind.split()[0] in source.read_text(encoding="utf-8")
    for command in found:
        if command.startswith(CLI):
            parse(command)


def test_every_other_command_of_the_guide_works(server: RealServer) -> None:
    client = Client(server.url)
    study, _ = parts()
    Path("my-decay.yaml").write_text(yaml.safe_dump(study))
    # What examples/outside_trainer.py submits, and two trials of before.
    client.submit_study(json.dumps(STUDY), "json")
    Path("table.csv").write_text(
        "web,code,chat,math,gsm8k,mbpp,seed\n.5,.3,.1,.1,1.9,1.4,0\n.6,.2,.1,.1,1.8,1.5,0\n"
    )
    printed = {}
    for command in commands():
        if not is_elsewhere(command):
            printed[command] = run(command, server, client)
    # Seven shares with two seeds, and as extended eight with three.
    assert "14 trials" in printed[f"{CLI}submit my-decay.yaml"]
    assert "10 new trials" in printed[f"{CLI}extend my-decay --seed 2 --sft-share 0.5"]
    assert Path("my-decay.csv").read_text().count("COMPLETE") == 24
    assert "14 trials" in printed[f"{CLI}submit my-decay.yaml --proxy nano"]
    assert client.study(client.study_id("my-decay"))["status"]["note"].startswith("full run")
    assert "2 trials, 2 of them new" in printed[f"{CLI}import outside-example table.csv"]


def run(command: str, server: RealServer, client: Client) -> str:
    """As in a shell; what is ours in this process, which spares a second for each."""
    if command.startswith(CLI):
        words, _, file = command.removeprefix(CLI).partition(" > ")
        done = CliRunner().invoke(app, shlex.split(words))
        assert done.exit_code == 0, f"{command}: {done.output}"
        assert done.stdout.strip(), f"{command} printed nothing"
        if file:
            Path(file).write_text(done.stdout)
        if words.startswith("extend"):
            server.wait_for_the_end(client.study_id("my-decay"))
        return done.stdout
    with_id = command.replace("/ID", f"/{client.study_id('my-decay')}")
    words = f"{with_id.replace('http://127.0.0.1:8765', server.url)} --fail"
    return subprocess.run(shlex.split(words), capture_output=True, text=True, check=True).stdout
