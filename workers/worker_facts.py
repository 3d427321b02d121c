"""What a worker says of itself beside where its trial stands: its name and its memory."""

import os
import socket
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")
# Not to the byte: whoever listens is told of each change.
_STEP_BYTES = 16_000_000


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def worker_facts() -> dict[str, Any]:
    """Fields of a Progress; the memory is None where the system does not tell it."""
    return {"worker": worker_name(), "memory_bytes": _resident_bytes()}


def _resident_bytes() -> int | None:
    """A line such as `VmRSS: 16 kB` of Linux's /proc, to the nearest step."""
    try:
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = next((line.split()[1] for line in lines if line.startswith("VmRSS:")), None)
    return None if found is None else round(1024 * int(found) / _STEP_BYTES) * _STEP_BYTES
