"""Artifacts: whole under their name or not there, and built once however many ask."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.waiting import wait_until
from workers import artifact
from workers.artifact import built_once

ROOT = Path(__file__).resolve().parents[2]

# Builds slowly, tells every build, and prints what it found in the end.
BUILDER = """
import os, sys, time
from pathlib import Path
from workers.artifact import built_once
place, log = Path(sys.argv[1]), Path(sys.argv[2])
def build(folder):
    with log.open("a") as stream:
        stream.write(f"{os.getpid()}\\n")
    (folder / "half").write_text("half")
    time.sleep(float(sys.argv[3]))
    (folder / "whole").write_text(str(os.getpid()))
print("ready", flush=True)
sys.stdin.readline()
print((built_once(place, build) / "whole").read_text())
"""


def start_builder(place: Path, log: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(place), str(log), str(seconds)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def write_one(folder: Path) -> None:
    (folder / "one").write_text("1")


@pytest.fixture(autouse=True)
def as_a_new_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Forgets which folders were compared."""
    monkeypatch.setattr(artifact, "_compared", set())
    return artifact._compared.clear


def never(folder: Path) -> None:
    raise AssertionError("it was there already")


def test_a_folder_is_built_once_and_then_found(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "abc"
    assert built_once(place, write_one) == place
    assert built_once(place, never) == place
    assert [path.name for path in place.iterdir()] == ["one"]


def test_a_build_that_raises_leaves_no_folder_under_the_name(tmp_path: Path) -> None:
    place = tmp_path / "abc"

    def fail(folder: Path) -> None:
        write_one(folder)
        raise RuntimeError("the disk sneezed")

    with pytest.raises(RuntimeError, match="the disk sneezed"):
        built_once(place, fail)
    assert not place.exists()
    # And the next one starts from nothing.
    built_once(place, lambda folder: (folder / "two").write_text("2") and None)
    assert [path.name for path in place.iterdir()] == ["two"]


def test_while_it_is_built_it_does_not_stand_under_its_name(tmp_path: Path) -> None:
    place = tmp_path / "abc"
    seen: list[bool] = []

    def build(folder: Path) -> None:
        write_one(folder)
        seen.append(place.exists())

    built_once(place, build)
    assert seen == [False]


def test_threads_that_ask_at_once_wait_for_one_build(tmp_path: Path) -> None:
    builds: list[int] = []

    def build(folder: Path) -> None:
        builds.append(1)
        time.sleep(0.05)
        write_one(folder)

    threads = [
        threading.Thread(target=built_once, args=(tmp_path / "abc", build)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert builds == [1]


def test_two_processes_build_once(tmp_path: Path) -> None:
    place, log = tmp_path / "abc", tmp_path / "log"
    processes = [start_builder(place, log, 0.3) for _ in range(2)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].strip() for process in processes]
    builders = log.read_text().split()
    assert len(builders) == 1
    assert said == builders * 2


def test_a_builder_that_is_killed_lets_the_next_one_build_anew(tmp_path: Path) -> None:
    place, log = tmp_path / "abc", tmp_path / "log"
    process = start_builder(place, log, 60)
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    wait_until(lambda: log.exists() and log.read_text(), "the builder's first word")
    process.kill()
    process.communicate()
    assert not place.exists()
    built_once(place, write_one)
    assert [path.name for path in place.iterdir()] == ["one"]


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[0] ^= 1
    file.write_bytes(content)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [flip_a_bit, cut, Path.unlink])
@pytest.mark.parametrize("name", ["abc/deep/one", "abc.sha256"])
def test_what_a_disk_has_changed_is_built_anew(
    tmp_path: Path, as_a_new_process: Callable[[], None], damage: Callable[[Path], None], name: str
) -> None:
    def build(folder: Path) -> None:
        builds.append(1)
        (folder / "deep").mkdir()
        (folder / "deep" / "one").write_text("one and one")

    builds: list[int] = []
    place = tmp_path / "abc"
    built_once(place, build)
    as_a_new_process()
    built_once(place, build)
    assert builds == [1]
    damage(tmp_path / name)
    as_a_new_process()
    assert (built_once(place, build) / "deep" / "one").read_text() == "one and one"
    # Without its hashes it may be of a release that wrote none.
    assert len(builds) == (1 if (damage, name) == (Path.unlink, "abc.sha256") else 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == (
        ["abc", "abc.lock"] if len(builds) == 1 else ["abc", "abc.lock", "abc.sha256"]
    )
