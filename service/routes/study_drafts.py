"""Writing a study: ready ones to begin from, and what is still wrong with one."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from service.body import parse_json, text_of_body
from service.errors import BadInput
from service.paging import Limit, behind, page_of
from service.presets import Preset, presets
from service.scopes import READ, SUBMIT
from service.study_draft import StudyDraft, draft_of_fields, draft_of_text

router = APIRouter(prefix="/v1", tags=["studies"], dependencies=[READ])

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object"}, "example": {"name": "mine"}},
            "application/yaml": {"schema": {"type": "string"}, "example": "name: mine\n"},
        },
    }
}


@router.get("/study-presets", operation_id="list_study_presets")
def list_presets(
    request: Request,
    response: Response,
    limit: Limit = None,
    after: Annotated[str | None, Query(description="the last name of the page before")] = None,
) -> list[Preset]:
    """Ready studies as YAML."""
    found = behind(presets(), after, lambda one: one.name)
    return page_of(request, response, found, limit, lambda one: one.name)


@router.post(
    "/study-drafts", dependencies=[SUBMIT], operation_id="draft_study", openapi_extra=_BODY
)
async def draft(request: Request) -> StudyDraft:
    """What is wrong with a study so far, field by field with lines; of JSON also its YAML.

    Always 200: a draft may be wrong. Data are not read and nothing is stored.
    """
    text = text_of_body(await request.body())
    if "yaml" in request.headers.get("content-type", ""):
        return await run_in_threadpool(draft_of_text, text)
    data = parse_json(text)
    if not isinstance(data, dict):
        raise BadInput("(body)", data, "expected an object of named fields")
    return await run_in_threadpool(draft_of_fields, data)
