"""What a body says it is: one of the forms that a route reads, or 415.

Nothing said is taken as the route's first form: `curl --data-binary` from a script says nothing.
"""

from starlette.requests import Request

JSON, YAML, CSV = "application/json", "application/yaml", "text/csv"
_SAME = {
    "application/x-yaml": YAML,
    "text/yaml": YAML,
    "text/x-yaml": YAML,
    "text/json": JSON,
    # What tools write that know no better; a CSV is nothing else.
    "text/plain": CSV,
    "application/octet-stream": CSV,
    "application/vnd.ms-excel": CSV,
}


class WrongMediaType(ValueError):
    """The body is of a kind that the route does not read."""

    def __init__(self, given: str, wanted: tuple[str, ...]) -> None:
        super().__init__(given, wanted)
        self.given, self.wanted = given, wanted


def media_type_of(request: Request) -> str:
    """Without parameters, in small letters; empty where none is given."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def require_media_type(request: Request, *wanted: str) -> str:
    """The one of `wanted` that the body is; raises WrongMediaType."""
    given = media_type_of(request)
    if not given:
        return wanted[0]
    kind = JSON if given.endswith("+json") else _SAME.get(given, given)
    if kind not in wanted:
        raise WrongMediaType(given, wanted)
    return kind
