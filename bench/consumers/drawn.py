"""What every child of export_consumers.py has in common: its task, and the count of what it drew.

A child runs in the consumer's own environment, so nothing of Decaymix can be imported here. Token
ids tell the source: those of source k are ID_SPACE * k + 1 and up; 0 ends a document.
"""

import importlib.util
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np

ID_SPACE = 1000
END = 0


@dataclass
class Task:
    """`export` is the exported file; `paths` are where the sources' data has to lie for it."""

    export: Path
    paths: dict[str, str]
    documents: dict[str, str]
    num_items: int
    sequence_tokens: int
    work: Path
    tokens: dict[str, int] = field(default_factory=dict)
    items: int = 0

    @property
    def vocab_size(self) -> int:
        return ID_SPACE * (len(self.documents) + 1)

    @property
    def is_enough(self) -> bool:
        return self.items >= self.num_items

    def documents_of(self, name: str) -> list[np.ndarray]:
        """Token ids of every document, its end token included."""
        with np.load(self.documents[name]) as data:
            return np.split(data["ids"], np.cumsum(data["lengths"])[:-1])

    def stream_of(self, name: str) -> np.ndarray:
        with np.load(self.documents[name]) as data:
            return data["ids"]

    def add(self, ids: Iterable[int], extra: int = 0) -> None:
        """One item that was drawn: all its tokens, and `extra` that have no id in it."""
        drawn = np.asarray(ids)
        sources = np.unique(drawn[drawn != END] // ID_SPACE)
        if len(sources) != 1:
            raise RuntimeError(f"an item holds tokens of {len(sources)} sources: {drawn[:50]}")
        name = list(self.documents)[int(sources[0])]
        self.tokens[name] = self.tokens.get(name, 0) + len(drawn) + extra
        self.items += 1

    def done(self, *packages: str) -> None:
        """The last line: what export_consumers.py reads."""
        versions = {name: version(name) for name in packages}
        print(json.dumps({"tokens": self.tokens, "items": self.items, "versions": versions}))


def task() -> Task:
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    return Task(export=Path(given.pop("export")), work=Path(given.pop("work")), **given)


def module_of(path: Path) -> ModuleType:
    """A Python file that was exported, imported."""
    spec = importlib.util.spec_from_file_location("exported", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
