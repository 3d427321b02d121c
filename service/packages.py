"""pip of one `.venv`: what it would install, how much that is, and the install itself.

Part of the set-up (service/bootstrap.py): runs before any package is there, so standard library
only and nothing of ours.
"""

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

# 25.3 is the first pip whose dry run reads metadata only. Older ones fetch every wheel: learning
# that torch would bring CUDA would cost the very gigabytes that are to be avoided.
PIP = "pip>=25.3"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
DISK_PER_DOWNLOAD = 4.0  # measured with byte code: 450 MB of wheels become 1.8 GB
CUDA_PACKAGE = re.compile(r"(nvidia|cuda)-|triton$")
# reasoning-gym imports it always and uses it for zebra_puzzles only. It is C source, and a
# machine without a compiler shall not fail for that.
COMPILED = "pycosat"
COMPILED_STUB = """\
def itersolve(*args, **kwargs):
    raise RuntimeError("zebra_puzzles needs pycosat, which could not be compiled here: "
                       "install a C compiler and Python's headers, then delete .venv")
"""


class SetUpError(Exception):
    """Carries the one sentence that the user gets: what is wrong and what to do."""


class Pip:
    """Runs Python and pip of one `.venv`, their output in a log file."""

    def __init__(self, root: Path, lock_fd: int) -> None:
        self.root, self.venv, self.lock_fd = root, root / ".venv", lock_fd
        self.python = str(self.venv / "bin" / "python")
        # What the user set for other projects must not steer where and what pip installs.
        foreign = {"PYTHONPATH", "PYTHONHOME", "PIP_CONSTRAINT", "PIP_TARGET", "PIP_PREFIX"}
        self.env = {key: value for key, value in os.environ.items() if key not in foreign}
        self.env |= {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        self.env["PYTHONSAFEPATH"] = "1"

    def works(self) -> bool:
        probe = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
        return os.access(self.python, os.X_OK) and self.ask(probe) is not None

    def ask(self, code: str) -> str | None:
        """What `code` prints in `.venv`; None where it fails."""
        command = [self.python, "-c", code]
        answer = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)
        return None if answer.returncode else answer.stdout

    def run(self, doing: str, *command: str, python: str = "") -> None:
        log = self.venv / "decaymix-install.log"
        with log.open("ab") as sink:
            before = sink.tell()
            # The child holds the lock too: if only we are killed, the next start waits for pip.
            process = subprocess.Popen(
                [python or self.python, *command],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                pass_fds=[self.lock_fd],
            )
            seconds, code = 0, None
            while code is None:
                try:
                    code = process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    say(f"{doing} ... {(seconds := seconds + 20)} s")
        if code:
            output = log.read_bytes()[before:].decode(errors="replace")
            raise SetUpError(f"{doing} failed: {what_to_do(output)} Full output: {log}")

    def install(self, doing: str, *what: str) -> None:
        self.run(doing, "-m", "pip", "install", "--quiet", "--no-compile", *what)

    def compile(self) -> None:
        """On all cores, where pip takes one. Left to the first import it would come with every
        start under PYTHONDONTWRITEBYTECODE (20 s), with the packages' own SyntaxWarnings."""
        code = "import compileall, sys; compileall.compile_dir(sys.argv[1], quiet=2, workers=0)"
        folder = str(site_packages(self.venv))
        self.run("compiling", "-W", "ignore", "-c", code, folder)

    def resolve(self, doing: str, *what: str) -> dict[str, Any]:
        """pip's report of what it would install now."""
        report = self.venv / "decaymix-report.json"
        self.install(doing, "--dry-run", "--report", str(report), *what)
        answer: dict[str, Any] = json.loads(report.read_text())
        return answer


def install(pip: Pip, extras: str, chosen: str) -> None:
    """Resolves, tells the size, then installs exactly what was resolved."""
    pip.install("updating pip", PIP)
    constraints = pins(pip, chosen)
    options = ["-c", str(constraints)]
    index: list[str] = []
    if sys.platform == "linux" and not has_gpu():
        if cuda_packages(pip.resolve("looking up torch", *options, "torch")):
            say("no NVIDIA GPU found, so torch comes as its CPU build")
            index = ["--extra-index-url", CPU_INDEX]
            options += [*index, f"{pin_of_torch(constraints.read_text())}+cpu"]
    project = f"{pip.root}[{extras.replace(' ', ',')}]" if extras else str(pip.root)
    report = pip.resolve("looking up packages", *options, "-e", project)
    items = [item for item in report["install"] if item["metadata"]["name"] != "decaymix"]
    sizes = file_sizes(pip, [item["download_info"]["url"] for item in items])
    check_disk(pip.venv, sum(size or 0 for size in sizes) * DISK_PER_DOWNLOAD)
    say(size_line(sizes))
    exact = [f"{item['metadata']['name']}=={item['metadata']['version']}" for item in items]
    to_compile = [name for name in exact if name.startswith(f"{COMPILED}==")]
    wheels = [name for name in exact if name not in to_compile]
    pip.install("installing", "--no-deps", *index, *wheels, "-e", project)
    for name in to_compile:
        try:
            pip.install(f"compiling {name}", "--no-deps", name)
        except SetUpError:
            say(f"{name} could not be compiled, so the task zebra_puzzles cannot be used")
            (site_packages(pip.venv) / f"{COMPILED}.py").write_text(COMPILED_STUB)
    pip.compile()


def pins(pip: Pip, chosen: str) -> Path:
    """constraints.txt, or a copy that leaves the torch of DECAYMIX_PYTHON as it is."""
    ours = pip.root / "constraints.txt"
    answer = chosen and pip.ask(
        "import sys, torch, importlib.metadata as m; assert sys.prefix not in torch.__file__; "
        "print(m.version('torch'), *[r for r in m.requires('torch') or [] if '==' in r], sep='\\n')"
    )
    if not answer:
        return ours
    version, *pinned = answer.splitlines()
    # What torch pins itself (sympy, in older ones) follows it and not us.
    free = {"torch", *(re.split(r"[^\w.-]", line)[0].lower() for line in pinned)}
    kept = [line for line in ours.read_text().splitlines() if line.split("==")[0] not in free]
    copy = pip.venv / "decaymix-constraints.txt"
    copy.write_text("\n".join([*kept, f"torch=={version}", ""]))
    say(f"keeping torch {version} of {chosen}")
    return copy


def pin_of_torch(constraints: str) -> str:
    (pin,) = (line for line in constraints.splitlines() if line.startswith("torch=="))
    return pin


def has_gpu() -> bool:
    try:
        answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and b"GPU" in answer.stdout


def cuda_packages(report: dict[str, Any]) -> list[str]:
    """Names in pip's report that only a CUDA build of torch brings."""
    names = [item["metadata"]["name"].lower() for item in report["install"]]
    return [name for name in names if CUDA_PACKAGE.match(name)] if "torch" in names else []


def file_sizes(pip: Pip, urls: Sequence[str]) -> list[int | None]:
    """Bytes behind each URL, without fetching it; None where nobody tells."""
    context = ssl.create_default_context()  # finds no certificates on some Macs: pip brings some
    for bundle in site_packages(pip.venv).glob("pip/_vendor/certifi/cacert.pem"):
        context.load_verify_locations(bundle)

    def size(url: str) -> int | None:
        parts = urllib.parse.urlsplit(url)
        try:
            if parts.scheme == "file":
                return os.path.getsize(urllib.request.url2pathname(parts.path))
            head = urllib.request.Request(url, method="HEAD")
            with urllib.request.urlopen(head, timeout=10, context=context) as answer:
                length = answer.headers["Content-Length"]
        except (OSError, ValueError):  # every failure of the network is an OSError here
            return None
        return int(length) if length else None

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(size, urls))


def size_line(sizes: Sequence[int | None], venv: str = ".venv") -> str:
    """The announcement; None is a size that could not be had."""
    known = sum(size or 0 for size in sizes)
    at_least = "at least " if None in sizes else ""
    disk = known * DISK_PER_DOWNLOAD
    shown = f"{disk / 1e9:.1f} GB" if disk >= 1e9 else f"{disk / 1e6:.0f} MB"
    return (
        f"installing {len(sizes)} packages, {at_least}{known / 1e6:.0f} MB to download, "
        f"about {shown} on disk, into {venv}"
    )


def check_disk(folder: Path, needed_bytes: float) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise SetUpError(
            f"{free / 1e9:.1f} GB are free for {folder}, about {needed_bytes / 1e9:.1f} GB are "
            "needed; free some space or move the repository to a larger disk."
        )


def what_to_do(output: str) -> str:
    """One sentence from pip's output. The order matters: offline, pip also finds no version."""
    errors = [line for line in output.splitlines() if line.lower().startswith("error:")]
    reason = errors[-1][len("error:") :].strip(" .") if errors else "it gave no reason"
    if "No space left" in output:
        return "the disk is full (at .venv or TMPDIR); free some space and start again."
    if re.search(r"Retrying|name resolution|timed out|SSLError|ProxyError", output):
        return "a package index cannot be reached; check the network or pip's index settings."
    if "No matching distribution" in output:
        return f"{reason}; if this Python is too new for it, set DECAYMIX_PYTHON to 3.11 or 3.12."
    return f"{reason}."


def site_packages(venv: Path) -> Path:
    return next(venv.glob("lib/python*/site-packages"))


def say(line: str) -> None:
    print(f"Decaymix: {line}", file=sys.stderr, flush=True)
