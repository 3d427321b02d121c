"""Data files: found under the data roots and nowhere else."""

from pathlib import Path

import pytest

from workers.files import DataError, find_file, find_files, find_folder

FIELD = "sources.web.files"


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, Path]:
    """Two roots; both hold `both.jsonl`, the second alone `deep/second.jsonl`."""
    first, second = tmp_path / "first", tmp_path / "second"
    (second / "deep").mkdir(parents=True)
    first.mkdir()
    (first / "both.jsonl").write_text('{"from": 1}\n')
    (second / "both.jsonl").write_text('{"from": 2}\n')
    (second / "deep" / "second.jsonl").write_text("{}\n")
    (tmp_path / "secret.jsonl").write_text('{"key": "of the safe"}\n')
    return first, second


def refusal(name: str, roots: tuple[Path, ...]) -> DataError:
    with pytest.raises(DataError) as caught:
        find_file(name, roots, FIELD)
    assert (caught.value.field, caught.value.value) == (FIELD, name)
    return caught.value


def test_the_first_root_that_holds_a_file_wins(roots: tuple[Path, Path]) -> None:
    assert find_file("both.jsonl", roots, FIELD) == roots[0] / "both.jsonl"
    assert find_file("both.jsonl", roots[::-1], FIELD) == roots[1] / "both.jsonl"
    assert find_file("deep/second.jsonl", roots, FIELD) == roots[1] / "deep" / "second.jsonl"


@pytest.mark.parametrize(
    "name", ["../secret.jsonl", "deep/../../secret.jsonl", "/etc/secret.jsonl", "deep/../x.jsonl"]
)
def test_a_path_that_leaves_its_root_is_refused(roots: tuple[Path, Path], name: str) -> None:
    assert "relative to a data root, without '..'" in refusal(name, roots).message


def test_the_absolute_path_of_a_file_under_a_root_is_refused_too(roots: tuple[Path, Path]) -> None:
    assert "relative to a data root" in refusal(str(roots[0] / "both.jsonl"), roots).message


def test_a_link_out_of_the_roots_is_refused(roots: tuple[Path, Path], tmp_path: Path) -> None:
    (roots[0] / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    (roots[0] / "folder").symlink_to(tmp_path)
    for name in ("link.jsonl", "folder/secret.jsonl"):
        error = refusal(name, roots)
        assert "leads it out of the data roots" in error.message
        assert "DECAYMIX_DATA_ROOTS" in error.message
        assert str(tmp_path) not in error.message  # not where it leads to either


def test_neither_a_glob_nor_a_folder_follows_a_link_out(
    roots: tuple[Path, Path], tmp_path: Path
) -> None:
    (roots[0] / "folder").symlink_to(tmp_path)
    with pytest.raises(DataError, match="out of the data roots") as caught:
        find_files("folder/*.jsonl", roots, FIELD)
    assert caught.value.value == "folder/secret.jsonl"
    with pytest.raises(DataError, match="out of the data roots"):
        find_folder("folder", roots, FIELD)
    assert find_folder("deep", roots, FIELD) == roots[1] / "deep"


def test_a_glob_takes_the_first_root_that_has_a_match(roots: tuple[Path, Path]) -> None:
    assert find_files("*.jsonl", roots, FIELD) == [("both.jsonl", roots[0] / "both.jsonl")]
    deep = [("deep/second.jsonl", roots[1] / "deep" / "second.jsonl")]
    assert find_files("**/s*.jsonl", roots, FIELD) == deep
    assert find_files("deep/second.jsonl", roots, FIELD) == deep
    with pytest.raises(DataError, match="not a glob"):
        find_files("a**.jsonl", roots, FIELD)


def test_a_link_within_the_roots_is_followed(roots: tuple[Path, Path], tmp_path: Path) -> None:
    (roots[0] / "inside.jsonl").symlink_to(roots[0] / "both.jsonl")
    (roots[0] / "across.jsonl").symlink_to(roots[1] / "deep" / "second.jsonl")
    (tmp_path / "root").symlink_to(roots[0])
    assert find_file("inside.jsonl", roots, FIELD) == roots[0] / "inside.jsonl"
    assert find_file("across.jsonl", roots, FIELD) == roots[0] / "across.jsonl"
    # A root may be a link itself: whoever set it meant it.
    assert find_file("both.jsonl", (tmp_path / "root",), FIELD).is_file()


def test_a_file_that_is_not_there_names_the_roots(roots: tuple[Path, Path]) -> None:
    for name in ("none.jsonl", "deep.jsonl", "both.jsonl/x.jsonl"):
        error = refusal(name, roots)
        assert f"no such file under the data roots ({roots[0]}, {roots[1]})" in error.message
        assert "set DECAYMIX_DATA_ROOTS" in error.message


@pytest.mark.parametrize(
    "name", ["a.xlsx", "both.jsonl.bz2", "both.parquet.gz", "jsonl", "a.JSONL"]
)
def test_another_format_is_refused(roots: tuple[Path, Path], name: str) -> None:
    assert "expected a file ending in .jsonl, .ndjson" in refusal(name, roots).message


@pytest.mark.parametrize("name", ["", ".", "a\0b.jsonl"])
def test_what_is_no_name_is_refused(roots: tuple[Path, Path], name: str) -> None:
    assert "give a path relative to a data root" in refusal(name, roots).message


def test_a_folder_is_no_file(roots: tuple[Path, Path]) -> None:
    (roots[0] / "folder.jsonl").mkdir()
    assert "no such file" in refusal("folder.jsonl", roots).message


def test_a_name_that_no_file_can_have_is_refused(roots: tuple[Path, Path]) -> None:
    assert "File name too long" in refusal("x" * 300 + ".jsonl", roots).message
