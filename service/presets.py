"""Ready studies to begin from, as the YAML that they are written in, comments and all."""

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
    texts = [path.read_text(encoding="utf-8") for path in sorted(_STUDIES.glob("*.yaml"))]
    texts.sort(key=_needs_data)
    return [_preset(text) for text in [STUDY_EXAMPLE_YAML, *texts]]


def _needs_data(text: str) -> bool:
    made_here = ("python_library", "reasoning_gym")
    return not all(source.keys() & set(made_here) for source in yaml.safe_load(text)["sources"])


def _preset(text: str) -> Preset:
    data = yaml.safe_load(text)
    lines = text.splitlines()
    comment: list[str] = []
    for line in lines:
        if not line.startswith("#") or line.startswith("# Method:"):
            break
        comment.append(line.removeprefix("#").strip())
    about = " ".join(comment).removeprefix("Question: ") or data["question"]
    return Preset(name=data["name"], about=about, yaml=text)
