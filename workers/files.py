"""Data files and folders under a data root: found by a plain name or a glob, never outside."""

from pathlib import Path, PurePosixPath

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


def find_files(name: str, roots: tuple[Path, ...], field: str) -> list[tuple[str, Path]]:
    """(name, path) of the file `name`, or of all that match it as a glob, by name.

    Under the first data root that holds any; raises DataError.
    """
    if not any(character in name for character in _GLOB_CHARACTERS):
        return [(name, find_file(name, roots, field))]
    parts = _inside(name, field)
    for root in roots:
        # A match of another kind (a README beside the data) is named, not skipped.
        found = sorted(path for path in root.glob(str(parts)) if path.is_file())
        if found:
            names = [path.relative_to(root).as_posix() for path in found]
            for one in names:
                _require_suffix(one, field)
            return list(zip(names, found, strict=True))
    raise DataError(field, name, f"no file matches under the data roots ({_listed(roots)})")


def find_file(name: str, roots: tuple[Path, ...], field: str) -> Path:
    """The file `name` under the first data root that holds it; raises DataError."""
    parts = _inside(name, field)
    _require_suffix(name, field)
    for root in roots:
        path = root / parts
        if path.is_file():
            return path
    raise DataError(
        field,
        name,
        f"no such file under the data roots ({_listed(roots)}); set DECAYMIX_DATA_ROOTS",
    )


def find_folder(name: str, roots: tuple[Path, ...], field: str) -> Path:
    """The folder `name` under the first data root that holds it; raises DataError."""
    parts = _inside(name, field)
    for root in roots:
        if (root / parts).is_dir():
            return root / parts
    raise DataError(
        field,
        name,
        f"no such folder under the data roots ({_listed(roots)}); set DECAYMIX_DATA_ROOTS",
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
