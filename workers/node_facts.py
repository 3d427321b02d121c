"""What a machine of the cluster has, said by a process there before any trial goes to it.

The same spec gives the same bits only by the same code: Decaymix's files, Python's and torch's
releases are compared with the controller's. And a machine needs a home: the controller's own, seen
over a shared file system, or one of its own, by the `DECAYMIX_HOME` that its Ray was started with.
"""

import hashlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mixtures.value import Value

_PACKAGES = ("mixtures", "workers")
_ROOT = Path(__file__).resolve().parent.parent
# What torch adds to its version for a build with CUDA, or without.
_LOCAL = "+"


class NodeFacts(Value):
    """Of one machine. `home` is None where it shares the controller's; then so are data roots.

    `data_roots` are the machine's own (`DECAYMIX_DATA_ROOTS`); empty where files come from the
    controller.
    """

    versions: dict[str, str]
    code: str
    home: str | None
    data_roots: tuple[str, ...] = ()


def node_facts(controllers_home: str, marker: str) -> NodeFacts:
    """`marker` is a file that the controller has just written into its home."""
    own = os.environ.get("DECAYMIX_HOME")
    shares = (own is None or Path(own) == Path(controllers_home)) and Path(marker).is_file()
    roots = os.environ.get("DECAYMIX_DATA_ROOTS", "")
    return NodeFacts(
        versions=versions(),
        code=code_hash(),
        home=None if shares else own or "",
        data_roots=() if shares else tuple(root for root in roots.split(os.pathsep) if root),
    )


def versions() -> dict[str, str]:
    """Of what decides about bits: Decaymix, Python, torch; `none` where it is not installed."""
    return {
        "decaymix": _version("decaymix"),
        "python": platform.python_version(),
        "torch": _version("torch").split(_LOCAL)[0],
    }


def code_hash(root: Path = _ROOT) -> str:
    """Of the files that workers run, by name and content: 16 hex digits."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def why_refused(found: NodeFacts, own: NodeFacts) -> str | None:
    """Why no trial may go to a machine, in words; None where one may."""
    for name, ours in own.versions.items():
        theirs = found.versions.get(name, "none")
        if theirs != ours:
            return f"{name} is {theirs} there and {ours} here; install the controller's"
    if found.code != own.code:
        return f"Decaymix's code is {found.code} there and {own.code} here; install the same"
    if found.home == "":
        return (
            "the controller's home is not to be seen there, and its Ray was started without "
            "DECAYMIX_HOME; set one and start it again"
        )
    return None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
