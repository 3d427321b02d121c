"""API tokens: make one, list them, revoke one. Admins alone."""

from typing import Annotated

from fastapi import APIRouter, Request, Response, status
from pydantic import Field, field_validator

from db.tokens import Scope, StoredToken
from mixtures.value import Name, Value
from service.scopes import ADMIN
from service.state import ControllerDep

router = APIRouter(prefix="/v1/tokens", tags=["tokens"], dependencies=[ADMIN])


class TokenWish(Value):
    """A token to be made. `expires_in_days` null: it never expires."""

    name: Name
    scopes: tuple[Scope, ...] = Field(min_length=1)
    expires_in_days: Annotated[float, Field(gt=0, le=3650)] | None = 90

    @field_validator("scopes")
    @classmethod
    def _each_once(cls, value: tuple[Scope, ...]) -> tuple[Scope, ...]:
        return tuple(dict.fromkeys(value))


class NewToken(Value):
    """The token's text, which is shown this once, and what is kept of it."""

    token: str
    stored: StoredToken


@router.post("", operation_id="create_token", status_code=status.HTTP_201_CREATED)
def create_token(
    wish: TokenWish, request: Request, response: Response, controller: ControllerDep
) -> NewToken:
    """The answer holds the token; nothing else ever will."""
    stored, text = controller.keyring.create(wish.name, wish.scopes, wish.expires_in_days)
    request.state.audit_detail = f"{stored.id} {stored.name}: {', '.join(stored.scopes)}"
    response.headers["Cache-Control"] = "no-store"
    return NewToken(token=text, stored=stored)


@router.get("", operation_id="list_tokens")
def list_tokens(controller: ControllerDep) -> list[StoredToken]:
    """All, also revoked and expired ones, newest first, without what would let anybody in."""
    return controller.keyring.list()


@router.delete("/{token_id}", operation_id="revoke_token")
def revoke_token(token_id: str, request: Request, controller: ControllerDep) -> StoredToken:
    """From now on it is refused, and logins made with it have ended."""
    stored = controller.keyring.revoke(token_id)
    request.state.audit_detail = f"{stored.id} {stored.name}"
    return stored
