"""Ready studies to begin from, as the YAML that they are written in, comments and all."""

from pathlib import Path

import yaml

from mixtures.value import Value
from service.examples import STUDY_EXAMPLE_YAML

_STUDIES = Path(__file__).resolve().parent.parent / "studies"


class Preset(Value):
    """A ready study. `about` is its first comment, or its question."""

    name: str
    about: str
    yaml: str


def presets() -> list[Preset]:
    """The example of the API first, which takes a minute; then those under studies/ by name."""
    texts = [STUDY_EXAMPLE_YAML]
    texts += [path.read_text(encoding="utf-8") for path in sorted(_STUDIES.glob("*.yaml"))]
    return [_preset(text) for text in texts]


def _preset(text: str) -> Preset:
    data = yaml.safe_load(text)
    lines = text.splitlines()
    comment: list[str] = []
    while len(comment) < len(lines) and lines[len(comment)].startswith("#"):
        comment.append(lines[len(comment)].removeprefix("#").strip())
    about = " ".join(comment) or data["question"]
    return Preset(name=data["name"], about=about, yaml=text)
