"""A study as the YAML that a person would write: what is at its default is left out."""

import io
from typing import Any

import yaml

from mixtures.study import StudySpec

_WIDTH = 100


def study_yaml(spec: StudySpec) -> str:
    """Reads back as the same study."""
    data = spec.model_dump(mode="json", exclude_defaults=True)
    if spec.proxy.preset == "pico" and spec.proxy.as_written() == {"preset": "pico"}:
        data.pop("proxy", None)
    else:
        data["proxy"] = _proxy(spec)
    return dump(in_order(data))


def in_order(data: dict[str, Any]) -> dict[str, Any]:
    """What a reader looks for first stands first."""
    first = ("name", "question", "proxy", "sources", "benchmarks", "stable", "decay", "full_run")
    return {**{name: data[name] for name in first if name in data}, **data}


def dump(data: dict[str, Any]) -> str:
    """Short mappings and lists on one line, templates with line breaks as "\\n" in quotes."""
    written = io.StringIO()
    dumper = _Written(
        written, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=None
    )
    dumper.open()
    node = dumper.represent_data(data)
    # The study itself has a line for each field, however short it is.
    assert isinstance(node, yaml.MappingNode)
    node.flow_style = False
    dumper.serialize(node)
    dumper.close()
    dumper.dispose()
    return written.getvalue()


def _proxy(spec: StudySpec) -> Any:
    written = spec.proxy.as_written()
    return written["preset"] if list(written) == ["preset"] else written


class _Written(yaml.SafeDumper):
    """No anchors: a list that is the same twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Written.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style='"' if "\n" in text else None
    ),
)
