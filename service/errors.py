"""What is wrong with input, and the body that says it: RFC 9457 problem+json.

Every problem has `type`, `title`, `status`, `detail`; those about input have `errors`, a list of
{pointer, field, value, message}, so that a form can show each beside its field.
"""

import math
import reprlib
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from mixtures.value import InvalidField

# What is shown of a bad value: enough to find it, not the user's whole file.
_SHOWN_CHARACTERS = 200


class FieldError(BaseModel):
    """One thing that is wrong with the input."""

    pointer: str
    field: str
    value: Any = None
    message: str


class Problem(BaseModel):
    """RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


class TooLarge(ValueError):
    """An upload over the limit."""


class BadInput(ValueError):
    """Input that a schema cannot refuse: `field`, `value` and what would be right."""

    def __init__(self, field: str, value: Any, message: str) -> None:
        super().__init__(field, value, message)
        self.field, self.value, self.message = field, value, message


class BadItems(ValueError):
    """What is wrong in several items of one body."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(errors)
        self.errors = errors


def problem_response(
    status: int, detail: str, errors: list[FieldError] | None = None
) -> JSONResponse:
    """The answer itself; for use where an exception cannot be raised (middleware)."""
    return JSONResponse(
        problem(status, detail, errors), status, media_type="application/problem+json"
    )


def problem(status: int, detail: str, errors: list[FieldError] | None = None) -> dict[str, Any]:
    """The answer's body."""
    told = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or []
    )
    return told.model_dump(mode="json")


def field_error(field: str, value: Any, message: str) -> FieldError:
    """One that a schema could not find; `field` is dotted, from the body on."""
    text = _text(field)
    pointer = "/" if text == "(body)" else _pointer(text.split("."))
    return FieldError(pointer=pointer, field=text, value=shown(value), message=_text(message))


def field_errors(error: RequestValidationError) -> list[FieldError]:
    """Pydantic's findings in our form; the body's own name is not part of a field's."""
    found = []
    for one in error.errors():
        # The first part says where it was: body, query or path.
        location = [_text(part) for part in one["loc"][1:]]
        message = _text(one["msg"].removeprefix("Value error, "))
        value = one.get("input")
        if one["type"] == "extra_forbidden":
            message = "there is no such field; mind its spelling, or leave it out"
        if one["type"] == "model_type":
            empty = "is empty; " if value is None and not location else ""
            message = f"{empty}expected an object of named fields"
        if one["type"] == "union_tag_invalid":
            # Pydantic blames the whole object for the one word that says which kind it is.
            told = one["ctx"]
            location.append(told["discriminator"].strip("'"))
            value, message = told["tag"], f"expected one of {told['expected_tags']}"
        # A rule over several fields: pydantic blames the whole model, the rule names its field.
        if isinstance(cause := one.get("ctx", {}).get("error"), InvalidField):
            location += _text(cause.field).split(".")
            value = cause.value
        found.append(
            FieldError(
                pointer=_pointer(location),
                field=".".join(location) or "(body)",
                value=shown(value),
                message=message,
            )
        )
    return found


def sentence(errors: list[FieldError]) -> str:
    """The first error in one line: field, value, what would be right."""
    first = errors[0]
    # What is no text itself has been made one: it is not quoted as if it were. A template is text.
    is_object = isinstance(first.value, str) and (
        first.value[:1] in ("[", "(")
        or (first.value[:1] == "{" and first.value[:2] not in ("{{", "{%"))
    )
    value = "" if first.value is None else f" = {first.value if is_object else repr(first.value)}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{first.field}{value}: {first.message}{more}"


def _pointer(location: list[str]) -> str:
    """RFC 6901."""
    return "/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in location)


def _text(value: object) -> str:
    """As it can be encoded: half a surrogate pair, which JSON can hold, is shown by its number."""
    return str(value).encode("utf-8", errors="backslashreplace").decode("utf-8")


def shown(value: Any) -> Any:
    """A value as it may stand in JSON: short, and NaN by its name."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value.bit_length() > 64:
        # Python itself refuses to write out more than some thousand digits.
        return f"an integer of {value.bit_length()} bits"
    if value is None or isinstance(value, bool | int | float):
        return value
    # Not str() of it all: a body of aliases may stand for more text than there is memory.
    text = _text(value if isinstance(value, str) else _BRIEF.repr(value))
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


class _Brief(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = 8
        self.maxstring = self.maxother = _SHOWN_CHARACTERS

    def repr_int(self, x: int, level: int) -> str:
        return str(shown(x))


_BRIEF = _Brief()
