"""What a controller holds that has nothing to do: memory, and libraries it should not need."""

import time
from pathlib import Path

from bench.service_load.served import served

HEAVY = (
    "torch",
    "botorch",
    "gpytorch",
    "lightgbm",
    "datasets",
    "transformers",
    "pandas",
    "plotly",
    "scipy",
)
_SETTLE_SECONDS = 5.0


def idle_controller(home: Path) -> tuple[float, list[str]]:
    """Megabytes of the process that `./run serve` runs, its Ray started; which of HEAVY it has."""
    with served("real", home) as service:
        time.sleep(_SETTLE_SECONDS)
        modules = service.modules()
        return service.memory_bytes() / 1e6, [name for name in HEAVY if name in modules]
