"""The call of `datasets.load_dataset` that reads a user's path, as Python source.

Builder names and their suffixes: huggingface/datasets 5.2.0, `packaged_modules/__init__.py`,
`_EXTENSION_TO_MODULE`. A path without one of these is a folder or a name on the hub.
"""

from mixtures.export.trainer_format import Part
from mixtures.value import InvalidField

# Suffix to the call's first arguments, as Python source.
_BUILDERS = {
    ".json": '"json"',
    ".jsonl": '"json"',
    ".ndjson": '"json"',
    ".csv": '"csv"',
    ".tsv": '"csv", sep="\\t"',
    ".parquet": '"parquet"',
    ".txt": '"text"',
}
_COMPRESSED = (".gz", ".zst", ".bz2", ".xz")


def load_call(part: Part, path: str | None = None) -> str:
    """E.g. `load_dataset("json", data_files=["a.jsonl"], split="train", streaming=True)`.

    `path` is Python source that stands for the paths. Raises InvalidField where a source's paths
    are of several kinds, which no one call reads.
    """
    builders = {_builder(one) for one in part.paths}
    if len(builders) > 1 or (builders == {None} and len(part.paths) > 1):
        raise InvalidField(
            f"path.{part.name}",
            list(part.paths),
            f"the paths of {part.name} are of several kinds or folders; give one path, or files of "
            f"one kind ({', '.join(sorted(_BUILDERS))})",
        )
    (builder,) = builders
    if builder is None:
        return f'load_dataset({path or python(part.path)}, split="train", streaming=True)'
    files = path or python(list(part.paths))
    return f'load_dataset({builder}, data_files={files}, split="train", streaming=True)'


def python(value: object) -> str:
    """A text, number or list of texts as Python source, in printable characters."""
    if isinstance(value, list):
        return f"[{', '.join(python(one) for one in value)}]"
    text = repr(value)
    # Double quotes, as formatters have them, where they need no escape of ours.
    return f'"{text[1:-1]}"' if text[0] == "'" and '"' not in text else text


def table(values: dict[str, float], name: str) -> str:
    """`NAME = {...}`, one entry a line."""
    lines = [f"    {python(key)}: {python(value)}," for key, value in values.items()]
    return "\n".join([f"{name} = {{", *lines, "}"])


def _builder(path: str) -> str | None:
    lower = path.lower()
    for suffix in _COMPRESSED:
        lower = lower.removesuffix(suffix)
    return next((_BUILDERS[suffix] for suffix in _BUILDERS if lower.endswith(suffix)), None)
