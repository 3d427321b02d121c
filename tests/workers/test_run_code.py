"""What model code may do: finish in time, and nothing else."""

import contextlib
import socket
import threading
import time
from pathlib import Path

import pytest

from workers.run_code import humaneval_passes, mbpp_passes, passes


def test_a_program_that_ends_well_passes() -> None:
    assert passes("import math, collections, itertools, re, hashlib\nassert math.gcd(4, 6) == 2\n")


def test_it_may_use_files_in_its_own_folder() -> None:
    assert passes("open('a', 'w').write('x')\nassert open('a').read() == 'x'\n")


@pytest.mark.parametrize(
    "program",
    [
        "assert 1 == 2",
        "raise ValueError",
        "def f(:",
        "import sys; sys.exit(0)",
        "import os; os._exit(0)",
        "print('passed-3b1f'); import os; os._exit(0)",
        "\x00",
        "x = '\ud800'",
    ],
    ids=range(8),
)
def test_a_program_that_fails_or_leaves_early_does_not_pass(program: str) -> None:
    assert not passes(program)


@pytest.mark.parametrize(
    "program",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "x = 'a' * (2 * 10**9)",
        "x = []\nwhile True: x.append(bytes(10**7))",
        "f = open('big', 'w')\nwhile True: f.write('x' * 10**6); f.flush()",
        "def f(): f()\nf()",
    ],
    ids=["loop", "sleep", "one big string", "many", "big file", "recursion"],
)
def test_time_memory_and_files_have_limits(program: str) -> None:
    started = time.monotonic()
    assert not passes(program, wall_seconds=2.5)
    assert time.monotonic() - started < 15


@pytest.mark.parametrize(
    "call",
    [
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import os; os.fork()",
        "import os; os.kill(os.getppid(), 9)",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.posix_spawn('/bin/true', ['true'], {})",
        "open('/etc/passwd').read()",
        "import os; os.listdir('/')",
        "import os; os.open('/tmp/decaymix-escaped', os.O_CREAT | os.O_WRONLY)",
        "import os; os.remove('/tmp/decaymix-victim')",
        "import os; os.mkdir('/tmp/decaymix-escaped-folder')",
        "import shutil; shutil.rmtree('/tmp/decaymix-victim-folder')",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import ctypes; ctypes.CDLL(None).system(b'true')",
        "import os; os.symlink('/etc/passwd', 'link'); open('link').read()",
    ],
)
def test_what_is_outside_is_out_of_reach(call: str) -> None:
    """The call raises: the same program, catching that, passes."""
    assert not passes(call)
    lines = "\n".join(f"    {line}" for line in call.split("\n"))
    assert passes(f"try:\n{lines}\nexcept PermissionError:\n    pass\nelse:\n    assert False\n")
    assert not Path("/tmp/decaymix-escaped").exists()


def test_no_byte_reaches_a_server_on_this_machine() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.2)
    port = server.getsockname()[1]
    heard: list[object] = []

    def listen() -> None:
        with contextlib.suppress(TimeoutError):
            heard.append(server.accept())

    thread = threading.Thread(target=listen)
    thread.start()
    program = (
        "import _socket\n"
        "try:\n"
        "    s = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)\n"
        f"    s.connect(('127.0.0.1', {port}))\n"
        "except OSError:\n    pass\n"
    )
    assert passes(program)
    thread.join()
    server.close()
    assert heard == []


def test_it_sees_nothing_of_this_process_and_its_folder_is_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert passes("import os\nassert 'SECRET' not in os.environ\nopen('left', 'w').write('x')\n")
    assert list(tmp_path.iterdir()) == []


def test_humaneval_is_prompt_answer_and_check() -> None:
    doc = {
        "prompt": "def double(x):\n",
        "test": "def check(f):\n    assert f(3) == 6\n",
        "entry_point": "double",
    }
    assert humaneval_passes(doc, ["    return 2 * x\n"]) == {"pass_at_1": 1}
    assert humaneval_passes(doc, ["    return x\n"]) == {"pass_at_1": 0}


def test_mbpp_is_answer_and_asserts() -> None:
    doc = {"test_list": ["assert double(3) == 6", "assert double(0) == 0"]}
    assert mbpp_passes(doc, ["def double(x): return 2 * x"]) == {"pass_at_1": 1}
    assert mbpp_passes(doc, ["def double(x): return 6"]) == {"pass_at_1": 0}
