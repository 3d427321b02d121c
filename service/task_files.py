"""Task files under the data roots, and those that come over REST: plain YAML alone.

A task file that stands under a data root was put there by who owns the machine, and may name Python
functions. One that is uploaded may not, and may name no file outside the data roots.
"""

import re
import tempfile
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any

import yaml

from mixtures.value import Value
from service.errors import BadInput
from service.settings import Settings
from service.uploads import MOST_LISTED, files_of_roots, refuse_another

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\.yaml")
_IS_TASK = re.compile(rb"^(task|group):", re.MULTILINE)
_LONGEST_HEAD = 100_000


class TaskFile(Value):
    """A task that a study can name. `place`: shipped, uploaded, or under a data root."""

    name: str
    place: str


def list_task_files(settings: Settings) -> list[TaskFile]:
    """Those that come with Decaymix, then those of all roots by name; at most a thousand."""
    # The files are part of the package of the workers, which is not imported here.
    shipped = Path(__file__).resolve().parent.parent / "workers" / "tasks"
    found = {
        path.stem: TaskFile(name=path.stem, place="shipped")
        for path in sorted(shipped.glob("[!_]*.yaml"))
    }
    for name, place, path in files_of_roots(settings):
        if len(found) >= MOST_LISTED:
            break
        if path.name.endswith((".yaml", ".yml")) and name not in found and _is_task(path):
            found[name] = TaskFile(name=name, place=place)
    return list(found.values())


class TaskUpload:
    """A task file on its way in: in a folder of its own, to be looked at, until it is kept."""

    def __init__(self, settings: Settings, name: str, body: bytes) -> None:
        """Raises BadInput where the name or the content is no good."""
        if not _NAME.fullmatch(name):
            raise BadInput("name", name, "give letters, digits, '_' and '-', and the ending .yaml")
        _require_plain(_parsed(body))
        self._final, self._body = settings.uploads / name, body
        self._uploads = settings.uploads

    def __enter__(self) -> "TaskUpload":
        self._uploads.mkdir(parents=True, exist_ok=True)
        self._own = tempfile.TemporaryDirectory(prefix=".task-", dir=self._uploads)
        self.folder = Path(self._own.name)
        (self.folder / self._final.name).write_bytes(self._body)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._own.cleanup()

    def keep(self) -> bool:
        """Put it in its place; False where the same file is there. Raises BadInput for another."""
        if self._final.exists():
            if self._final.read_bytes() != self._body:
                refuse_another(self._final.name)
            return False
        (self.folder / self._final.name).rename(self._final)
        return True


def _is_task(path: Path) -> bool:
    with path.open("rb") as file:
        return _IS_TASK.search(file.read(_LONGEST_HEAD)) is not None


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        content = yaml.safe_load(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput("(body)", None, f"not UTF-8 at byte {error.start}") from error
    except yaml.constructor.ConstructorError as error:
        raise BadInput(
            "(body)",
            None,
            "has a YAML tag; a file that names Python functions has to be put under a data root "
            f"({' '.join(str(error.problem).split())})",
        ) from error
    except yaml.YAMLError as error:
        raise BadInput("(body)", None, f"not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise BadInput("(body)", None, "expected the fields of a task, e.g. task: mine")
    return content


def _require_plain(content: dict[str, Any]) -> None:
    for field in ("include", "class", "group", "use_prompt", "custom_dataset"):
        if field in content:
            raise BadInput(
                field,
                content[field],
                "not taken over REST; write the task out, or put its files under a data root",
            )
    kwargs = content.get("dataset_kwargs")
    files = kwargs.get("data_files") if isinstance(kwargs, dict) else None
    named = [content.get("dataset_path"), *_texts(files)]
    for name in named:
        parts = PurePosixPath(str(name))
        if parts.is_absolute() or ".." in parts.parts or "://" in str(name):
            raise BadInput(
                "dataset_kwargs.data_files",
                str(name),
                "give a path relative to a data root, without '..'",
            )


def _texts(value: Any) -> list[str]:
    """All texts in nested lists and dictionaries."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [] if value is None else [str(value)]
