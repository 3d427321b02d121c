"""Whether the home's disk has room: below `DECAYMIX_MIN_FREE_BYTES` no trial is begun."""

import shutil

from service.settings import Settings


def free_bytes(settings: Settings) -> int:
    """On the disk of the home."""
    return shutil.disk_usage(settings.home).free


def has_room(settings: Settings) -> bool:
    return free_bytes(settings) >= settings.min_free_bytes
