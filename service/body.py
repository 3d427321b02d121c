"""A request body as a domain value: JSON or YAML, which are the same object."""

import json
from typing import Any, NoReturn, TypeVar

import yaml
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from mixtures.value import Value
from service.errors import BadInput
from service.examples import STUDY_EXAMPLE, STUDY_EXAMPLE_YAML

Model = TypeVar("Model", bound=Value)

# FastAPI does not see a body that we parse ourselves; this tells OpenAPI's readers of it.
BODY_DOCS: dict[str, Any] = {
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


async def read_body(request: Request, model: type[Model]) -> Model:
    """The body as `model`; raises BadInput or RequestValidationError, both answered with 422."""
    raw = await request.body()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput("(body)", None, f"not UTF-8 at byte {error.start}") from error
    is_yaml = "yaml" in request.headers.get("content-type", "")
    data = parse_yaml(text) if is_yaml else parse_json(text)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise RequestValidationError(error.errors(), body=data) from error


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
