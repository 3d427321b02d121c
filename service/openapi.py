"""The OpenAPI description, with what FastAPI does not know: every error is problem+json."""

import json
from typing import Any

from fastapi import FastAPI

from service.errors import FieldError, Problem
from service.examples import BODY_EXAMPLES, PROBLEM_EXAMPLES

_PROBLEM_JSON = "application/problem+json"
_WIDTH = 100
_REF = {_PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
# What the door and the router may answer on any route, before it is asked.
_EVERYWHERE = {
    "401": "No token, or a wrong one.",
    "403": "The token lacks the scope, or a page of another site sent this.",
    "421": "The Host header names no host of ours.",
    "429": "Too many requests, or wrong tokens; Retry-After says how long to wait.",
    "500": "A defect of Decaymix; its log has the traceback.",
}
_BY_ID = {
    "404": "There is no such thing.",
    "409": "It contradicts what is there, or there is too little yet to answer.",
    "503": "The fit is being computed; Retry-After says when to ask again.",
}
_BY_BODY = {
    "413": "The body is over the limit.",
    "415": "The body is of a kind that is not read here.",
    "422": "Bad input, with pointer, field, value and what would be right.",
}
_BY_PRECONDITION = {
    "412": "It is not what If-Match says any more; ETag is of what it is now.",
    "428": "DECAYMIX_REQUIRE_IF_MATCH asks for an If-Match.",
}
_ETAG = {"description": "Of this state; send it as If-None-Match.", "schema": {"type": "string"}}
_LINK = {
    "description": 'The next page, rel="next"; none on the last.',
    "schema": {"type": "string"},
}
_BY_INPUT = {"422": _BY_BODY["422"]}
_BY_CHANGE = {"409": _BY_ID["409"]}


class DescribedApp(FastAPI):
    """FastAPI, with problems in its description."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = _with_problems(super().openapi())
        return self.openapi_schema


def written(schema: dict[str, Any]) -> str:
    """As a file, by name: a difference shows where something has changed and nowhere else.

    What fits stands on one line: a file of a line a bracket is one that nobody reads.
    """
    return _lines(schema, 0) + "\n"


def _lines(data: Any, depth: int) -> str:
    short = json.dumps(data, sort_keys=True, ensure_ascii=False)
    if not isinstance(data, dict | list) or depth + len(short) <= _WIDTH:
        return short
    inner = " " * (depth + 1)
    if isinstance(data, list):
        return (
            "[\n" + ",\n".join(inner + _lines(one, depth + 1) for one in data) + f"\n{inner[1:]}]"
        )
    rows = (
        f"{inner}{json.dumps(key)}: {_lines(data[key], depth + 1)}" for key in sorted(data, key=str)
    )
    return "{\n" + ",\n".join(rows) + f"\n{inner[1:]}}}"


def _problem(status: str) -> dict[str, Any]:
    """A problem's content, with what it looks like."""
    example = PROBLEM_EXAMPLES.get(status)
    media = _REF[_PROBLEM_JSON]
    return {_PROBLEM_JSON: media if example is None else {**media, "example": example}}


def _with_problems(schema: dict[str, Any]) -> dict[str, Any]:
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    template = "#/components/schemas/{model}"
    schemas["Problem"] = Problem.model_json_schema(ref_template=template)
    schemas["Problem"].pop("$defs", None)
    schemas["FieldError"] = FieldError.model_json_schema(ref_template=template)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    shared = {**_EVERYWHERE, **_BY_ID, **_BY_BODY, **_BY_PRECONDITION}
    schema["components"]["responses"] = {
        status: {"description": words, "content": _problem(status)}
        for status, words in shared.items()
    }
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            described = dict(_EVERYWHERE)
            if operation.get("parameters"):
                # Ids stand in paths and in queries.
                described |= _BY_ID | _BY_INPUT
            if method == "patch":
                described |= _BY_PRECONDITION
            if method != "get":
                described |= _BY_CHANGE
                if "requestBody" in operation:
                    described |= _BY_BODY
            if (example := BODY_EXAMPLES.get(operation["operationId"])) is not None:
                for media in operation["requestBody"]["content"].values():
                    media["example"] = example
            responses = operation["responses"]
            for status in described:
                said = responses.get(status, {}).get("description")
                if said in (None, "Validation Error"):
                    responses[status] = {"$ref": f"#/components/responses/{status}"}
                else:
                    responses[status] = {"description": said, "content": _REF}
            if method == "get" and path.startswith("/v1/") and not path.endswith("/events"):
                responses["304"] = {"description": "As If-None-Match says: it is known already."}
                responses["200"].setdefault("headers", {})["ETag"] = _ETAG
                if "limit" in [one["name"] for one in operation.get("parameters", ())]:
                    responses["200"]["headers"]["Link"] = _LINK
            for status, response in responses.items():
                for kind, media in response.get("content", {}).items():
                    # FastAPI calls it a string; whoever reads YAML gets what it holds.
                    if kind == "application/yaml":
                        media["schema"] = {}
                # A status that a route describes in words only is a problem as well.
                if status >= "400" and not {"content", "$ref"} & set(response):
                    response["content"] = _REF
    return schema
