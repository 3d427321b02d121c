"""The audit log: what was changed, and who was not let in."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from db.audit import AuditEntry, list_entries
from mixtures.value import Value
from service.paging import link_next
from service.scopes import ADMIN
from service.state import ControllerDep

router = APIRouter(prefix="/v1", tags=["tokens"], dependencies=[ADMIN])


class AuditPage(Value):
    """Newest first; `next_before` asks for the page after this one, null on the last."""

    entries: tuple[AuditEntry, ...]
    next_before: str | None


@router.get("/audit", operation_id="list_audit")
def list_audit(
    request: Request,
    response: Response,
    controller: ControllerDep,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[str | None, Query(description="`next_before` of the page before")] = None,
) -> AuditPage:
    """Every request that changes something, and every one with a wrong token or too few rights."""
    with controller.database.read() as session:
        found = list_entries(session, limit + 1, before)
    page = found[:limit]
    next_before = page[-1].id if len(found) > limit else None
    link_next(request, response, next_before, "before")
    return AuditPage(entries=tuple(page), next_before=next_before)
