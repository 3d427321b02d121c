"""Ready studies to begin from, as the YAML that they are written in, comments and all."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from mixtures.value import Value
from service.examples import STUDY_EXAMPLE_YAML

_STUDIES = Path(__file__).resolve().parent.parent / "studies"


class Preset(Value):
    """A ready study. `about` is its first comment up to its method, or its question."""

    name: str
    about: str
    yaml: str


def presets() -> list[Preset]:
    """The example of the API first, which takes a minute; then those under studies/ by name, the
    ones that need no data of the user's before the others.
    """
    read = [_read(path.read_text(encoding="utf-8")) for path in sorted(_STUDIES.glob("*.yaml"))]
    read.sort(key=lambda one: one.needs_data)
    return [one.preset for one in (_read(STUDY_EXAMPLE_YAML), *read)]


@dataclass(frozen=True, slots=True)
class _Read:
    preset: Preset
    needs_data: bool


@lru_cache(maxsize=64)
def _read(text: str) -> _Read:
    """By its text: YAML is slow to read, and each look at the list would read all of them again."""
    data = yaml.safe_load(text)
    made_here = {"python_library", "reasoning_gym"}
    needs_data = not all(source.keys() & made_here for source in data["sources"])
    comment: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#") or line.startswith("# Method:"):
            break
        comment.append(line.removeprefix("#").strip())
    about = " ".join(comment).removeprefix("Question: ") or data["question"]
    return _Read(Preset(name=data["name"], about=about, yaml=text), needs_data)
