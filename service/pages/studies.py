"""The first page: every study, how far it is and what it says so far.

It reads no trials: counts are counted in SQL, and answers come from `service/headlines.py`, so it
takes the same time over studies of ten trials and of 100,000.
"""

import math
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response

from db.study_list import Archived, all_tags, find_studies
from service.pages.html import html_page
from service.scopes import READ
from service.state import ControllerDep
from service.study_list import study_listings

router = APIRouter(include_in_schema=False, dependencies=[READ])

STUDIES_PER_PAGE = 20


@router.get("/")
def studies_page(
    controller: ControllerDep,
    q: str = "",
    tag: str = "",
    archived: Archived = "no",
    page: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    """Newest first, a page at a time: the same rows as GET /v1/studies with the same filter."""
    with controller.database.read() as session:
        found = find_studies(session, q, tag or None, archived)
        tags = all_tags(session)
        num_all = len(find_studies(session, archived="all"))
    given = {"q": q, "tag": tag, "archived": archived if archived != "no" else ""}
    given = {name: value for name, value in given.items() if value}
    first = (page - 1) * STUDIES_PER_PAGE
    return html_page(
        "studies.html",
        studies=study_listings(controller, found[first : first + STUDIES_PER_PAGE]),
        num_all=num_all,
        tags=tags,
        q=q,
        tag=tag,
        archived=archived,
        # For links that keep the filter.
        given=f"&{urlencode(given)}" if given else "",
        twin=f"/v1/studies?{urlencode(given)}" if given else "/v1/studies",
        page=page,
        num_pages=max(1, math.ceil(len(found) / STUDIES_PER_PAGE)),
    )
