"""A request body as a domain value: JSON or YAML, which are the same object."""

import json
import math
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import yaml
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from mixtures.trial import TrialRequest
from mixtures.value import Value
from service.errors import BadInput
from service.examples import STUDY_EXAMPLE, STUDY_EXAMPLE_YAML, TRIAL_EXAMPLES
from service.media_type import JSON, YAML, require_media_type

Model = TypeVar("Model", bound=Value)

# A body of the largest default size could not hold so many without aliases.
_MOST_NODES = 1_000_000

# FastAPI does not see a body that we parse ourselves; these tell OpenAPI's readers of it.
STUDY_BODY_DOCS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/StudySpec"},
                "example": STUDY_EXAMPLE,
            },
            "application/yaml": {"schema": {"type": "string"}, "example": STUDY_EXAMPLE_YAML},
        },
    }
}
_TRIAL_REQUEST = TrialRequest.model_json_schema()
TRIALS_BODY_DOCS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"anyOf": [_TRIAL_REQUEST, {"type": "array", "items": _TRIAL_REQUEST}]},
                "examples": TRIAL_EXAMPLES,
            }
        },
    }
}


async def read_body(request: Request, model: type[Model]) -> Model:
    """The body as `model`; raises BadInput or RequestValidationError, both answered with 422."""
    require_media_type(request, JSON, YAML)
    raw = await request.body()
    # In a thread: two megabytes of YAML take many seconds, and everybody waits for the event loop.
    return await run_in_threadpool(lambda: _validated(_parsed(raw, request), model, ()))


@dataclass(frozen=True, slots=True)
class OneOrMany(Generic[Model]):
    """A body that is one `model` or a list of them; `items` has, in order, each or its errors."""

    is_list: bool
    items: tuple[Model | RequestValidationError, ...]


async def read_one_or_many(request: Request, model: type[Model]) -> OneOrMany[Model]:
    """The body as one `model` or a list of them; errors name the place in the list.

    A union type would do, but its errors name pydantic's branches and not the user's fields.
    """
    require_media_type(request, JSON, YAML)
    raw = await request.body()

    def read() -> OneOrMany[Model]:
        data = _parsed(raw, request)
        if not isinstance(data, list):
            return OneOrMany(False, (_validated_or_not(data, model, ()),))
        return OneOrMany(
            True,
            tuple(_validated_or_not(one, model, (index,)) for index, one in enumerate(data)),
        )

    return await run_in_threadpool(read)


def _validated_or_not(
    data: Any, model: type[Model], at: tuple[int, ...]
) -> Model | RequestValidationError:
    try:
        return _validated(data, model, at)
    except RequestValidationError as error:
        return error


def text_of_body(raw: bytes, encoding: Literal["utf-8", "utf-8-sig"] = "utf-8") -> str:
    """As `utf-8-sig` without the mark that spreadsheets put before a CSV. Raises BadInput."""
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadInput("(body)", None, f"not UTF-8 at byte {error.start}; save it so") from error


def _parsed(raw: bytes, request: Request) -> Any:
    text = text_of_body(raw)
    is_yaml = require_media_type(request, JSON, YAML) == YAML
    return parse_yaml(text) if is_yaml else parse_json(text)


def _validated(data: Any, model: type[Model], at: tuple[int, ...]) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = [{**one, "loc": ("body", *at, *one["loc"])} for one in error.errors()]
        raise RequestValidationError(found, body=data) from error


def parse_json(text: str) -> Any:
    """Strict JSON: Python's own parser takes NaN and Infinity, which JSON does not have, and of a
    key that is given twice the last.
    """
    try:
        data = json.loads(text, object_pairs_hook=_object_of_distinct_keys)
        _require_plain(data, "")
    except json.JSONDecodeError as error:
        raise BadInput(
            "(body)", None, f"not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from error
    except (BadInput, RecursionError, ValueError) as error:
        raise _cannot_be_read("JSON", error) from error
    return data


def parse_yaml(text: str) -> Any:
    """YAML without tags, each key of a mapping once; raises BadInput with the line."""
    loader: yaml.SafeLoader | None = None
    try:
        # A control character is found here already.
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _num_nodes(node, {}) > _MOST_NODES:
            raise ValueError(f"its aliases stand for more than {_MOST_NODES} values")
        _require_distinct_keys(node, "", set())
        data = loader.construct_document(node)
        _require_plain(data, "")
    except yaml.YAMLError as error:
        message = " ".join(str(error).split())
        raise BadInput("(body)", None, f"not YAML: {message}") from error
    except (BadInput, RecursionError, ValueError) as error:
        raise _cannot_be_read("YAML", error) from error
    finally:
        if loader is not None:
            loader.dispose()
    return data


def _cannot_be_read(language: str, error: BadInput | RecursionError | ValueError) -> BadInput:
    """For what the parsers raise beside their own errors: a number of thousands of digits, the
    32nd of May, brackets without end.
    """
    if isinstance(error, BadInput):
        return error
    said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return BadInput("(body)", None, f"not {language} that can be read: {said}")


def _num_nodes(node: yaml.Node, counted: dict[int, float]) -> float:
    """How many values a YAML node stands for: an alias is worth what it repeats.

    Each line of a document may repeat the line before it ten times.
    """
    if id(node) not in counted:
        counted[id(node)] = math.inf  # met again inside itself, it has no end
        children = [] if isinstance(node, yaml.ScalarNode) else node.value
        pairs = [child if isinstance(child, tuple) else (child,) for child in children]
        counted[id(node)] = 1 + sum(_num_nodes(child, counted) for pair in pairs for child in pair)
    return counted[id(node)]


def _object_of_distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise BadInput(twice, found[twice], "the key is given twice in one object; keep one")
    return found


def _require_distinct_keys(node: yaml.Node, field: str, looked_at: set[int]) -> None:
    """Raises BadInput at a key that a mapping has twice, which PyYAML takes the last of.

    A key beside a merge (`<<`) that has it as well is no such case: it is meant to win.
    """
    if id(node) in looked_at or isinstance(node, yaml.ScalarNode):
        return
    looked_at.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _require_distinct_keys(value, f"{field}.{index}" if field else str(index), looked_at)
        return
    lines: dict[tuple[str, str], int] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        place = f"{field}.{name}" if field else name
        if (first := lines.get((key.tag, name))) is not None:
            raise BadInput(place, None, f"given twice, in line {first} and line {line}; keep one")
        lines[key.tag, name] = line
        _require_distinct_keys(value, place, looked_at)


def _require_plain(data: Any, field: str) -> None:
    """Raises BadInput at the first number that is not finite, or text that is none, by its field.

    JSON can write half of a surrogate pair, which no encoding has: it could be stored nowhere.
    """
    if isinstance(data, float) and not math.isfinite(data):
        raise BadInput(
            field or "(body)", json.dumps(data), "JSON has no such number; give a finite one"
        )
    if isinstance(data, str):
        try:
            data.encode()
        except UnicodeEncodeError as error:
            message = "half of a surrogate pair; write both halves"
            raise BadInput(field or "(body)", data, message) from error
    if isinstance(data, dict | list):
        entries = data.items() if isinstance(data, dict) else enumerate(data)
        for key, value in entries:
            place = f"{field}.{key}" if field else str(key)
            _require_plain(key, place)
            _require_plain(value, place)
