"""Where a worker finds and keeps things; given to it by the controller, never read from the env."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerConfig:
    """`home` holds what is built (DECAYMIX_HOME); `data_roots` are searched for data files."""

    home: Path
    data_roots: tuple[Path, ...]
    # Whether code that a model wrote may be run, in a sandbox (DECAYMIX_RUN_CODE).
    run_code: bool = False
