"""A large buffer comes from memory that is kept, not from the system and back to it."""

import ctypes
import subprocess
import sys

import pytest

# Counts glibc's blocks that are mapped one by one, which it gives back as soon as they are freed.
COUNT = """
import ctypes, sys
libc = ctypes.CDLL(None)
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
        ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
         "fordblks", "keepcost")]
libc.mallinfo2.restype = Info
if sys.argv[1] == "kept":
    from workers.freed_memory import keep_freed_memory
    keep_freed_memory()
before = libc.mallinfo2().hblks
libc.malloc(ctypes.c_size_t(16 * 1024 * 1024))
print(libc.mallinfo2().hblks - before)
"""


def mapped_blocks(how: str) -> int:
    command = [sys.executable, "-c", COUNT, how]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="needs glibc 2.33")
def test_a_buffer_of_a_training_step_is_not_mapped_by_itself() -> None:
    assert mapped_blocks("left alone") == 1
    assert mapped_blocks("kept") == 0
