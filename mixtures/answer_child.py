"""How a fit runs in a child process: `module:name` of values in, a value out."""

import importlib
from typing import Any

from threadpoolctl import threadpool_limits


def run(function: str, *arguments: Any) -> Any:
    """`function` called with `arguments`, on one thread."""
    module, name = function.split(":")
    # The matrices are small: threads beside busy workers make a fit ten times slower, not faster.
    with threadpool_limits(1):
        return getattr(importlib.import_module(module), name)(*arguments)
