"""What every command keeps to: `--json`, exit codes, colours, progress, completion."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer.main
from rich.console import Console

from decaymix import Client, ControllerUnreachable
from service import connection
from service.cli import app
from service.show import counted, show_progress
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer, command_line
from tests.service.test_change import OUTSIDE

ROOT = Path(__file__).resolve().parents[2]
# These go on until they are stopped, and tell what happens in words.
WITHOUT_JSON = {"serve", "demo"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    folders = (tmp_path_factory.mktemp(name) for name in ("home", "data"))
    server = RealServer(*folders, PretendRunner())
    server.start()
    with Client(server.url) as client:
        client.submit_study(json.dumps({**OUTSIDE, "budget": {"max_trials": 20}}), "json")
    yield server
    server.stop()


@pytest.fixture
def run(server: RealServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    return command_line(monkeypatch, server.url)


def commands(group: Any, above: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


def test_every_command_that_prints_takes_json_and_says_what_it_does() -> None:
    found = dict(commands(typer.main.get_command(app)))
    assert len(found) > 25
    without = {
        name
        for name, command in found.items()
        if "--json" not in [option for one in command.params for option in one.opts]
    }
    assert without == WITHOUT_JSON
    assert [name for name, command in found.items() if not command.help] == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--version",), 0),
        (("studies",), 0),
        (("studies", "--json"), 0),
        (("status", "nothing"), 2),
        (("no-such-command",), 2),
        (("studies", "--no-such-option"), 2),
        (("try", "outside"), 2),
        (("try", "outside", "--sft-share", "0.5", "--file", "x"), 2),
        (("try", "outside", "--file", "no-such-file"), 2),
        (("recommend", "outside"), 2),
    ],
)
def test_exit_codes_are_those_that_are_written_down(
    run: Any, arguments: tuple[str, ...], code: int
) -> None:
    done = run(*arguments)
    assert done.exit_code == code, done.stderr
    assert bool(done.stdout) == (code == 0)
    assert f"| {code} |" in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def test_interrupted_is_130_and_no_controller_is_1(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "studies", interrupted)
    assert run("studies").exit_code == 130

    def restarting(*_: Any) -> None:
        raise ControllerUnreachable("no controller answers")

    monkeypatch.setattr(Client, "studies", restarting)
    assert run("studies").exit_code == 1


def test_a_file_of_wishes_is_taken_one_by_one(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "wishes.jsonl"
    good = [{"sft_share": share / 10, "seed": 7} for share in range(1, 6)]
    file.write_text("\n".join(json.dumps(one) for one in good) + "\n\n")
    done = run("try", "outside", "--file", str(file))
    assert (done.exit_code, done.stdout) == (0, "5 new trials of 5 wishes\n")
    mixed = [good[0], {"sft_share": 2}, {"shares": {"songs": 1.0}}, {"sft_share": 0.9, "seed": 7}]
    file.with_suffix(".json").write_text(json.dumps(mixed))
    done = run("try", "outside", "--file", str(file.with_suffix(".json")))
    assert done.exit_code == 1
    assert done.stdout == "1 new trials of 4 wishes\n"
    second, third, last = done.stderr.splitlines()
    assert second.startswith("wish 2: sft_share = 2: ")
    assert third.startswith("wish 3: shares.songs = 1.0: ")
    assert last == "decaymix: 2 of 4 wishes were not taken"
    told = run("try", "outside", "--file", str(file), "--json")
    results = [json.loads(line) for line in told.stdout.splitlines()]
    assert [one["num_new"] for one in results] == [0] * 5
    for text, words in (('{"sft_share": 1}', "a list"), ("[1]", "a list"), ("[", "no JSON")):
        file.with_suffix(".json").write_text(text)
        done = run("try", "outside", "--file", str(file.with_suffix(".json")))
        assert done.exit_code == 2
        assert words in done.stderr
    file.write_text('{"sft_share": 0.5}\n{"sft_share"\n')
    assert "line 2" in run("try", "outside", "--file", str(file)).stderr


def printed(command: list[str], environment: dict[str, str]) -> str:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    text = b""
    try:
        while part := os.read(ours, 65536):
            text += part
    except OSError:  # Linux says so where a terminal's other end is closed
        pass
    os.close(ours)
    assert child.wait(60) == 0, text
    return text.decode()


def test_colours_are_for_terminals_and_no_color_takes_them_away() -> None:
    code = (
        "from rich.console import Console; from service.show import show_leaderboard;"
        "Console().print('[red]odd[/red]'); from service.show import counted;"
        "print(sum(counted(Console(stderr=True), range(5), 5, 'wishes sent')))"
    )
    command = [sys.executable, "-c", code]
    plain = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    coloured = printed(command, plain)
    assert "\x1b[31modd" in coloured
    assert "wishes sent" in coloured
    without = printed(command, {**plain, "NO_COLOR": "1"})
    assert "\x1b[31m" not in without and "\x1b[3" not in without.replace("\x1b[?", "")
    assert "odd" in without and "10" in without
    piped = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=True)
    assert "\x1b" not in piped.stdout + piped.stderr
    assert piped.stdout == "odd\n10\n"


def test_progress_without_a_terminal_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000, 4))
    monkeypatch.setattr("service.show.time.monotonic", lambda: next(clock))
    assert list(counted(Console(), range(6), 6, "wishes sent")) == list(range(6))
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["3/6 wishes sent", "6/6 wishes sent"]
    status = {
        "state": "RUNNING",
        "num_finished": 1,
        "num_trials": 2,
        "running": [],
        "tokens_per_second": None,
        "seconds_left": 60,
    }
    show_progress(Console(), [status] * 15 + [{**status, "state": "FINISHED"}])
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_completion_goes_by_the_programs_name_and_knows_studies(
    run: Any, server: RealServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connection.study_names("out") == ["outside"]
    assert connection.study_names("x") == []
    monkeypatch.setenv("_DECAYMIX_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "decaymix status ou")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert run().stdout.split() == ["outside"]
    monkeypatch.setenv("COMP_WORDS", "decaymix expo")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert run().stdout.split() == ["export", "export-formats"]
    # Where nobody answers, completion says nothing.
    for url in ("http://127.0.0.1:9", "nonsense"):
        monkeypatch.setenv("DECAYMIX_URL", url)
        assert connection.study_names("out") == []
