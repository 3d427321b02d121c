"""The one place where exceptions become HTTP answers: a problem, or a page for people."""

from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from db.finished import OtherScores
from db.leases import LeaseConflict
from db.studies import UnknownStudy
from db.tokens import UnknownToken
from db.trials import IllegalPromotion, UnknownTrial
from mixtures.export.formats import NotEnoughEvidence
from mixtures.recommend import NotEnoughTrials
from service.answers import FitNotReady
from service.confirming import NoConfirmation
from service.errors import (
    BadInput,
    BadItems,
    FieldError,
    TooLarge,
    field_error,
    field_errors,
    problem_response,
    sentence,
    shown,
)
from service.etags import NotModified, PreconditionFailed, PreconditionRequired
from service.jobs import UnknownJob
from service.keyring import LastAdmin
from service.media_type import JSON, WrongMediaType, media_type_of
from service.pages.html import html_page
from service.replay import AnsweredBefore, StillAnswering
from service.scopes import Forbidden
from service.security_headers import add_security_headers

# What is told of a body with very many mistakes; its first sentence says how many there are.
_MOST_ERRORS = 100
# When to ask again for a fit that takes longer than one waits.
_RETRY_SECONDS = 5


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
        return _answer(
            request, 404, f"there is no study {error}", way_on="GET /v1/studies lists them"
        )

    @app.exception_handler(UnknownTrial)
    async def _unknown_trial(request: Request, error: Exception) -> Response:
        way_on = "GET /v1/studies/{study_id}/trials lists them"
        return _answer(request, 404, f"there is no trial {error}", way_on=way_on)

    @app.exception_handler(NoConfirmation)
    async def _no_confirmation(request: Request, error: Exception) -> Response:
        return _answer(
            request,
            404,
            f"nobody has asked for a confirmation of study {error}; "
            f"POST /v1/studies/{error}/confirmation does",
        )

    @app.exception_handler(FitNotReady)
    async def _not_ready(request: Request, error: Exception) -> Response:
        return _ask_again(request, 503, error)

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
        return _ask_again(request, 409, error)

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


def _ask_again(request: Request, status: int, error: Exception) -> Response:
    response = _answer(request, status, str(error))
    response.headers["Retry-After"] = str(_RETRY_SECONDS)
    return response


def _answer(
    request: Request,
    status: int,
    detail: str,
    errors: list[FieldError] | None = None,
    *,
    way_on: str = "",
) -> Response:
    """A problem for programs, with their `way_on`; for a browser that opens a page the same in
    words, and the page's own ways on.
    """
    if not wants_page(request):
        return problem_response(status, f"{detail}; {way_on}" if way_on else detail, errors)
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
        value=shown(error.given),
        message=f"send {' or '.join(error.wanted)}, and say so in Content-Type",
    )
    response = problem_response(415, sentence([one]), [one])
    response.headers["Accept"] = ", ".join(error.wanted)
    return response
