"""A study that is being written: as YAML, what is still wrong with it, and where that stands."""

from typing import Any

import yaml
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from mixtures.study import StudySpec
from mixtures.value import Value
from service.body import parse_yaml
from service.errors import BadInput, FieldError, field_errors
from service.study_yaml import dump, in_order


class StudyDraft(Value):
    """`lines` are those of each field in `yaml`, from 1, by its dotted name.

    `num_trials` and `decay_tokens` are of the first trials, None while something is wrong. Data are
    not looked at: the dry run does that.
    """

    yaml: str
    errors: tuple[FieldError, ...]
    lines: dict[str, int]
    num_trials: int | None
    decay_tokens: int | None


def draft_of_text(text: str) -> StudyDraft:
    """Of YAML as a person writes it, which stays as it is."""
    try:
        data = parse_yaml(text)
    except BadInput as error:
        wrong = FieldError(pointer="/", field=error.field, value=None, message=error.message)
        return _draft(text, {}, (wrong,))
    return _draft(text, lines_of(text), _errors(data), data)


def draft_of_fields(data: dict[str, Any]) -> StudyDraft:
    """Of a form's fields; those that are empty are left out."""
    kept = in_order(_without_empty(data))
    text = dump(kept)
    return _draft(text, lines_of(text), _errors(kept), kept)


def lines_of(text: str) -> dict[str, int]:
    """The line of each field and list entry of a YAML text, from 1, by its dotted name."""
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
    finally:
        loader.dispose()
    found: dict[str, int] = {}

    met: set[int] = set()

    def walk(node: yaml.Node | None, field: str) -> None:
        # An alias is met again, and where it is written is where it is wrong.
        if node is None or id(node) in met:
            return
        met.add(id(node))
        pairs: list[tuple[str, yaml.Node, int]] = []
        if isinstance(node, yaml.MappingNode):
            pairs = [(str(key.value), value, key.start_mark.line + 1) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            pairs = [
                (str(number), value, value.start_mark.line + 1)
                for number, value in enumerate(node.value)
            ]
        for name, value, line in pairs:
            place = f"{field}.{name}" if field else name
            found[place] = line
            walk(value, place)

    walk(node, "")
    return found


def _draft(
    text: str, lines: dict[str, int], errors: tuple[FieldError, ...], data: Any = None
) -> StudyDraft:
    spec = None if errors else StudySpec.model_validate(data)
    return StudyDraft(
        yaml=text,
        errors=errors,
        lines=lines,
        num_trials=spec.num_first_trials if spec else None,
        decay_tokens=spec.num_first_trials * spec.decay.tokens if spec else None,
    )


def _errors(data: Any) -> tuple[FieldError, ...]:
    try:
        StudySpec.model_validate(data)
    except ValidationError as error:
        wrong = error.errors()
        # As of a request's body, which is what it would be. A list all of whose entries are wrong
        # is also too short, says pydantic: the entries' own errors are enough.
        found = [
            {**one, "loc": ("body", *one["loc"])}
            for one in wrong
            if one["type"] != "too_short" or not any(_is_inside(other, one) for other in wrong)
        ]
        return tuple(field_errors(RequestValidationError(found)))
    return ()


def _is_inside(error: Any, other: Any) -> bool:
    depth = len(other["loc"])
    return len(error["loc"]) > depth and error["loc"][:depth] == other["loc"]


def _without_empty(value: Any) -> Any:
    """Fields that a form leaves blank are not given; `search: {}` is."""
    if isinstance(value, dict):
        kept = {name: _without_empty(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in (None, "", [])}
    if isinstance(value, list):
        return [_without_empty(one) for one in value]
    return value
