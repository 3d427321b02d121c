"""API tokens: make one, list them, revoke one. Admins alone."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status
from pydantic import Field, field_validator

from db.database import Session
from db.tokens import Scope, StoredToken
from mixtures.value import Name, Value
from service.change import CreationDep
from service.errors import problem
from service.paging import Limit, behind, page_of
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
    wish: TokenWish,
    request: Request,
    response: Response,
    controller: ControllerDep,
    change: CreationDep,
) -> NewToken:
    """The answer holds the token; nothing else ever will. So under the same Idempotency-Key comes
    409 with the token's id, and no second token.
    """

    def also(session: Session, stored: StoredToken) -> None:
        request.state.audit_detail = f"{stored.id} {stored.name}: {', '.join(stored.scopes)}"
        detail = (
            f"token {stored.id} was made under this Idempotency-Key; its text was shown then and "
            "is kept nowhere: revoke it and make another"
        )
        change.answer(session, stored, kept=(409, problem(409, detail)))

    stored, text = controller.keyring.create(
        wish.name, wish.scopes, wish.expires_in_days, also, change.write
    )
    response.headers["Cache-Control"] = "no-store"
    return NewToken(token=text, stored=stored)


@router.get("", operation_id="list_tokens")
def list_tokens(
    request: Request,
    response: Response,
    controller: ControllerDep,
    limit: Limit = None,
    after: Annotated[str | None, Query(description="the last token of the page before")] = None,
) -> list[StoredToken]:
    """All, also revoked and expired ones, newest first, without what would let anybody in."""
    found = behind(controller.keyring.list(), after, lambda token: token.id)
    return page_of(request, response, found, limit, lambda token: token.id)


@router.delete("/{token_id}", operation_id="revoke_token")
def revoke_token(token_id: str, request: Request, controller: ControllerDep) -> StoredToken:
    """From now on it is refused, and logins made with it have ended."""
    stored = controller.keyring.revoke(token_id)
    request.state.audit_detail = f"{stored.id} {stored.name}"
    return stored
