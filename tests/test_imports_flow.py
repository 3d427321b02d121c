"""Imports go one way: service -> db, workers.pool, mixtures, decaymix; db and workers -> mixtures;
the client, decaymix, knows none of ours.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("decaymix", "service", "workers", "mixtures", "db")

# What each package may import of ours, besides itself.
ALLOWED = {
    "decaymix": (),
    "mixtures": (),
    "db": ("mixtures",),
    "workers": ("mixtures",),
    "service": ("db", "decaymix", "mixtures", "workers.pool"),
}
# Heavy third parties and the only places that may import them.
CONFINED = {
    "ray": ("workers/ray_",),
    "torch": ("workers/",),
    "sqlalchemy": ("db/",),
    "alembic": ("db/",),
    "fastapi": ("service/",),
}


def imported_modules(source: str) -> set[str]:
    """Every module that the source imports, anywhere in it, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the direction; name the package"
            found.add(node.module or "")
            # `from workers import pool` imports the module workers.pool.
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def forbidden_edges(path: str, source: str) -> list[str]:
    """What the file at `path` (relative to the repository) imports and must not."""
    package = path.split("/")[0]
    allowed = (package, *ALLOWED[package])
    edges = []
    for module in imported_modules(source):
        top = module.split(".")[0]
        if top in OURS:
            is_allowed = any(
                module == name or module.startswith(name + ".") for name in allowed
            ) or module in {name.split(".")[0] for name in allowed}
            if not is_allowed:
                edges.append(f"{path} imports {module}")
        elif top in CONFINED and not path.startswith(CONFINED[top]):
            edges.append(f"{path} imports {module}")
    return edges


@pytest.mark.parametrize("package", OURS)
def test_no_file_imports_against_the_direction(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    edges = []
    for file in files:
        path = file.relative_to(ROOT).as_posix()
        edges += forbidden_edges(path, file.read_text(encoding="utf-8"))
    assert edges == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("decaymix/client.py", "from mixtures.value import Value"),
        ("mixtures/rank.py", "from db.scores import observations"),
        ("mixtures/rank.py", "def f():\n    import torch"),
        ("db/trials.py", "import workers.run"),
        ("workers/run.py", "from service import app"),
        ("workers/run.py", "from db import trials"),
        ("service/app.py", "from workers.run import TrialRunner"),
        ("service/app.py", "import ray"),
        ("service/scheduler.py", "from sqlalchemy import select"),
    ],
)
def test_a_forbidden_edge_is_found(path: str, source: str) -> None:
    assert len(forbidden_edges(path, source)) >= 1


def test_an_allowed_edge_is_not_reported() -> None:
    source = "from workers.pool import run_local\nfrom mixtures.trial import TrialSpec"
    assert forbidden_edges("service/app.py", source) == []
