"""The login of a browser: a token in, a cookie out that no script can read and no other site sends.

The cookie is HttpOnly and SameSite=Lax; a change must come from a page of ours besides
(`service.auth`), whatever the cookie does.
"""

from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from service.auth import COOKIE, address_of
from service.keyring import LOGIN_SECONDS, TooManyFailures
from service.pages.html import html_page
from service.scopes import OPEN, caller_of
from service.state import ControllerDep

router = APIRouter(include_in_schema=False, dependencies=[OPEN])


@router.get("/login")
def login_page(request: Request, controller: ControllerDep, next: str = Query("/")) -> Response:
    """Who is logged in, or the form."""
    return _page(request, controller.keyring.is_locked, next)


@router.post("/login")
async def log_in(request: Request, controller: ControllerDep) -> Response:
    """Takes `token` and `next` of a form; back to where the browser came from."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    given, target = form.get("token", [""])[0].strip(), form.get("next", ["/"])[0]
    try:
        caller = await run_in_threadpool(
            controller.keyring.caller_of_token, given, address_of(request)
        )
    except TooManyFailures as error:
        answer = _page(request, True, target, str(error), status=429)
        answer.headers["Retry-After"] = str(int(error.seconds) + 1)
        return answer
    if caller is None:
        message = "This is no token, or one that has expired or was revoked."
        return _page(request, True, target, message, status=401)
    # For the audit log: from here on it is known who this is.
    request.state.caller = caller
    cookie = await run_in_threadpool(controller.keyring.log_in, caller)
    response = RedirectResponse(local(target), 303)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=LOGIN_SECONDS,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/logout")
def log_out(request: Request, controller: ControllerDep) -> Response:
    """The login ends here and in the database."""
    if cookie := request.cookies.get(COOKIE):
        controller.keyring.log_out(cookie)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return response


def local(target: str) -> str:
    """A path of ours; "/" for anything that a browser would take for another site's address."""
    is_path = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if is_path and target.isprintable() and target.isascii() else "/"


def _page(
    request: Request, is_locked: bool, target: str, message: str = "", status: int = 200
) -> Response:
    caller = caller_of(request)
    return html_page(
        "login.html",
        status=status,
        caller=caller if caller.scopes else None,
        is_locked=is_locked,
        next=local(target),
        message=message,
    )
