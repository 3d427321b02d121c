"""A worker on another machine: what it fetches, checks and gives back, without Ray between."""

from pathlib import Path

import pytest

from workers import shelf
from workers.depot import Depot
from workers.files import DataError, find_file, find_files, find_folder
from workers.shelf import PIECE_BYTES, FetchDamaged, Held, Shelf


class Counting(Depot):
    """Counts the pieces that were sent for, and the questions for what is there."""

    num_pieces, num_asked = 0, 0

    def built(self, name: str) -> list[Held]:
        self.num_asked += 1
        return super().built(name)

    def piece(self, sha256: str, offset: int) -> bytes:
        self.num_pieces += 1
        return super().piece(sha256, offset)


@pytest.fixture
def depot(tmp_path: Path) -> Counting:
    """The controller's machine: three files under its data root, one longer than a piece."""
    root = tmp_path / "controller" / "data"
    (root / "sft" / "more").mkdir(parents=True)
    (root / "sft" / "a.jsonl").write_text('{"text": "a"}\n')
    (root / "sft" / "b.jsonl").write_text('{"text": "b"}\n')
    (root / "sft" / "more" / "long.txt").write_bytes(b"xy" * (PIECE_BYTES // 2) + b"end")
    return Counting(tmp_path / "controller" / "home", (root,))


@pytest.fixture
def here(tmp_path: Path, depot: Counting, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """The other machine, whose process finds its files by it."""
    ours = Shelf(tmp_path / "here", depot, "here:1")
    monkeypatch.setattr(shelf, "_IN_USE", [ours])
    return ours


def test_a_file_comes_when_it_is_looked_for_and_once_a_machine(
    here: Shelf, depot: Counting
) -> None:
    roots = (here.data_root,)
    found = find_file("sft/more/long.txt", roots, "files")
    assert found.read_bytes() == b"xy" * (PIECE_BYTES // 2) + b"end"
    assert depot.num_pieces == 2
    # Another process of the same machine takes what is there.
    again = Shelf(here.home, depot, "here:2")
    again.bring("sft/more/long.txt")
    assert depot.num_pieces == 2
    # It is kept by its content, and nobody changes it there by mistake.
    (kept,) = [p for p in (here.home / "fetched").iterdir() if p.suffix == ""]
    assert kept.samefile(found)
    assert kept.stat().st_mode & 0o222 == 0


def test_globs_and_folders_come_too_and_what_is_nowhere_is_named(here: Shelf) -> None:
    roots = (here.data_root,)
    assert [name for name, _ in find_files("sft/*.jsonl", roots, "f")] == [
        "sft/a.jsonl",
        "sft/b.jsonl",
    ]
    assert (find_folder("sft", roots, "f") / "more" / "long.txt").exists()
    with pytest.raises(DataError, match="no such file under the data roots"):
        find_file("sft/c.jsonl", roots, "f")


def test_a_changed_file_of_the_same_name_is_fetched_anew(here: Shelf, depot: Counting) -> None:
    roots = (here.data_root,)
    assert find_file("sft/a.jsonl", roots, "f").read_text() == '{"text": "a"}\n'
    (depot._data_roots[0] / "sft" / "a.jsonl").write_text('{"text": "other"}\n')
    assert find_file("sft/a.jsonl", roots, "f").read_text() == '{"text": "other"}\n'


def test_what_arrives_damaged_is_not_kept(here: Shelf, depot: Counting) -> None:
    depot.piece = lambda sha256, offset: b"something else"  # type: ignore[method-assign]
    with pytest.raises(FetchDamaged, match=r"sft/a\.jsonl arrived with another content"):
        find_file("sft/a.jsonl", (here.data_root,), "f")
    assert not list((here.home / "data").rglob("*.jsonl"))


def test_nothing_is_fetched_for_roots_of_its_own(
    here: Shelf, depot: Counting, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no such file"):
        find_file("sft/a.jsonl", (tmp_path / "own",), "f")
    assert depot.num_pieces == 0


def test_one_machine_builds_a_checkpoint_and_the_others_fetch_it(
    here: Shelf, depot: Counting, tmp_path: Path
) -> None:
    other = Shelf(tmp_path / "other", depot, "other:1")
    assert depot.claim("stable/abc", other.who) == "build"
    assert depot.claim("stable/abc", here.who) == "wait"
    built = tmp_path / "other" / "stable" / "abc.partial"
    built.mkdir(parents=True)

    def build(goes_on: object) -> None:
        (built / "stable.safetensors").write_bytes(b"w" * (PIECE_BYTES + 1))

    other.built_for_all("stable/abc", built, build)
    ours = here.home / "stable" / "abc.partial"
    ours.mkdir(parents=True)
    here.built_for_all("stable/abc", ours, lambda goes_on: pytest.fail("built twice"))
    assert (ours / "stable.safetensors").read_bytes() == b"w" * (PIECE_BYTES + 1)


def test_a_builder_that_fell_silent_is_waited_for_no_longer(
    depot: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert depot.claim("stable/abc", "one") == "build"
    assert depot.claim("stable/abc", "two") == "wait"
    monkeypatch.setattr("workers.depot.time.monotonic", lambda: 1e12)
    assert depot.claim("stable/abc", "two") == "build"
    assert depot.claim("stable/abc", "one") == "wait"


def test_what_a_trial_leaves_goes_to_the_controllers_home(here: Shelf, depot: Counting) -> None:
    (here.home / "trials" / "t").mkdir(parents=True)
    (here.home / "trials" / "t" / "weights.safetensors").write_bytes(b"weights")
    (here.home / "item_texts").mkdir()
    (here.home / "item_texts" / "h.parquet").write_bytes(b"texts")
    log = here.home / "logs" / "trials" / "t.log"
    log.parent.mkdir(parents=True)
    log.write_text("second attempt\n")
    at_home = depot._home / "logs" / "trials" / "t.log"
    at_home.parent.mkdir(parents=True)
    at_home.write_text("first attempt\n")
    here.give_back("t")
    assert (depot._home / "trials" / "t" / "weights.safetensors").read_bytes() == b"weights"
    assert (depot._home / "item_texts" / "h.parquet").read_bytes() == b"texts"
    assert at_home.read_text() == "first attempt\nsecond attempt\n"
    assert not (here.home / "trials" / "t").exists()


def test_texts_of_items_that_were_given_once_are_not_asked_for_again(
    here: Shelf, depot: Counting
) -> None:
    texts = here.home / "item_texts"
    texts.mkdir(parents=True)
    for name in ("a", "b"):
        (texts / f"{name}.parquet").write_bytes(name.encode())
    here.give_back("first")
    assert depot.num_asked == 2
    (texts / "c.parquet").write_bytes(b"c")
    here.give_back("second")
    assert depot.num_asked == 3
    assert len(list((depot._home / "item_texts").iterdir())) == 3


@pytest.mark.parametrize("name", ["decaymix.duckdb", "trials/../decaymix.duckdb", "/etc/passwd"])
def test_a_worker_writes_nowhere_else_in_the_controllers_home(depot: Counting, name: str) -> None:
    with pytest.raises(ValueError, match="is not below"):
        depot.keep(name, "here:1", 0, b"x", True)
    with pytest.raises(ValueError, match="is not below"):
        depot.built(name)
