"""Runs code that a model wrote, in a process of its own with little that it can do.

The child is Python in isolated mode, in an empty folder that is deleted after, with an empty
environment. Limits of the kernel: processor seconds, address space, the size and number of files,
no new processes for it, no core dump; the parent adds wall seconds and ends its whole process
group. Where the kernel allows it to this user, the child lives in namespaces of its own, so it has
no network at all and sees no other process. Everywhere an audit hook refuses sockets, other
programs, and files outside its folder. The hook is a rail and no wall: what runs here comes from a
small model, not from somebody who attacks. So nothing runs unless DECAYMIX_RUN_CODE says so.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from typing import Any

WALL_SECONDS = 6.0
CPU_SECONDS = 4
MEMORY_BYTES = 512 * 2**20
FILE_BYTES = 2**20
# Written by the child as its last act: code that leaves early has not passed.
_PASSED = "passed-3b1f"

_CHILD = """
import os, resource, sys
CPU, MEMORY, FILE, PASSED = {limits}
for name, value in (
    (resource.RLIMIT_CPU, CPU), (resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, FILE),
    (resource.RLIMIT_NOFILE, 16), (resource.RLIMIT_CORE, 0),
):
    resource.setrlimit(name, (value, value))
try:
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
except ValueError:
    pass
try:
    import ctypes
    # CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWIPC; a kernel that does not allow them says so.
    ctypes.CDLL(None).unshare(0x10000000 | 0x40000000 | 0x08000000)
except (ImportError, OSError, AttributeError):
    pass
source = sys.stdin.read()
folder = os.path.realpath(os.getcwd())
libraries = tuple(os.path.realpath(one) for one in {{sys.prefix, sys.base_prefix}})
refused = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn",
    "os.spawn", "os.kill", "os.putenv", "ctypes.", "pty.", "shutil.", "os.chmod", "os.chown",
    "os.link", "os.symlink", "urllib.", "ftplib.", "smtplib.", "webbrowser.", "sys.addaudithook",
    "signal.", "resource.", "gc.get", "os.chroot", "mmap.")
writes = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.utime")
def inside(path):
    return os.path.realpath(path) == folder or os.path.realpath(path).startswith(folder + os.sep)
def hook(event, args, inside=inside, libraries=libraries, refused=refused, writes=writes):
    if event.startswith(refused):
        raise PermissionError("not allowed here: " + event)
    if event in writes and not all(inside(one) for one in args if isinstance(one, (str, bytes))):
        raise PermissionError("not allowed outside its folder: " + event)
    if event == "open" and isinstance(args[0], (str, bytes)):
        path = os.path.realpath(os.fsdecode(args[0]))
        is_read = isinstance(args[1], str) and not set(args[1]) & set("wax+")
        is_read = is_read or (args[1] is None and not args[2] & 3)
        if not inside(path) and not (is_read and path.startswith(libraries)):
            raise PermissionError("not allowed outside its folder: open " + path)
    if event in ("os.listdir", "os.scandir") and args and not inside(args[0] or "."):
        if not os.path.realpath(args[0]).startswith(libraries):
            raise PermissionError("not allowed outside its folder: " + event)
out = os.dup(1)
null = os.open(os.devnull, os.O_WRONLY)
os.dup2(null, 1); os.dup2(null, 2)
code = compile(source, "answer", "exec")
write = os.write
sys.addaudithook(hook)
scope = {{"__name__": "answer"}}
exec(code, scope)
write(out, PASSED.encode())
os._exit(0)
"""


def passes(program: str, wall_seconds: float = WALL_SECONDS) -> bool:
    """Whether the program runs to its end without an exception, within the limits."""
    limits = (CPU_SECONDS, MEMORY_BYTES, FILE_BYTES, _PASSED)
    with tempfile.TemporaryDirectory(prefix="decaymix-code-") as folder:
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", _CHILD.format(limits=repr(limits))],
            cwd=folder,
            env={},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            out, _ = child.communicate(
                program.encode("utf-8", errors="surrogatepass"), timeout=wall_seconds
            )
        except subprocess.TimeoutExpired:
            return False
        finally:
            _end(child)
    return child.returncode == 0 and out == _PASSED.encode()


def humaneval_passes(doc: dict[str, Any], results: list[str]) -> dict[str, int]:
    """The function that the model finished, against the record's `check`."""
    program = f"{doc['prompt']}{results[0]}\n{doc['test']}\ncheck({doc['entry_point']})\n"
    return {"pass_at_1": int(passes(program))}


def mbpp_passes(doc: dict[str, Any], results: list[str]) -> dict[str, int]:
    """The program that the model wrote, against the record's asserts."""
    asserts = "\n".join(doc["test_list"])
    return {"pass_at_1": int(passes(f"{results[0]}\n{asserts}\n"))}


def _end(child: "subprocess.Popen[bytes]") -> None:
    """The whole group: the child may have left others behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
