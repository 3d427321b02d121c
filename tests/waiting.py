"""How long tests wait for what runs beside them: a bound that is seldom reached costs nothing."""

import time
from collections.abc import Callable

# What trains and starts on a busy machine takes several times as long as on an idle one.
PATIENCE_SECONDS = 240.0


def wait_until(condition: Callable[[], object], what: str = "what the test waits for") -> None:
    """Poll until `condition()` is true; fails after PATIENCE_SECONDS and names `what`."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS} s for {what}"
        time.sleep(0.05)
