"""The one place where exceptions become HTTP answers: RFC 9457 problem+json, or a page for people.

Every problem has `type`, `title`, `status`, `detail`; those about input have `errors`, a list of
{pointer, field, value, message}, so that a form can show each beside its field.
"""

import math
import reprlib
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from db.finished import OtherScores
from db.leases import LeaseConflict
from db.studies import UnknownStudy
from db.tokens import UnknownToken
from db.trials import IllegalPromotion, UnknownTrial
from mixtures.export.formats import NotEnoughEvidence
from mixtures.recommend import NotEnoughTrials
from mixtures.value import InvalidField
from service.answers import FitNotReady
from service.etags import NotModified, PreconditionFailed, PreconditionRequired
from service.jobs import UnknownJob
from service.keyring import LastAdmin
from service.media_type import JSON, WrongMediaType, media_type_of
from service.pages.html import html_page
from service.replay import AnsweredBefore, StillAnswering
from service.scopes import Forbidden
from service.security_headers import add_security_headers

# What is shown of a bad value: enough to find it, not the user's whole file.
_SHOWN_CHARACTERS = 200
# What is told of a body with very many mistakes; its first sentence says how many there are.
_MOST_ERRORS = 100
# When to ask again for a fit that takes longer than one waits.
_RETRY_SECONDS = 5


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
    return FieldError(pointer=pointer, field=text, value=_shown(value), message=_text(message))


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
            message = "expected an object of named fields"
        # A rule over several fields: pydantic blames the whole model, the rule names its field.
        if isinstance(cause := one.get("ctx", {}).get("error"), InvalidField):
            location += _text(cause.field).split(".")
            value = cause.value
        found.append(
            FieldError(
                pointer=_pointer(location),
                field=".".join(location) or "(body)",
                value=_shown(value),
                message=message,
            )
        )
    return found


def sentence(errors: list[FieldError]) -> str:
    """The first error in one line: field, value, what would be right."""
    first = errors[0]
    value = "" if first.value is None else f" = {first.value!r}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{first.field}{value}: {first.message}{more}"


def add_error_handlers(app: FastAPI) -> None:
    """Register all mappings."""

    # Not pydantic's own ValidationError: where no request is read, it is a defect.
    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        if _is_no_json(request, error):
            return _wrong_media_type(WrongMediaType(media_type_of(request), (JSON,)))
        errors = field_errors(error)
        return _answer(request, 422, sentence(errors), errors)

    @app.exception_handler(BadInput)
    async def _bad_input(request: Request, error: Exception) -> Response:
        assert isinstance(error, BadInput)
        one = field_error(error.field, error.value, error.message)
        return _answer(request, 422, sentence([one]), [one])

    @app.exception_handler(BadItems)
    async def _bad_items(request: Request, error: Exception) -> Response:
        assert isinstance(error, BadItems)
        return _answer(request, 422, sentence(error.errors), error.errors[:_MOST_ERRORS])

    @app.exception_handler(WrongMediaType)
    async def _media_type(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, WrongMediaType)
        return _wrong_media_type(error)

    @app.exception_handler(TooLarge)
    async def _too_large(request: Request, error: Exception) -> Response:
        return _answer(request, 413, str(error))

    @app.exception_handler(UnknownStudy)
    async def _unknown_study(request: Request, error: Exception) -> Response:
        return _answer(request, 404, f"there is no study {error}; GET /v1/studies lists them")

    @app.exception_handler(UnknownTrial)
    async def _unknown_trial(request: Request, error: Exception) -> Response:
        return _answer(
            request,
            404,
            f"there is no trial {error}; GET /v1/studies/{{study_id}}/trials lists them",
        )

    @app.exception_handler(FitNotReady)
    async def _not_ready(request: Request, error: Exception) -> Response:
        response = _answer(request, 503, str(error))
        response.headers["Retry-After"] = str(_RETRY_SECONDS)
        return response

    @app.exception_handler(NotModified)
    async def _not_modified(_: Request, error: Exception) -> Response:
        assert isinstance(error, NotModified)
        return Response(status_code=304, headers={"ETag": error.tag})

    @app.exception_handler(PreconditionFailed)
    async def _changed_meanwhile(request: Request, error: Exception) -> Response:
        assert isinstance(error, PreconditionFailed)
        response = _answer(request, 412, str(error))
        response.headers["ETag"] = error.tag
        return response

    @app.exception_handler(PreconditionRequired)
    async def _no_precondition(request: Request, error: Exception) -> Response:
        return _answer(request, 428, str(error))

    @app.exception_handler(AnsweredBefore)
    async def _answered_before(_: Request, error: Exception) -> Response:
        assert isinstance(error, AnsweredBefore)
        return error.response

    @app.exception_handler(StillAnswering)
    async def _still_answering(request: Request, error: Exception) -> Response:
        response = _answer(request, 409, str(error))
        response.headers["Retry-After"] = str(_RETRY_SECONDS)
        return response

    @app.exception_handler(UnknownToken)
    async def _unknown_token(request: Request, error: Exception) -> Response:
        return _answer(request, 404, f"there is no token {error}; GET /v1/tokens lists them")

    @app.exception_handler(UnknownJob)
    async def _unknown_job(request: Request, error: Exception) -> Response:
        detail = f"there is no job {error}, or no longer: send what began it again"
        return _answer(request, 404, detail)

    @app.exception_handler(Forbidden)
    async def _forbidden(request: Request, error: Exception) -> Response:
        return _answer(request, 403, str(error))

    @app.exception_handler(LastAdmin)
    @app.exception_handler(IllegalPromotion)
    @app.exception_handler(LeaseConflict)
    @app.exception_handler(OtherScores)
    @app.exception_handler(NotEnoughTrials)
    @app.exception_handler(NotEnoughEvidence)
    async def _conflict(request: Request, error: Exception) -> Response:
        return _answer(request, 409, str(error))

    @app.exception_handler(Exception)
    async def _defect(request: Request, error: Exception) -> Response:
        # The server logs the traceback; a client has no use for it.
        detail = f"a defect of Decaymix: {type(error).__name__}; see its log"
        response = _answer(request, 500, detail)
        # Sent outside of all middleware.
        add_security_headers(response.headers, request.url.path)
        response.headers["X-Request-ID"] = getattr(request.state, "request_id", "")
        return response

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 400 and isinstance(error.__cause__, UnicodeDecodeError):
            # FastAPI's own word on a body that it could not even read.
            message = f"not UTF-8 at byte {error.__cause__.start}; save it so"
            one = FieldError(pointer="/", field="(body)", message=message)
            return _answer(request, 422, sentence([one]), [one])
        response = _answer(request, error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response


def _answer(
    request: Request, status: int, detail: str, errors: list[FieldError] | None = None
) -> Response:
    """A problem for programs; in words and with a way on for a browser that opens a page."""
    if not wants_page(request):
        return problem_response(status, detail, errors)
    return html_page("problem.html", status, title=HTTPStatus(status).phrase, detail=detail)


def wants_page(request: Request) -> bool:
    """Whether a browser opens a page of ours, and no program asks the API."""
    is_api = request.url.path.startswith("/v1/")
    return not is_api and "text/html" in request.headers.get("accept", "")


def _is_no_json(request: Request, error: RequestValidationError) -> bool:
    """Whether FastAPI left the body as it was because it is not said to be JSON."""
    given = media_type_of(request)
    # What a route has read itself, as YAML, is no longer bytes.
    is_left = any(
        one["loc"] == ("body",) and isinstance(one.get("input"), bytes) for one in error.errors()
    )
    return is_left and given != JSON and not given.endswith("+json") and bool(error.body)


def _wrong_media_type(error: WrongMediaType) -> JSONResponse:
    one = FieldError(
        pointer="/",
        field="Content-Type",
        value=_shown(error.given),
        message=f"send {' or '.join(error.wanted)}, and say so in Content-Type",
    )
    response = problem_response(415, sentence([one]), [one])
    response.headers["Accept"] = ", ".join(error.wanted)
    return response


def _pointer(location: list[str]) -> str:
    """RFC 6901."""
    return "/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in location)


def _text(value: object) -> str:
    """As it can be encoded: half a surrogate pair, which JSON can hold, is shown by its number."""
    return str(value).encode("utf-8", errors="backslashreplace").decode("utf-8")


def _shown(value: Any) -> Any:
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
        return str(_shown(x))


_BRIEF = _Brief()
