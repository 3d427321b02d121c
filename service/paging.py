"""Pages of a list: where the next one begins stands in the `Link` header (RFC 8288), rel="next".

A page begins after an item, not at a number (keyset): what comes or goes meanwhile moves nothing.
Follow the link as it stands; on the last page there is none.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from urllib.parse import quote, urlencode

from fastapi import Query, Request, Response

from service.errors import BadInput

MOST_ON_A_PAGE = 1000

Item = TypeVar("Item")
Limit = Annotated[
    int | None,
    Query(ge=1, le=MOST_ON_A_PAGE, description="a page of so many; `Link` leads to the next"),
]


def page_of(
    request: Request,
    response: Response,
    items: Sequence[Item],
    limit: int | None,
    cursor_of: Callable[[Item], object],
) -> list[Item]:
    """The first `limit` of what comes after the page before; all of it where there is no limit."""
    if limit is None or len(items) <= limit:
        return list(items)
    link_next(request, response, cursor_of(items[limit - 1]))
    return list(items[:limit])


def behind(
    items: Sequence[Item], after: str | None, cursor_of: Callable[[Item], str]
) -> Sequence[Item]:
    """What comes after the item `after`, of a list in an order of its own; raises BadInput."""
    if after is None:
        return items
    cursors = [cursor_of(item) for item in items]
    if after not in cursors:
        raise BadInput("after", after, "there is no such thing in this list; begin without it")
    return items[cursors.index(after) + 1 :]


def link_next(request: Request, response: Response, cursor: object, name: str = "after") -> None:
    """Say where the next page is: this address, but for the cursor. Nothing for a cursor of None.

    A relative reference: whatever proxy stands in front, it leads back the same way.
    """
    if cursor is None:
        return
    kept = [(key, value) for key, value in request.query_params.multi_items() if key != name]
    path = quote(request.url.path, safe="/%:@!$&'()*+,;=~-._")
    response.headers["Link"] = f'<{path}?{urlencode([*kept, (name, str(cursor))])}>; rel="next"'
