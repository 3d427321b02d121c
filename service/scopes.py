"""Who may do what: each route declares the scope that it needs, as a dependency.

`router = APIRouter(dependencies=[READ])` for all of a router, `dependencies=[SUBMIT]` on a route
that changes something. A test walks every route and fails for one that declares nothing.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from db.tokens import Scope

# What each scope allows.
ALLOWS: dict[Scope, frozenset[Scope]] = {
    "read": frozenset({"read"}),
    "submit": frozenset({"read", "submit"}),
    "admin": frozenset({"read", "submit", "admin"}),
}
# Shown in OpenAPI; `service.auth` is what reads the header.
_BEARER = HTTPBearer(auto_error=False, scheme_name="token", description="An API token.")


class Forbidden(PermissionError):
    """The caller is known, and may not do this."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `token_id` is empty for DECAYMIX_TOKEN, and where no token is asked for."""

    name: str
    scopes: tuple[Scope, ...]
    token_id: str = ""
    by_login: bool = False

    def may(self, scope: Scope) -> bool:
        return any(scope in ALLOWS[held] for held in self.scopes)


def caller_of(request: HTTPConnection) -> Caller:
    """Who `service.auth` found the request to be from."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


class Needs:
    """A dependency: raises Forbidden where the caller lacks the scope. None: open to all."""

    def __init__(self, scope: Scope | None) -> None:
        self.scope = scope

    def __call__(
        self,
        request: HTTPConnection,
        _: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None,
    ) -> None:
        if self.scope is not None and not (caller := caller_of(request)).may(self.scope):
            held = ", ".join(caller.scopes)
            raise Forbidden(f"this needs the scope {self.scope!r}, and {caller.name} has {held}")


READ, SUBMIT, ADMIN = Depends(Needs("read")), Depends(Needs("submit")), Depends(Needs("admin"))
OPEN = Depends(Needs(None))
