"""Data files and folders under a data root: found by a plain name or a glob, never outside.

A symbolic link may lead to another place under a data root, and nowhere else: what a study names
must not reach the rest of the machine. On a machine with a home of its own a file comes from the
controller's before it is looked for (workers/shelf.py).
"""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from workers import shelf
from workers.compressed import COMPRESSED

LINE_FORMATS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".text", ".md")
SUFFIXES = (
    *LINE_FORMATS,
    *(suffix + end for suffix in LINE_FORMATS for end in COMPRESSED),
    ".parquet",
)
_GLOB_CHARACTERS = "*?["


class DataError(ValueError):
    """Data that cannot be used. `field` and `value` say where it is named in the study."""

    def __init__(self, field: str, value: str, message: str) -> None:
        super().__init__(field, value, message)
        self.field, self.value, self.message = field, value, message

    def __str__(self) -> str:
        return f"{self.field} {self.value!r}: {self.message}"


def require_unchanged(field: str, name: str, found: str, expected: str | None) -> None:
    """Raises DataError where content has another hash than the study was submitted with."""
    if found != expected:
        raise DataError(
            field, name, "its content changed since the study was submitted; submit it anew"
        )


def find_files(name: str, roots: tuple[Path, ...], field: str) -> list[tuple[str, Path]]:
    """(name, path) of the file `name`, or of all that match it as a glob, by name.

    Under the first data root that holds any; raises DataError.
    """
    if not any(character in name for character in _GLOB_CHARACTERS):
        return [(name, find_file(name, roots, field))]
    parts = _inside(name, field)
    bring(name, roots)
    for root in roots:
        # A match of another kind (a README beside the data) is named, not skipped.
        try:
            found = sorted(path for path in root.glob(str(parts)) if path.is_file())
        except ValueError as error:  # ** beside other characters
            raise DataError(field, name, f"not a glob: {error}") from error
        if found:
            names = [path.relative_to(root).as_posix() for path in found]
            for one, path in zip(names, found, strict=True):
                _require_suffix(one, field)
                _require_no_way_out(path, one, roots, field)
            return list(zip(names, found, strict=True))
    raise DataError(field, name, f"no file matches under the data roots ({_listed(roots)})")


def find_file(name: str, roots: tuple[Path, ...], field: str) -> Path:
    """The file `name` under the first data root that holds it; raises DataError."""
    parts = _inside(name, field)
    _require_suffix(name, field)
    bring(name, roots)
    path = _first(parts, roots, Path.is_file, name, field)
    if path is not None:
        return path
    raise DataError(
        field,
        name,
        f"no such file under the data roots ({_listed(roots)}); set DECAYMIX_DATA_ROOTS",
    )


def find_folder(name: str, roots: tuple[Path, ...], field: str) -> Path:
    """The folder `name` under the first data root that holds it; raises DataError."""
    parts = _inside(name, field)
    bring(name, roots)
    path = _first(parts, roots, Path.is_dir, name, field)
    if path is not None:
        return path
    raise DataError(
        field,
        name,
        f"no such folder under the data roots ({_listed(roots)}); set DECAYMIX_DATA_ROOTS",
    )


def find_any(name: str, roots: tuple[Path, ...], field: str) -> Path | None:
    """The file or folder `name`, whatever its kind; None where there is none; raises DataError."""
    return _first(_inside(name, field), roots, Path.exists, name, field)


def bring(name: str, roots: tuple[Path, ...]) -> None:
    """Have a file, a folder or what matches a glob here, where data lies on another machine."""
    ours = shelf.in_use()
    if ours is not None and ours.data_root in roots:
        ours.bring(name)


def _first(
    parts: PurePosixPath,
    roots: tuple[Path, ...],
    is_wanted: Callable[[Path], bool],
    name: str,
    field: str,
) -> Path | None:
    for root in roots:
        path = root / parts
        try:
            is_there = is_wanted(path)
        except OSError as error:  # a name that is too long, a folder that may not be entered
            raise DataError(field, name, f"cannot be looked up: {error.strerror}") from error
        if is_there:
            _require_no_way_out(path, name, roots, field)
            return path
    return None


def _require_no_way_out(path: Path, name: str, roots: tuple[Path, ...], field: str) -> None:
    target = path.resolve()
    if not any(target.is_relative_to(root.resolve()) for root in roots):
        raise DataError(
            field,
            name,
            "a symbolic link leads it out of the data roots; add the folder that it leads to to "
            "DECAYMIX_DATA_ROOTS, or copy the file",
        )


def _inside(name: str, field: str) -> PurePosixPath:
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or "\0" in name or not parts.parts:
        raise DataError(field, name, "give a path relative to a data root, without '..'")
    return parts


def _require_suffix(name: str, field: str) -> None:
    if not name.endswith(SUFFIXES):
        raise DataError(
            field,
            name,
            f"expected a file ending in {', '.join(LINE_FORMATS)} (plain, .gz or .zst) or .parquet",
        )


def _listed(roots: tuple[Path, ...]) -> str:
    return ", ".join(str(root) for root in roots)
