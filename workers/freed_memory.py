"""Keep freed memory in the process: a training step takes and frees the same buffers every time.

glibc gives large blocks back to the system and gets them again as zeroed pages, thousands in one
step, which costs nano 4 % of its time. Its limits are raised to their largest; other C libraries
have no such call, and nothing but speed depends on it.
"""

import ctypes

# glibc's malloc.h and the largest threshold that it takes on 64 bits.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_MMAP_THRESHOLD, _NEVER = 32 * 1024 * 1024, 2**31 - 1


def keep_freed_memory() -> None:
    """For the whole process, from now on. Its size stays at its peak."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
        mallopt(_M_TRIM_THRESHOLD, _NEVER)
