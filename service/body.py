"""A request body as a domain value: JSON or YAML, which are the same object."""

import json
from typing import Any, NoReturn, TypeVar

import yaml
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from mixtures.trial import TrialRequest
from mixtures.value import Value
from service.errors import BadInput
from service.examples import STUDY_EXAMPLE, STUDY_EXAMPLE_YAML, TRIAL_EXAMPLES

Model = TypeVar("Model", bound=Value)

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
    return _validated(await _read(request), model, ())


async def read_one_or_many(request: Request, model: type[Model]) -> list[Model]:
    """The body as one `model` or a list of them; errors name the place in the list.

    A union type would do, but its errors name pydantic's branches and not the user's fields.
    """
    data = await _read(request)
    if isinstance(data, list):
        return [_validated(one, model, (index,)) for index, one in enumerate(data)]
    return [_validated(data, model, ())]


async def _read(request: Request) -> Any:
    raw = await request.body()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput("(body)", None, f"not UTF-8 at byte {error.start}") from error
    is_yaml = "yaml" in request.headers.get("content-type", "")
    return parse_yaml(text) if is_yaml else parse_json(text)


def _validated(data: Any, model: type[Model], at: tuple[int, ...]) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = [{**one, "loc": (*at, *one["loc"])} for one in error.errors()]
        raise RequestValidationError(found, body=data) from error


def parse_json(text: str) -> Any:
    """Strict JSON: Python's own parser takes NaN and Infinity, which JSON does not have."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise BadInput(
            "(body)", None, f"not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from error


def parse_yaml(text: str) -> Any:
    """YAML without tags; raises BadInput with the line."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        message = " ".join(str(error).split())
        raise BadInput("(body)", None, f"not YAML: {message}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise BadInput("(body)", name, "JSON has no such number; give a finite one")
