"""lm-evaluation-harness task files, loaded by the harness's own code, on local data alone.

What the harness takes from the network is refused, its templates run sandboxed, as they come from
users, and relative data files are found beside the task file or under a data root. The rest is the
harness itself (EleutherAI/lm-evaluation-harness 0.4.13), so that people's own files work as they
are. It is an extra: `pip install 'decaymix[lm-eval]'`.
"""

import contextlib
import importlib.util
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, Template

from workers.config import WorkerConfig
from workers.files import DataError, bring, find_files
from workers.records import read_records
from workers.sandbox import Sandbox

SHIPPED = Path(__file__).parent / "tasks"
# `datasets` reads these by itself; every other dataset_path is a folder or a name on the hub.
_LOCAL_FORMATS = ("json", "csv", "parquet", "text", "arrow")
# Loading patches module attributes for its time, so one at a time.
_LOCK = threading.Lock()


class _Templates(Sandbox):
    """Each template compiled once: the harness asks for that before every document it renders."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._compiled: dict[str, Template] = {}

    def from_string(self, source: Any, *args: Any, **kwargs: Any) -> Template:
        self.start()
        if args or kwargs or not isinstance(source, str):
            return super().from_string(source, *args, **kwargs)
        if source not in self._compiled:
            self._compiled[source] = super().from_string(source)
        return self._compiled[source]


@dataclass(frozen=True, slots=True)
class LoadedTasks:
    """The tasks of one file, leaves of a group in order; `weights_by_size` per group's metric."""

    path: Path
    tasks: tuple[Any, ...]
    weights_by_size: dict[str, bool]


def task_file(name: str, config: WorkerConfig, field: str) -> Path:
    """A file under a data root, or, without `.yaml`, one that comes with Decaymix."""
    if not name.endswith((".yaml", ".yml")):
        path = SHIPPED / f"{name}.yaml"
        if not path.is_file() or "/" in name or name.startswith("_"):
            shipped = sorted(one.stem for one in SHIPPED.glob("[!_]*.yaml"))
            raise DataError(
                field, name, f"no such task comes with Decaymix; there are {', '.join(shipped)}; "
                "a file of your own ends in .yaml"
            )  # fmt: skip
        return path
    parts = Path(name)
    if parts.is_absolute() or ".." in parts.parts:
        raise DataError(field, name, "give a path relative to a data root, without '..'")
    bring(name, config.data_roots)
    for root in config.data_roots:
        if (root / parts).is_file():
            return root / parts
    roots = ", ".join(str(root) for root in config.data_roots)
    raise DataError(
        field, name, f"no such file under the data roots ({roots}); set DECAYMIX_DATA_ROOTS"
    )


def load_tasks(
    path: Path, name: str, config: WorkerConfig, field: str, files: tuple[str, ...] = ()
) -> LoadedTasks:
    """Every leaf task of the file; raises DataError where the harness cannot load it.

    `files`, under a data root, stand in the place of what it is tested on.
    """
    if importlib.util.find_spec("lm_eval") is None:
        raise DataError(
            field,
            name,
            "task files need lm-evaluation-harness, which is not installed here; install the "
            "extra, pip install 'decaymix[lm-eval]', on every machine that runs workers",
        )
    with _LOCK, _own_ways(path, config, field, files):
        from lm_eval.api.group import Group
        from lm_eval.api.task import ConfigurableTask
        from lm_eval.tasks import TaskManager

        try:
            # The folder too: a group names its tasks, which stand in files of their own.
            manager = TaskManager(include_path=str(path.parent), include_defaults=False)
            loaded = manager.load(_spec(path, manager))
        except DataError:
            raise
        except Exception as error:  # the harness raises all kinds; each is the file's fault
            first: BaseException = error
            while first.__cause__ is not None:
                first = first.__cause__
            raise DataError(
                field, name, f"the harness cannot load it: {type(first).__name__}: {first}"
            ) from error
    tasks = tuple(loaded["tasks"].values())
    for task in tasks:
        if not isinstance(task, ConfigurableTask):
            raise DataError(field, name, "a task written as a Python class is not read; give YAML")
        _require_metrics(task, name, field)
    groups: list[Group] = list(loaded.get("groups", {}).values())
    weights = {
        one.metric: one.weight_by_size
        for group in groups
        for one in group.aggregate_metric_list or []
    }
    if not tasks:
        raise DataError(field, name, "holds no task")
    return LoadedTasks(path, tasks, weights)


def _spec(path: Path, manager: Any) -> str:
    """How the harness is asked for the file: a group by its name, as it cannot by its path."""
    from lm_eval.tasks._yaml_loader import load_yaml

    content = load_yaml(path, resolve_func=False)
    name = str(content.get("group"))
    entry = manager.task_index.get(name) if "group" in content else None
    return str(path) if entry is None or entry.yaml_path.resolve() != path.resolve() else name


def _require_metrics(task: Any, name: str, field: str) -> None:
    """The harness warns of a metric that it does not know and then leaves it out."""
    for metric, function in task._metric_fn_list.items():
        if function is None and not callable(task.config.process_results):
            raise DataError(
                field, name, f"task {task.task_name!r} asks for the metric {metric!r}, which the "
                "harness does not have; it would be left out without a word"
            )  # fmt: skip
        if task._aggregation_list.get(metric) is None:
            raise DataError(
                field, name, f"task {task.task_name!r} gives no aggregation that the harness "
                f"knows for the metric {metric!r}; write `aggregation: mean`"
            )  # fmt: skip


@contextlib.contextmanager
def _own_ways(
    path: Path, config: WorkerConfig, field: str, files: tuple[str, ...]
) -> Iterator[None]:
    """For the time of loading: no network, local data found by our rules, templates sandboxed."""
    import datasets
    import huggingface_hub.constants
    from lm_eval import utils
    from lm_eval.api.task import ConfigurableTask

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    if not isinstance(utils.env, _Templates):
        sandboxed = _Templates(
            loader=BaseLoader(), undefined=StrictUndefined, keep_trailing_newline=True
        )
        sandboxed.filters.update(utils.env.filters)
        utils.env = sandboxed

    def download(task: Any, dataset_kwargs: dict[str, Any] | None = None, **_: Any) -> None:
        task.dataset = _read(task, dict(dataset_kwargs or {}), path, config, field, files)

    patched = [
        (ConfigurableTask, "download", download),
        (huggingface_hub.constants, "HF_HUB_OFFLINE", True),
        (datasets.config, "HF_HUB_OFFLINE", True),
    ]
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in patched]
    is_quiet = not datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        for owner, name, value in patched:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
        if not is_quiet:
            datasets.enable_progress_bars()


def _read(
    task: Any,
    kwargs: dict[str, Any],
    path: Path,
    config: WorkerConfig,
    field: str,
    own_files: tuple[str, ...],
) -> Any:
    """The task's data set by `datasets`, out of local files."""
    import datasets

    source, own_name = str(task.DATASET_PATH), getattr(task, "DATASET_NAME", None)
    kwargs.pop("trust_remote_code", None)
    if callable(task.config.custom_dataset):
        return task.config.custom_dataset(**(task.config.metadata or {}), **kwargs)
    if source not in _LOCAL_FORMATS:
        folder = _found(source, path, config)
        if folder is None or not folder.is_dir():
            raise DataError(
                f"{field}.dataset_path", source, "is neither a folder beside the task file or "
                "under a data root, nor a format; data sets on the hub are not fetched: write "
                "`dataset_path: json` and `dataset_kwargs: {data_files: {test: FILE}}`"
            )  # fmt: skip
        return datasets.load_dataset(
            str(folder), own_name, cache_dir=str(config.home / "datasets"), **kwargs
        )
    files = kwargs.pop("data_files", None)
    if not files:
        raise DataError(
            f"{field}.dataset_kwargs", str(kwargs), "names no data_files; give a file per split"
        )
    by_split = dict(files) if isinstance(files, dict) else {"train": files}
    if own_files:
        tested = task.config.test_split or task.config.validation_split
        by_split[tested] = [
            str(found)
            for one in own_files
            for _, found in find_files(
                one, config.data_roots, f"{field.removesuffix('.task')}.files"
            )
        ]
    resolved = {
        split: [_data_file(one, path, config, field) for one in _listed(names)]
        for split, names in by_split.items()
    }
    if source == "json":
        for split, names in by_split.items():
            for one, found in zip(_listed(names), resolved[split], strict=True):
                place = f"{field}.dataset_kwargs.data_files.{split}"
                # `datasets` does not say which line is broken.
                for _ in read_records(Path(found), one, place, config.home / "datasets"):
                    pass
    return datasets.load_dataset(
        source, own_name, data_files=resolved, cache_dir=str(config.home / "datasets"), **kwargs
    )


def _listed(names: Any) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _data_file(name: str, path: Path, config: WorkerConfig, field: str) -> str:
    found = _found(name, path, config)
    if found is None or not found.is_file():
        raise DataError(
            f"{field}.dataset_kwargs.data_files",
            name,
            "no such file beside the task file or under a data root; set DECAYMIX_DATA_ROOTS",
        )
    return str(found)


def _found(name: str, path: Path, config: WorkerConfig) -> Path | None:
    """An absolute path as it is; else beside the task file, then under each data root."""
    bring(name, config.data_roots)
    for folder in (path.parent, *config.data_roots):
        if (folder / name).exists():
            return (folder / name).resolve()
    return None
