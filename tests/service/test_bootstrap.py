"""The set-up before any package is there: its decisions, and `run` with a made-up PATH."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service import bootstrap, packages
from service.bootstrap import Stamp
from service.packages import SetUpError

REPO = Path(__file__).resolve().parents[2]
# printf 'abcdef' | sha256sum
HASH_OF_ABCDEF = "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721"


def stamp(
    *, inputs: str = "1", root: str = "/here", chosen: str = "", extras: str = "test"
) -> Stamp:
    return Stamp(inputs, root, chosen, extras)


# What `.venv` is good for


@pytest.mark.parametrize(
    ("there", "wanted", "current", "start_over"),
    [
        (stamp(extras="test"), stamp(extras=""), True, False),  # test serves a plain start
        (stamp(extras=""), stamp(extras="test"), False, False),  # the other way adds
        (stamp(extras="lm-eval test"), stamp(extras="test"), True, False),
        (stamp(inputs="1"), stamp(inputs="2"), False, False),  # constraints changed
        (stamp(inputs="unfinished"), stamp(), False, True),  # pip was killed
        (stamp(inputs=""), stamp(), False, True),  # an unreadable stamp
        (stamp(root="/there"), stamp(), False, True),  # the repo was moved
        (stamp(chosen="/opt/python"), stamp(), True, False),  # naming no Python keeps it
        (stamp(), stamp(chosen="/opt/python"), False, True),
        (stamp(chosen="/opt/python"), stamp(chosen="/opt/python"), True, False),
    ],
)
def test_stamp_decides_what_to_do(
    there: Stamp, wanted: Stamp, current: bool, start_over: bool
) -> None:
    assert bootstrap.is_current(there, wanted) is current
    assert bootstrap.must_start_over(there, wanted) is start_over


def test_stamp_comes_back_as_written(tmp_path: Path) -> None:
    written = Stamp("abc", "/a b/c=d", "/opt/my python", "lm-eval test")
    written.write(tmp_path)
    assert bootstrap.read_stamp(tmp_path) == written
    assert [child.name for child in tmp_path.iterdir()] == ["decaymix-stamp"]


def test_no_stamp_is_none(tmp_path: Path) -> None:
    assert bootstrap.read_stamp(tmp_path) is None


def test_changed_constraints_change_the_hash(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("abc")
    (tmp_path / "constraints.txt").write_text("def")
    assert bootstrap.inputs_hash(tmp_path) == HASH_OF_ABCDEF
    (tmp_path / "constraints.txt").write_text("deg")
    assert bootstrap.inputs_hash(tmp_path) != HASH_OF_ABCDEF


# What stops it


def test_python_too_old_is_told_with_both_versions() -> None:
    with pytest.raises(SetUpError, match=r"needs Python 3\.11 or newer, this is 3\.10\.13"):
        bootstrap.check_python((3, 10, 13), ["venv", "ensurepip", "pip"])


@pytest.mark.parametrize(
    ("modules", "lacking"), [([], "venv"), (["pip"], "venv"), (["venv"], "pip")]
)
def test_python_without_venv_or_pip_is_told(modules: list[str], lacking: str) -> None:
    with pytest.raises(SetUpError, match=f"has no {lacking} module.*apt install python3-venv"):
        bootstrap.check_python((3, 11, 2), modules)


@pytest.mark.parametrize("modules", [["venv", "pip"], ["venv", "ensurepip"]])
def test_either_pip_or_ensurepip_is_enough(modules: list[str]) -> None:
    bootstrap.check_python((3, 11, 0), modules)


def test_too_little_disk_is_told_before_anything_is_made(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("")
    with pytest.raises(SetUpError, match=r"GB are free .*, about 1000000000\.0 GB are needed"):
        bootstrap.set_up(tmp_path, "", "", fresh_bytes=1e18)
    assert not (tmp_path / ".venv").exists()


# Whole set-ups with a fake pip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repo whose .venv is made, and killed, by fakes."""
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text(name)

    def make(pip: packages.Pip, chosen: str) -> None:
        (pip.venv / "bin").mkdir()
        Path(pip.python).symlink_to(sys.executable)
        (pip.venv / "made").touch()

    monkeypatch.setattr(bootstrap, "make_venv", make)
    monkeypatch.setattr(packages.Pip, "works", lambda pip: (pip.venv / "made").exists())
    monkeypatch.setattr(bootstrap, "install", lambda pip, extras, chosen: None)
    return tmp_path


def fail_install(pip: packages.Pip, extras: str, chosen: str) -> None:
    (pip.venv / "half").touch()
    raise SetUpError("installing failed")


def test_half_finished_install_is_thrown_away_at_the_next_start(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(bootstrap, "install", fail_install)
        with pytest.raises(SetUpError):
            bootstrap.set_up(project, "", "", fresh_bytes=0)
    assert (project / ".venv/half").exists()
    bootstrap.set_up(project, "", "", fresh_bytes=0)
    assert not (project / ".venv/half").exists()
    assert (project / ".venv/made").exists()


def test_plain_after_test_installs_nothing_and_test_after_plain_adds(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(bootstrap, "install", lambda pip, extras, chosen: asked.append(extras))
    for extras in ("", "", "test", "", "test", "lm-eval", "test"):
        bootstrap.set_up(project, extras, "", fresh_bytes=0)
    assert asked == ["", "test", "lm-eval test"]


def test_venv_may_be_a_link_to_another_disk(project: Path) -> None:
    (project / "disk").mkdir()
    (project / "disk/old").touch()
    (project / ".venv").symlink_to(project / "disk")
    bootstrap.set_up(project, "", "", fresh_bytes=0)
    assert (project / ".venv").is_symlink()
    assert not (project / "disk/old").exists()


def test_lock_is_held_while_pip_works(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(pip: packages.Pip, extras: str, chosen: str) -> None:
        with (project / ".venv.lock").open("a") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)

    monkeypatch.setattr(bootstrap, "install", locked)
    bootstrap.set_up(project, "", "", fresh_bytes=0)


# `run` itself


def run(path: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """`./run` of a copy of the repo with nothing on PATH but what `path` holds."""
    bash = shutil.which("bash")
    assert bash
    command = [bash, str(path.parent / "repo" / "run"), *words]
    return subprocess.run(command, env={"PATH": str(path), **env}, capture_output=True, text=True)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """An empty folder for PATH; `run` stands in ../repo, with no .venv."""
    (tmp_path / "repo").mkdir()
    shutil.copy(REPO / "run", tmp_path / "repo/run")
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def script(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def test_run_without_a_python_says_so(bare: Path) -> None:
    answer = run(bare, "demo")
    assert answer.returncode == 1
    assert answer.stderr.startswith("Decaymix: needs Python 3.11 or newer, found none; install")
    assert answer.stderr.count("\n") == 1


def test_run_with_an_old_python_names_it(bare: Path) -> None:
    script(bare / "python3", 'test "$1" = --version && echo Python 3.9.2')
    assert "found Python 3.9.2;" in run(bare, "demo").stderr


def test_run_with_a_wrong_chosen_python_names_the_variable(bare: Path) -> None:
    answer = run(bare, "demo", DECAYMIX_PYTHON="/no/such/python")
    assert answer.returncode == 1
    assert answer.stderr.startswith("Decaymix: DECAYMIX_PYTHON=/no/such/python does not start")


@pytest.mark.parametrize("words", [[], ["wrong"], ["--help"]])
def test_run_with_no_or_a_wrong_word_prints_its_usage(bare: Path, words: list[str]) -> None:
    answer = run(bare, *words)
    assert answer.returncode == 2
    assert answer.stderr.startswith("usage: ./run demo")


def test_run_starts_a_ready_venv_without_setting_up(bare: Path) -> None:
    repo = bare.parent / "repo"
    (repo / "pyproject.toml").write_text("abc")
    (repo / "constraints.txt").write_text("def")
    (repo / ".venv/bin").mkdir(parents=True)
    script(repo / ".venv/bin/python", 'echo "$@"')
    Stamp(HASH_OF_ABCDEF, str(repo), "", "test").write(repo / ".venv")
    for tool in ("cat", "sha256sum", "shasum", "perl"):
        if found := shutil.which(tool):
            os.symlink(found, bare / tool)
    answer = run(bare, "demo", "--quick", "a b")
    assert (answer.returncode, answer.stdout) == (0, "-P -m service.cli demo --quick a b\n")
    Stamp("unfinished", str(repo), "", "test").write(repo / ".venv")
    assert "needs Python" in run(bare, "demo").stderr  # it went to set up
