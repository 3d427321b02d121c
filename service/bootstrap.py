"""Makes `.venv` in the repo root and installs the pinned packages. `./run` calls it when needed.

Runs on a bare Python >= 3.11 before any package is there: standard library only, nothing of ours.
More extras by hand: `python3 -m service.bootstrap --extras lm-eval`.

The stamp file decides everything. It says "unfinished" from before `.venv` is made until pip has
ended, so whatever was killed half-way is thrown away and made again at the next start.
"""

import argparse
import fcntl
import hashlib
import importlib.util
import os
import shutil
import site
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from service.packages import PIP, Pip, SetUpError, check_disk, install, say, site_packages

FRESH_BYTES, ADDED_BYTES = 3_000_000_000, 1_000_000_000  # free on disk: a new .venv, more extras
PYTHON_MODULES = ("venv", "ensurepip", "pip")  # of which a Python may lack some


class Stamp(NamedTuple):
    """What `.venv` was made of. `run` reads the same file, so its lines stay `key=value`."""

    inputs: str  # sha256 of pyproject.toml and constraints.txt; "unfinished" while pip works
    root: str  # console scripts and the editable install hold this path
    chosen: str  # DECAYMIX_PYTHON as the user wrote it, or empty
    extras: str  # sorted, a space between

    def write(self, venv: Path) -> None:
        """Atomically: a reader sees the old stamp or the new one."""
        draft = venv / "decaymix-stamp.new"
        draft.write_text("".join(f"{key}={value}\n" for key, value in self._asdict().items()))
        os.replace(draft, venv / "decaymix-stamp")


def read_stamp(venv: Path) -> Stamp | None:
    try:
        lines = (venv / "decaymix-stamp").read_text().splitlines()
    except FileNotFoundError:
        return None
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    return Stamp(*(found.get(key, "") for key in Stamp._fields))


def inputs_hash(root: Path) -> str:
    parts = [(root / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def is_current(stamp: Stamp, wanted: Stamp) -> bool:
    """True where `.venv` serves `wanted` as it is; one with more extras does."""
    has_extras = set(wanted.extras.split()) <= set(stamp.extras.split())
    return stamp.inputs == wanted.inputs and has_extras and not must_start_over(stamp, wanted)


def must_start_over(stamp: Stamp, wanted: Stamp) -> bool:
    """True where installing on top could not be trusted: killed half-way, moved, other Python."""
    # Naming no Python keeps the one there is.
    other_python = wanted.chosen not in ("", stamp.chosen)
    return stamp.inputs in ("", "unfinished") or stamp.root != wanted.root or other_python


def check_python(version: Sequence[int], modules: Iterable[str]) -> None:
    """`modules`: those of PYTHON_MODULES that this Python has."""
    found, present = ".".join(map(str, version[:3])), set(modules)
    if tuple(version[:2]) < (3, 11):
        raise SetUpError(
            f"needs Python 3.11 or newer, this is {found}; "
            "install one or set DECAYMIX_PYTHON to its path."
        )
    if "venv" not in present or not present & {"ensurepip", "pip"}:
        lacking = "pip" if "venv" in present else "venv"
        raise SetUpError(
            f"Python {found} at {sys.executable} has no {lacking} module; install it (Debian and "
            "Ubuntu: apt install python3-venv) or set DECAYMIX_PYTHON to another Python."
        )


def make_venv(pip: Pip, chosen: str) -> None:
    # The resolved path names the exact version (python3.11): when the system's python3 moves on,
    # the link dangles and the next start sees that .venv has to be made again.
    base = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    options = ["--system-site-packages"] if chosen else []
    if importlib.util.find_spec("ensurepip"):
        pip.run("making .venv", "-I", "-m", "venv", *options, str(pip.venv), python=base)
    else:  # Debian without python3-venv: the pip beside it fills the gap
        options.append("--without-pip")
        pip.run("making .venv", "-I", "-m", "venv", *options, str(pip.venv), python=base)
        into = ("-m", "pip", "--python", pip.python, "install", PIP)
        pip.run("installing pip", *into, python=sys.executable)
    if chosen and sys.prefix != sys.base_prefix:
        # A virtual environment was chosen: its packages are not those of its base Python.
        link = site_packages(pip.venv) / "decaymix-chosen.pth"
        link.write_text("\n".join(site.getsitepackages()))


def set_up(root: Path, extras: str, chosen: str, fresh_bytes: float = FRESH_BYTES) -> None:
    venv = root / ".venv"
    with (root / ".venv.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another ./run is setting up .venv, waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        pip, stamp = Pip(root, lock.fileno()), read_stamp(venv)
        wanted = Stamp(inputs_hash(root), str(root), chosen, " ".join(sorted(extras.split())))
        works = pip.works()
        if works and stamp and is_current(stamp, wanted):
            return
        fresh = not works or (stamp is not None and must_start_over(stamp, wanted))
        check_disk(root, fresh_bytes if fresh else ADDED_BYTES)
        if fresh:
            say("making .venv again" if venv.exists() else "making .venv (once, some minutes)")
        elif stamp:
            both = {*stamp.extras.split(), *wanted.extras.split()}
            wanted = wanted._replace(chosen=stamp.chosen, extras=" ".join(sorted(both)))
        venv.mkdir(exist_ok=True)
        wanted._replace(inputs="unfinished").write(venv)
        if fresh:
            empty(venv)
            make_venv(pip, chosen)
        install(pip, wanted.extras, wanted.chosen)
        wanted.write(venv)


def empty(venv: Path) -> None:
    """Keeps the folder (it may be a link to a larger disk) and the stamp, which tells its state."""
    for child in venv.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        elif child.name != "decaymix-stamp":
            child.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description="Make .venv and install the pinned packages.")
    parser.add_argument("--extras", default="", help="of pyproject.toml, a comma between")
    parser.add_argument("--chosen", default="", help="DECAYMIX_PYTHON, whose torch is kept")
    asked = parser.parse_args()
    root = Path(__file__).resolve().parent.parent
    try:
        check_python(sys.version_info[:3], filter(importlib.util.find_spec, PYTHON_MODULES))
        set_up(root, asked.extras.replace(",", " "), asked.chosen)
    except SetUpError as error:
        say(str(error))
    except OSError as error:
        say(f"cannot set up {root / '.venv'}: {error}; check the folder's permissions and space.")
    except KeyboardInterrupt:
        say("stopped; the next start begins again.")
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
